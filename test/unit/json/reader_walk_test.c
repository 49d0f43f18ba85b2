/* Depth, passing over values, leaving containers, and the size of a turn. */
#include "reader_help.h"

/* ${n} openings of ${open}, then as many of ${close}. */
static struct slice
nested(unsigned n, const char *open, const char *mid, const char *close)
{
	size_t a = strlen(open), b = strlen(mid), c = strlen(close);
	struct slice s = slice_of(NULL, n * (a + c) + b);
	char *p = malloc(s.n);

	assert_non_null(p);
	for (unsigned i = 0; i < n; i++) {
		memcpy(p + i * a, open, a);
		memcpy(p + n * a + b + i * c, close, c);
	}
	memcpy(p + n * a, mid, b);
	s.p = p;
	return s;
}

static void
test_depth(void **state)
{
	static const unsigned limits[] = {1, 2, 63, 64, 65, 128, 511, 512};
	static const struct {
		const char *open, *mid, *close;
		unsigned per;
	} shapes[] = {{"[", "", "]", 1}, {"{\"a\":", "1", "}", 1},
	    {"[{\"b\":", "[]", "}]", 2}};

	(void)state;
	for (size_t i = 0; i < COUNT(limits); i++)
		for (size_t j = 0; j < COUNT(shapes); j++)
			for (unsigned n = limits[i] / shapes[j].per - 1;
			     n <= limits[i] / shapes[j].per + 2; n++) {
				unsigned deep = n * shapes[j].per +
				    (shapes[j].mid[0] == '[');
				struct slice text =
				    nested(n + (n == 0), shapes[j].open,
					shapes[j].mid, shapes[j].close);
				struct json_reader r;
				enum json_kind kind;

				if (n == 0)
					deep += shapes[j].per;
				json_reader_init(&r, text, limits[i]);
				while ((kind = json_next(&r)) > JSON_BAD)
					;
				assert_int_equal(r.too_deep, deep > limits[i]);
				assert_int_equal(kind,
				    deep > limits[i] ? JSON_BAD : JSON_END);
				free((void *)text.p);
			}
}

/* Mixed containers, so that each level's bit matters on the way up. */
static void
test_levels_are_remembered(void **state)
{
	char text[4 * JSON_DEPTH_MAX + 1], wrong[sizeof text];
	char ends[JSON_DEPTH_MAX];
	uint32_t seed = 12345;

	(void)state;
	for (int round = 0; round < 50; round++) {
		size_t n = 0, at;
		struct json_reader r;
		enum json_kind kind;

		for (size_t d = 0; d < JSON_DEPTH_MAX - 1; d++) {
			bool object;

			seed = seed * 1664525 + 1013904223;
			object = seed >> 31;
			n += (size_t)sprintf(
			    text + n, "%s", object ? "{\"\":" : "[");
			ends[d] = object ? '}' : ']';
		}
		text[n++] = '0';
		for (size_t d = JSON_DEPTH_MAX - 1; d-- > 0;)
			text[n++] = ends[d];
		start(&r, slice_of(text, n), WHOLE);
		while ((kind = json_next(&r)) > JSON_BAD)
			;
		assert_int_equal(kind, JSON_END);
		/* One wrong bracket on the way up. */
		memcpy(wrong, text, n);
		at = n - 1 - seed % (JSON_DEPTH_MAX - 1);
		wrong[at] = wrong[at] == '}' ? ']' : '}';
		start(&r, slice_of(wrong, n), WHOLE);
		while ((kind = json_next(&r)) > JSON_BAD)
			;
		assert_int_equal(kind, JSON_BAD);
		assert_int_equal(json_reader_at(&r), at);
	}
}

static void
test_hostile_depth(void **state)
{
	struct slice text = nested(1000000, "[", "", "]");
	struct json_reader r;

	(void)state;
	json_reader_init(&r, text, 64);
	while (json_next(&r) > JSON_BAD)
		;
	assert_true(r.too_deep);
	assert_int_equal(json_reader_at(&r), 64);
	start(&r, text, WHOLE);
	assert_int_equal(json_skip(&r), JSON_BAD);
	assert_true(r.too_deep);
	free((void *)text.p);
}

static void
test_skip_spans(void **state)
{
	static const struct slice text =
	    SLICE("{\"s\": \"a\\\"]\", \"o\":{\"x\":[1,{\"y\":\"}\"}]} "
		  ",\"a\":[[],\"]\"]"
		  ",\"n\":-1e3,\"t\":true, \"z\":null}");
	static const struct {
		const char *key, *span;
		enum json_kind kind;
	} want[] = {
	    {"s", "\"a\\\"]\"", JSON_STRING},
	    {"o", "{\"x\":[1,{\"y\":\"}\"}]}", JSON_OBJECT},
	    {"a", "[[],\"]\"]", JSON_ARRAY},
	    {"n", "-1e3", JSON_NUMBER},
	    {"t", "true", JSON_TRUE},
	    {"z", "null", JSON_NULL},
	};

	(void)state;
	for (size_t budget = 1; budget <= text.n; budget++) {
		struct json_reader r;

		start(&r, text, budget);
		assert_int_equal(event(&r, budget, json_next), JSON_OBJECT);
		for (size_t i = 0; i < COUNT(want); i++) {
			assert_int_equal(
			    event(&r, budget, json_next), JSON_KEY);
			assert_true(slice_is(json_span(&r), want[i].key));
			assert_int_equal(
			    event(&r, budget, json_skip), want[i].kind);
			assert_true(slice_is(json_span(&r), want[i].span));
			assert_int_equal(r.depth, 1);
		}
		assert_int_equal(event(&r, budget, json_skip), JSON_OBJECT_END);
		assert_int_equal(event(&r, budget, json_skip), JSON_END);
	}
}

