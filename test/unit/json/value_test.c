/* Keys as engines see them, unescaping, numbers. */
#include "json/value.h"
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
test_keys(void **state)
{
	static const struct {
		const char *raw, *want;
		enum json_match match;
	} cases[] = {
	    {"model", "model", JSON_EXACT},
	    {"", "", JSON_EXACT},
	    {"", "model", JSON_NO},
	    {"x", "", JSON_NO},
	    {"modem", "model", JSON_NO},
	    {"mode", "model", JSON_NO},
	    {"models", "model", JSON_NO},
	    {"amodel", "model", JSON_NO},
	    {" model", "model", JSON_NO},
	    {"model ", "model", JSON_NO},
	    {"Model", "model", JSON_FOLDED},
	    {"MODEL", "model", JSON_FOLDED},
	    {"modeL", "model", JSON_FOLDED},
	    {"Keep_Alive", "keep_alive", JSON_FOLDED},
	    {"keepalive", "keep_alive", JSON_NO},
	    {"keep-alive", "keep_alive", JSON_NO},
	    {"keep_alive", "keep_alive", JSON_EXACT},
	    {"keep\x7f"
	     "alive",
		"keep_alive", JSON_NO}, /* 0x5f and 0x7f differ in one bit */
	    {"@", "`", JSON_NO},
	    {"[", "{", JSON_NO},
	    /* Escaped spellings of the same. */
	    {"m\\u006fdel", "model", JSON_FOLDED},
	    {"\\u006d\\u006f\\u0064\\u0065\\u006c", "model", JSON_FOLDED},
	    {"\\u006D\\u006F\\u0064\\u0065\\u006C", "model", JSON_FOLDED},
	    {"\\u004dodel", "model", JSON_FOLDED},
	    {"\\u004DODEL", "model", JSON_FOLDED},
	    {"mode\\u006c", "model", JSON_FOLDED},
	    {"a\\/b", "a/b", JSON_FOLDED},
	    {"mode\\u006b", "model", JSON_NO},
	    {"model\\u0000", "model", JSON_NO},
	    {"mod\\nl", "model", JSON_NO},
	    {"\\nodel", "model", JSON_NO},
	    {"model\\u0020", "model", JSON_NO},
	    /* Go folds these into ASCII: U+017F and U+212A. */
	    {"\xc5\xbftream", "stream", JSON_FOLDED},
	    {"me\xc5\xbf\xc5\xbf"
	     "ages",
		"messages", JSON_FOLDED},
	    {"\\u017ftream", "stream", JSON_FOLDED},
	    {"\\u017Ftream", "stream", JSON_FOLDED},
	    {"\xe2\x84\xaa"
	     "eep_alive",
		"keep_alive", JSON_FOLDED},
	    {"\\u212aeep_alive", "keep_alive", JSON_FOLDED},
	    {"to\xe2\x84\xaa"
	     "en\xc5\xbf",
		"tokens", JSON_FOLDED},
	    {"TO\xe2\x84\xaa"
	     "EN\xc5\xbf",
		"tokens", JSON_FOLDED},
	    /* These do not fold into ASCII. */
	    {"m\xc3\xb6"
	     "del",
		"model", JSON_NO},
	    {"\xc5\xbe"
	     "tream",
		"stream", JSON_NO},
	    {"\xef\xbd\x8d"
	     "odel",
		"model", JSON_NO}, /* full width m */
	    {"\xd0\xbc"
	     "odel",
		"model", JSON_NO},		      /* Cyrillic em */
	    {"\xc3\x9ftream", "sstream", JSON_NO},    /* sharp s */
	    {"\\ud835\\udc26odel", "model", JSON_NO}, /* bold m */
	    {"\\ud800odel", "model", JSON_NO},
	    {"\xc4\xb1nput", "input", JSON_NO}, /* dotless i: not simple */
	    {"\xe2\x84", "k", JSON_NO},
	    {"\xc5", "s", JSON_NO},
	    {"\\", "\\", JSON_EXACT}, /* no valid key; only memory safety */
	    {"mode\\", "model", JSON_NO},
	    {"mode\\u00", "model", JSON_NO},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t n = strlen(cases[i].raw);
		char *raw = memcpy(malloc(n + 1), cases[i].raw, n);
		enum json_match got;

		raw = realloc(raw, n ? n : 1);
		got =
		    json_key_match(slice_of(raw, n), slice_str(cases[i].want));
		if (got != cases[i].match)
			fail_msg(
			    "%s, %s: %d", cases[i].raw, cases[i].want, got);
		free(raw);
	}
}

