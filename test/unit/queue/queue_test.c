/*
 * Who is next: order, bounds, caps, deadlines, going back; and a long random
 * walk beside a model that scans everything.
 */
#include "queue/queue.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { CALLERS = 12, ITEMS = 400, MODELS = 80 };

struct world {
	struct queue q;
	struct queue_caller callers[CALLERS];
	struct queue_item items[ITEMS];
	bool closed[MODELS]; /* no slot for this model */
	int asked;
};

static bool
may_run(void *ctx, const struct queue_item *head)
{
	struct world *w = ctx;

	w->asked++;
	return !w->closed[head->model];
}

static struct world *
world_new(size_t length, size_t bytes)
{
	struct world *w = calloc(1, sizeof *w);

	assert_non_null(w);
	queue_init(&w->q, length, bytes);
	for (int i = 0; i < CALLERS; i++)
		queue_caller_init(&w->callers[i]);
	for (int i = 0; i < ITEMS; i++)
		queue_item_init(&w->items[i], &w->callers[0]);
	return w;
}

static void
world_free(struct world *w)
{
	for (int i = 0; i < ITEMS; i++)
		queue_del(&w->q, &w->items[i]);
	assert_int_equal(w->q.n, 0);
	assert_int_equal(w->q.bytes, 0);
	assert_int_equal(w->q.in_flight, 0);
	for (int i = 0; i < CALLERS; i++) {
		assert_int_equal(w->callers[i].waiting, 0);
		assert_int_equal(w->callers[i].in_flight, 0);
		assert_true(list_is_empty(&w->callers[i].heads));
	}
	queue_fini(&w->q);
	free(w);
}

static enum err
add(struct world *w, int item, int caller, uint64_t model)
{
	w->items[item].caller = &w->callers[caller];
	w->items[item].model = model;
	return queue_try_add(&w->q, &w->items[item], item);
}

static int
next(struct world *w)
{
	struct queue_item *it = queue_next(&w->q, may_run, w, 1000);

	return it == NULL ? -1 : (int)(it - w->items);
}

static void
test_first_come_first_served(void **state)
{
	struct world *w = world_new(100, 1000);

	for (int i = 0; i < 6; i++)
		assert_int_equal(add(w, i, i % 3, (uint64_t)i % 2), OK);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(queue_position(&w->q, &w->items[i]), 1);
		assert_int_equal(next(w), i);
		assert_int_equal(w->items[i].enqueued_us, i);
		assert_int_equal(w->items[i].dispatched_us, 1000);
		assert_int_equal(w->items[i].state, QUEUE_IN_FLIGHT);
	}
	assert_int_equal(next(w), -1);
	assert_int_equal(w->q.in_flight, 6);
	world_free(w);
}

static void
test_what_may_not_run_lets_others_pass(void **state)
{
	struct world *w = world_new(100, 1000);

	for (int i = 0; i < 10; i++)
		assert_int_equal(add(w, i, 0, i == 7 ? 1 : 0), OK);
	w->closed[0] = true;
	assert_int_equal(next(w), 7);
	/* Asked once for each of two lanes, not for ten items. */
	assert_in_range(w->asked, 1, 2);
	assert_int_equal(next(w), -1);
	w->closed[0] = false;
	assert_int_equal(next(w), 0);
	world_free(w);
}

static void
test_at_once_parks_a_caller(void **state)
{
	struct world *w = world_new(100, 1000);

	queue_caller_set(&w->callers[0], 2, 0, 1);
	for (int i = 0; i < 5; i++)
		assert_int_equal(add(w, i, 0, (uint64_t)i % 2), OK);
	assert_int_equal(add(w, 5, 1, 0), OK);
	assert_int_equal(next(w), 0);
	assert_int_equal(next(w), 1);
	assert_int_equal(next(w), 5); /* caller 0 has two at the engine */
	assert_int_equal(next(w), -1);
	queue_del(&w->q, &w->items[1]);
	assert_int_equal(next(w), 2);
	assert_int_equal(next(w), -1);
	/* A reload that raises the cap is effective at once. */
	queue_caller_set(&w->callers[0], 0, 0, 1);
	assert_int_equal(next(w), 3);
	queue_caller_set(&w->callers[0], 1, 0, 1);
	assert_int_equal(next(w), -1);
	world_free(w);
}

