/* Names marked for a time: what holds, what is over, what survives. */
#include "limit/marks.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

enum { ROWS = 3, ROW = 128, HEAD = 32 };

static union {
	uint64_t align;
	char b[HEAD + ROWS * ROW + ROW - 1]; /* a row short of four */
} mem;
static struct marks m;

static int
set_up(void **state)
{
	(void)state;
	memset(&mem, 0, sizeof mem);
	return marks_attach(&m, mem.b, sizeof mem.b) == OK ? 0 : -1;
}

static int64_t
until(const char *name, int64_t now_us)
{
	return marks_until(&m, slice_str(name), now_us);
}

static enum err
set(const char *name, int64_t until_us, int64_t now_us)
{
	return marks_set(&m, slice_str(name), until_us, now_us);
}

static void
test_holds_until_its_time(void **state)
{
	(void)state;
	assert_int_equal(until("a", 0), 0);
	assert_int_equal(set("a", 100, 10), OK);
	assert_int_equal(set("ab", MARKS_FOREVER, 10), OK);
	assert_int_equal(until("a", 10), 100);
	assert_int_equal(until("a", 99), 100);
	assert_int_equal(until("a", 100), 0);
	assert_int_equal(until("b", 10), 0);
	assert_true(until("ab", MARKS_FOREVER - 1) == MARKS_FOREVER);
	/* A second word replaces the first, longer or shorter. */
	assert_int_equal(set("a", 50, 20), OK);
	assert_int_equal(until("a", 49), 50);
	assert_int_equal(until("a", 50), 0);
}

static void
test_is_taken_away(void **state)
{
	(void)state;
	assert_false(marks_clear(&m, slice_str("a"), 0));
	assert_int_equal(set("a", 100, 10), OK);
	assert_true(marks_clear(&m, slice_str("a"), 99));
	assert_int_equal(until("a", 20), 0);
	assert_int_equal(set("a", 100, 10), OK);
	assert_false(marks_clear(&m, slice_str("a"), 100));
	assert_int_equal(m.n, 0);
}

static void
test_bounds(void **state)
{
	static char name[MARKS_NAME_MAX + 1];

	(void)state;
	memset(name, 'x', sizeof name);
	assert_int_equal(
	    marks_set(&m, slice_of(name, sizeof name), 9, 0), ERR_RANGE);
	assert_int_equal(marks_set(&m, slice_of(name, 0), 9, 0), ERR_RANGE);
	assert_int_equal(
	    marks_set(&m, slice_of(name, MARKS_NAME_MAX), 9, 0), OK);
	assert_int_equal(set("b", 20, 0), OK);
	assert_int_equal(set("c", 20, 0), OK);
	assert_int_equal(set("d", 20, 0), ERR_FULL);
	assert_int_equal(set("b", 30, 0), OK);
	/* The long one is over: its place is free. */
	assert_int_equal(set("d", 20, 9), OK);
	assert_int_equal(until("d", 10), 20);
	assert_int_equal(until("b", 10), 30);
	assert_int_equal(m.n, 3);
}

static void
test_walk(void **state)
{
	struct slice name;
	int64_t at;
	size_t i = 0;

	(void)state;
	assert_false(marks_next(&m, &i, 0, &name, &at));
	assert_int_equal(set("a", 10, 0), OK);
	assert_int_equal(set("b", 20, 0), OK);
	assert_int_equal(set("c", 30, 0), OK);
	i = 0;
	assert_true(marks_next(&m, &i, 10, &name, &at));
	assert_true(slice_is(name, "b"));
	assert_int_equal(at, 20);
	assert_true(marks_next(&m, &i, 10, &name, &at));
	assert_true(slice_is(name, "c"));
	assert_false(marks_next(&m, &i, 10, &name, &at));
}

/* The next process finds what this one left. */
static void
test_survives(void **state)
{
	(void)state;
	assert_int_equal(set("a", 100, 10), OK);
	m = (struct marks){0};
	assert_int_equal(marks_attach(&m, mem.b, sizeof mem.b), OK);
	assert_int_equal(until("a", 20), 100);
	assert_int_equal(m.n, 1);
}

static void
test_foreign_memory(void **state)
{
	(void)state;
	assert_int_equal(marks_attach(&m, mem.b, HEAD + ROW - 1), ERR_RANGE);
	assert_int_equal(marks_bytes(1), HEAD + ROW);
	assert_int_equal(set("a", 100, 10), OK);
	/* Another size is another layout. */
	assert_int_equal(
	    marks_attach(&m, mem.b, marks_bytes(ROWS - 1)), ERR_VERSION);
	assert_int_equal(until("a", 20), 0);
	memset(&mem, 0x55, sizeof mem);
	assert_int_equal(marks_attach(&m, mem.b, sizeof mem.b), ERR_VERSION);
	assert_int_equal(m.n, 0);
	/* A row of rubbish under a good header is no row. */
	memset(mem.b + HEAD, 0x7f, ROW);
	assert_int_equal(marks_attach(&m, mem.b, sizeof mem.b), OK);
	assert_int_equal(m.n, 0);
	assert_int_equal(set("a", 100, 10), OK);
	assert_int_equal(until("a", 20), 100);
}

#define CASE(test) cmocka_unit_test_setup(test, set_up)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_holds_until_its_time),
	    CASE(test_is_taken_away),
	    CASE(test_bounds),
	    CASE(test_walk),
	    CASE(test_survives),
	    CASE(test_foreign_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