static void
test_unescape(void **state)
{
	static const struct {
		struct slice raw, out;
	} cases[] = {
	    {SLICE(""), SLICE("")},
	    {SLICE("abc"), SLICE("abc")},
	    {SLICE("a\\nb"), SLICE("a\nb")},
	    {SLICE("\\\"\\\\\\/\\b\\f\\n\\r\\t"), SLICE("\"\\/\b\f\n\r\t")},
	    {SLICE("\\u0000"), SLICE("\0")},
	    {SLICE("\\u0041\\u00e9\\u20AC"), SLICE("A\xc3\xa9\xe2\x82\xac")},
	    {SLICE("\\u007f\\u0080\\u07ff\\u0800\\uffff"),
		SLICE("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf")},
	    {SLICE("\\ud83d\\ude39!"), SLICE("\xf0\x9f\x98\xb9!")},
	    {SLICE("\\uD800\\uDC00"), SLICE("\xf0\x90\x80\x80")},
	    {SLICE("\\uDBFF\\uDFFF"), SLICE("\xf4\x8f\xbf\xbf")},
	    /* Lone surrogates. */
	    {SLICE("\\ud83d"), SLICE("\xef\xbf\xbd")},
	    {SLICE("\\ude39"), SLICE("\xef\xbf\xbd")},
	    {SLICE("\\ud83dx"), SLICE("\xef\xbf\xbdx")},
	    {SLICE("\\ud83d\\n"), SLICE("\xef\xbf\xbd\n")},
	    {SLICE("\\ud83d\\u0041"),
		SLICE("\xef\xbf\xbd"
		      "A")},
	    {SLICE("\\ude39\\ud83d"), SLICE("\xef\xbf\xbd\xef\xbf\xbd")},
	    {SLICE("\\ud83d\\udbff"), SLICE("\xef\xbf\xbd\xef\xbf\xbd")},
	    {SLICE("\\ud83d\\ue000"), SLICE("\xef\xbf\xbd\xee\x80\x80")},
	    {SLICE("\\ud83d\\ud83d\\ude39"),
		SLICE("\xef\xbf\xbd\xf0\x9f\x98\xb9")},
	    {SLICE("\xe6\x97\xa5\\n\xe6\x9c\xac"),
		SLICE("\xe6\x97\xa5\n\xe6\x9c\xac")},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct slice want = cases[i].out;
		char *out = malloc(want.n ? want.n : 1);
		size_t n = 999;

		assert_non_null(out);
		/* Each room but the whole is too small. */
		for (size_t cap = 0; cap < want.n; cap++)
			assert_int_equal(
			    json_unescape(cases[i].raw, out, cap, &n),
			    ERR_FULL);
		assert_int_equal(n, 999);
		assert_int_equal(
		    json_unescape(cases[i].raw, out, want.n, &n), OK);
		assert_true(slice_eq(slice_of(out, n), want));
		assert_true(n <= cases[i].raw.n);
		free(out);
	}
}

static void
test_unescape_broken(void **state)
{
	static const char *const cases[] = {"\\", "a\\", "\\x", "\\u", "\\u12",
	    "\\u12g4", "\\ud83d\\", "a\\u004"};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t len = strlen(cases[i]), n = 7;
		char out[32], *raw = memcpy(malloc(len), cases[i], len);

		assert_int_equal(
		    json_unescape(slice_of(raw, len), out, sizeof out, &n),
		    ERR_SYNTAX);
		assert_int_equal(n, 7);
		free(raw);
	}
}

