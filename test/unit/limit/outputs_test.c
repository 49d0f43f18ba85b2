/* Lengths of answers: the quantile against a sorted list. */
#include "limit/outputs.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

static void
test_few_answers_say_nothing(void **state)
{
	struct outputs o = {0};

	for (int i = 0; i < OUTPUTS_LEAST - 1; i++)
		outputs_add(&o, 100);
	assert_int_equal(outputs_quantile(&o, 95), -1);
	outputs_add(&o, 100);
	/* 96..111 share a bucket. */
	assert_int_equal(outputs_quantile(&o, 95), 111);
}

static void
test_buckets_are_a_quarter_wide_at_most(void **state)
{
	for (uint64_t v = 0; v < 65536; v++) {
		struct outputs o = {0};
		int64_t top;

		for (int i = 0; i < OUTPUTS_LEAST; i++)
			outputs_add(&o, v);
		top = outputs_quantile(&o, 95);
		assert_true(top >= (int64_t)v);
		assert_true(top <= (int64_t)(v + v / 4 + 4));
	}
}

static void
test_huge_answers_share_the_last_bucket(void **state)
{
	struct outputs o = {0};

	for (int i = 0; i < OUTPUTS_LEAST; i++)
		outputs_add(&o, UINT64_MAX);
	assert_int_equal(outputs_quantile(&o, 95), 65535);
}

static int
by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void
test_against_a_sorted_list(void **state)
{
	srand(3);
	for (int round = 0; round < 200; round++) {
		struct outputs o = {0};
		uint64_t v[200];
		uint64_t exact;
		int64_t got;

		for (int i = 0; i < 200; i++) {
			v[i] = (uint64_t)(rand() % 4000) >> rand() % 8;
			outputs_add(&o, v[i]);
		}
		qsort(v, 200, sizeof *v, by_size);
		exact = v[189]; /* 95 % of 200 are at or below it */
		got = outputs_quantile(&o, 95);
		assert_true(got >= (int64_t)exact);
		assert_true(got <= (int64_t)(exact + exact / 4 + 4));
	}
}

/* A caller whose answers grow is soon known by the new ones. */
static void
test_old_answers_fade(void **state)
{
	struct outputs o = {0};

	for (int i = 0; i < 100000; i++)
		outputs_add(&o, 10);
	for (int i = 0; i < 30; i++)
		outputs_add(&o, 5000);
	assert_true(outputs_quantile(&o, 95) >= 5000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_few_answers_say_nothing),
	    cmocka_unit_test(test_buckets_are_a_quarter_wide_at_most),
	    cmocka_unit_test(test_huge_answers_share_the_last_bucket),
	    cmocka_unit_test(test_against_a_sorted_list),
	    cmocka_unit_test(test_old_answers_fade),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
