/*
 * What callers are charged, where who comes begins, classes and ageing: the
 * rules of queue.h in small cases whose numbers are worked out by hand.
 */
#include "world.h"

static void
test_cost(void **state)
{
	static const struct {
		int64_t guess, input, output;
		uint32_t weight;
		int64_t at_dispatch, at_end; /* tokens x QUEUE_COST_SCALE */
	} rows[] = {
	    {100, -1, 50, 1, 100 * 65536, 200 * 65536},
	    {100, 60, 50, 1, 100 * 65536, 160 * 65536}, /* guessed too much */
	    {100, 400, 0, 1, 100 * 65536, 400 * 65536}, /* and too little */
	    {100, 60, 50, 4, 25 * 65536, 40 * 65536},
	    {100, 60, -1, 1, 100 * 65536, 60 * 65536},
	    {0, 0, 0, 1, 0, 0},
	    {1, 1, 0, 1000, 65, 65}, /* 65536 / 1000, rounded down */
	    {-5, -1, 3, 1, 0, 6 * 65536},
	    /* Nobody is believed to have a prompt of more than 2^32. */
	    {INT64_MAX, -1, INT64_MAX, 1, INT64_C(1) << 48,
		3 * (INT64_C(1) << 48)},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct world *w = world_new(10, 1000);
		const struct queue_account *a = &w->callers[0].accounts[0];

		queue_caller_set(&w->callers[0], 0, 0, rows[i].weight);
		must_add(w, 0, 0, rows[i].guess);
		assert_int_equal(next(w), 0);
		assert_int_equal(a->counter, rows[i].at_dispatch);
		queue_charge(
		    &w->q, &w->items[0], rows[i].input, rows[i].output);
		assert_int_equal(a->counter, rows[i].at_end);
		world_free(w);
	}
}

/* Told in pieces or at once, twice or in between: the sum is the same. */
static void
test_totals_are_exact(void **state)
{
	struct world *w = world_new(10, 1000);
	struct queue_item *it = &w->items[0];

	queue_caller_set(&w->callers[0], 0, 0, 7);
	must_add(w, 0, 0, 1000);
	assert_int_equal(next(w), 0);
	for (int64_t out = 0; out <= 333; out++)
		queue_charge(&w->q, it, -1, out);
	queue_charge(&w->q, it, 123, -1);
	queue_charge(&w->q, it, 123, 333);
	assert_int_equal(w->callers[0].accounts[0].counter,
	    (123 + 2 * 333) * INT64_C(65536) / 7);
	/* Another weight from now on does not change what was agreed. */
	queue_caller_set(&w->callers[0], 0, 0, 1);
	queue_charge(&w->q, it, 124, 333);
	assert_int_equal(w->callers[0].accounts[0].counter,
	    (124 + 2 * 333) * INT64_C(65536) / 7);
	world_free(w);
}

static void
test_sent_again_is_charged_once(void **state)
{
	struct world *w = world_new(10, 1000);
	struct queue_item *it = &w->items[0];

	must_add(w, 0, 0, 100);
	queue_charge(&w->q, it, 100, 100); /* not given out: costs nothing */
	assert_int_equal(served(w, 0, QUEUE_INTERACTIVE), 0);
	for (int again = 0; again < 3; again++) {
		assert_int_equal(next(w), 0);
		assert_int_equal(served(w, 0, QUEUE_INTERACTIVE), 100);
		assert_int_equal(queue_put_back(&w->q, it), OK);
	}
	assert_int_equal(next(w), 0);
	queue_charge(&w->q, it, 80, 10);
	assert_int_equal(served(w, 0, QUEUE_INTERACTIVE), 100);
	/* It came to nothing after all. */
	queue_charge(&w->q, it, 0, 0);
	assert_int_equal(served(w, 0, QUEUE_INTERACTIVE), 0);
	world_free(w);
}

static void
test_smallest_counter_is_next(void **state)
{
	/* Caller 0 sends 300 a time, 1 sends 100, 2 sends 100 with weight 2. */
	static const int tok[] = {300, 100, 100};
	static const int expect[] = {0, 1, 2, 2, 1, 2, 2, 1, 2, 2};
	struct world *w = world_new(100, 1000);

	queue_caller_set(&w->callers[2], 0, 0, 2);
	for (int i = 0; i < 30; i++)
		must_add(w, i, i % 3, tok[i % 3]);
	/*
	 * 0:300 1:100 2:50 -> 2:100, then 1 and 2 at 100, 1 is older: 1:200,
	 * 2:150, 2:200, 1:300, 2:250, 2:300; all are at 300 then.
	 */
	for (size_t i = 0; i < sizeof expect / sizeof *expect; i++)
		assert_int_equal(next(w) % 3, expect[i]);
	for (int c = 0; c < 3; c++)
		assert_int_equal(served(w, c, QUEUE_INTERACTIVE), 300);
	world_free(w);
}

