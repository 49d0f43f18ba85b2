/*
 * Timers never ring early, ring once, and ring although others stop, move or
 * set themselves; turn hooks run before the loop sleeps.
 */
#include "loop/loop.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define MS INT64_C(1000)

struct world {
	struct loop loop;
	struct timer guard;
	bool is_late; /* the guard rang: something never came */
};

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
	*w = (struct world){.is_late = false};
	assert_int_equal(loop_init(&w->loop), OK);
	timer_init(&w->guard, &w->loop, on_guard);
	timer_set(&w->guard, os_now_us() + 20000 * MS);
}

static void
world_run(struct world *w)
{
	loop_run(&w->loop);
	assert_false(w->is_late);
}

static void
world_fini(struct world *w)
{
	timer_stop(&w->guard);
	assert_true(loop_fini(&w->loop));
}

/* --- thousands at random, beside what each of them was told last --- */

enum { N = 4000 };

struct crowd;

struct member {
	struct timer timer;
	struct crowd *crowd;
	int64_t want_us; /* INT64_MAX: must not ring */
	int rang;
};

struct crowd {
	struct world w;
	struct member m[N];
	int left, moves;
	int64_t last_us;
	unsigned seed;
};

static void
tell(struct member *m, int64_t at_us)
{
	if ((m->want_us == INT64_MAX) != (at_us == INT64_MAX))
		m->crowd->left += at_us == INT64_MAX ? -1 : 1;
	m->want_us = at_us;
	if (at_us == INT64_MAX)
		timer_stop(&m->timer);
	else
		timer_set(&m->timer, at_us);
}

static void
on_member(struct timer *t)
{
	struct member *m = (struct member *)(void *)t;
	struct crowd *c = m->crowd;
	int64_t now_us = os_now_us();

	if (m->want_us == INT64_MAX)
		fail_msg("seed %u: rang though stopped", c->seed);
	if (now_us < m->want_us)
		fail_msg("seed %u: early", c->seed);
	m->rang++;
	m->want_us = INT64_MAX;
	c->left--;
	/* Some interfere with others or set themselves again. */
	for (int i = 0; i < 2 && c->moves > 0; i++, c->moves--) {
		struct member *other = &c->m[rand() % N];

		switch (rand() % 4) {
		case 0:
			tell(other, INT64_MAX);
			break;
		case 1:
			tell(m, now_us + rand() % 5000);
			break;
		default:
			tell(other, now_us + rand() % 40000 - 1000);
			break;
		}
	}
	if (c->left == 0)
		loop_stop(&c->w.loop);
}

static void
test_crowd(void **state)
{
	struct crowd *c = calloc(1, sizeof *c);

	(void)state;
	assert_non_null(c);
	for (c->seed = 1; c->seed <= 3; c->seed++) {
		int64_t now_us;

		srand(c->seed);
		world_init(&c->w);
		c->left = 0;
		c->moves = 3 * N;
		now_us = os_now_us();
		for (int i = 0; i < N; i++) {
			c->m[i] =
			    (struct member){.crowd = c, .want_us = INT64_MAX};
			timer_init(&c->m[i].timer, &c->w.loop, on_member);
			tell(&c->m[i], now_us + rand() % 100000);
		}
		/* Later (lazily), earlier, stopped, before the loop runs. */
		for (int i = 0; i < N; i++)
			tell(&c->m[rand() % N],
			    rand() % 5 ? now_us + rand() % 200000 : INT64_MAX);
		world_run(&c->w);
		for (int i = 0; i < N; i++)
			assert_int_equal(c->m[i].want_us, INT64_MAX);
		world_fini(&c->w);
	}
	free(c);
}

/* --- order --- */

struct ordered {
	struct timer timer;
	struct world *w;
	int64_t at_us;
	int64_t *last_us;
	int *left;
};

static void
on_ordered(struct timer *t)
{
	struct ordered *o = (struct ordered *)(void *)t;

	assert_true(o->at_us >= *o->last_us);
	*o->last_us = o->at_us;
	if (--*o->left == 0)
		loop_stop(&o->w->loop);
}

