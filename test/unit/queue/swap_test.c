/*
 * Which models an engine holds: turns, who gives way, who pays.  That no model
 * starves is shown with weir-fair, over many seeds.
 */
#include "queue/swap.h"
#include "world.h"

enum { S = 1000000 }; /* a second */

struct shop {
	struct world *w;
	struct swap swap;
	uint64_t broken; /* a model that is not to be loaded */
};

static bool
may_load(void *ctx, const struct queue_item *head)
{
	const struct shop *s = ctx;

	return head->model != s->broken;
}

static bool
may_run(void *ctx, const struct queue_item *head)
{
	const struct shop *s = ctx;

	return swap_may_run(&s->swap, head->model);
}

static struct shop
shop_new(uint32_t holds)
{
	struct shop s = {.w = world_new(1000, 1000), .broken = 99};

	swap_init(&s.swap, holds, 2);
	s.w->now_us = 1000 * S;
	return s;
}

static void
add_for(struct shop *s, int item, int caller, uint64_t model)
{
	assert_int_equal(add(s->w, item, caller, model), OK);
}

/* The next item, in flight; -1: none. */
static int
run(struct shop *s)
{
	struct queue_item *it = queue_next(&s->w->q, may_run, s, s->w->now_us);

	if (it == NULL)
		return -1;
	swap_enter(&s->swap, it->model, s->w->now_us);
	return (int)(it - s->w->items);
}

static void
finish(struct shop *s, int item)
{
	swap_leave(&s->swap, s->w->items[item].model, s->w->now_us);
	queue_del(&s->w->q, &s->w->items[item]);
}

/* The model that should be loaded now, -1: none. */
static int
wanted(struct shop *s, struct swap_load *out)
{
	bool wants =
	    swap_next(&s->swap, &s->w->q, may_load, s, s->w->now_us, out);

	return wants ? (int)out->model : -1;
}

/* Have the engine load ${model}, which it must want, in 10 s. */
static void
load(struct shop *s, int model)
{
	struct swap_load l;

	assert_int_equal(wanted(s, &l), model);
	assert_false(swap_may_run(&s->swap, l.model));
	assert_int_equal(wanted(s, &l), -1); /* one load at a time */
	s->w->now_us += 10 * S;
	swap_loaded(&s->swap, (uint64_t)model, 10 * S, s->w->now_us);
	assert_true(swap_may_run(&s->swap, (uint64_t)model));
}

static void
test_loads_where_there_is_room(void **state)
{
	struct shop s = shop_new(2);
	struct swap_load l;

	assert_int_equal(wanted(&s, &l), -1);
	add_for(&s, 0, 0, 1);
	add_for(&s, 1, 0, 2);
	assert_int_equal(run(&s), -1);
	assert_int_equal(wanted(&s, &l), 1);
	assert_false(l.evicts);
	assert_ptr_equal(l.payer, &s.w->items[0]);
	swap_loaded(&s.swap, 1, S, s.w->now_us);
	assert_int_equal(run(&s), 0);
	assert_int_equal(wanted(&s, &l), 2);
	assert_false(l.evicts);
	/* A load that failed is asked for again, unless the user knows. */
	swap_gone(&s.swap, 2);
	assert_int_equal(wanted(&s, &l), 2);
	swap_gone(&s.swap, 2);
	s.broken = 2;
	assert_int_equal(wanted(&s, &l), -1);
	world_free(s.w);
}

static void
test_a_turn_lasts_eight_loads(void **state)
{
	struct shop s = shop_new(1);
	struct swap_load l;

	for (int i = 0; i < 10; i++)
		add_for(&s, i, 0, 1);
	load(&s, 1);
	add_for(&s, 10, 1, 2);
	assert_int_equal(run(&s), 0);
	s.w->now_us += 80 * S - 1;
	assert_int_equal(wanted(&s, &l), -1);
	assert_int_equal(run(&s), 1);
	assert_int_equal(swap_due(&s.swap, s.w->now_us), s.w->now_us + 1);
	s.w->now_us += 1;
	/* Over: nothing more of 1 is given out; what runs may end. */
	assert_int_equal(wanted(&s, &l), -1);
	assert_int_equal(run(&s), -1);
	finish(&s, 0);
	assert_int_equal(wanted(&s, &l), -1);
	s.w->now_us += 3 * S;
	finish(&s, 1);
	assert_int_equal(wanted(&s, &l), 2);
	assert_true(l.evicts);
	assert_int_equal(l.evicted, 1);
	assert_int_equal(run(&s), -1);
	swap_loaded(&s.swap, 2, 10 * S, s.w->now_us);
	assert_int_equal(run(&s), 10);
	world_free(s.w);
}

