/* The writer: escapes, commas, maximum. */
#include "json/reader.h"
#include "json/value.h"
#include "json/write.h"
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define FFFD "\xef\xbf\xbd"

static void
test_strings(void **state)
{
	static const struct {
		struct slice in;
		const char *out;
	} cases[] = {
	    {SLICE(""), "\"\""},
	    {SLICE("plain"), "\"plain\""},
	    {SLICE("\""), "\"\\\"\""},
	    {SLICE("\\"), "\"\\\\\""},
	    {SLICE("a/b"), "\"a/b\""},
	    {SLICE("\n\r\t\b\f"), "\"\\n\\r\\t\\b\\f\""},
	    {SLICE("\0"), "\"\\u0000\""},
	    {SLICE("\x1f\x0b\x7f"), "\"\\u001f\\u000b\x7f\""},
	    {SLICE("\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\xb9"),
		"\"\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\xb9\""},
	    {SLICE("0123456789abcdef0123456789abcdef\n0123456789abcdefgh\""),
		"\"0123456789abcdef0123456789abcdef\\n0123456789abcdefgh\\\""
		"\""},
	    /* Ill-formed. */
	    {SLICE("\xff"), "\"" FFFD "\""},
	    {SLICE("a\x80z"), "\"a" FFFD "z\""},
	    {SLICE("\xe2\x82"), "\"" FFFD "\""},
	    {SLICE("\xe2\x82\""), "\"" FFFD "\\\"\""},
	    {SLICE("\xf0\x9f\x98x"), "\"" FFFD "x\""},
	    {SLICE("\xc0\xaf"), "\"" FFFD FFFD "\""},
	    {SLICE("\xed\xa0\x80"), "\"" FFFD FFFD FFFD "\""},
	    {SLICE("\xf5\x80\x80 0123456789abcdef"),
		"\"" FFFD FFFD FFFD " 0123456789abcdef\""},
	    /* A lead byte and a tail that only look like one sequence. */
	    {SLICE("\xe5\"\x80 0123456789abcdef"),
		"\"" FFFD "\\\"" FFFD " 0123456789abcdef\""},
	    {SLICE("0123456789abcdef\xe5"
		   "A\x80 0123456789abcdef"),
		"\"0123456789abcdef" FFFD "A" FFFD " 0123456789abcdef\""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf b;
		size_t n;

		buf_init(&b, 1000);
		assert_int_equal(json_write_string(&b, cases[i].in), OK);
		if (!slice_is(buf_slice(&b), cases[i].out))
			fail_msg("case %zu: %.*s", i, SLICE_ARG(buf_slice(&b)));
		buf_fini(&b);
		/* With less room it says so and never goes past it. */
		n = strlen(cases[i].out);
		for (size_t max = 0; max < n; max++) {
			buf_init(&b, max);
			assert_int_equal(
			    json_write_string(&b, cases[i].in), ERR_FULL);
			assert_true(b.n <= max);
			buf_fini(&b);
		}
	}
}

/* What was written reads back as what it was. */
static void
test_round_trip(void **state)
{
	uint32_t seed = 99;

	(void)state;
	for (int round = 0; round < 500; round++) {
		char in[200], out[200];
		size_t n = (size_t)round % sizeof in, got = 0;
		struct json_reader r;
		struct buf b;

		for (size_t i = 0; i < n; i++) {
			seed = seed * 1664525 + 1013904223;
			in[i] = (char)(seed >> 25); /* all of ASCII */
		}
		buf_init(&b, 2000);
		assert_int_equal(json_write_string(&b, slice_of(in, n)), OK);
		json_reader_init(&r, buf_slice(&b), 1);
		assert_int_equal(json_next(&r), JSON_STRING);
		assert_int_equal(
		    json_unescape(json_span(&r), out, sizeof out, &got), OK);
		assert_true(slice_eq(slice_of(out, got), slice_of(in, n)));
		assert_int_equal(json_next(&r), JSON_END);
		buf_fini(&b);
	}
}

static void
example(struct json_writer *w)
{
	json_object_begin(w, NULL);
	json_str(w, "model", slice_str("a\"b"));
	json_array_begin(w, "list");
	json_int(w, NULL, 1);
	json_int(w, NULL, -2);
	json_str(w, NULL, slice_str("x"));
	json_object_begin(w, NULL);
	json_object_end(w);
	json_array_begin(w, NULL);
	json_array_end(w);
	json_null(w, NULL);
	json_array_end(w);
	json_object_begin(w, "o");
	json_bool(w, "t", true);
	json_bool(w, "f", false);
	json_null(w, "n");
	json_object_end(w);
	json_key(w, slice_str("k\n"));
	json_raw(w, NULL, slice_str("{\"raw\":1}"));
	json_key(w, slice_str("l"));
	json_array_begin(w, NULL);
	json_array_end(w);
	json_double(w, "d", 0.5);
	json_object_end(w);
}

static const char example_text[] =
    "{\"model\":\"a\\\"b\",\"list\":[1,-2,\"x\",{},[],null],"
    "\"o\":{\"t\":true,\"f\":false,\"n\":null},\"k\\n\":{\"raw\":1},"
    "\"l\":[],\"d\":0.5}";

static void
test_commas(void **state)
{
	struct json_writer w;
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	json_writer_init(&w, &b);
	example(&w);
	assert_int_equal(w.err, OK);
	assert_int_equal(w.depth, 0);
	assert_true(slice_is(buf_slice(&b), example_text));
	buf_fini(&b);
}

static void
test_error_sticks(void **state)
{
	(void)state;
	for (size_t max = 0; max < sizeof example_text - 1; max++) {
		struct json_writer w;
		struct buf b;

		buf_init(&b, max);
		json_writer_init(&w, &b);
		example(&w);
		assert_int_equal(w.err, ERR_FULL);
		assert_true(b.n <= max);
		assert_memory_equal(b.n ? b.p : "", example_text, b.n);
		buf_fini(&b);
	}
}

static void
test_doubles(void **state)
{
	static const struct {
		double v;
		const char *out;
	} cases[] = {{0, "0"}, {1, "1"}, {-2.5, "-2.5"}, {0.1, "0.1"},
	    {1e22, "1e+22"}, {NAN, "null"}, {INFINITY, "null"},
	    {-INFINITY, "null"}, {0.1 + 0.2, "0.30000000000000004"}};
	static const double exact[] = {DBL_MAX, DBL_MIN, 0x1p-1074, 1.0 / 3};

	(void)state;
	for (size_t i = 0; i < COUNT(cases) + COUNT(exact); i++) {
		struct json_writer w;
		struct buf b;
		double back;

		buf_init(&b, 100);
		json_writer_init(&w, &b);
		if (i < COUNT(cases)) {
			json_double(&w, NULL, cases[i].v);
			assert_true(slice_is(buf_slice(&b), cases[i].out));
		} else {
			json_double(&w, NULL, exact[i - COUNT(cases)]);
			assert_int_equal(json_f64(buf_slice(&b), &back), OK);
			assert_true(back == exact[i - COUNT(cases)]);
		}
		assert_int_equal(w.err, OK);
		buf_fini(&b);
	}
}

static void
test_behind_other_text(void **state)
{
	struct json_writer w;
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(buf_add_str(&b, "data: "), OK);
	json_writer_init(&w, &b);
	json_array_begin(&w, NULL);
	json_int(&w, NULL, INT64_MIN);
	json_int(&w, NULL, INT64_MAX);
	json_array_end(&w);
	assert_int_equal(w.err, OK);
	assert_true(slice_is(
	    buf_slice(&b), "data: [-9223372036854775808,9223372036854775807]"));
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_strings),
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_commas),
	    cmocka_unit_test(test_error_sticks),
	    cmocka_unit_test(test_doubles),
	    cmocka_unit_test(test_behind_other_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
