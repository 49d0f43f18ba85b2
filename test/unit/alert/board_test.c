/* Once for each change, again as asked, over when it is over. */
#include "alert/board.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#define S INT64_C(1000000)

/* "0:firing engine_down local|" for each that is told. */
static char told[4096];
static enum alert_tell answer;
static uint64_t last_id;

static enum alert_tell
tell(void *ctx, size_t target, const struct alert_item *i,
    enum alert_state state)
{
	size_t n = strlen(told);

	if (answer == ALERT_NOT_NOW)
		return answer;
	(void)snprintf(told + n, sizeof told - n, "%zu:%s %s %s|", target,
	    alert_state_name(state), alert_fact_get(i->kind)->code, i->subject);
	last_id = i->id;
	return answer;
}

static struct alert_store store;
static const struct alert_target targets[] = {
    {7, 0, INT64_MAX}, {8, 10 * S, 60 * S}};

/* The board as the gate of ${generation} finds it. */
static struct alert_board *
next_board(uint64_t generation)
{
	static struct alert_board b;

	b = (struct alert_board){
	    .store = &store, .generation = generation, .tell = tell};
	answer = ALERT_TOLD;
	return &b;
}

static struct alert_board *
board(void)
{
	struct alert_board *b = next_board(1);

	memset(&store, 0, sizeof store);
	assert_true(alert_own(b, NULL, 0, 0));
	alert_set_targets(b, targets, 2);
	return b;
}

static size_t
count(void)
{
	size_t n = 0;

	for (size_t i = 0; i < ALERT_ITEMS; i++)
		n += store.items[i].id != 0;
	return n;
}

static struct alert_news
news(enum alert_kind kind, const char *subject)
{
	return (struct alert_news){
	    kind, slice_str(subject), slice_str("why"), 0};
}

/* A round at ${now_us} in which ${kind} (ALERT_KINDS: nothing) is wrong. */
static const char *
round_of(struct alert_board *b, enum alert_kind kind, int grade, int64_t now_us)
{
	struct alert_news n = news(kind, "local");

	told[0] = '\0';
	n.grade = grade;
	alert_begin(b);
	if (kind != ALERT_KINDS)
		alert_raise(b, &n, now_us);
	alert_end(b, now_us);
	return told;
}

static void
test_what_lasts(void **state)
{
	struct alert_board *b = board();
	enum alert_kind k = ALERT_ENGINE_DOWN;

	assert_string_equal(
	    round_of(b, k, 0, 100 * S), "0:firing engine_down local|");
	assert_true(alert_has(b, ALERT_ENGINE_DOWN));
	assert_string_equal(round_of(b, k, 0, 109 * S), "");
	assert_string_equal(
	    round_of(b, k, 0, 110 * S), "1:firing engine_down local|");
	assert_string_equal(round_of(b, k, 0, 169 * S), "");
	assert_string_equal(
	    round_of(b, k, 0, 170 * S), "1:reminder engine_down local|");
	assert_string_equal(round_of(b, k, 0, 229 * S), "");
	assert_string_equal(round_of(b, ALERT_KINDS, 0, 230 * S),
	    "0:resolved engine_down local|1:resolved engine_down local|");
	assert_false(alert_has(b, ALERT_ENGINE_DOWN));
	assert_string_equal(round_of(b, ALERT_KINDS, 0, 231 * S), "");
}

static void
test_what_is_over_before_it_was_told(void **state)
{
	struct alert_board *b = board();

	(void)round_of(b, ALERT_ENGINE_DOWN, 0, 0);
	assert_string_equal(round_of(b, ALERT_KINDS, 0, 5 * S),
	    "0:resolved engine_down local|");
}

