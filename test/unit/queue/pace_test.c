/* Places, estimates, and arrivals that cannot make their deadline. */
#include "world.h"

/* ${n} answers of ${us} each, of a prompt of ${tok}, all from caller 11. */
static void
measure(struct world *w, int n, int64_t us, int64_t tok)
{
	struct queue_item *it = &w->items[ITEMS - 1];

	w->items[ITEMS - 1].input_tok = tok;
	assert_int_equal(add(w, ITEMS - 1, 11, 0), OK);
	assert_int_equal(next(w), ITEMS - 1);
	for (int i = 0; i < n; i++)
		queue_note_service(&w->q, it, us);
	queue_charge(&w->q, it, 0, 0);
	queue_del(&w->q, it);
	queue_item_init(it, &w->callers[11]);
}

static void
test_estimates_need_twenty_answers(void **state)
{
	struct world *w = world_new(100, 1000);

	measure(w, 19, 2000000, 0);
	assert_int_equal(queue_wait_estimate(&w->q, 1), -1);
	measure(w, 1, 2000000, 0);
	assert_int_equal(queue_wait_estimate(&w->q, 1), 2000000);
	assert_int_equal(queue_wait_estimate(&w->q, 3), 6000000);
	/* Two slots in use: twice as fast. */
	for (int i = 0; i < 2; i++) {
		must_add(w, i, 0, 0);
		assert_int_equal(next(w), i);
	}
	assert_int_equal(queue_wait_estimate(&w->q, 3), 3000000);
	world_free(w);
}

static void
test_estimates_follow_a_change(void **state)
{
	struct world *w = world_new(100, 1000);

	measure(w, 50, 2000000, 0);
	measure(w, 150, 4000000, 0);
	assert_in_range(queue_wait_estimate(&w->q, 1), 3900000, 4000000);
	measure(w, 300, 1000, 0);
	assert_in_range(queue_wait_estimate(&w->q, 1), 1000, 5000);
	world_free(w);
}