static void
test_who_comes_is_lifted(void **state)
{
	struct world *w = world_new(100, 1000);

	/* Nobody has been served: it begins at 0. */
	must_add(w, 0, 0, 500);
	assert_int_equal(served(w, 0, QUEUE_INTERACTIVE), 0);
	assert_int_equal(next(w), 0);
	/* Nobody waits: at that of the last dispatch, as it is by now. */
	queue_charge(&w->q, &w->items[0], -1, 100);
	must_add(w, 1, 1, 200);
	assert_int_equal(served(w, 1, QUEUE_INTERACTIVE), 700);
	/* Some wait: at the smallest of them. */
	must_add(w, 2, 0, 10);
	queue_charge(&w->q, &w->items[0], -1, 400);
	must_add(w, 3, 2, 10);
	assert_int_equal(served(w, 0, QUEUE_INTERACTIVE), 1300);
	assert_int_equal(served(w, 2, QUEUE_INTERACTIVE), 700);
	/* Who is above stays where it is. */
	assert_int_equal(next(w), 1);
	assert_int_equal(served(w, 1, QUEUE_INTERACTIVE), 900);
	must_add(w, 4, 1, 10);
	assert_int_equal(served(w, 1, QUEUE_INTERACTIVE), 900);
	/* Who waits already is not lifted again. */
	assert_int_equal(next(w), 3);
	must_add(w, 5, 1, 10);
	assert_int_equal(served(w, 1, QUEUE_INTERACTIVE), 900);
	world_free(w);
}

/* Those who wait for the same model tell the level, then all others. */
static void
test_level_of_the_same_model_first(void **state)
{
	struct world *w = world_new(100, 1000);

	must_add(w, 0, 0, 900);
	assert_int_equal(next(w), 0);
	assert_int_equal(add(w, 1, 1, 1), OK); /* for model 1, at 900 */
	must_add(w, 2, 0, 100);		       /* for model 0, at 900 */
	queue_charge(&w->q, &w->items[0], 300, 0);
	assert_int_equal(served(w, 0, QUEUE_INTERACTIVE), 900);
	world_free(w);

	w = world_new(100, 1000);
	must_add(w, 0, 0, 900);
	must_add(w, 1, 0, 100); /* waits all the time for model 0 */
	assert_int_equal(next(w), 0);
	assert_int_equal(add(w, 2, 1, 1), OK); /* for model 1, at 900 */
	queue_charge(&w->q, &w->items[0], 300, 0);
	assert_int_equal(add(w, 3, 2, 1), OK);
	assert_int_equal(served(w, 2, QUEUE_INTERACTIVE), 900);
	assert_int_equal(add(w, 4, 3, 0), OK);
	assert_int_equal(served(w, 3, QUEUE_INTERACTIVE), 300);
	assert_int_equal(add(w, 5, 4, 2), OK); /* nobody waits for that */
	assert_int_equal(served(w, 4, QUEUE_INTERACTIVE), 300);
	world_free(w);
}

static void
test_correction_stops_at_the_last_lift(void **state)
{
	struct world *w = world_new(100, 1000);

	/* Guessed at 1000, is 100; meanwhile another has come to 500. */
	must_add(w, 0, 0, 1000);
	must_add(w, 1, 1, 500);
	must_add(w, 2, 1, 0);
	assert_int_equal(next(w), 0);
	assert_int_equal(next(w), 1);
	must_add(w, 3, 0, 0); /* comes back at 1000, the level is 500 */
	queue_charge(&w->q, &w->items[0], 1000, 20);
	assert_int_equal(served(w, 0, QUEUE_INTERACTIVE), 1040);
	queue_charge(&w->q, &w->items[0], 1000, 10);
	assert_int_equal(served(w, 0, QUEUE_INTERACTIVE), 1020);
	queue_charge(&w->q, &w->items[0], 100, 0);
	assert_int_equal(served(w, 0, QUEUE_INTERACTIVE), 500);
	/* What was charged since is corrected in full. */
	assert_int_equal(next(w), 3);
	queue_charge(&w->q, &w->items[3], 50, 0);
	assert_int_equal(served(w, 0, QUEUE_INTERACTIVE), 550);
	queue_charge(&w->q, &w->items[3], 20, 0);
	assert_int_equal(served(w, 0, QUEUE_INTERACTIVE), 520);
	world_free(w);
}

