/* The reader against RFC 8259, whole and in the smallest turns. */
#include "reader_help.h"

struct grammar_case {
	bool good;
	struct slice text;
};

static const struct grammar_case grammar[] = {
#define GOOD(text) {true, SLICE(text)},
#define BAD(text) {false, SLICE(text)},
#include "reader_cases.h"
#undef GOOD
#undef BAD
};

/* All events of ${text} as a line of words in ${out}. */
static void
trace(struct slice text, size_t budget, char *out, size_t cap)
{
	static const char *const words[] = {"MORE", "END", "BAD", "{", "}", "[",
	    "]", "key", "str", "num", "true", "false", "null"};
	struct json_reader r;
	enum json_kind kind;
	size_t n = 0;

	start(&r, text, budget);
	do {
		kind = event(&r, budget, json_next);
		n += (size_t)snprintf(out + n, cap - n, "%s:%zu+%zu@%u ",
		    words[kind], r.at, r.n, r.depth);
		assert_true(n < cap);
	} while (kind > JSON_BAD);
	(void)snprintf(out + n, cap - n, "%s@%zu", json_reader_reason(&r),
	    json_reader_at(&r));
}

static void
test_grammar(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(grammar); i++) {
		struct slice text = exact(grammar[i].text);
		struct json_reader r;
		enum json_kind kind,
		    want = grammar[i].good ? JSON_END : JSON_BAD;

		start(&r, text, WHOLE);
		while ((kind = json_next(&r)) > JSON_BAD)
			;
		if (kind != want)
			fail_msg("case %zu: %.*s", i, SLICE_ARG(text));
		/* It stays so. */
		assert_int_equal(json_next(&r), want);
		assert_int_equal(
		    *json_reader_reason(&r) != '\0', want == JSON_BAD);
		assert_false(r.too_deep);
		free((void *)text.p);
	}
}

static void
test_turns_change_nothing(void **state)
{
	static const size_t budgets[] = {1, 2, 3, 5, 8, 17};

	(void)state;
	for (size_t i = 0; i < COUNT(grammar); i++) {
		struct slice text = exact(grammar[i].text);
		char whole[4096], turns[4096];

		trace(text, WHOLE, whole, sizeof whole);
		for (size_t b = 0; b < COUNT(budgets); b++) {
			trace(text, budgets[b], turns, sizeof turns);
			assert_string_equal(turns, whole);
		}
		free((void *)text.p);
	}
}

/* Passing over a value accepts exactly what reading it does. */
static void
test_skip_is_as_strict(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(grammar); i++) {
		struct slice text = exact(grammar[i].text);
		enum json_kind want = grammar[i].good ? JSON_END : JSON_BAD;

		for (size_t budget = 1; budget < 4; budget++) {
			struct json_reader r;
			enum json_kind kind;

			start(&r, text, budget == 3 ? WHOLE : budget);
			while ((kind = event(&r, budget, json_skip)) > JSON_BAD)
				assert_int_equal(r.depth, 0);
			assert_int_equal(kind, want);
		}
		free((void *)text.p);
	}
}

/* No beginning of a text is valid when the whole is an object. */
static void
test_every_cut(void **state)
{
	static const struct slice text = SLICE(
	    "{\"model\":\"ll\\u00e4m\xc3\xa4\",\"n\":[-1.5e+3,true,false,null,"
	    "{\"\xe6\x97\xa5\":[]}],\"o\":{\"a\":0}}");

	(void)state;
	for (size_t n = 0; n <= text.n; n++) {
		struct slice cut = exact(slice_to(text, n));
		struct json_reader r;
		enum json_kind kind;

		start(&r, cut, WHOLE);
		while ((kind = json_next(&r)) > JSON_BAD)
			;
		assert_int_equal(kind, n == text.n ? JSON_END : JSON_BAD);
		free((void *)cut.p);
	}
}

static void
test_events(void **state)
{
	static const struct {
		const char *text, *events;
	} cases[] = {
	    {"7", "num:0+1@0 END:1+0@0 @1"},
	    {" \"a\\\"b\" ", "str:2+4@0 END:8+0@0 @8"},
	    {"{\"a\":[1,\"x\"],\"b\":{}}",
		"{:0+1@1 key:2+1@1 [:5+1@2 num:6+1@2 str:9+1@2 ]:11+1@1 "
		"key:14+1@1 {:17+1@2 }:18+1@1 }:19+1@0 END:20+0@0 @20"},
	    {"[true,false,null,-0.5e-7]",
		"[:0+1@1 true:1+4@1 false:6+5@1 null:12+4@1 num:17+7@1 "
		"]:24+1@0 END:25+0@0 @25"},
	    {"[\"\"]", "[:0+1@1 str:2+0@1 ]:3+1@0 END:4+0@0 @4"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char got[512];

		trace(slice_str(cases[i].text), WHOLE, got, sizeof got);
		assert_string_equal(got, cases[i].events);
	}
}

/* The offset is that of the byte at fault. */
static void
test_reasons(void **state)
{
	static const struct {
		struct slice text;
		size_t at;
		const char *reason;
	} cases[] = {
	    {SLICE("[1,2"), 4, "it ends before the value is complete"},
	    {SLICE(""), 0, "it ends before the value is complete"},
	    {SLICE("[\"abc"), 5, "it ends inside of a string"},
	    {SLICE("[1] x"), 4, "there is something behind the value"},
	    {SLICE("[1 2]"), 3, "a comma or a closing bracket is missing"},
	    {SLICE("{\"a\" 1}"), 5, "a colon is missing"},
	    {SLICE("{\"a\":1,}"), 7, "a key in quotes is missing"},
	    {SLICE("[1,]"), 3, "there is something that is no value"},
	    {SLICE("[-]"), 2, "a number lacks a digit"},
	    {SLICE("[1.e3]"), 3, "a number lacks a digit"},
	    {SLICE("[012]"), 2, "a number has a leading zero"},
	    {SLICE("[\"ab\\x\"]"), 4, "there is no such escape"},
	    {SLICE("[\"ab\ncd\"]"), 4,
		"there is a control character in a string"},
	    {SLICE("[\"0123456789abcdef0123456789\x1f\"]"), 28,
		"there is a control character in a string"},
	    {SLICE("[\"0123456789abcdef0123456789\xe2\x82\"]"), 28,
		"there are bytes that are not UTF-8"},
	    {SLICE("[\"0123456789abc\xe2\x82\x41 0123456789abcdef\"]"), 15,
		"there are bytes that are not UTF-8"},
	    {SLICE("\xef\xbb\xbf{}"), 0, "there is a byte order mark"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json_reader r;

		start(&r, cases[i].text, WHOLE);
		while (json_next(&r) > JSON_BAD)
			;
		assert_string_equal(json_reader_reason(&r), cases[i].reason);
		assert_int_equal(json_reader_at(&r), cases[i].at);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_grammar),
	    cmocka_unit_test(test_turns_change_nothing),
	    cmocka_unit_test(test_skip_is_as_strict),
	    cmocka_unit_test(test_every_cut),
	    cmocka_unit_test(test_events),
	    cmocka_unit_test(test_reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
