/*
 * Who is next: order, bounds, caps, deadlines, going back; and a long random
 * walk beside a model that scans everything.
 */
#include "world.h"

static void
test_first_come_first_served(void **state)
{
	struct world *w = world_new(100, 1000);

	for (int i = 0; i < 6; i++)
		assert_int_equal(add(w, i, i % 3, (uint64_t)i % 2), OK);
	for (int i = 0; i < 6; i++) {
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
	assert_int_equal(w->items[0].enqueued_us, 0);
	/* Who came meanwhile is before the caller that was served last. */
	assert_int_equal(next(w), 4);
	assert_int_equal(next(w), 5);
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

/* More lanes than are kept when they rest: nothing is lost or passed over. */
static void
test_many_models(void **state)
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

/* --- a long random walk beside a model that scans --- */

static unsigned
below(unsigned n)
{
	return (unsigned)rand() % n;
}

static bool
is_eligible(const struct world *w, const struct queue_item *it)
{
	const struct queue_caller *c = it->caller;

	return it->state == QUEUE_WAITING && !w->closed[it->model] &&
	    (c->at_once == 0 || c->in_flight < c->at_once);
}

static int64_t
counter_of(const struct queue_item *it)
{
	return it->caller->accounts[it->band].counter;
}

/* Is ${a} surely before ${b}?  Ties between callers are another test's. */
static bool
is_before(const struct queue_item *a, const struct queue_item *b)
{
	if (a->band != b->band)
		return a->band == QUEUE_INTERACTIVE;
	if (a->caller == b->caller && a->model == b->model)
		return a->arrival < b->arrival;
	return counter_of(a) < counter_of(b);
}

/* Whatever is given out, nothing that could have been is surely before it. */
static void
check_next(struct world *w)
{
	static struct queue_item was[ITEMS];
	static int64_t counter[ITEMS];
	int n = 0, best = -1, got;

	for (int i = 0; i < ITEMS; i++) {
		was[i] = w->items[i];
		counter[i] = counter_of(&was[i]);
		if (!is_eligible(w, &was[i]))
			continue;
		n++;
		if (best < 0 || is_before(&was[i], &was[best]))
			best = i;
	}
	got = next(w);
	assert_int_equal(got < 0, n == 0);
	if (got < 0)
		return;
	assert_true(was[got].band == was[best].band);
	assert_int_equal(counter[got], counter[best]);
	for (int i = 0; i < ITEMS; i++)
		if (was[i].state == QUEUE_WAITING &&
		    was[i].caller == was[got].caller &&
		    was[i].model == was[got].model &&
		    was[i].band == was[got].band)
			assert_true(was[i].arrival >= was[got].arrival);
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
	int i = (int)below(ITEMS);
	struct queue_item *it = &w->items[i];

	switch (below(9)) {
	case 0:
	case 1:
	case 2:
		if (it->state != QUEUE_OUT)
			break;
		queue_item_init(it, it->caller);
		it->deadline_us =
		    below(4) ? now + (int64_t)below(1000) : QUEUE_NEVER;
		it->bytes = below(50);
		it->input_tok = below(500);
		it->class = below(2) ? QUEUE_BATCH : QUEUE_INTERACTIVE;
		(void)!add(w, i, (int)below(CALLERS), below(models));
		break;
	case 3:
	case 4:
		check_next(w);
		break;
	case 5:
		queue_del(&w->q, it);
		break;
	case 6:
		if (it->state == QUEUE_IN_FLIGHT)
			assert_int_equal(queue_put_back(&w->q, it), OK);
		else if (it->state == QUEUE_WAITING)
			assert_in_range(queue_position(&w->q, it), 1, w->q.n);
		break;
	case 7:
		if (it->state == QUEUE_IN_FLIGHT)
			queue_charge(&w->q, it,
			    below(4) ? -1 : (int64_t)below(800), below(400));
		break;
	default:
		w->closed[below(models)] = below(3) == 0;
		if (below(10) == 0)
			queue_caller_set(&w->callers[below(CALLERS)], below(4),
			    below(60), 1 + below(3));
	}
}

static void
test_random_walk(void **state)
{
	for (int round = 0; round < 40; round++) {
		struct world *w = world_new(300, 6000);
		struct queue_item *it;

		srand((unsigned)round + 1);
		queue_set_ageing(&w->q, QUEUE_NEVER);
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
	    cmocka_unit_test(test_many_models),
	    cmocka_unit_test(test_random_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
