/* Splices: order, overlap, members, and that the caller's bytes stay. */
#include "json/edit.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The result is ${want}, its length is told, no slice is empty. */
static void
check(const struct json_edits *e, const char *want)
{
	struct slice out[JSON_EDITS_SLICES_MAX];
	size_t n = json_edits_slices(e, out), at = 0;
	char text[1024];

	for (size_t i = 0; i < n; i++) {
		assert_true(out[i].n > 0);
		assert_true(at + out[i].n <= sizeof text);
		memcpy(text + at, out[i].p, out[i].n);
		at += out[i].n;
	}
	assert_int_equal(at, json_edits_total(e));
	if (!slice_is(slice_of(text, at), want))
		fail_msg("%.*s, not %s", (int)at, text, want);
}

static enum err
add(struct json_edits *e, size_t at, size_t n_old, const char *new)
{
	return json_edits_add(e, at, n_old, slice_str(new));
}

static void
test_nothing(void **state)
{
	struct slice out[JSON_EDITS_SLICES_MAX];
	struct json_edits e;

	(void)state;
	json_edits_init(&e, slice_str("{\"a\":1}"));
	check(&e, "{\"a\":1}");
	assert_int_equal(json_edits_slices(&e, out), 1);
	json_edits_init(&e, slice_of(NULL, 0));
	assert_int_equal(json_edits_slices(&e, out), 0);
	assert_int_equal(json_edits_total(&e), 0);
}

static void
test_any_order(void **state)
{
	struct slice out[JSON_EDITS_SLICES_MAX], text = SLICE("0123456789");
	struct json_edits e;

	(void)state;
	json_edits_init(&e, text);
	assert_int_equal(add(&e, 7, 2, "seven-eight"), OK);
	assert_int_equal(add(&e, 0, 1, "zero"), OK);
	assert_int_equal(add(&e, 4, 1, ""), OK);
	assert_int_equal(add(&e, 10, 0, "!"), OK);
	check(&e, "zero12356seven-eight9!");
	/* What stays is not copied. */
	assert_int_equal(json_edits_slices(&e, out), 6);
	assert_ptr_equal(out[1].p, text.p + 1);
	assert_ptr_equal(out[2].p, text.p + 5);
}

static void
test_same_place(void **state)
{
	struct json_edits e;

	(void)state;
	json_edits_init(&e, slice_str("abcdef"));
	assert_int_equal(add(&e, 2, 2, "CD"), OK);
	assert_int_equal(add(&e, 2, 0, "1"), OK);
	assert_int_equal(add(&e, 2, 0, "2"), OK);
	assert_int_equal(add(&e, 4, 0, "3"), OK);
	assert_int_equal(add(&e, 4, 1, "E"), OK);
	check(&e, "ab12CD3Ef");
}

