/* The clock, and that it stands still while it is held. */
#include "os/clock.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>
#include <cmocka.h>

static void *
read_clock(void *out)
{
	*(int64_t *)out = os_now_us();
	return NULL;
}

static void
a_held_clock_stands_for_its_thread_alone(void **state)
{
	int64_t held_us, other_us;
	pthread_t thread;

	(void)state;
	os_now_hold();
	held_us = os_now_us();
	usleep(2000);
	assert_int_equal(os_now_us(), held_us);
	assert_int_equal(
	    pthread_create(&thread, NULL, read_clock, &other_us), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(other_us >= held_us + 2000);
	os_now_release();
	assert_true(os_now_us() >= held_us + 2000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_held_clock_stands_for_its_thread_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
