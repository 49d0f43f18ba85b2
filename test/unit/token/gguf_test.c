/*
 * GGUF files: what is read out of a good one, and every way in which a bad one
 * must be refused.  Bytes by hand after the specification.
 */
#include "token/gguf.h"
#include "base/buf.h"
#include "token/vocab.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static struct buf file;

static void
number(uint64_t v, size_t n)
{
	for (; n > 0; n--, v >>= 8)
		assert_int_equal(buf_add_char(&file, (char)(v & 0xff)), OK);
}

static void
string(const char *s)
{
	number(strlen(s), 8);
	assert_int_equal(buf_add_str(&file, s), OK);
}

static void
head(uint32_t version, uint64_t tensors, uint64_t keys)
{
	buf_clear(&file);
	assert_int_equal(buf_add_str(&file, "GGUF"), OK);
	number(version, 4);
	number(tensors, 8);
	number(keys, 8);
}

static void
key(const char *name, enum gguf_type type)
{
	string(name);
	number(type, 4);
}

static void
good_file(void)
{
	head(3, 1, 6);
	key("text", GGUF_STRING);
	string("caf\xc3\xa9");
	key("small", GGUF_I8);
	number(0xfe, 1);
	key("large", GGUF_U64);
	number(UINT64_MAX, 8);
	key("yes", GGUF_BOOL);
	number(1, 1);
	key("list", GGUF_ARRAY);
	number(GGUF_STRING, 4);
	number(2, 8);
	string("one");
	string("");
	key("numbers", GGUF_ARRAY);
	number(GGUF_U16, 4);
	number(3, 8);
	number(0x030201, 6);
	string("output.weight"); /* a tensor */
	number(2, 4);
	number(64, 8);
	number(1000, 8);
	number(0, 4);
	number(0, 8);
}

static void
test_a_good_file(void **state)
{
	struct gguf_tensor t;
	struct gguf *g;
	struct slice s;
	size_t at = 0;
	int64_t i;
	bool yes;

	good_file();
	assert_int_equal(gguf_parse(buf_slice(&file), &g), OK);
	assert_int_equal(gguf_n_keys(g), 6);
	assert_true(slice_is(gguf_text(g, "text"), "caf\xc3\xa9"));
	assert_int_equal(gguf_text(g, "small").n, 0);
	assert_true(gguf_i64(g, "small", &i) && i == -2);
	assert_false(gguf_i64(g, "large", &i)); /* beyond int64_t */
	assert_false(gguf_i64(g, "text", &i));
	assert_false(gguf_i64(g, "absent", &i));
	assert_true(gguf_bool(g, "yes", &yes) && yes);
	assert_false(gguf_bool(g, "small", &yes));
	assert_true(gguf_next_string(gguf_find(g, "list"), &at, &s));
	assert_true(slice_is(s, "one"));
	assert_true(gguf_next_string(gguf_find(g, "list"), &at, &s));
	assert_int_equal(s.n, 0);
	assert_false(gguf_next_string(gguf_find(g, "list"), &at, &s));
	assert_int_equal(gguf_find(g, "numbers")->n, 3);
	assert_int_equal(gguf_find(g, "numbers")->raw.n, 6);
	assert_true(gguf_find_tensor(g, "output.weight", &t));
	assert_int_equal(t.n_dims, 2);
	assert_int_equal(t.dims[1], 1000);
	assert_int_equal(t.dims[2], 1);
	assert_false(gguf_find_tensor(g, "input.weight", &t));
	gguf_free(g);
}

/* Cut anywhere, it is too short, and nothing behind its end is read. */
static void
test_cut_at_every_byte(void **state)
{
	struct gguf *g;

	good_file();
	for (size_t n = 0; n < file.n; n++) {
		char *copy = malloc(n + 1);

		assert_non_null(copy);
		memcpy(copy, file.p, n);
		assert_int_equal(gguf_parse(slice_of(copy, n), &g), ERR_EOF);
		free(copy);
	}
}

static enum err
parse(void)
{
	struct gguf *g;
	enum err e = gguf_parse(buf_slice(&file), &g);

	if (e == OK)
		gguf_free(g);
	return e;
}

