/* Marks with slack, the straight line through the samples, what still fits. */
#include "disk/level.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const struct disk_marks marks = {{0, 80, 90, 95}};

static void
test_levels_have_slack(void **state)
{
	static const struct {
		enum disk_level now;
		int permille;
		enum disk_level then;
	} rows[] = {
	    {DISK_WELL, 0, DISK_WELL},
	    {DISK_WELL, 799, DISK_WELL},
	    {DISK_WELL, 800, DISK_ALERT},
	    {DISK_WELL, 900, DISK_REFUSE},
	    {DISK_WELL, 1000, DISK_MEMORY},
	    {DISK_ALERT, 780, DISK_ALERT},
	    {DISK_ALERT, 779, DISK_WELL},
	    {DISK_ALERT, 899, DISK_ALERT},
	    {DISK_REFUSE, 880, DISK_REFUSE},
	    {DISK_REFUSE, 879, DISK_ALERT},
	    {DISK_REFUSE, 790, DISK_ALERT},
	    {DISK_REFUSE, 779, DISK_WELL},
	    {DISK_MEMORY, 930, DISK_MEMORY},
	    {DISK_MEMORY, 929, DISK_REFUSE},
	    {DISK_MEMORY, 885, DISK_REFUSE},
	    {DISK_MEMORY, 100, DISK_WELL},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(
		    disk_level_next(rows[i].now, &marks, rows[i].permille),
		    rows[i].then);
}

#define S INT64_C(1000000)

static void
test_a_disk_that_fills_evenly(void **state)
{
	struct disk_trend t = {0};

	/* A thousand bytes a second, a sample a minute. */
	for (int64_t s = 0; s < 10 * 60; s += 60) {
		assert_int_equal(disk_trend_full_s(&t, s * S), -1);
		disk_trend_add(
		    &t, (uint64_t)(3600000 - 1000 * s), s * S, 60 * S);
	}
	assert_in_range(disk_trend_full_s(&t, 540 * S), 3059, 3061);
	/* Samples that come too soon are not kept. */
	disk_trend_add(&t, 0, 541 * S, 60 * S);
	assert_in_range(disk_trend_full_s(&t, 540 * S), 3059, 3061);
	/* What was long ago is forgotten: now nothing grows. */
	for (int64_t s = 600; s < 600 + 60 * 60; s += 60)
		disk_trend_add(&t, 5000000, s * S, 60 * S);
	assert_int_equal(disk_trend_full_s(&t, 4200 * S), -1);
}

static void
test_a_disk_that_is_emptied(void **state)
{
	struct disk_trend t = {0};

	for (int64_t s = 0; s < 20 * 60; s += 60)
		disk_trend_add(&t, (uint64_t)(1000 + s), s * S, 60 * S);
	assert_int_equal(disk_trend_full_s(&t, 1200 * S), -1);
}

static void
test_room(void **state)
{
	assert_int_equal(disk_room(&marks, 1000, 500), 450);
	assert_int_equal(disk_room(&marks, 1000, 50), 0);
	assert_int_equal(disk_room(&marks, 1000, 10), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_levels_have_slack),
	    cmocka_unit_test(test_a_disk_that_fills_evenly),
	    cmocka_unit_test(test_a_disk_that_is_emptied),
	    cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