static void
test_order(void **state)
{
	static struct ordered o[500];
	int64_t last_us = 0, now_us;
	int left = 500;
	struct world w;

	(void)state;
	srand(9);
	world_init(&w);
	now_us = os_now_us();
	for (int i = 0; i < 500; i++) {
		o[i] = (struct ordered){.w = &w,
		    .last_us = &last_us,
		    .left = &left,
		    .at_us = now_us + rand() % 50000};
		timer_init(&o[i].timer, &w.loop, on_ordered);
		/* Half of them were to ring sooner at first. */
		if (i % 2)
			timer_set(&o[i].timer, now_us + rand() % 1000);
		if (i % 2 && o[i].at_us < now_us + 1000)
			o[i].at_us = now_us + 1000;
		timer_set(&o[i].timer, o[i].at_us);
	}
	world_run(&w);
	world_fini(&w);
}

/* --- timers that meddle with each other --- */

struct pair {
	struct world w;
	struct timer *other; /* on the heap; stopped and freed by the first */
	struct timer first, last;
	int n;
};

static void
on_never(struct timer *t)
{
	(void)t;
	fail_msg("a stopped timer rang");
}

static void
on_first(struct timer *t)
{
	struct pair *p =
	    (struct pair *)(void *)((char *)t - offsetof(struct pair, first));

	timer_stop(p->other);
	timer_stop(p->other);
	free(p->other);
	p->other = NULL;
}

static void
on_last(struct timer *t)
{
	struct pair *p =
	    (struct pair *)(void *)((char *)t - offsetof(struct pair, last));

	assert_null(p->other);
	loop_stop(&p->w.loop);
}

/* Both are due at the same time: the one that stops the other wins. */
static void
test_stop_from_anothers_callback(void **state)
{
	int64_t now_us;
	struct pair p = {.n = 0};

	(void)state;
	world_init(&p.w);
	now_us = os_now_us();
	p.other = malloc(sizeof *p.other);
	assert_non_null(p.other);
	timer_init(&p.first, &p.w.loop, on_first);
	timer_init(p.other, &p.w.loop, on_never);
	timer_init(&p.last, &p.w.loop, on_last);
	timer_set(&p.last, now_us + 3);
	timer_set(p.other, now_us + 2);
	timer_set(&p.first, now_us + 1);
	world_run(&p.w);
	world_fini(&p.w);
}

static void
on_again(struct timer *t)
{
	struct pair *p =
	    (struct pair *)(void *)((char *)t - offsetof(struct pair, first));

	p->n++;
	timer_set(t, 0); /* long past */
}

static void
on_enough(struct timer *t)
{
	struct pair *p =
	    (struct pair *)(void *)((char *)t - offsetof(struct pair, last));

	loop_stop(&p->w.loop);
}

/* One that is always due must not keep the loop for itself. */
static void
test_set_for_the_past_in_own_callback(void **state)
{
	struct pair p = {.n = 0};

	(void)state;
	world_init(&p.w);
	timer_init(&p.first, &p.w.loop, on_again);
	timer_init(&p.last, &p.w.loop, on_enough);
	timer_set(&p.first, os_now_us());
	timer_set(&p.last, os_now_us() + 20 * MS);
	world_run(&p.w);
	assert_true(p.n > 1);
	timer_stop(&p.first);
	world_fini(&p.w);
}

static void
on_periodic(struct timer *t)
{
	struct pair *p =
	    (struct pair *)(void *)((char *)t - offsetof(struct pair, first));

	if (++p->n == 10)
		loop_stop(&p->w.loop);
	else
		timer_set(t, os_now_us() + 2 * MS);
}

static void
test_periodic(void **state)
{
	struct pair p = {.n = 0};
	int64_t begun_us;

	(void)state;
	world_init(&p.w);
	timer_init(&p.first, &p.w.loop, on_periodic);
	begun_us = os_now_us();
	timer_set(&p.first, begun_us);
	world_run(&p.w);
	assert_int_equal(p.n, 10);
	assert_true(os_now_us() - begun_us >= 9 * 2 * MS);
	world_fini(&p.w);
}

/* INT64_MAX is never, and moving to it and back works. */
static void
test_never(void **state)
{
	struct pair p = {.n = 0};

	(void)state;
	world_init(&p.w);
	timer_init(&p.first, &p.w.loop, on_never);
	timer_init(&p.last, &p.w.loop, on_enough);
	timer_set(&p.first, INT64_MAX);
	timer_set(&p.last, os_now_us() + 5 * MS);
	world_run(&p.w);
	timer_set(&p.first, os_now_us() + 1);
	timer_set(&p.first, INT64_MAX);
	timer_set(&p.last, os_now_us() + 5 * MS);
	world_run(&p.w);
	p.first.fn = on_periodic;
	p.n = 9;
	timer_set(&p.first, os_now_us() + 1);
	world_run(&p.w);
	assert_int_equal(p.n, 10);
	timer_stop(&p.first);
	world_fini(&p.w);
}