static void
test_skip_in_array(void **state)
{
	static const struct slice text = SLICE("[1,[2,[3]],\"4\"]");
	struct json_reader r;

	(void)state;
	start(&r, text, WHOLE);
	assert_int_equal(json_next(&r), JSON_ARRAY);
	assert_int_equal(json_skip(&r), JSON_NUMBER);
	assert_int_equal(json_skip(&r), JSON_ARRAY);
	assert_true(slice_is(json_span(&r), "[2,[3]]"));
	assert_int_equal(json_skip(&r), JSON_STRING);
	assert_int_equal(json_skip(&r), JSON_ARRAY_END);
	assert_int_equal(json_skip(&r), JSON_END);
}

static void
test_leave(void **state)
{
	static const struct slice text =
	    SLICE("{\"a\":{\"b\":[1,[{}],\"]\"],\"c\":2},\"d\":3}");

	(void)state;
	for (size_t budget = 1; budget <= text.n; budget++) {
		struct json_reader r;

		start(&r, text, budget);
		for (int i = 0; i < 5; i++)
			(void)event(&r, budget, json_next);
		assert_int_equal(r.depth, 3); /* in b's array */
		assert_int_equal(event(&r, budget, json_leave), JSON_ARRAY_END);
		assert_int_equal(event(&r, budget, json_next), JSON_KEY);
		assert_true(slice_is(json_span(&r), "c"));
		assert_int_equal(
		    event(&r, budget, json_leave), JSON_OBJECT_END);
		assert_int_equal(r.depth, 1);
		assert_int_equal(event(&r, budget, json_next), JSON_KEY);
		assert_true(slice_is(json_span(&r), "d"));
		assert_int_equal(
		    event(&r, budget, json_leave), JSON_OBJECT_END);
		assert_int_equal(event(&r, budget, json_next), JSON_END);
	}
}

static void
test_leave_bad(void **state)
{
	struct json_reader r;

	(void)state;
	start(&r, slice_str("[1,[2},3]"), WHOLE);
	assert_int_equal(json_next(&r), JSON_ARRAY);
	assert_int_equal(json_leave(&r), JSON_BAD);
	assert_int_equal(json_leave(&r), JSON_BAD);
}

/* A turn ends soon behind its budget, whatever the bytes are. */
static void
test_turns_are_bounded(void **state)
{
	static const struct slice units[] = {SLICE("a"), SLICE("\xe6\x97\xa5"),
	    SLICE("\\u0041"), SLICE("\xf0\x9f\x98\xb9"), SLICE("\\n"),
	    SLICE("7"), SLICE(" "), SLICE("[],"), SLICE("null,")};
	enum { UNITS = 3000, BUDGET = 100 };

	(void)state;
	for (size_t i = 0; i < COUNT(units); i++) {
		bool string = i < 5;
		size_t n = 1, before = 0, turns = 0;
		char *p = malloc(UNITS * units[i].n + 8);
		struct json_reader r;
		enum json_kind kind;

		assert_non_null(p);
		p[0] = string ? '"' : '[';
		for (int j = 0; j < UNITS; j++, n += units[i].n)
			memcpy(p + n, units[i].p, units[i].n);
		if (!string)
			p[n++] = '1';
		p[n++] = string ? '"' : ']';
		start(&r, slice_of(p, n), BUDGET);
		do {
			kind = json_skip(&r);
			assert_true(json_reader_at(&r) <= before + BUDGET + 5);
			before = json_reader_at(&r);
			json_reader_budget(&r, BUDGET);
			turns++;
		} while (kind == JSON_MORE);
		assert_int_equal(kind, string ? JSON_STRING : JSON_ARRAY);
		assert_int_equal(r.n, n);
		assert_true(turns >= n / (BUDGET + 5));
		free(p);
	}
}

static void
test_used_budget_stays_used(void **state)
{
	struct json_reader r;

	(void)state;
	start(&r, slice_str("[1,2,3]"), 2);
	assert_int_equal(json_next(&r), JSON_ARRAY);
	for (int i = 0; i < 3; i++)
		assert_int_equal(json_next(&r), JSON_MORE);
	json_reader_budget(&r, 0);
	assert_int_equal(json_next(&r), JSON_MORE);
	json_reader_budget(&r, WHOLE);
	assert_int_equal(json_next(&r), JSON_NUMBER);
	assert_true(slice_is(json_span(&r), "1"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_depth),
	    cmocka_unit_test(test_levels_are_remembered),
	    cmocka_unit_test(test_hostile_depth),
	    cmocka_unit_test(test_skip_spans),
	    cmocka_unit_test(test_skip_in_array),
	    cmocka_unit_test(test_leave),
	    cmocka_unit_test(test_leave_bad),
	    cmocka_unit_test(test_turns_are_bounded),
	    cmocka_unit_test(test_used_budget_stays_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
