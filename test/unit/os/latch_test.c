/* One at a time, and nobody waits for the dead. */
#include "os/clock.h"
#include "os/latch.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 20000, CHILDREN = 3 };

struct shared {
	struct latch latch;
	uint64_t a, b; /* equal wherever nobody is between them */
	_Atomic int is_in;
};

static struct shared *
new_shared(void)
{
	struct shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(s, MAP_FAILED);
	return s;
}

static void
work(struct shared *s)
{
	uint32_t self = (uint32_t)getpid();

	for (int i = 0; i < ROUNDS; i++) {
		(void)latch_take(&s->latch, self);
		if (s->a != s->b)
			_exit(1);
		s->a++;
		s->b++;
		latch_give(&s->latch, self);
	}
}

static void
test_one_at_a_time(void **state)
{
	struct shared *s = new_shared();
	int status;

	(void)state;
	for (int i = 0; i < CHILDREN; i++)
		if (fork() == 0) {
			work(s);
			_exit(0);
		}
	for (int i = 0; i < CHILDREN; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(s->a, CHILDREN * ROUNDS);
	assert_int_equal(s->b, CHILDREN * ROUNDS);
	(void)munmap(s, sizeof *s);
}

/* Whoever dies with it is followed at once; it is said what that means. */
static void
test_the_dead_are_followed(void **state)
{
	struct shared *s = new_shared();
	uint32_t self = (uint32_t)getpid();
	int64_t begin_us;
	pid_t pid;

	(void)state;
	if ((pid = fork()) == 0) {
		(void)latch_take(&s->latch, (uint32_t)getpid());
		(void)kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	begin_us = os_now_us();
	assert_int_equal(latch_take(&s->latch, self), LATCH_INHERITED);
	assert_true(os_now_us() - begin_us < 500000);
	latch_give(&s->latch, self);
	assert_int_equal(latch_take(&s->latch, self), LATCH_TAKEN);
	latch_give(&s->latch, self);
	(void)munmap(s, sizeof *s);
}

/* One that is stopped with it is not waited for for ever. */
static void
test_the_stopped_are_followed(void **state)
{
	struct shared *s = new_shared();
	uint32_t self = (uint32_t)getpid();
	int64_t begin_us;
	pid_t pid;

	(void)state;
	if ((pid = fork()) == 0) {
		(void)latch_take(&s->latch, (uint32_t)getpid());
		s->is_in = 1;
		for (;;)
			(void)pause();
	}
	while (s->is_in == 0)
		;
	(void)kill(pid, SIGSTOP);
	begin_us = os_now_us();
	assert_int_equal(latch_take(&s->latch, self), LATCH_INHERITED);
	assert_true(os_now_us() - begin_us < 5000000);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)munmap(s, sizeof *s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_at_a_time),
	    cmocka_unit_test(test_the_dead_are_followed),
	    cmocka_unit_test(test_the_stopped_are_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