static void
test_what_becomes_worse(void **state)
{
	struct alert_board *b = board();

	assert_string_equal(round_of(b, ALERT_DISK, 1, 0),
	    "0:firing disk local|1:firing disk local|");
	assert_string_equal(round_of(b, ALERT_DISK, 2, S),
	    "0:firing disk local|1:firing disk local|");
	assert_string_equal(round_of(b, ALERT_DISK, 1, 2 * S), "");
	assert_string_equal(round_of(b, ALERT_KINDS, 0, 3 * S),
	    "0:resolved disk local|1:resolved disk local|");
}

static void
test_what_is_held(void **state)
{
	struct alert_board *b = board();
	struct alert_news n = news(ALERT_BUDGET, "local");

	alert_hold(b, &n, 0, 100 * S);
	assert_string_equal(round_of(b, ALERT_KINDS, 0, S),
	    "0:firing budget_used_up local|1:firing budget_used_up local|");
	alert_hold(b, &n, 50 * S, 130 * S);
	assert_string_equal(round_of(b, ALERT_KINDS, 0, 59 * S), "");
	assert_string_equal(round_of(b, ALERT_KINDS, 0, 129 * S),
	    "1:reminder budget_used_up local|");
	assert_string_equal(round_of(b, ALERT_KINDS, 0, 130 * S),
	    "0:resolved budget_used_up local|"
	    "1:resolved budget_used_up local|");
}

static void
test_more_than_there_is_room_for(void **state)
{
	struct alert_board *b = board();
	char subject[16];

	told[0] = '\0';
	alert_begin(b);
	for (int i = 0; i < 3 * ALERT_ITEMS; i++) {
		struct alert_news n = news(ALERT_BUDGET, subject);

		(void)snprintf(subject, sizeof subject, "c%d", i);
		n.subject = slice_str(subject);
		alert_raise(b, &n, 0);
	}
	assert_int_equal(count(), ALERT_ITEMS);
	alert_end(b, 0);
	alert_begin(b);
	alert_end(b, S);
	assert_int_equal(count(), 0);
}

/* A gate dies; the next one tells nothing twice, and forgets nothing. */
static void
test_the_next_gate(void **state)
{
	struct alert_board *b = board();
	enum alert_kind k = ALERT_ENGINE_DOWN;
	const uint64_t live[] = {1};

	(void)round_of(b, k, 0, 100 * S);
	(void)round_of(b, k, 0, 110 * S);
	b = next_board(2);
	/* It is another gate's while that lives, and has not let it go. */
	assert_false(alert_own(b, live, 1, 111 * S));
	assert_true(alert_own(b, NULL, 0, 111 * S));
	alert_set_targets(b, targets, 2);
	/* It does not know yet; then it does; the reminder is in time. */
	assert_string_equal(round_of(b, ALERT_KINDS, 0, 111 * S), "");
	assert_string_equal(round_of(b, ALERT_KINDS, 0, 120 * S), "");
	assert_string_equal(round_of(b, k, 0, 124 * S), "");
	assert_string_equal(
	    round_of(b, k, 0, 170 * S), "1:reminder engine_down local|");
	/* Another one, and it is well by then. */
	b = next_board(3);
	assert_true(alert_own(b, NULL, 0, 171 * S));
	alert_set_targets(b, targets, 2);
	assert_string_equal(round_of(b, ALERT_KINDS, 0, 185 * S), "");
	assert_string_equal(round_of(b, ALERT_KINDS, 0, 187 * S),
	    "0:resolved engine_down local|1:resolved engine_down local|");
	assert_int_equal(count(), 0);
}