/* Each model at its own pace, as soon as that is known. */
static void
test_paces_of_models(void **state)
{
	struct world *w = world_new(100, 1000);

	measure(w, 40, 1000000, 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(add(w, i, 0, 1), OK);
	assert_int_equal(next(w), 0);
	assert_int_equal(queue_wait_of(&w->q, &w->items[1]), 1000000);
	for (int i = 0; i < 20; i++)
		queue_note_service(&w->q, &w->items[0], 9000000);
	assert_int_equal(queue_wait_of(&w->q, &w->items[1]), 9000000);
	must_add(w, 2, 0, 0);
	assert_int_equal(queue_wait_of(&w->q, &w->items[2]), 1000000);
	world_free(w);
}

static void
test_places(void **state)
{
	struct world *w = world_new(100, 1000);

	measure(w, 40, 1000000, 100);
	/* Ten of caller 0, two of 1, one of 2; nobody was served yet. */
	for (int i = 0; i < 10; i++)
		must_add(w, i, 0, 100);
	for (int i = 10; i < 12; i++)
		must_add(w, i, 1, 100);
	must_add(w, 12, 2, 100);
	/* The first of each go by turns; then 1 has one left, 0 has nine. */
	assert_int_equal(queue_position(&w->q, &w->items[0]), 1);
	assert_in_range(queue_position(&w->q, &w->items[12]), 1, 3);
	assert_in_range(queue_position(&w->q, &w->items[11]), 4, 5);
	assert_int_equal(queue_position(&w->q, &w->items[9]), 13);
	/* With four times the weight, 1 is done before the others' second. */
	queue_caller_set(&w->callers[1], 0, 0, 4);
	assert_in_range(queue_position(&w->q, &w->items[11]), 2, 4);
	/* Parked callers are not in the way. */
	assert_int_equal(next(w), 0);
	queue_caller_set(&w->callers[0], 1, 0, 1);
	assert_in_range(queue_position(&w->q, &w->items[12]), 1, 3);
	/* Batch is behind all that is interactive. */
	w->items[13].class = QUEUE_BATCH;
	must_add(w, 13, 3, 100);
	assert_int_equal(queue_position(&w->q, &w->items[13]), 13);
	world_free(w);
}

/* Where nothing more comes, the estimate of a place is the place it gets. */
static void
test_places_come_true(void **state)
{
	struct world *w = world_new(400, 1000);
	size_t expected[300];

	measure(w, 40, 1000000, 100);
	srand(7);
	for (int c = 0; c < 8; c++)
		queue_caller_set(
		    &w->callers[c], 0, 0, 1 + (uint32_t)rand() % 3);
	for (int i = 0; i < 300; i++)
		must_add(w, i, rand() % 8, 100);
	for (int i = 0; i < 300; i++)
		expected[i] = queue_position(&w->q, &w->items[i]);
	for (size_t place = 1; place <= 300; place++) {
		int i = next(w);

		/* Ties are not foreseen: as many as there are callers. */
		assert_in_range(expected[i] + 8, place, place + 16);
	}
	world_free(w);
}

static void
test_deadlines_that_cannot_be_met(void **state)
{
	/* Answers take 1 s; so many wait, over so many slots and callers. */
	static const struct {
		int answers, slots, own, others;
		uint32_t at_once;
		int64_t deadline_s;
		enum err expect;
		int64_t expected_s;
	} rows[] = {
	    {40, 1, 0, 0, 0, 0, OK, 0},
	    {19, 1, 50, 50, 0, 1, OK, -1}, /* too little was measured */
	    {40, 1, 50, 0, 0, 60, OK, 50},
	    {40, 1, 50, 0, 0, 49, ERR_DEADLINE_UNREACHABLE, 50},
	    {40, 5, 50, 0, 0, 49, OK, 10},
	    {40, 5, 50, 0, 0, 9, ERR_DEADLINE_UNREACHABLE, 10},
	    /* By turns with another line, until that is empty. */
	    {40, 1, 20, 20, 0, 39, ERR_DEADLINE_UNREACHABLE, 40},
	    {40, 1, 20, 5, 0, 30, OK, 25},
	    /* A long line of others does not stop who has none. */
	    {40, 1, 0, 100, 0, 1, OK, 0},
	    /* Its own cap does. */
	    {40, 5, 20, 0, 2, 9, ERR_DEADLINE_UNREACHABLE, 10},
	    {40, 5, 20, 0, 2, 10, OK, 10},
	};

	for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
		struct world *w = world_new(1000, 1000);
		struct queue_item *it = &w->items[300];
		int n = 0;

		measure(w, rows[r].answers, 1000000, 100);
		for (int i = 0; i < rows[r].slots; i++, n++) {
			must_add(w, n, 5, 0);
			assert_int_equal(next(w), n);
		}
		for (int i = 0; i < rows[r].own; i++)
			must_add(w, n++, 0, 100);
		for (int i = 0; i < rows[r].others; i++)
			must_add(w, n++, 1, 100);
		queue_caller_set(&w->callers[0], rows[r].at_once, 0, 1);
		w->now_us = 5000000;
		it->deadline_us = w->now_us + rows[r].deadline_s * 1000000;
		assert_int_equal(add(w, 300, 0, 0), rows[r].expect);
		assert_int_equal(it->state,
		    rows[r].expect == OK ? QUEUE_WAITING : QUEUE_OUT);
		assert_int_equal(it->expected_us,
		    rows[r].expected_s < 0 ? -1 : rows[r].expected_s * 1000000);
		world_free(w);
	}
}

/* What waits for another model is not in the way, nor who never expires. */
static void
test_other_models_do_not_count(void **state)
{
	struct world *w = world_new(1000, 1000);

	measure(w, 40, 1000000, 100);
	for (int i = 0; i < 50; i++)
		must_add(w, i, 0, 100);
	w->items[50].deadline_us = 1000;
	assert_int_equal(add(w, 50, 0, 1), OK);
	assert_int_equal(w->items[50].expected_us, 0);
	must_add(w, 51, 0, 100);
	assert_int_equal(w->items[51].expected_us, 50000000);
	/* Batch waits for what is interactive, too. */
	w->items[52].class = QUEUE_BATCH;
	w->items[52].deadline_us = 50000000;
	assert_int_equal(add(w, 52, 3, 0), ERR_DEADLINE_UNREACHABLE);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_estimates_need_twenty_answers),
	    cmocka_unit_test(test_estimates_follow_a_change),
	    cmocka_unit_test(test_paces_of_models),
	    cmocka_unit_test(test_places),
	    cmocka_unit_test(test_places_come_true),
	    cmocka_unit_test(test_deadlines_that_cannot_be_met),
	    cmocka_unit_test(test_other_models_do_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