static void
test_i64(void **state)
{
	static const struct {
		const char *raw;
		enum err err;
		int64_t v;
	} cases[] = {
	    {"0", OK, 0},
	    {"-0", OK, 0},
	    {"1", OK, 1},
	    {"-17", OK, -17},
	    {"8192", OK, 8192},
	    {"9223372036854775807", OK, INT64_MAX},
	    {"-9223372036854775808", OK, INT64_MIN},
	    {"-9223372036854775807", OK, -INT64_MAX},
	    {"9223372036854775808", ERR_RANGE, 0},
	    {"-9223372036854775809", ERR_RANGE, 0},
	    {"18446744073709551616", ERR_RANGE, 0},
	    {"99999999999999999999999999999999999", ERR_RANGE, 0},
	    {"5.0", ERR_SYNTAX, 0},
	    {"1e3", ERR_SYNTAX, 0},
	    {"1E0", ERR_SYNTAX, 0},
	    {"-1.5", ERR_SYNTAX, 0},
	    {"", ERR_SYNTAX, 0},
	    {"-", ERR_SYNTAX, 0},
	    {"+1", ERR_SYNTAX, 0},
	    {" 1", ERR_SYNTAX, 0},
	    {"0x10", ERR_SYNTAX, 0},
	    {"true", ERR_SYNTAX, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t v = 42;

		assert_int_equal(
		    json_i64(slice_str(cases[i].raw), &v), cases[i].err);
		assert_true(v == (cases[i].err == OK ? cases[i].v : 42));
	}
}

static void
test_f64(void **state)
{
	static const struct {
		const char *raw;
		enum err err;
		double v;
	} cases[] = {
	    {"0", OK, 0},
	    {"0.7", OK, 0.7},
	    {"-1.5e3", OK, -1500},
	    {"1E-2", OK, 0.01},
	    {"8192.0", OK, 8192},
	    {"9007199254740993", OK, 9007199254740992.0}, /* ties to even */
	    {"1.7976931348623157e308", OK, DBL_MAX},
	    {"5e-324", OK, 0x1p-1074},
	    {"1e-9999", OK, 0},
	    {"1e309", ERR_RANGE, 0},
	    {"-1e309", ERR_RANGE, 0},
	    {"", ERR_SYNTAX, 0},
	    {"x", ERR_SYNTAX, 0},
	    {"-", ERR_SYNTAX, 0},
	    {"nan", ERR_SYNTAX, 0},
	    {"inf", ERR_SYNTAX, 0},
	    {"-inf", ERR_SYNTAX, 0},
	    {"-nan", ERR_SYNTAX, 0},
	    {"0x10", ERR_SYNTAX, 0},
	    {"-0x10", ERR_SYNTAX, 0},
	    {"01", ERR_SYNTAX, 0},
	    {"1.", ERR_SYNTAX, 0},
	    {" 1", ERR_SYNTAX, 0},
	    {"1 ", ERR_SYNTAX, 0},
	};
	char digits[2000];
	double v = 42;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		v = 42;
		if (json_f64(slice_str(cases[i].raw), &v) != cases[i].err)
			fail_msg("%s", cases[i].raw);
		assert_true(v == (cases[i].err == OK ? cases[i].v : 42));
	}
	memset(digits, '0', sizeof digits);
	digits[1] = '.';
	assert_int_equal(json_f64(slice_of(digits, 1000), &v), OK);
	assert_int_equal(json_f64(slice_of(digits, 1001), &v), ERR_RANGE);
	assert_int_equal(
	    json_f64(slice_of(digits, sizeof digits), &v), ERR_RANGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_keys),
	    cmocka_unit_test(test_unescape),
	    cmocka_unit_test(test_unescape_broken),
	    cmocka_unit_test(test_i64),
	    cmocka_unit_test(test_f64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