/* What was not delivered when its gate died is told again, and only that. */
static void
test_what_was_under_way(void **state)
{
	struct alert_board *b = board();
	enum alert_kind k = ALERT_DISK;
	const uint64_t live[] = {1};

	answer = ALERT_SENDING;
	(void)round_of(b, k, 0, 100 * S);
	alert_delivered(b, last_id, 7);
	alert_release(b);
	/* The one that leaves still delivers. */
	b = next_board(2);
	answer = ALERT_SENDING;
	assert_true(alert_own(b, live, 1, 101 * S));
	alert_set_targets(b, targets, 2);
	assert_string_equal(round_of(b, k, 0, 101 * S), "");
	/* It is gone. */
	assert_true(alert_own(b, NULL, 0, 102 * S));
	assert_string_equal(round_of(b, k, 0, 102 * S), "1:firing disk local|");
	assert_string_equal(round_of(b, k, 0, 103 * S), "");
	/* Over, but it is still under way: told when it has arrived. */
	assert_string_equal(
	    round_of(b, ALERT_KINDS, 0, 120 * S), "0:resolved disk local|");
	alert_delivered(b, last_id, 8);
	assert_string_equal(
	    round_of(b, ALERT_KINDS, 0, 121 * S), "1:resolved disk local|");
	alert_delivered(b, last_id, 8);
	assert_int_equal(count(), 1);
	/* The word to the first one was lost with its gate. */
	b = next_board(3);
	assert_true(alert_own(b, NULL, 0, 122 * S));
	alert_set_targets(b, targets, 2);
	assert_string_equal(
	    round_of(b, ALERT_KINDS, 0, 122 * S), "0:resolved disk local|");
	assert_int_equal(count(), 0);
}

static void
test_a_target_that_takes_no_more(void **state)
{
	struct alert_board *b = board();

	answer = ALERT_NOT_NOW;
	assert_string_equal(round_of(b, ALERT_DISK, 0, 0), "");
	answer = ALERT_TOLD;
	assert_string_equal(round_of(b, ALERT_DISK, 0, 5 * S), "");
	assert_string_equal(round_of(b, ALERT_DISK, 0, 10 * S),
	    "0:firing disk local|1:firing disk local|");
	answer = ALERT_NOT_NOW;
	assert_string_equal(round_of(b, ALERT_KINDS, 0, 11 * S), "");
	answer = ALERT_TOLD;
	assert_string_equal(round_of(b, ALERT_KINDS, 0, 12 * S),
	    "0:resolved disk local|1:resolved disk local|");
}

/* A reload names others: who stays is told nothing twice. */
static void
test_other_targets(void **state)
{
	static const struct alert_target others[] = {
	    {9, 0, INT64_MAX}, {8, 10 * S, 60 * S}, {7, 0, INT64_MAX}};
	struct alert_board *b = board();

	(void)round_of(b, ALERT_DISK, 0, 100 * S);
	alert_set_targets(b, others, 3);
	assert_string_equal(
	    round_of(b, ALERT_DISK, 0, 101 * S), "0:firing disk local|");
	alert_set_targets(b, others + 1, 1);
	assert_string_equal(
	    round_of(b, ALERT_KINDS, 0, 102 * S), "0:resolved disk local|");
}

static void
test_known_to_be_well(void **state)
{
	struct alert_board *b = board();

	(void)round_of(b, ALERT_MODEL_BROKEN, 0, 0);
	b = next_board(2);
	assert_true(alert_own(b, NULL, 0, S));
	alert_set_targets(b, targets, 2);
	assert_string_equal(round_of(b, ALERT_KINDS, 0, 30 * S), "");
	alert_is_well(b, ALERT_MODEL_BROKEN, slice_str("local"));
	assert_string_equal(round_of(b, ALERT_KINDS, 0, 31 * S),
	    "0:resolved model_broken local|1:resolved model_broken local|");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_lasts),
	    cmocka_unit_test(test_what_is_over_before_it_was_told),
	    cmocka_unit_test(test_what_becomes_worse),
	    cmocka_unit_test(test_what_is_held),
	    cmocka_unit_test(test_more_than_there_is_room_for),
	    cmocka_unit_test(test_the_next_gate),
	    cmocka_unit_test(test_what_was_under_way),
	    cmocka_unit_test(test_a_target_that_takes_no_more),
	    cmocka_unit_test(test_other_targets),
	    cmocka_unit_test(test_known_to_be_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
