/* A worker takes all that it is given, sleeps, and ends when it is asked to. */
#include "os/thread.h"
#include "os/clock.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

enum { MANY = 200000, TICK_US = 1000, LONG_US = 20 * 1000 * 1000 };

struct bench {
	struct os_worker w;
	_Atomic int given, taken, rests;
	_Atomic bool is_deaf; /* looks at closing no more */
	_Atomic bool may_end;
	sigset_t blocked;
};

static bool
has_work(void *arg)
{
	struct bench *b = arg;

	return atomic_load(&b->taken) != atomic_load(&b->given);
}

static void *
run(void *arg)
{
	struct bench *b = arg;

	(void)pthread_sigmask(SIG_BLOCK, NULL, &b->blocked);
	while (!atomic_load(&b->w.abandon)) {
		int given = atomic_load(&b->given);

		if (atomic_load(&b->taken) == given &&
		    atomic_load(&b->w.closing) && !atomic_load(&b->is_deaf))
			break;
		if (atomic_exchange(&b->taken, given) != given) {
			os_worker_rest(&b->w, TICK_US, -1);
			continue;
		}
		atomic_fetch_add(&b->rests, 1);
		os_worker_sleep(&b->w, LONG_US, has_work, b);
	}
	while (atomic_load(&b->is_deaf) && !atomic_load(&b->may_end))
		os_worker_rest(&b->w, TICK_US, -1);
	os_worker_over(&b->w);
	return NULL;
}

static void
wait_until_asleep(struct bench *b)
{
	struct timespec t = {.tv_nsec = 100 * 1000};

	while (!atomic_load(&b->w.asleep))
		(void)nanosleep(&t, NULL);
}

/* Nothing given is forgotten, however giving and going to sleep meet. */
static void
takes_all_it_is_given(void **state)
{
	static struct bench b;

	(void)state;
	assert_int_equal(os_worker_start(&b.w, run, &b), OK);
	for (int i = 0; i < MANY; i++) {
		atomic_fetch_add(&b.given, 1);
		os_worker_poke(&b.w);
	}
	assert_true(os_worker_end(&b.w, LONG_US));
	assert_int_equal(b.taken, MANY);
}

static void
wakes_from_a_long_sleep(void **state)
{
	static struct bench b;
	int64_t begin_us;

	(void)state;
	assert_int_equal(os_worker_start(&b.w, run, &b), OK);
	wait_until_asleep(&b);
	begin_us = os_now_us();
	atomic_store(&b.given, 1);
	os_worker_poke(&b.w);
	while (atomic_load(&b.taken) != 1)
		assert_true(os_now_us() - begin_us < LONG_US / 2);
	wait_until_asleep(&b);
	assert_true(os_worker_end(&b.w, LONG_US));
	assert_true(os_now_us() - begin_us < LONG_US);
	/* One to begin with, one behind the work: no turn in between. */
	assert_in_range(b.rests, 2, 3);
}

static void
no_signal_interrupts_it(void **state)
{
	static struct bench b;

	(void)state;
	assert_int_equal(os_worker_start(&b.w, run, &b), OK);
	assert_true(os_worker_end(&b.w, LONG_US));
	assert_true(sigismember(&b.blocked, SIGTERM) == 1);
	assert_true(sigismember(&b.blocked, SIGPIPE) == 1);
}

/* The bound holds, whatever the worker does. */
static void
leaves_behind_what_hangs(void **state)
{
	static struct bench b;
	int64_t begin_us = os_now_us();
	struct timespec t = {.tv_nsec = 100 * 1000};
	char end;

	(void)state;
	atomic_store(&b.is_deaf, true);
	assert_int_equal(os_worker_start(&b.w, run, &b), OK);
	assert_false(os_worker_end(&b.w, 50 * 1000));
	assert_true(os_now_us() - begin_us < LONG_US);
	assert_true(b.w.abandon);
	atomic_store(&b.may_end, true);
	/* Its end of the pair closes. */
	while (read(b.w.wake[1], &end, 1) != 0)
		(void)nanosleep(&t, NULL);
	(void)close(b.w.wake[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes_all_it_is_given),
	    cmocka_unit_test(wakes_from_a_long_sleep),
	    cmocka_unit_test(no_signal_interrupts_it),
	    cmocka_unit_test(leaves_behind_what_hangs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