static void
test_what_is_refused(void **state)
{
	good_file();
	file.p[0] = 'X';
	assert_int_equal(parse(), ERR_SYNTAX);
	head(1, 0, 0);
	assert_int_equal(parse(), ERR_VERSION);
	head(0x03000000, 0, 0); /* the other byte order */
	assert_int_equal(parse(), ERR_VERSION);
	head(3, 0, UINT64_MAX);
	assert_int_equal(parse(), ERR_FULL);
	head(3, UINT64_MAX, 0);
	assert_int_equal(parse(), ERR_FULL);
	head(3, 0, 2); /* equal keys */
	key("a", GGUF_U8);
	number(1, 1);
	key("a", GGUF_U8);
	number(2, 1);
	assert_int_equal(parse(), ERR_SYNTAX);
	head(3, 0, 1); /* no such type */
	key("a", GGUF_TYPES);
	number(0, 8);
	assert_int_equal(parse(), ERR_SYNTAX);
	head(3, 0, 1); /* an empty key */
	key("", GGUF_U8);
	number(0, 8);
	assert_int_equal(parse(), ERR_SYNTAX);
	head(3, 0, 1); /* an array of arrays */
	key("a", GGUF_ARRAY);
	number(GGUF_ARRAY, 4);
	number(1, 8);
	number(0, 64);
	assert_int_equal(parse(), ERR_SYNTAX);
}

static void
test_lengths_that_lie(void **state)
{
	static const uint64_t lengths[] = {
	    UINT64_MAX, UINT64_MAX - 7, UINT64_MAX / 4, 1ULL << 62, 1ULL << 40};

	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		head(3, 0, 1); /* of a key */
		number(lengths[i], 8);
		number(0, 64);
		assert_int_equal(parse(), ERR_FULL);
		head(3, 0, 1); /* of a string */
		key("a", GGUF_STRING);
		number(lengths[i], 8);
		number(0, 64);
		assert_int_equal(parse(), ERR_FULL);
		head(3, 0, 1); /* of an array: times 8 it would wrap around */
		key("a", GGUF_ARRAY);
		number(GGUF_U64, 4);
		number(lengths[i], 8);
		number(0, 64);
		assert_int_equal(parse(), ERR_FULL);
	}
	head(3, 1, 0); /* a tensor of too many dimensions */
	string("t");
	number(5, 4);
	number(0, 64);
	assert_int_equal(parse(), ERR_SYNTAX);
}

static void
test_files(void **state)
{
	char path[] = "/tmp/weir-gguf-XXXXXX";
	int fd = mkstemp(path);
	struct gguf *g;

	assert_true(fd >= 0);
	good_file();
	assert_int_equal(write(fd, file.p, file.n), file.n);
	assert_int_equal(gguf_open(path, &g), OK);
	assert_true(slice_is(gguf_text(g, "text"), "caf\xc3\xa9"));
	gguf_free(g);
	assert_int_equal(ftruncate(fd, (off_t)file.n - 1), 0);
	assert_int_equal(gguf_open(path, &g), ERR_SYNTAX);
	close(fd);
	unlink(path);
	assert_int_equal(gguf_open(path, &g), ERR_NOT_FOUND);
	assert_int_equal(gguf_open("/dev/zero", &g), ERR_SYNTAX);
	assert_int_equal(gguf_open("/tmp", &g), ERR_SYNTAX);
	gguf_free(NULL);
}

/* The tokenizer's keys, of wrong types and lengths. */
static void
test_sources_that_lie(void **state)
{
	struct vocab_source s;
	struct gguf *g;

	head(3, 0, 2);
	key("tokenizer.ggml.model", GGUF_STRING);
	string("gpt2");
	key("tokenizer.ggml.tokens", GGUF_ARRAY);
	number(GGUF_U32, 4); /* must be strings */
	number(1, 8);
	number(0, 4);
	assert_int_equal(gguf_parse(buf_slice(&file), &g), OK);
	assert_int_equal(vocab_source_gguf(g, &s), ERR_SYNTAX);
	gguf_free(g);
	head(3, 0, 2);
	key("tokenizer.ggml.tokens", GGUF_ARRAY);
	number(GGUF_STRING, 4);
	number(2, 8);
	string("a");
	string("b");
	key("tokenizer.ggml.token_type", GGUF_ARRAY);
	number(GGUF_I32, 4);
	number(1, 8); /* one too few */
	number(1, 4);
	assert_int_equal(gguf_parse(buf_slice(&file), &g), OK);
	assert_int_equal(vocab_source_gguf(g, &s), ERR_SYNTAX);
	gguf_free(g);
	head(3, 0, 0);
	assert_int_equal(gguf_parse(buf_slice(&file), &g), OK);
	assert_int_equal(vocab_source_gguf(g, &s), ERR_NOT_FOUND);
	gguf_free(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_good_file),
	    cmocka_unit_test(test_cut_at_every_byte),
	    cmocka_unit_test(test_what_is_refused),
	    cmocka_unit_test(test_lengths_that_lie),
	    cmocka_unit_test(test_files),
	    cmocka_unit_test(test_sources_that_lie),
	};
	int failed;

	buf_init(&file, 1 << 20);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	buf_fini(&file);
	return failed;
}