static void
test_correction_without_a_lift_is_full(void **state)
{
	struct world *w = world_new(100, 1000);

	must_add(w, 0, 0, 1000);
	must_add(w, 1, 0, 0); /* waits all the time */
	must_add(w, 2, 1, 300);
	must_add(w, 3, 1, 300);
	assert_int_equal(next(w), 0);
	assert_int_equal(next(w), 2); /* 1 is at 300 */
	queue_charge(&w->q, &w->items[0], 100, 0);
	assert_int_equal(served(w, 0, QUEUE_INTERACTIVE), 100);
	assert_int_equal(next(w), 1);
	world_free(w);
}

/* Who comes while a request runs goes before the next of its caller. */
static void
test_ties(void **state)
{
	struct world *w = world_new(100, 1000);

	must_add(w, 0, 0, 100);
	must_add(w, 1, 0, 100);
	must_add(w, 2, 0, 100);
	assert_int_equal(next(w), 0);
	must_add(w, 3, 1, 0); /* both at 100 */
	must_add(w, 4, 2, 0);
	assert_int_equal(next(w), 3);
	/* But not for ever: who comes now is later. */
	must_add(w, 5, 3, 0);
	assert_int_equal(next(w), 4);
	assert_int_equal(next(w), 1);
	assert_int_equal(next(w), 5); /* at 100; 0 is at 200 */
	assert_int_equal(next(w), 2);
	world_free(w);
}

static void
test_parked_callers_keep_nobody_down(void **state)
{
	struct world *w = world_new(100, 1000);

	queue_caller_set(&w->callers[0], 1, 0, 1);
	must_add(w, 0, 0, 10);
	must_add(w, 1, 0, 10);
	must_add(w, 2, 1, 1000);
	must_add(w, 3, 1, 1000);
	must_add(w, 4, 1, 1000);
	assert_int_equal(next(w), 0); /* 0 is parked at 10 */
	assert_int_equal(next(w), 2);
	assert_int_equal(next(w), 3); /* 1 is at 2000 */
	must_add(w, 5, 2, 10);
	assert_int_equal(served(w, 2, QUEUE_INTERACTIVE), 2000);
	/* Back from its cap it begins where the others are. */
	queue_del(&w->q, &w->items[0]);
	assert_int_equal(served(w, 0, QUEUE_INTERACTIVE), 2000);
	world_free(w);
}

static void
test_classes(void **state)
{
	struct world *w = world_new(100, 1000);

	queue_set_ageing(&w->q, QUEUE_NEVER);
	for (int i = 0; i < 3; i++)
		w->items[i].class = QUEUE_BATCH;
	must_add(w, 0, 0, 10);
	must_add(w, 1, 0, 10);
	must_add(w, 2, 1, 10);
	must_add(w, 3, 0, 5000);
	must_add(w, 4, 0, 5000);
	assert_int_equal(next(w), 3);
	assert_int_equal(next(w), 4);
	/* What is interactive does not count where batch is compared. */
	assert_int_equal(served(w, 0, QUEUE_BATCH), 0);
	assert_int_equal(next(w), 0);
	assert_int_equal(next(w), 2);
	assert_int_equal(served(w, 0, QUEUE_BATCH), 10);
	/* Interactive work that may not run does not stop batch. */
	assert_int_equal(add(w, 5, 2, 1), OK);
	w->closed[1] = true;
	assert_int_equal(next(w), 1);
	assert_int_equal(next(w), -1);
	world_free(w);
}

static void
test_batch_ages_at_the_head_of_its_line(void **state)
{
	struct world *w = world_new(100, 1000);

	queue_set_ageing(&w->q, 100);
	w->now_us = 1000;
	for (int i = 0; i < 3; i++)
		w->items[i].class = QUEUE_BATCH;
	must_add(w, 0, 0, 10);
	must_add(w, 1, 0, 10);
	must_add(w, 2, 1, 10);
	for (int i = 3; i < 20; i++)
		must_add(w, i, 2, 10);
	w->now_us = 1099;
	assert_int_equal(next(w), 3);
	w->now_us = 1100; /* the heads of 0 and 1 are old enough */
	assert_int_equal(next(w), 0);
	assert_int_equal(w->items[0].band, QUEUE_INTERACTIVE);
	assert_int_equal(served(w, 0, QUEUE_INTERACTIVE), 20);
	assert_int_equal(served(w, 0, QUEUE_BATCH), 0);
	assert_int_equal(next(w), 2);
	/* Item 1 is as old, but has been first only since 0 went. */
	w->now_us = 1199;
	assert_int_equal(next(w), 4);
	w->now_us = 1200;
	assert_int_equal(next(w), 1);
	assert_int_equal(next(w), 5);
	world_free(w);
}

