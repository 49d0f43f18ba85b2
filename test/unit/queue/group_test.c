/*
 * Callers below another: its bounds hold for all together, each has its part,
 * and who owes more still owes more when they come back from being parked.
 */
#include "world.h"

/* Callers 1, 2, ... ${n} are below caller 0. */
static struct world *
app_of(int n, uint32_t at_once, uint32_t most)
{
	struct world *w = world_new(300, 100000);

	queue_caller_set(&w->callers[0], at_once, most, 1);
	for (int i = 1; i <= n; i++) {
		/* What they have themselves says nothing. */
		queue_caller_set(&w->callers[i], 1, 1, 1);
		queue_caller_join(&w->callers[i], &w->callers[0]);
	}
	return w;
}

static void
test_at_once_is_for_all_together(void **state)
{
	struct world *w = app_of(3, 2, 0);

	for (int i = 0; i < 6; i++)
		assert_int_equal(add(w, i, 1 + i % 3, (uint64_t)i % 2), OK);
	assert_int_equal(add(w, 6, 0, 0), OK); /* the app itself */
	assert_int_equal(add(w, 7, 4, 0), OK); /* another caller */
	assert_int_equal(next(w), 0);
	assert_int_equal(next(w), 1);
	assert_int_equal(w->callers[0].all_in_flight, 2);
	assert_int_equal(next(w), 7);
	assert_int_equal(next(w), -1);
	queue_del(&w->q, &w->items[1]);
	assert_int_equal(next(w), 2);
	assert_int_equal(next(w), -1);
	/* Another bound holds at once. */
	queue_caller_set(&w->callers[0], 3, 0, 1);
	assert_int_not_equal(next(w), -1);
	assert_int_equal(next(w), -1);
	queue_caller_set(&w->callers[0], 1, 0, 1);
	queue_caller_set(&w->callers[0], 0, 0, 1);
	for (int i = 0; i < 3; i++)
		assert_int_not_equal(next(w), -1);
	assert_int_equal(next(w), -1);
	assert_int_equal(w->callers[0].all_waiting, 0);
	assert_int_equal(w->callers[0].all_in_flight, 6);
	world_free(w);
}

/* How many of ${caller}, from item ${from} on, find a place. */
static int
fill(struct world *w, int from, int caller)
{
	int n = 0;

	while (add(w, from + n, caller, 0) == OK)
		n++;
	assert_int_equal(add(w, from + n, caller, 0), ERR_CALLER_QUEUE_FULL);
	return n;
}

