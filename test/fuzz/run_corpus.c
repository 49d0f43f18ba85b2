/* Runs a fuzz target over the files of a folder: the kept corpus as a test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int
run_file(const char *dir, const char *name)
{
	char path[4096];
	uint8_t *data = NULL;
	size_t n = 0, got;
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	if ((f = fopen(path, "rb")) == NULL)
		return -1;
	do {
		uint8_t *bigger = realloc(data, n + 65536);

		if (bigger == NULL)
			abort();
		data = bigger;
		got = fread(data + n, 1, 65536, f);
		n += got;
	} while (got);
	(void)fclose(f);
	(void)LLVMFuzzerTestOneInput(data, n);
	free(data);
	return 0;
}

int
main(int argc, char **argv)
{
	struct dirent *e;
	int n = 0;
	DIR *d = argc == 2 ? opendir(argv[1]) : NULL;

	if (d == NULL) {
		(void)fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
		return 2;
	}
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && run_file(argv[1], e->d_name) == 0)
			n++;
	(void)closedir(d);
	(void)printf("%d corpus files\n", n);
	return n > 0 ? 0 : 1;
}