/* --- turn hooks --- */

struct turning {
	struct world w;
	struct loop_turn turn, second;
	struct timer timer;
	int turns, order, goal;
	bool rang;
};

static void
on_second(struct loop_turn *t)
{
	struct turning *g = (struct turning *)(void *)((char *)t -
	    offsetof(struct turning, second));

	/* In the order in which they were added. */
	assert_int_equal(++g->order, 2);
}

static void
on_turn_again(struct loop_turn *t)
{
	struct turning *g = (struct turning *)(void *)((char *)t -
	    offsetof(struct turning, turn));

	g->order = 1;
	if (++g->turns >= g->goal)
		loop_stop(&g->w.loop);
	else
		loop_again(&g->w.loop);
}

/* loop_again goes round without any event. */
static void
test_again(void **state)
{
	struct turning g = {.goal = 1000};

	(void)state;
	world_init(&g.w);
	g.turn.fn = on_turn_again;
	g.second.fn = on_second;
	loop_add_turn(&g.w.loop, &g.turn);
	loop_add_turn(&g.w.loop, &g.second);
	world_run(&g.w);
	assert_int_equal(g.order, 2);
	world_fini(&g.w);
}

static void
on_turn_count(struct loop_turn *t)
{
	struct turning *g = (struct turning *)(void *)((char *)t -
	    offsetof(struct turning, turn));

	g->turns++;
	if (g->rang)
		loop_stop(&g->w.loop);
}

static void
on_ring(struct timer *t)
{
	struct turning *g = (struct turning *)(void *)((char *)t -
	    offsetof(struct turning, timer));

	g->rang = true;
}

/*
 * What a timer woke is seen by the hook at once, not with the next event; and
 * one loop_again does not make the loop spin.
 */
static void
test_hook_after_timer(void **state)
{
	struct turning g = {.goal = 0};

	(void)state;
	world_init(&g.w);
	g.turn.fn = on_turn_count;
	loop_add_turn(&g.w.loop, &g.turn);
	timer_init(&g.timer, &g.w.loop, on_ring);
	timer_set(&g.timer, os_now_us() + 50 * MS);
	loop_again(&g.w.loop);
	world_run(&g.w);
	assert_true(g.turns < 50);
	world_fini(&g.w);
}

/* --- the loop itself --- */

static void
test_fini(void **state)
{
	struct loop l;
	uv_timer_t forgotten;

	(void)state;
	assert_int_equal(loop_init(&l), OK);
	assert_true(loop_fini(&l));
	/* A stop that nobody ran into. */
	assert_int_equal(loop_init(&l), OK);
	loop_stop(&l);
	assert_true(loop_fini(&l));
	assert_int_equal(loop_init(&l), OK);
	(void)uv_timer_init(&l.uv, &forgotten);
	assert_false(loop_fini(&l));
	uv_close((uv_handle_t *)&forgotten, NULL);
	(void)uv_run(&l.uv, UV_RUN_NOWAIT);
	assert_int_equal(uv_loop_close(&l.uv), 0);
}

static void
test_chunks(void **state)
{
	enum { MANY = 400 };
	static char *chunks[MANY];
	struct loop l;

	(void)state;
	assert_int_equal(loop_init(&l), OK);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < MANY; i++) {
			chunks[i] = loop_take_chunk(&l);
			assert_non_null(chunks[i]);
			memset(chunks[i], i & 255, LOOP_CHUNK);
		}
		assert_int_equal(l.n_chunks, 0);
		for (int i = 0; i < MANY; i++) {
			assert_int_equal(chunks[i][0], (char)(i & 255));
			assert_int_equal(
			    chunks[i][LOOP_CHUNK - 1], (char)(i & 255));
			loop_give_chunk(&l, chunks[i]);
		}
		assert_true(l.n_chunks < MANY);
	}
	assert_true(loop_fini(&l)); /* ASan: none is lost */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_crowd),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_stop_from_anothers_callback),
	    cmocka_unit_test(test_set_for_the_past_in_own_callback),
	    cmocka_unit_test(test_periodic),
	    cmocka_unit_test(test_never),
	    cmocka_unit_test(test_again),
	    cmocka_unit_test(test_hook_after_timer),
	    cmocka_unit_test(test_fini),
	    cmocka_unit_test(test_chunks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