static void
test_bounds(void **state)
{
	struct world *w = world_new(32, 1000); /* 2 places and 63 bytes kept */

	queue_caller_set(&w->callers[1], 0, 3, 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(add(w, i, 1, 0), OK);
	assert_int_equal(add(w, 3, 1, 0), ERR_CALLER_QUEUE_FULL);
	for (int i = 3; i < 30; i++)
		assert_int_equal(add(w, i, 0, 0), OK);
	assert_int_equal(add(w, 30, 0, 0), ERR_QUEUE_FULL);
	assert_int_equal(add(w, 30, 2, 0), OK); /* has nothing waiting */
	assert_int_equal(add(w, 31, 2, 0), ERR_QUEUE_FULL);
	assert_int_equal(add(w, 31, 3, 0), OK);
	assert_int_equal(add(w, 32, 4, 0), ERR_QUEUE_FULL);
	assert_int_equal(w->q.n, 32);
	/* A refused item is in no queue and may be tried again. */
	assert_int_equal(w->items[32].state, QUEUE_OUT);
	queue_del(&w->q, &w->items[5]);
	assert_int_equal(add(w, 32, 4, 0), OK);
	world_free(w);
}

static void
test_bounds_of_bytes(void **state)
{
	struct world *w = world_new(100, 1600); /* 100 bytes kept */

	w->items[0].bytes = 1600;
	w->items[1].bytes = 1500;
	w->items[2].bytes = 1;
	w->items[3].bytes = 100;
	w->items[4].bytes = SIZE_MAX;
	w->items[5].bytes = 400;
	w->items[6].bytes = 1100;
	assert_int_equal(add(w, 4, 0, 0), ERR_QUEUE_FULL);
	assert_int_equal(add(w, 1, 0, 0), OK);
	assert_int_equal(add(w, 2, 0, 0), ERR_QUEUE_FULL);
	assert_int_equal(add(w, 3, 1, 0), OK);
	assert_int_equal(add(w, 2, 2, 0), ERR_QUEUE_FULL);
	assert_int_equal(next(w), 1); /* its bytes are free again */
	assert_int_equal(w->q.bytes, 100);
	assert_int_equal(add(w, 5, 1, 0), OK);
	assert_int_equal(add(w, 6, 1, 0), ERR_QUEUE_FULL);
	queue_set_bounds(&w->q, 100, 3200);
	assert_int_equal(add(w, 6, 1, 0), OK);
	world_free(w);
}

static void
test_a_queue_of_no_length_refuses_all(void **state)
{
	struct world *w = world_new(0, 0);

	assert_int_equal(add(w, 0, 0, 0), ERR_QUEUE_FULL);
	assert_int_equal(queue_next_deadline(&w->q), QUEUE_NEVER);
	assert_null(queue_expired(&w->q, INT64_MAX));
	world_free(w);
}

static void
test_deadlines(void **state)
{
	static const int64_t due[] = {50, 10, QUEUE_NEVER, 30, 10};
	struct world *w = world_new(100, 1000);
	struct queue_item *it;

	for (int i = 0; i < 5; i++) {
		w->items[i].deadline_us = due[i];
		assert_int_equal(add(w, i, i, 0), OK);
	}
	assert_int_equal(queue_next_deadline(&w->q), 10);
	assert_null(queue_expired(&w->q, 9));
	it = queue_expired(&w->q, 10);
	assert_true(it == &w->items[1] || it == &w->items[4]);
	assert_int_equal(it->state, QUEUE_OUT);
	it = queue_expired(&w->q, 10);
	assert_true(it == &w->items[1] || it == &w->items[4]);
	assert_null(queue_expired(&w->q, 10));
	/* A deadline may come, move and go while waiting. */
	assert_int_equal(queue_set_deadline(&w->q, &w->items[2], 20), OK);
	assert_int_equal(queue_next_deadline(&w->q), 20);
	assert_int_equal(queue_set_deadline(&w->q, &w->items[2], 40), OK);
	assert_int_equal(queue_next_deadline(&w->q), 30);
	assert_int_equal(
	    queue_set_deadline(&w->q, &w->items[3], QUEUE_NEVER), OK);
	assert_int_equal(queue_next_deadline(&w->q), 40);
	/* What is in flight does not expire. */
	assert_int_equal(next(w), 0);
	assert_ptr_equal(queue_expired(&w->q, 1000), &w->items[2]);
	assert_null(queue_expired(&w->q, 1000));
	assert_int_equal(w->q.n, 1);
	world_free(w);
}

static void
test_put_back_goes_where_it_was(void **state)
{
	struct world *w = world_new(5, 1000);

	queue_caller_set(&w->callers[0], 2, 4, 1);
	for (int i = 0; i < 4; i++)
		assert_int_equal(add(w, i, 0, 0), OK);
	assert_int_equal(next(w), 0);
	assert_int_equal(next(w), 1);
	queue_set_bounds(&w->q, 4, 1000);
	assert_int_equal(add(w, 4, 1, 0), OK);
	assert_int_equal(add(w, 5, 2, 0), OK);
	assert_int_equal(w->q.n, 4); /* full: going back is past all bounds */
	assert_int_equal(queue_put_back(&w->q, &w->items[1]), OK);
	assert_int_equal(queue_put_back(&w->q, &w->items[0]), OK);
	assert_int_equal(w->q.n, 6);
	assert_int_equal(w->callers[0].in_flight, 0);
	assert_int_equal(queue_position(&w->q, &w->items[0]), 1);
	assert_int_equal(queue_position(&w->q, &w->items[1]), 2);
	assert_int_equal(queue_position(&w->q, &w->items[5]), 6);
	assert_int_equal(w->items[0].enqueued_us, 0);
	assert_int_equal(next(w), 0);
	/* Back between two of its caller's own. */
	assert_int_equal(next(w), 1);
	queue_del(&w->q, &w->items[0]);
	assert_int_equal(next(w), 2);
	assert_int_equal(queue_put_back(&w->q, &w->items[2]), OK);
	assert_int_equal(queue_put_back(&w->q, &w->items[1]), OK);
	assert_int_equal(next(w), 1);
	assert_int_equal(next(w), 2);
	world_free(w);
}

/* More models than lanes: nothing is lost, nothing is passed over for ever. */
static void
test_more_models_than_lanes(void **state)
{
	struct world *w = world_new(1000, 1000);

	for (int i = 0; i < MODELS; i++)
		assert_int_equal(add(w, i, i % CALLERS, (uint64_t)i), OK);
	for (int i = 0; i < MODELS; i++)
		assert_int_equal(next(w), i);
	for (int i = 0; i < MODELS; i++)
		queue_del(&w->q, &w->items[i]);
	/* Lanes that are empty serve other models. */
	w->closed[0] = true;
	assert_int_equal(add(w, 0, 0, 0), OK);
	for (int i = 1; i < MODELS; i++)
		assert_int_equal(add(w, i, 1, 1), OK);
	assert_int_equal(next(w), 1);
	world_free(w);
}

static void
test_charges_are_weighted(void **state)
{
	struct queue_caller c;

	queue_caller_init(&c);
	queue_charge(&c, 100, 50); /* 100 + 2 x 50 */
	assert_int_equal(c.served, 200 * QUEUE_COST_SCALE);
	queue_caller_set(&c, 0, 0, 4);
	queue_charge(&c, 100, 50);
	assert_int_equal(c.served, 250 * QUEUE_COST_SCALE);
}

static void
test_estimates(void **state)
{
	struct world *w = world_new(100, 1000);

	for (int i = 0; i < 19; i++)
		queue_note_service(&w->q, 2000000);
	assert_int_equal(queue_wait_estimate(&w->q, 1), -1);
	queue_note_service(&w->q, 2000000);
	assert_int_equal(queue_wait_estimate(&w->q, 1), 2000000);
	assert_int_equal(queue_wait_estimate(&w->q, 3), 6000000);
	/* Two slots in use: twice as fast. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(add(w, i, 0, 0), OK);
		assert_int_equal(next(w), i);
	}
	assert_int_equal(queue_wait_estimate(&w->q, 3), 3000000);
	/* Follows a change: after 100 answers of 4 s it is near 4 s. */
	for (int i = 0; i < 100; i++)
		queue_note_service(&w->q, 4000000);
	assert_in_range(queue_wait_estimate(&w->q, 2), 3800000, 4000000);
	world_free(w);
}

/* --- a long random walk beside a model that scans --- */

static unsigned
below(unsigned n)
{
	return (unsigned)rand() % n;
}

/* The oldest item whose caller has a place at the engine and may run. */
static int
model_next(const struct world *w)
{
	int best = -1;

	for (int i = 0; i < ITEMS; i++) {
		const struct queue_item *it = &w->items[i];
		const struct queue_caller *c = it->caller;

		if (it->state != QUEUE_WAITING || w->closed[it->model])
			continue;
		if (c->at_once > 0 && c->in_flight >= c->at_once)
			continue;
		if (best < 0 || it->arrival < w->items[best].arrival)
			best = i;
	}
	return best;
}

static size_t
model_position(const struct world *w, const struct queue_item *of)
{
	size_t n = 1;

	for (int i = 0; i < ITEMS; i++)
		n += w->items[i].state == QUEUE_WAITING &&
		    w->items[i].arrival < of->arrival;
	return n;
}

static int64_t
model_deadline(const struct world *w)
{
	int64_t t = QUEUE_NEVER;

	for (int i = 0; i < ITEMS; i++)
		if (w->items[i].state == QUEUE_WAITING &&
		    w->items[i].deadline_us < t)
			t = w->items[i].deadline_us;
	return t;
}

static void
random_step(struct world *w, int64_t now, unsigned models)
{
	int i = (int)below(ITEMS), expect;
	struct queue_item *it = &w->items[i];

	switch (below(8)) {
	case 0:
	case 1:
	case 2:
		if (it->state != QUEUE_OUT)
			break;
		it->deadline_us =
		    below(4) ? now + (int64_t)below(1000) : QUEUE_NEVER;
		it->bytes = below(50);
		it->class = below(2) ? QUEUE_BATCH : QUEUE_INTERACTIVE;
		(void)!add(w, i, (int)below(CALLERS), below(models));
		break;
	case 3:
	case 4:
		expect = model_next(w);
		assert_int_equal(next(w), expect);
		break;
	case 5:
		queue_del(&w->q, it);
		break;
	case 6:
		if (it->state == QUEUE_IN_FLIGHT)
			assert_int_equal(queue_put_back(&w->q, it), OK);
		else if (it->state == QUEUE_WAITING)
			assert_int_equal(
			    queue_position(&w->q, it), model_position(w, it));
		break;
	default:
		w->closed[below(models)] = below(3) == 0;
		if (below(10) == 0)
			queue_caller_set(&w->callers[below(CALLERS)], below(4),
			    below(60), 1);
	}
}

static void
test_random_walk(void **state)
{
	for (int round = 0; round < 40; round++) {
		struct world *w = world_new(300, 6000);
		struct queue_item *it;

		srand((unsigned)round + 1);
		/* Fewer models than lanes: each has a lane of its own. */
		for (int64_t now = 0; now < 3000; now++) {
			random_step(w, now, 1 + (unsigned)round % 20);
			assert_int_equal(
			    queue_next_deadline(&w->q), model_deadline(w));
			while ((it = queue_expired(&w->q, now)) != NULL)
				assert_true(it->deadline_us <= now);
			assert_true(model_deadline(w) > now);
			assert_true(w->q.n <= ITEMS);
		}
		world_free(w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_first_come_first_served),
	    cmocka_unit_test(test_what_may_not_run_lets_others_pass),
	    cmocka_unit_test(test_at_once_parks_a_caller),
	    cmocka_unit_test(test_bounds),
	    cmocka_unit_test(test_bounds_of_bytes),
	    cmocka_unit_test(test_a_queue_of_no_length_refuses_all),
	    cmocka_unit_test(test_deadlines),
	    cmocka_unit_test(test_put_back_goes_where_it_was),
	    cmocka_unit_test(test_more_models_than_lanes),
	    cmocka_unit_test(test_charges_are_weighted),
	    cmocka_unit_test(test_estimates),
	    cmocka_unit_test(test_random_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