static void
test_aged_items_keep_their_class_when_put_back(void **state)
{
	struct world *w = world_new(100, 1000);

	queue_set_ageing(&w->q, 100);
	w->now_us = 1000;
	w->items[0].class = QUEUE_BATCH;
	must_add(w, 0, 0, 10);
	must_add(w, 1, 1, 10);
	w->now_us = 1100;
	assert_int_equal(next(w), 1);
	assert_int_equal(next(w), 0);
	assert_int_equal(queue_put_back(&w->q, &w->items[0]), OK);
	w->items[2].class = QUEUE_BATCH;
	must_add(w, 2, 1, 10);
	must_add(w, 3, 2, 10);
	assert_int_equal(next(w), 0);
	assert_int_equal(next(w), 3);
	assert_int_equal(next(w), 2);
	assert_int_equal(w->callers[0].accounts[QUEUE_BATCH].counter, 0);
	world_free(w);
}

static void
test_standing_still_is_charged_at_the_measured_pace(void **state)
{
	struct world *w = world_new(100, 1000);

	queue_caller_set(&w->callers[1], 0, 0, 2);
	must_add(w, 0, 0, 100);
	must_add(w, 1, 1, 0);
	assert_int_equal(next(w), 0);
	queue_charge_idle(&w->q, &w->items[1], 5000000);
	assert_int_equal(served(w, 1, QUEUE_INTERACTIVE), 0); /* not known */
	for (int i = 0; i < 20; i++) /* 100 tokens in 1 s */
		queue_note_service(&w->q, &w->items[0], 1000000);
	queue_charge_idle(&w->q, &w->items[1], 5000000);
	assert_int_equal(served(w, 1, QUEUE_INTERACTIVE), 250);
	/* It is no cost of the item and is never given back. */
	assert_int_equal(next(w), 1);
	queue_charge(&w->q, &w->items[1], 0, 0);
	assert_int_equal(served(w, 1, QUEUE_INTERACTIVE), 250);
	world_free(w);
}

/* Another queue goes on where a killed one was. */
static void
test_counters_survive(void **state)
{
	static const struct counters_key keys[] = {{1, 1}, {2, 2}, {3, 3}};
	size_t size = counters_bytes(64);
	void *mem = aligned_alloc(64, size);
	struct counters t;
	struct world *w;

	assert_non_null(mem);
	memset(mem, 0, size);
	assert_int_equal(counters_attach(&t, mem, size), OK);
	for (int life = 0; life < 2; life++) {
		w = world_new(100, 1000);
		queue_set_counters(&w->q, &t);
		for (int c = 0; c < 3; c++)
			queue_caller_restore(&w->q, &w->callers[c], keys[c]);
		if (life == 1)
			break;
		must_add(w, 0, 0, 500);
		must_add(w, 1, 0, 500);
		must_add(w, 2, 1, 300);
		assert_int_equal(next(w), 0);
		assert_int_equal(next(w), 2);
		queue_charge(&w->q, &w->items[2], -1, 50);
		world_free(w); /* nothing more is told */
		assert_int_equal(counters_attach(&t, mem, size), OK);
	}
	assert_int_equal(served(w, 0, QUEUE_INTERACTIVE), 500);
	assert_int_equal(served(w, 1, QUEUE_INTERACTIVE), 400);
	assert_int_equal(served(w, 2, QUEUE_INTERACTIVE), 0);
	/* A new one begins at the level of the last dispatch: 1's. */
	must_add(w, 0, 2, 100);
	assert_int_equal(served(w, 2, QUEUE_INTERACTIVE), 400);
	must_add(w, 1, 0, 100);
	must_add(w, 2, 1, 100);
	assert_int_equal(next(w), 0);
	assert_int_equal(next(w), 2);
	assert_int_equal(next(w), 1);
	world_free(w);
	free(mem);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cost),
	    cmocka_unit_test(test_totals_are_exact),
	    cmocka_unit_test(test_sent_again_is_charged_once),
	    cmocka_unit_test(test_smallest_counter_is_next),
	    cmocka_unit_test(test_who_comes_is_lifted),
	    cmocka_unit_test(test_level_of_the_same_model_first),
	    cmocka_unit_test(test_correction_stops_at_the_last_lift),
	    cmocka_unit_test(test_correction_without_a_lift_is_full),
	    cmocka_unit_test(test_ties),
	    cmocka_unit_test(test_parked_callers_keep_nobody_down),
	    cmocka_unit_test(test_classes),
	    cmocka_unit_test(test_batch_ages_at_the_head_of_its_line),
	    cmocka_unit_test(test_aged_items_keep_their_class_when_put_back),
	    cmocka_unit_test(
		test_standing_still_is_charged_at_the_measured_pace),
	    cmocka_unit_test(test_counters_survive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
