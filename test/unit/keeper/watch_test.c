/* Gates that stand still, in made-up time; the gate is a child that rests. */
#include "ipc/pulse.h"
#include "keeper/inside.h"
#include "os/share.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define S INT64_C(1000000)

static struct keeper *k;
static struct conf conf;
static int64_t now_us;

static pid_t
start_child(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)signal(SIGABRT, SIG_DFL); /* cmocka has a handler */
		(void)raise(SIGSTOP);
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

static int
set_up(void **state)
{
	(void)state;
	now_us = 1000 * S;
	conf.watchdog_us = 30 * S;
	k = calloc(1, sizeof *k);
	assert_non_null(k);
	k->setup.conf = &conf;
	child_init(&k->child);
	assert_int_equal(
	    os_share_new("test", GATE_STATE_BYTES, &k->state_fd), OK);
	watch_begin(k, now_us);
	assert_non_null(k->watch.mem);
	k->child.pid = start_child();
	k->child.generation = 1;
	k->child.kill_at_us = INT64_MAX;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	if (k->child.pid != 0) {
		(void)kill(k->child.pid, SIGKILL);
		(void)waitpid(k->child.pid, NULL, 0);
	}
	watch_end(k);
	(void)close(k->state_fd);
	free(k);
	return 0;
}

/* Turns for ${us}, each when the keeper wants it, with or without beats. */
static void
go_on(int64_t us, bool beats)
{
	int64_t end_us = now_us + us;

	while (now_us < end_us && k->child.silent_us == 0) {
		now_us = watch_deadline(k);
		if (beats)
			pulse_beat(k->watch.mem, k->child.generation);
		watch_turn(k, now_us);
	}
}

static void
test_silent_for_too_long(void **state)
{
	int64_t since_us;
	int status;

	(void)state;
	go_on(600 * S, true);
	assert_int_equal(k->child.silent_us, 0);
	since_us = now_us;
	go_on(600 * S, false);
	assert_true(k->child.silent_us >= 30 * S);
	assert_in_range(now_us - since_us, 30 * S, 36 * S);
	/* SIGABRT first; SIGKILL is to follow. */
	assert_int_equal(waitpid(k->child.pid, &status, 0), k->child.pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_true(k->child.kill_at_us > now_us);
	k->child.pid = 0;
}

static void
test_a_start_takes_longer(void **state)
{
	(void)state;
	go_on(55 * S, false);
	assert_int_equal(k->child.silent_us, 0);
	go_on(20 * S, false);
	assert_true(k->child.silent_us >= 60 * S);
}

static void
test_time_without_the_keeper_does_not_count(void **state)
{
	(void)state;
	go_on(10 * S, true);
	for (int i = 0; i < 3; i++) {
		now_us += 3600 * S;
		watch_turn(k, now_us);
	}
	assert_int_equal(k->child.silent_us, 0);
	go_on(10 * S, true);
	assert_int_equal(k->watch.silent_us, 0);
}

static void
test_one_of_an_earlier_program(void **state)
{
	(void)state;
	watch_end(k);
	watch_begin(k, now_us);
	/* It may write its counter elsewhere. */
	go_on(900 * S, false);
	assert_int_equal(k->child.silent_us, 0);
	go_on(10 * S, true);
	go_on(40 * S, false);
	assert_true(k->child.silent_us > 0);
}

static void
test_not_watched(void **state)
{
	(void)state;
	conf.watchdog_us = CONF_FOREVER;
	assert_true(watch_deadline(k) == INT64_MAX);
	watch_turn(k, now_us + 900 * S);
	assert_int_equal(k->child.silent_us, 0);
	assert_true(watch_is_well(k));
}

/* What the service manager hears: not before weir's own cure had its time. */
static void
test_the_manager_hears_nothing(void **state)
{
	pid_t pid = k->child.pid;

	(void)state;
	go_on(10 * S, true);
	go_on(60 * S, false);
	assert_true(k->child.silent_us > 0);
	assert_true(watch_is_well(k));
	/* It cannot be ended. */
	for (int i = 0; i < 20; i++)
		watch_turn(k, now_us = watch_deadline(k));
	assert_false(watch_is_well(k));
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	/* Another one lives. */
	k->child.pid = start_child();
	k->child.generation = 2;
	k->child.silent_us = 0;
	go_on(10 * S, true);
	assert_true(watch_is_well(k));
}

static void
test_counters_are_of_one_gate(void **state)
{
	void *mem = k->watch.mem;
	uint64_t v;

	(void)state;
	assert_int_equal(pulse_read(mem, 1), 0);
	pulse_beat(mem, 1);
	v = pulse_read(mem, 1);
	assert_true(v != 0);
	pulse_beat(mem, 2);
	assert_int_equal(pulse_read(mem, 1), v);
	pulse_beat(mem, 1);
	assert_true(pulse_read(mem, 1) != v);
	/* Another one at the same place. */
	pulse_beat(mem, 1 + GATES_MAX);
	assert_int_equal(pulse_read(mem, 1), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_silent_for_too_long),
	    TEST(test_a_start_takes_longer),
	    TEST(test_time_without_the_keeper_does_not_count),
	    TEST(test_one_of_an_earlier_program),
	    TEST(test_not_watched),
	    TEST(test_the_manager_hears_nothing),
	    TEST(test_counters_are_of_one_gate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