static void
test_who_floods_leaves_places(void **state)
{
	static const struct {
		uint32_t most;
		int first, second, third;
	} rows[] = {
	    /* n + 1 where n <= most - others - n, while there is any */
	    {64, 33, 16, 8},
	    {3, 2, 1, 0},
	    {2, 2, 0, 0},
	    {1, 1, 0, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct world *w = app_of(3, 0, rows[i].most);

		assert_int_equal(fill(w, 0, 1), rows[i].first);
		assert_int_equal(fill(w, 100, 2), rows[i].second);
		assert_int_equal(fill(w, 200, 3), rows[i].third);
		/* What the app itself sends has all that is left. */
		assert_int_equal(fill(w, 300, 0),
		    (int)rows[i].most - rows[i].first - rows[i].second -
			rows[i].third);
		assert_int_equal(w->callers[0].all_waiting, rows[i].most);
		world_free(w);
	}
}

/* The places of the whole line that are kept are not for an app that waits. */
static void
test_people_have_not_the_kept_places(void **state)
{
	struct world *w = app_of(2, 0, 0);

	queue_set_bounds(&w->q, 32, 1000); /* 2 places are kept */
	for (int i = 0; i < 30; i++)
		assert_int_equal(add(w, i, 1, 0), OK);
	assert_int_equal(add(w, 30, 2, 0), ERR_QUEUE_FULL);
	assert_int_equal(add(w, 30, 3, 0), OK);
	world_free(w);
}

/*
 * Two people wait behind at_once 1 beside a caller that has been served more
 * and more.  One asks for 100 tokens each time, the other for 10: it has ten
 * turns for each of the first's, and not one.
 */
static void
test_debts_among_people_outlive_being_parked(void **state)
{
	struct world *w = app_of(2, 1, 0);
	int big = 0, small = 0, other = 200;

	for (int i = 0; i < 60; i++) {
		must_add(w, i, 1, 100);
		must_add(w, 100 + i, 2, 10);
	}
	for (int i = 0; i < 40; i++)
		must_add(w, 200 + i, 3, 1000);
	for (int i = 0; i < 44; i++) {
		int it = next(w);

		/* While theirs runs, the other caller has a turn. */
		while (it >= 200) {
			queue_del(&w->q, &w->items[it]);
			other++;
			it = next(w);
		}
		assert_int_not_equal(it, -1);
		*(it < 100 ? &big : &small) += 1;
		if (other < 240) {
			assert_int_equal(next(w), other);
			queue_del(&w->q, &w->items[other++]);
		}
		queue_del(&w->q, &w->items[it]);
	}
	assert_in_range(big, 3, 5);
	assert_int_equal(big + small, 44);
	world_free(w);
}

/* Having been parked earns nothing: nobody is behind the caller beside them. */
static void
test_being_parked_earns_nothing(void **state)
{
	struct world *w = app_of(2, 1, 0);
	int theirs = 0;

	for (int i = 0; i < 40; i++) {
		must_add(w, i, 1 + i % 2, 10);
		must_add(w, 100 + i, 3, 10);
	}
	/* Theirs runs long: 20 of the other's pass meanwhile. */
	assert_int_equal(next(w), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(next(w), 100 + i);
	for (int i = 0; i < 20; i++)
		queue_del(&w->q, &w->items[100 + i]);
	queue_del(&w->q, &w->items[0]);
	for (int i = 0; i < 20; i++) {
		int it = next(w);

		assert_int_not_equal(it, -1);
		theirs += it < 100;
		queue_del(&w->q, &w->items[it]);
	}
	/* Each of the two has a counter: two of three turns, not all. */
	assert_in_range(theirs, 12, 14);
	world_free(w);
}

/* A newcomer among those who are parked is behind nobody and before nobody. */
static void
test_who_comes_while_all_are_parked(void **state)
{
	struct world *w = app_of(3, 1, 0);

	must_add(w, 0, 1, 500);
	must_add(w, 1, 1, 10);
	must_add(w, 2, 2, 10);
	assert_int_equal(next(w), 0);
	must_add(w, 3, 3, 10);
	must_add(w, 4, 3, 10);
	queue_del(&w->q, &w->items[0]);
	/* Caller 1 owes 500: the others are first, in turn. */
	assert_int_equal(next(w), 2);
	queue_del(&w->q, &w->items[2]);
	assert_int_equal(next(w), 3);
	queue_del(&w->q, &w->items[3]);
	assert_int_equal(next(w), 4);
	queue_del(&w->q, &w->items[4]);
	assert_int_equal(next(w), 1);
	world_free(w);
}

/* Whatever is added, given out, put back, taken out: the sums are right. */
static void
test_sums_are_exact(void **state)
{
	struct world *w = app_of(5, 3, 40);
	uint32_t seed = 4711;

	for (int step = 0; step < 20000; step++) {
		uint32_t waiting = 0, in_flight = 0;
		struct queue_item *it;

		seed = seed * 1664525 + 1013904223;
		it = &w->items[(seed >> 8) % 60];
		if (it->state == QUEUE_OUT)
			(void)!add(w, (int)(it - w->items), (seed >> 16) % 8,
			    (seed >> 20) % 3);
		else if (it->state == QUEUE_IN_FLIGHT && seed >> 31)
			assert_int_equal(queue_put_back(&w->q, it), OK);
		else
			queue_del(&w->q, it);
		if (seed >> 30 & 1)
			(void)next(w);
		if (step % 1000 == 0)
			queue_caller_set(
			    &w->callers[0], (uint32_t)step / 1000 % 5, 40, 1);
		for (int i = 0; i <= 5; i++) {
			waiting += w->callers[i].waiting;
			in_flight += w->callers[i].in_flight;
		}
		assert_int_equal(w->callers[0].all_waiting, waiting);
		assert_int_equal(w->callers[0].all_in_flight, in_flight);
		assert_true(waiting <= 40 + 3);
	}
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_at_once_is_for_all_together),
	    cmocka_unit_test(test_who_floods_leaves_places),
	    cmocka_unit_test(test_people_have_not_the_kept_places),
	    cmocka_unit_test(test_debts_among_people_outlive_being_parked),
	    cmocka_unit_test(test_being_parked_earns_nothing),
	    cmocka_unit_test(test_who_comes_while_all_are_parked),
	    cmocka_unit_test(test_sums_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