/* The turn is over, but who waited has hung up. */
static void
test_a_turn_goes_on_when_nobody_waits(void **state)
{
	struct shop s = shop_new(1);
	struct swap_load l;

	for (int i = 0; i < 10; i++)
		add_for(&s, i, 0, 1);
	load(&s, 1);
	add_for(&s, 10, 1, 2);
	assert_int_equal(run(&s), 0);
	s.w->now_us += 100 * S;
	assert_int_equal(wanted(&s, &l), -1);
	assert_int_equal(run(&s), -1);
	queue_del(&s.w->q, &s.w->items[10]);
	assert_int_equal(wanted(&s, &l), -1);
	assert_int_equal(run(&s), 1);
	world_free(s.w);
}

static void
test_an_idle_model_gives_way_soon(void **state)
{
	struct shop s = shop_new(1);
	struct swap_load l;

	add_for(&s, 0, 0, 1);
	load(&s, 1);
	assert_int_equal(run(&s), 0);
	add_for(&s, 1, 1, 2);
	s.w->now_us += 5 * S;
	assert_int_equal(wanted(&s, &l), -1); /* it is in use */
	finish(&s, 0);
	/* Its caller may come back at once: a quarter of a load. */
	s.w->now_us += 5 * S / 2 - 1;
	assert_int_equal(wanted(&s, &l), -1);
	assert_int_equal(swap_due(&s.swap, s.w->now_us), s.w->now_us + 1);
	add_for(&s, 2, 0, 1);
	assert_int_equal(run(&s), 2);
	s.w->now_us += S;
	finish(&s, 2);
	s.w->now_us += 5 * S / 2;
	assert_int_equal(wanted(&s, &l), 2);
	world_free(s.w);
}

static void
test_longest_wait_is_next(void **state)
{
	struct shop s = shop_new(1);

	add_for(&s, 0, 0, 1);
	load(&s, 1);
	for (int i = 1; i <= 4; i++) {
		s.w->now_us += S;
		add_for(&s, i, i, i == 4 ? 1 : (uint64_t)(6 - i)); /* 5 4 3 1 */
	}
	s.w->now_us += 100 * S;
	load(&s, 5);
	s.w->now_us += 100 * S;
	load(&s, 4);
	s.w->now_us += 100 * S;
	load(&s, 3);
	/* 1 gave way first of all and has waited since. */
	s.w->now_us += 100 * S;
	load(&s, 1);
	s.w->now_us += 100 * S;
	load(&s, 5);
	world_free(s.w);
}

static void
test_batch_moves_nobody(void **state)
{
	struct shop s = shop_new(1);
	struct swap_load l;

	queue_set_ageing(&s.w->q, QUEUE_NEVER);
	add_for(&s, 0, 0, 1);
	add_for(&s, 1, 0, 1);
	load(&s, 1);
	s.w->items[2].class = QUEUE_BATCH;
	add_for(&s, 2, 1, 2);
	s.w->now_us += 1000 * S;
	assert_int_equal(wanted(&s, &l), -1);
	/* Among what waits, interactive work is loaded first. */
	add_for(&s, 3, 1, 3);
	assert_int_equal(run(&s), 0);
	finish(&s, 0);
	load(&s, 3);
	assert_int_equal(run(&s), 3);
	finish(&s, 3);
	s.w->now_us += 10 * S;
	load(&s, 1);
	assert_int_equal(run(&s), 1);
	finish(&s, 1);
	s.w->now_us += 10 * S;
	load(&s, 2);
	/* Batch gives way to it after one load's time. */
	add_for(&s, 4, 0, 1);
	s.w->now_us += 10 * S - 1;
	assert_int_equal(wanted(&s, &l), -1);
	s.w->now_us += 1;
	assert_int_equal(wanted(&s, &l), 1);
	assert_int_equal(l.evicted, 2);
	world_free(s.w);
}

