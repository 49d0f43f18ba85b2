/*
 * llama.cpp's own test vectors for the vocabularies at hand: inputs, and the
 * ids that it makes of them without special tokens.  They lie beside the
 * project ($WEIR_SHARED, ../shared by default) and are skipped, by name, where
 * they do not.
 */
#include "base/buf.h"
#include "os/file.h"
#include "token/count.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

enum { FILE_MAX = 64 << 20, IDS_MAX = 4096 };

static const struct {
	const char *vocab, *vectors;
} rows[] = {
    {"ggml-vocab-gpt-2", "ggml-vocab-gpt-2"},
    {"ggml-vocab-starcoder", "ggml-vocab-starcoder"},
    {"ggml-vocab-deepseek-coder", "ggml-vocab-deepseek-coder"},
    {"llama3", "ggml-vocab-llama-bpe"},
    {"qwen3", "ggml-vocab-qwen2"},
    {"ggml-vocab-llama-spm", "ggml-vocab-llama-spm"},
    {"ggml-vocab-phi-3", "ggml-vocab-phi-3"},
    {"ggml-vocab-bert-bge", "ggml-vocab-bert-bge"},
};

static const char *
path_of(const char *name, const char *ending)
{
	static char path[2][1024];
	static int i;
	const char *shared = getenv("WEIR_SHARED");
	const char *source = getenv("WEIR_SOURCE");

	i = !i;
	if (shared != NULL)
		(void)snprintf(path[i], sizeof path[i], "%s/vocabs/%s.gguf%s",
		    shared, name, ending);
	else
		(void)snprintf(path[i], sizeof path[i],
		    "%s/../shared/vocabs/%s.gguf%s", source ? source : ".",
		    name, ending);
	return path[i];
}

/* Unpack into a file that nobody else sees; NULL if that cannot be. */
static const char *
unpack(const char *name)
{
	static char path[64];
	char command[2048];
	int fd;

	(void)strcpy(path, "/tmp/weir-vocab-XXXXXX");
	if (access(path_of(name, ".xz"), R_OK) != 0 || (fd = mkstemp(path)) < 0)
		return NULL;
	close(fd);
	(void)snprintf(command, sizeof command, "xz -dc '%s' >%s",
	    path_of(name, ".xz"), path);
	if (system(command) == 0)
		return path;
	unlink(path);
	return NULL;
}

/* The text up to the next mark; false behind the last. */
static bool
next_input(struct slice *rest, struct slice *out)
{
	static const struct slice mark = SLICE("\n__ggml_vocab_test__\n");

	if (rest->p == NULL)
		return false;
	for (size_t i = 0; i + mark.n <= rest->n; i++)
		if (memcmp(rest->p + i, mark.p, mark.n) == 0) {
			*out = slice_to(*rest, i);
			*rest = slice_from(*rest, i + mark.n);
			return true;
		}
	return false; /* llama.cpp writes a mark behind the last, too */
}

static void
check_input(struct counter *c, struct slice input, struct slice wanted)
{
	static uint32_t ids[IDS_MAX];
	uint64_t n, counted;
	size_t k = 0;

	assert_int_equal(count_ids(c, input, 0, ids, IDS_MAX, &n), OK);
	assert_int_equal(count_text(c, input, 0, &counted), OK);
	assert_int_equal(counted, n);
	while ((wanted = slice_trim(wanted)).n > 0) {
		struct slice one = slice_cut(&wanted, ' ');
		uint64_t id;

		assert_true(slice_u64(one, UINT32_MAX, &id));
		if (k >= n || ids[k] != id)
			fail_msg("\"%.*s\": token %zu is %u, not %u",
			    SLICE_ARG(input), k, k < n ? ids[k] : 0,
			    (unsigned)id);
		k++;
	}
	assert_int_equal(k, n);
}

static void
check_vectors(const char *vocab, const char *vectors)
{
	struct slice rest, lines, input;
	struct buf in, out;
	struct counter *c;
	struct vocab *v;
	size_t n = 0;

	assert_int_equal(vocab_open(vocab, &v), OK);
	assert_int_equal(counter_new(v, NULL, &c), OK);
	buf_init(&in, FILE_MAX);
	buf_init(&out, FILE_MAX);
	assert_int_equal(file_read(path_of(vectors, ".inp"), &in, NULL), OK);
	assert_int_equal(file_read(path_of(vectors, ".out"), &out, NULL), OK);
	rest = buf_slice(&in);
	lines = buf_slice(&out);
	for (; next_input(&rest, &input); n++)
		check_input(c, input, slice_cut(&lines, '\n'));
	assert_true(n > 40);
	buf_fini(&in);
	buf_fini(&out);
	counter_free(c);
	vocab_drop(v);
}

static void
test_vectors(void **state)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *vocab = unpack(rows[i].vocab);

		if (vocab == NULL) {
			printf("# skipped: %s is not at hand\n", rows[i].vocab);
			continue;
		}
		check_vectors(vocab, rows[i].vectors);
		unlink(vocab);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors)};
	size_t n = 0;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		n += access(path_of(rows[i].vocab, ".xz"), R_OK) == 0;
	if (n == 0) {
		printf("1..0 # SKIP no vocabulary is at hand\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
