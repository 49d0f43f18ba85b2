/* Log-linear buckets, beside their definition. */
#include "metric/loglin.h"
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

/* Buckets follow each other without gap, none wider than 1/32 of a value. */
static void
test_buckets_tile_the_range(void **state)
{
	uint64_t bottom = 0;

	(void)state;
	for (unsigned i = 0; i < LOGLIN_BUCKETS; i++) {
		uint64_t top = loglin_top(i);

		assert_true(top >= bottom);
		assert_int_equal(loglin_index(bottom), i);
		assert_int_equal(loglin_index(top), i);
		assert_true((top - bottom) * 32 <= bottom);
		bottom = top + 1;
	}
	assert_int_equal(bottom, (uint64_t)1 << LOGLIN_VALUE_BITS);
	/* Whatever is larger counts in the last one. */
	assert_int_equal(loglin_index(bottom), LOGLIN_BUCKETS - 1);
	assert_int_equal(loglin_index(UINT64_MAX), LOGLIN_BUCKETS - 1);
}

static void
test_quantiles(void **state)
{
	static struct loglin h;

	(void)state;
	assert_int_equal(loglin_quantile(&h, 500), 0);
	for (uint64_t v = 1; v <= 1000; v++)
		loglin_add(&h, v * 1000);
	assert_int_equal(h.n, 1000);
	assert_int_equal(h.total, 500500000);
	for (int permille = 1; permille <= 1000; permille++) {
		uint64_t exact = (uint64_t)permille * 1000;
		uint64_t told = loglin_quantile(&h, permille);

		assert_in_range(told, exact, exact + exact / 32 + 1);
	}
	assert_int_equal(loglin_quantile(&h, 0), loglin_quantile(&h, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_buckets_tile_the_range),
	    cmocka_unit_test(test_quantiles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