static void
test_overlaps(void **state)
{
	static const struct {
		size_t at, n;
		enum err err;
	} cases[] = {
	    {4, 2, ERR_EXISTS},
	    {3, 2, ERR_EXISTS},
	    {5, 2, ERR_EXISTS},
	    {3, 4, ERR_EXISTS},
	    {4, 1, ERR_EXISTS},
	    {5, 1, ERR_EXISTS},
	    {5, 0, ERR_EXISTS},
	    {0, 10, ERR_EXISTS},
	    {4, 0, OK},
	    {6, 0, OK},
	    {2, 2, OK},
	    {6, 2, OK},
	    {0, 4, OK},
	    {6, 4, OK},
	    {10, 0, OK},
	    {11, 0, ERR_RANGE},
	    {10, 1, ERR_RANGE},
	    {0, 11, ERR_RANGE},
	    {SIZE_MAX, 1, ERR_RANGE},
	    {1, SIZE_MAX, ERR_RANGE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json_edits e;

		json_edits_init(&e, slice_str("0123456789"));
		assert_int_equal(add(&e, 4, 2, "x"), OK);
		assert_int_equal(
		    add(&e, cases[i].at, cases[i].n, "y"), cases[i].err);
		if (cases[i].err != OK)
			check(&e, "0123x6789");
		assert_int_equal(e.n, cases[i].err == OK ? 2 : 1);
	}
}

/* An insertion strictly inside of what a later edit would take away. */
static void
test_replacement_over_insertion(void **state)
{
	struct json_edits e;

	(void)state;
	json_edits_init(&e, slice_str("0123456789"));
	assert_int_equal(add(&e, 5, 0, "x"), OK);
	assert_int_equal(add(&e, 4, 2, "y"), ERR_EXISTS);
	assert_int_equal(add(&e, 5, 2, "y"), OK);
	assert_int_equal(add(&e, 3, 2, "z"), OK);
	check(&e, "012zxy789");
}

static void
test_bound(void **state)
{
	struct slice out[JSON_EDITS_SLICES_MAX];
	struct json_edits e;
	char text[2 * JSON_EDITS_MAX + 1];

	(void)state;
	memset(text, '-', sizeof text);
	json_edits_init(&e, slice_of(text, sizeof text));
	for (size_t i = 0; i < JSON_EDITS_MAX; i++)
		assert_int_equal(add(&e, 2 * i + 1, 1, "+"), OK);
	assert_int_equal(add(&e, 0, 0, "x"), ERR_FULL);
	assert_true(json_edits_slices(&e, out) <= JSON_EDITS_SLICES_MAX);
	assert_int_equal(json_edits_total(&e), sizeof text);
}

static void
test_members(void **state)
{
	static const struct {
		const char *text;
		size_t at, n;
		const char *one, *two;
	} cases[] = {
	    {"{}", 0, 2, "{\"x\":1}", "{\"x\":1,\"y\":2}"},
	    {"{ \n}", 0, 4, "{\"x\":1 \n}", "{\"x\":1,\"y\":2 \n}"},
	    {"{\"a\":0}", 0, 7, "{\"a\":0,\"x\":1}",
		"{\"a\":0,\"x\":1,\"y\":2}"},
	    {"{\"a\":0\n}\n", 0, 8, "{\"a\":0,\"x\":1\n}\n",
		"{\"a\":0,\"x\":1,\"y\":2\n}\n"},
	    {"{\"a\":{}}", 0, 8, "{\"a\":{},\"x\":1}",
		"{\"a\":{},\"x\":1,\"y\":2}"},
	    {"{\"a\":{}}", 5, 2, "{\"a\":{\"x\":1}}",
		"{\"a\":{\"x\":1,\"y\":2}}"},
	    {"{\"a\":\"{\"}", 0, 9, "{\"a\":\"{\",\"x\":1}",
		"{\"a\":\"{\",\"x\":1,\"y\":2}"},
	    {" [{}, {}] ", 6, 2, " [{}, {\"x\":1}] ",
		" [{}, {\"x\":1,\"y\":2}] "},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json_edits e;
		size_t at = cases[i].at, n = cases[i].n;

		json_edits_init(&e, slice_str(cases[i].text));
		assert_int_equal(
		    json_edits_add_member(&e, at, n, slice_str("\"x\":1")), OK);
		check(&e, cases[i].one);
		assert_int_equal(
		    json_edits_add_member(&e, at, n, slice_str("\"y\":2")), OK);
		check(&e, cases[i].two);
	}
}

/* As flows use it: replace a value, add into an inner and the outer object. */
static void
test_together(void **state)
{
	static const char text[] =
	    "{\"model\":\"alias\",\"stream\":true,\"options\":{\"num_ctx\":1}}";
	struct json_edits e;

	(void)state;
	json_edits_init(&e, slice_str(text));
	assert_int_equal(json_edits_add_member(&e, 0, sizeof text - 1,
			     slice_str("\"keep_alive\":-1")),
	    OK);
	assert_int_equal(
	    json_edits_add_member(&e, 41, 13, slice_str("\"seed\":7")), OK);
	assert_int_equal(add(&e, 52, 1, "8192"), OK);
	assert_int_equal(add(&e, 9, 7, "\"llama3.2\""), OK);
	check(&e,
	    "{\"model\":\"llama3.2\",\"stream\":true,\"options\":"
	    "{\"num_ctx\":8192,\"seed\":7},\"keep_alive\":-1}");
}

static void
test_no_object(void **state)
{
	struct slice m = SLICE("\"x\":1");
	struct json_edits e;

	(void)state;
	json_edits_init(&e, slice_str("[{}]{"));
	assert_int_equal(json_edits_add_member(&e, 0, 4, m), ERR_SYNTAX);
	assert_int_equal(json_edits_add_member(&e, 1, 1, m), ERR_SYNTAX);
	assert_int_equal(json_edits_add_member(&e, 1, 0, m), ERR_SYNTAX);
	assert_int_equal(json_edits_add_member(&e, 1, 3, m), ERR_SYNTAX);
	assert_int_equal(json_edits_add_member(&e, 2, 1, m), ERR_SYNTAX);
	assert_int_equal(json_edits_add_member(&e, 4, 2, m), ERR_RANGE);
	assert_int_equal(json_edits_add_member(&e, 9, 0, m), ERR_RANGE);
	assert_int_equal(e.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_nothing),
	    cmocka_unit_test(test_any_order),
	    cmocka_unit_test(test_same_place),
	    cmocka_unit_test(test_overlaps),
	    cmocka_unit_test(test_replacement_over_insertion),
	    cmocka_unit_test(test_bound),
	    cmocka_unit_test(test_members),
	    cmocka_unit_test(test_together),
	    cmocka_unit_test(test_no_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
