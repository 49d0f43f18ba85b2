/* weir-fair trace | sim | pace: see fair.h. */
#include "fair/fair.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *
must_calloc(uint64_t n, uint64_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (p == NULL) {
		fputs("weir-fair: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

int
read_line(char *kind, int64_t *out, int max)
{
	static char line[256];
	int n = 0;
	char *p;

	if (fgets(line, sizeof line, stdin) == NULL)
		return -1;
	*kind = line[0];
	for (p = line + 1; n < max; n++) {
		char *end;

		errno = 0;
		out[n] = strtoll(p, &end, 10);
		if (end == p)
			break;
		if (errno != 0)
			goto bad;
		p = end;
	}
	if (p[strspn(p, " \n")] == '\0' && strchr(line, '\n') != NULL)
		return n;
bad:
	fprintf(stderr, "weir-fair: cannot read: %s", line);
	exit(2);
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "trace") == 0)
		return trace_main();
	if (argc == 2 && strcmp(argv[1], "sim") == 0)
		return sim_main();
	if (argc == 2 && strcmp(argv[1], "pace") == 0)
		return pace_main();
	fputs("usage: weir-fair trace | sim | pace\n", stderr);
	return 2;
}
