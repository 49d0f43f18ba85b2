/* Work runs beside the loop, in order; done comes on the loop, once. */
#include "loop/job.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

enum { MANY = 500 };

struct world {
	struct loop loop;
	struct timer guard;
	pthread_t main;
	int n_done;
	bool is_late;
};

struct sum {
	struct job job;
	struct world *world;
	int number, result;
	bool worked_elsewhere;
};

static void
work(struct job *j)
{
	struct sum *s = (struct sum *)(void *)j;

	s->worked_elsewhere = !pthread_equal(pthread_self(), s->world->main);
	s->result = s->number * s->number;
}

static void
done(struct job *j)
{
	struct sum *s = (struct sum *)(void *)j;
	struct world *w = s->world;

	assert_true(pthread_equal(pthread_self(), w->main));
	assert_true(s->worked_elsewhere);
	assert_int_equal(s->number, w->n_done++);
	assert_int_equal(s->result, s->number * s->number);
	free(s);
	if (w->n_done == MANY)
		loop_stop(&w->loop);
}

static void
on_guard(struct timer *t)
{
	struct world *w =
	    (struct world *)(void *)((char *)t - offsetof(struct world, guard));

	w->is_late = true;
	loop_stop(&w->loop);
}

static void
world_init(struct world *w)
{
	*w = (struct world){.main = pthread_self()};
	assert_int_equal(loop_init(&w->loop), OK);
	timer_init(&w->guard, &w->loop, on_guard);
	timer_set(&w->guard, os_now_us() + 20 * INT64_C(1000000));
}

static void
start(struct world *w, int number)
{
	struct sum *s = calloc(1, sizeof *s);

	assert_non_null(s);
	*s = (struct sum){
	    .job = {.work = work, .done = done}, .world = w, .number = number};
	assert_int_equal(job_start(&w->loop, &s->job), OK);
}

static void
jobs_are_done_in_order(void **state)
{
	struct world w;

	world_init(&w);
	assert_int_equal(job_count(&w.loop), 0);
	for (int i = 0; i < MANY; i++)
		start(&w, i);
	assert_int_equal(job_count(&w.loop), MANY);
	loop_run(&w.loop);
	assert_false(w.is_late);
	assert_int_equal(w.n_done, MANY);
	assert_int_equal(job_count(&w.loop), 0);
	timer_stop(&w.guard);
	assert_true(loop_fini(&w.loop));
}

struct slow {
	struct job job;
	int *worked, *n_done;
};

static void
work_slowly(struct job *j)
{
	(*((struct slow *)(void *)j)->worked)++;
	(void)usleep(20000);
}

static void
slow_done(struct job *j)
{
	(*((struct slow *)(void *)j)->n_done)++;
}

/* The one under way is waited for, the others are not begun; all are told. */
static void
an_end_forgets_none(void **state)
{
	struct slow jobs[20];
	struct world w;
	int worked = 0, n_done = 0;

	world_init(&w);
	for (int i = 0; i < 20; i++) {
		jobs[i] = (struct slow){
		    {.work = work_slowly, .done = slow_done}, &worked, &n_done};
		assert_int_equal(job_start(&w.loop, &jobs[i].job), OK);
	}
	timer_stop(&w.guard);
	job_stop(&w.loop);
	assert_int_equal(n_done, 20);
	assert_in_range(worked, 0, 19);
	assert_true(loop_fini(&w.loop));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(jobs_are_done_in_order),
	    cmocka_unit_test(an_end_forgets_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
