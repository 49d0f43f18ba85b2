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

static void
tell(void *ctx, size_t target, const struct alert_item *i,
    enum alert_state state)
{
	size_t n = strlen(told);

	(void)snprintf(told + n, sizeof told - n, "%zu:%s %s %s|", target,
	    alert_state_name(state), alert_fact_get(i->kind)->code, i->subject);
}

static struct alert_board *
board(void)
{
	static struct alert_board b;

	b = (struct alert_board){.tell = tell,
	    .n_targets = 2,
	    .manners = {{0, INT64_MAX}, {10 * S, 60 * S}}};
	return &b;
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
	assert_int_equal(b->n, ALERT_ITEMS);
	alert_end(b, 0);
	alert_begin(b);
	alert_end(b, S);
	assert_int_equal(b->n, 0);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
