/* Work in a copy of this process: its answer, its end, its bound. */
#include "os/aside.h"
#include "os/clock.h"
#include <signal.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include <unistd.h>

static int
answer(void *ctx)
{
	return *(int *)ctx;
}

static int
crash(void *ctx)
{
	(void)ctx;
	(void)kill(getpid(), SIGKILL);
	return 0;
}

static int
hang(void *ctx)
{
	(void)ctx;
	while (pause() < 0)
		continue;
	return 0;
}

static int
result_of(struct os_aside *a)
{
	int64_t until_us = os_now_us() + 20 * INT64_C(1000000);
	int r;

	while ((r = os_aside_result(a)) == OS_ASIDE_LATER) {
		assert_true(os_now_us() < until_us);
		(void)usleep(1000);
	}
	assert_int_equal(a->pid, 0);
	return r;
}

static void
test_results(void **state)
{
	struct os_aside a = {0};
	int n = 7;

	(void)state;
	assert_int_equal(os_aside_start(&a, answer, &n, 10), OK);
	assert_int_equal(result_of(&a), 7);
	/* It is told once. */
	assert_int_equal(os_aside_result(&a), OS_ASIDE_FAILED);
	assert_int_equal(os_aside_start(&a, crash, NULL, 10), OK);
	assert_int_equal(result_of(&a), OS_ASIDE_FAILED);
}

static void
test_bounds(void **state)
{
	struct os_aside a = {0};
	int n = 3;

	(void)state;
	assert_int_equal(os_aside_start(&a, hang, NULL, 1), OK);
	assert_int_equal(os_aside_result(&a), OS_ASIDE_LATER);
	assert_int_equal(result_of(&a), OS_ASIDE_FAILED);
	/* Another one takes its place. */
	assert_int_equal(os_aside_start(&a, hang, NULL, 60), OK);
	assert_int_equal(os_aside_start(&a, answer, &n, 10), OK);
	assert_int_equal(result_of(&a), 3);
	os_aside_stop(&a);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_results),
	    cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
