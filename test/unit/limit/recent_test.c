/* Tokens of the last hour, against a list of all of them. */
#include "limit/recent.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#define MIN (INT64_C(60) * 1000000)

static void
test_an_hour_goes_by(void **state)
{
	struct recent r = {0};

	assert_int_equal(recent_sum(&r, 0), 0);
	recent_add(&r, 100, MIN);
	recent_add(&r, 10, 6 * MIN);
	assert_int_equal(recent_sum(&r, 6 * MIN), 110);
	assert_int_equal(recent_sum(&r, 59 * MIN), 110);
	assert_int_equal(recent_sum(&r, 60 * MIN), 10);
	assert_int_equal(recent_sum(&r, 64 * MIN), 10);
	assert_int_equal(recent_sum(&r, 65 * MIN), 0);
	recent_add(&r, 1, 1000 * MIN);
	assert_int_equal(recent_sum(&r, 1000 * MIN), 1);
}

enum { N = 3000 };

static void
test_against_a_list(void **state)
{
	static int64_t at[N];
	static uint64_t tok[N];
	struct recent r = {0};
	int64_t now = 0;

	srand(5);
	for (int i = 0; i < N; i++) {
		uint64_t least = 0, most = 0;

		now += rand() % (rand() % 50 ? 2 : 50) * MIN + rand() % MIN;
		at[i] = now;
		tok[i] = (uint64_t)rand() % 1000;
		recent_add(&r, tok[i], now);
		for (int k = 0; k <= i; k++) {
			least += now - at[k] < 55 * MIN ? tok[k] : 0;
			most += now - at[k] <= 60 * MIN ? tok[k] : 0;
		}
		assert_in_range(recent_sum(&r, now), least, most);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_an_hour_goes_by),
	    cmocka_unit_test(test_against_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