static void
test_who_forces_a_swap_pays(void **state)
{
	struct shop s = shop_new(1);

	add_for(&s, 0, 0, 1);
	load(&s, 1);
	assert_int_equal(run(&s), 0);
	queue_charge(&s.w->q, &s.w->items[0], 50, 25);
	for (int i = 0; i < 20; i++) /* 100 tokens in 2 s */
		queue_note_service(&s.w->q, &s.w->items[0], 2 * S);
	finish(&s, 0);
	add_for(&s, 1, 1, 2);
	add_for(&s, 2, 2, 2);
	assert_int_equal(served(s.w, 1, QUEUE_INTERACTIVE), 100);
	s.w->now_us += 10 * S;
	load(&s, 2);
	/* Two slots stood still for 10 s. */
	assert_int_equal(served(s.w, 1, QUEUE_INTERACTIVE), 100 + 1000);
	assert_int_equal(served(s.w, 2, QUEUE_INTERACTIVE), 100);
	assert_int_equal(run(&s), 2);
	assert_int_equal(run(&s), 1);
	world_free(s.w);
}

/* What the engine was seen to hold; what it gave up by itself. */
static void
test_what_the_engine_does_by_itself(void **state)
{
	struct shop s = shop_new(2);
	struct swap_load l;

	swap_loaded(&s.swap, 1, -1, s.w->now_us);
	swap_loaded(&s.swap, 1, -1, s.w->now_us + S);
	assert_int_equal(s.swap.n, 1);
	assert_true(swap_may_run(&s.swap, 1));
	for (uint64_t m = 2; m < 40; m++)
		swap_loaded(&s.swap, m, -1, s.w->now_us);
	assert_int_equal(s.swap.n, SWAP_HOLDS_MAX);
	for (uint64_t m = 0; m < 40; m++)
		swap_gone(&s.swap, m);
	assert_int_equal(s.swap.n, 0);
	swap_leave(&s.swap, 1, s.w->now_us); /* its engine died */
	/* Died while its model was loading: it is wanted again. */
	add_for(&s, 0, 0, 7);
	assert_int_equal(wanted(&s, &l), 7);
	swap_gone(&s.swap, 7);
	assert_int_equal(wanted(&s, &l), 7);
	/* Turns of a length that was never measured: by a guess. */
	swap_loaded(&s.swap, 7, -1, s.w->now_us);
	swap_set(&s.swap, 1, 2);
	add_for(&s, 1, 0, 8);
	s.w->now_us += (int64_t)SWAP_ALPHA * SWAP_GUESS_US - 1;
	assert_int_equal(wanted(&s, &l), -1);
	s.w->now_us += 1;
	assert_int_equal(wanted(&s, &l), 8);
	world_free(s.w);
}

static void
test_the_measured_load_is_a_mean(void **state)
{
	struct swap s;

	swap_init(&s, 1, 1);
	for (int i = 0; i < 50; i++) {
		swap_loaded(&s, 1, i < 25 ? 4 * S : 2 * S, i);
		swap_gone(&s, 1);
	}
	assert_in_range(s.load_us, 2 * S, 2 * S + S / 5);
	/* What was seen without a load says nothing. */
	swap_loaded(&s, 1, -1, 0);
	assert_in_range(s.load_us, 2 * S, 2 * S + S / 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_loads_where_there_is_room),
	    cmocka_unit_test(test_a_turn_lasts_eight_loads),
	    cmocka_unit_test(test_a_turn_goes_on_when_nobody_waits),
	    cmocka_unit_test(test_an_idle_model_gives_way_soon),
	    cmocka_unit_test(test_longest_wait_is_next),
	    cmocka_unit_test(test_batch_moves_nobody),
	    cmocka_unit_test(test_who_forces_a_swap_pays),
	    cmocka_unit_test(test_what_the_engine_does_by_itself),
	    cmocka_unit_test(test_the_measured_load_is_a_mean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
