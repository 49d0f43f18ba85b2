/*
 * JSON strings by RFC 8259 section 7, UTF-8 by RFC 3629, times by RFC 3339.
 */
#include "log/stamp.h"
#include "log/text.h"
#include "base/utf8.h"
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#define BAD "\xef\xbf\xbd"

static const struct {
	const char *in, *out;
} cases[] = {
    {"", ""},
    {"a", "a"},
    {"llama3.2:latest", "llama3.2:latest"},
    {"a\"b", "a\\\"b"},
    {"a\\b", "a\\\\b"},
    {"12345678\"", "12345678\\\""},
    {"1234567\"9", "1234567\\\"9"},
    {"line\nnext\r\ttab", "line\\nnext\\r\\ttab"},
    {"\b\f", "\\b\\f"},
    {"\x01\x1f\x7f", "\\u0001\\u001f\\u007f"},
    {"\x1b[31mred", "\\u001b[31mred"},
    /* C1 controls drive terminals too. */
    {"\xc2\x9b"
     "31m",
	"\\u009b31m"},
    {"\xc2\xa0", "\xc2\xa0"},
    {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x8c\x8a",
	"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x8c\x8a"},
    /* Not UTF-8: lone, cut, overlong, surrogate, past U+10FFFF. */
    {"a\x80z", "a" BAD "z"},
    {"\xff\xfe", BAD BAD},
    {"abc\xc3", "abc" BAD},
    {"\xe2\x82", BAD BAD},
    {"\xc0\xaf", BAD BAD},
    {"\xe0\x80\xaf", BAD BAD BAD},
    {"\xed\xa0\x80", BAD BAD BAD},
    {"\xf4\x90\x80\x80", BAD BAD BAD BAD},
    {"\xc3\"", BAD "\\\""},
};

static void
test_strings(void **state)
{
	char out[256];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		/* A copy of exact size, so that a read past it is caught. */
		size_t n = strlen(cases[i].in);
		char *in = malloc(n ? n : 1);

		assert_non_null(in);
		memcpy(in, cases[i].in, n);
		*text_put(out, slice_of(in, n)) = 0;
		assert_string_equal(out, cases[i].out);
		free(in);
	}
}

/* Every byte at every place of a word, beside the plain rule. */
static void
test_every_byte_at_every_place(void **state)
{
	char in[17], out[17 * TEXT_GROWTH + TEXT_SLACK + 1];

	(void)state;
	for (unsigned c = 0; c < 128; c++)
		for (size_t at = 0; at < sizeof in; at++) {
			bool plain =
			    c >= 32 && c != '"' && c != '\\' && c != 127;

			memset(in, 'x', sizeof in);
			in[at] = (char)c;
			*text_put(out, slice_of(in, sizeof in)) = 0;
			if (plain) {
				assert_int_equal(strlen(out), sizeof in);
				assert_memory_equal(out, in, sizeof in);
			} else {
				assert_int_equal(out[at], '\\');
				assert_int_equal(strspn(out, "x"), (long)at);
			}
		}
}

static const struct {
	const char *in;
	size_t max;
	const char *out;
} cuts[] = {
    {"abc", 3, "abc"},
    {"abcd", 3, "abc"},
    {"ab\xc3\xbc", 3, "ab"},
    {"ab\xc3\xbc", 4, "ab\xc3\xbc"},
    {"\xf0\x9f\x8c\x8a!", 3, ""},
    {"\xf0\x9f\x8c\x8a!", 4, "\xf0\x9f\x8c\x8a"},
    {"abc", 0, ""},
};

static void
test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
		struct slice s = utf8_cut(slice_str(cuts[i].in), cuts[i].max);

		assert_true(slice_is(s, cuts[i].out));
	}
}

static void
test_numbers(void **state)
{
	char out[32];

	(void)state;
	*text_put_u64(out, UINT64_MAX) = 0;
	assert_string_equal(out, "18446744073709551615");
	*text_put_u64(out, 0) = 0;
	assert_string_equal(out, "0");
	*text_put_i64(out, INT64_MIN) = 0;
	assert_string_equal(out, "-9223372036854775808");
	*text_put_i64(out, 42) = 0;
	assert_string_equal(out, "42");
}

static const struct {
	int64_t us;
	const char *text;
} times[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {999999, "1970-01-01T00:00:00.999Z"},
    {1000000000000000, "2001-09-09T01:46:40.000Z"},
    {1000000000007999, "2001-09-09T01:46:40.007Z"},
    {1709210096789000, "2024-02-29T12:34:56.789Z"},
    {253402300799999999, "9999-12-31T23:59:59.999Z"},
    {1771956000123000, "2026-02-24T18:00:00.123Z"},
};

static void
test_times(void **state)
{
	struct stamp kept = {0};
	char out[STAMP_LEN + 1] = {0};

	(void)state;
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		struct stamp fresh = {0};

		stamp_put(&kept, times[i].us, out);
		assert_string_equal(out, times[i].text);
		stamp_put(&fresh, times[i].us, out);
		assert_string_equal(out, times[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_strings),
	    cmocka_unit_test(test_every_byte_at_every_place),
	    cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
