/*
 * A bucket of tokens: what a product owner expects of `50k/hour`, and an
 * exact reference that is written another way (a level that rises).
 */
#include "limit/budget.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define MS INT64_C(1000000)
#define SEC (1000 * MS)
#define MIN (60 * SEC)
#define HOUR (60 * MIN)
#define DAY (24 * HOUR)

typedef __int128 wide;

static struct budget_limit
limit_of(uint64_t tokens, int64_t period_ns)
{
	struct budget_limit l;

	assert_int_equal(budget_limit_init(&l, tokens, period_ns), OK);
	return l;
}

/* --- cases that a product owner can read --- */

struct step {
	int64_t at;
	uint64_t used; /* charged then */
	uint64_t left; /* behind it */
	uint64_t need; /* and until so much is there ... */
	int64_t wait;  /* ... it takes so long */
};

struct story {
	const char *name;
	uint64_t tokens;
	int64_t period;
	struct step steps[6];
	size_t n;
};

static const struct story stories[] = {
    {"50k/hour: one token every 72 ms", 50000, HOUR,
	{
	    {SEC, 0, 50000, 50000, 0},
	    {SEC, 1, 49999, 50000, 72 * MS},
	    {SEC, 49999, 0, 1, 72 * MS},
	    {SEC + 72 * MS - 1, 0, 0, 1, 1},
	    {SEC + 72 * MS, 0, 1, 1, 0},
	    {SEC + HOUR, 0, 50000, 50000, 0},
	},
	6},
    {"more than all is a debt that is paid first", 1000, HOUR,
	{
	    {0, 3000, 0, 1, 2 * HOUR + 3600 * MS},
	    {2 * HOUR, 0, 0, 1, 3600 * MS},
	    {3 * HOUR - 1, 0, 999, 1000, 1},
	    {3 * HOUR, 0, 1000, 1000, 0},
	},
	4},
    {"a full bucket does not fill any further", 60, MIN,
	{
	    {SEC, 10, 50, 60, 10 * SEC},
	    {DAY, 0, 60, 60, 0},
	    {DAY, 60, 0, 60, MIN},
	},
	3},
    {"a need above the capacity waits for a full bucket", 60, MIN,
	{
	    {SEC, 15, 45, 1000000, 15 * SEC},
	    {16 * SEC, 0, 60, 1000000, 0},
	},
	2},
    {"7/s: a token is no whole number of nanoseconds", 7, SEC,
	{
	    {SEC, 7, 0, 1, 142857143},
	    {SEC + 142857142, 0, 0, 1, 1},
	    {SEC + 142857143, 0, 1, 2, 285714286 - 142857143},
	    {2 * SEC, 0, 7, 7, 0},
	},
	4},
    {"a month is 30 days", 1000000, 30 * DAY,
	{
	    {SEC, 500000, 500000, 1000000, 15 * DAY},
	    {SEC + 15 * DAY, 0, 1000000, 1000000, 0},
	},
	2},
};

static void
check(const struct story *s)
{
	struct budget_limit l = limit_of(s->tokens, s->period);
	struct budget_debt d = {0};

	for (size_t i = 0; i < s->n; i++) {
		const struct step *p = &s->steps[i];
		uint64_t left;
		int64_t wait;

		if (p->used > 0)
			budget_charge(&d, &l, p->used, p->at);
		left = budget_left(&d, &l, 0, p->at);
		wait = budget_wait_ns(&d, &l, 0, p->need, p->at);
		if (left != p->left || wait != p->wait)
			fail_msg("%s, step %zu: %llu left, wait %lld", s->name,
			    i, (unsigned long long)left, (long long)wait);
	}
}

static void
test_stories(void **state)
{
	for (size_t i = 0; i < sizeof stories / sizeof *stories; i++)
		check(&stories[i]);
}

static void
test_what_is_held_is_not_there(void **state)
{
	struct budget_limit l = limit_of(100, 100 * SEC);
	struct budget_debt d = {0};

	assert_int_equal(budget_left(&d, &l, 30, SEC), 70);
	assert_int_equal(budget_wait_ns(&d, &l, 30, 70, SEC), 0);
	assert_int_equal(budget_wait_ns(&d, &l, 30, 71, SEC), SEC);
	assert_int_equal(budget_left(&d, &l, 300, SEC), 0);
	budget_charge(&d, &l, 40, SEC);
	assert_int_equal(budget_left(&d, &l, 30, SEC), 30);
	/* As if what is held were used now. */
	assert_int_equal(budget_wait_ns(&d, &l, 30, 50, SEC), 20 * SEC);
}

static void
test_bounds(void **state)
{
	struct budget_limit l;

	assert_int_equal(budget_limit_init(&l, 0, SEC), ERR_RANGE);
	assert_int_equal(budget_limit_init(&l, 1, 0), ERR_RANGE);
	assert_int_equal(
	    budget_limit_init(&l, BUDGET_TOKENS_MAX + 1, SEC), ERR_RANGE);
	assert_int_equal(
	    budget_limit_init(&l, 1, BUDGET_PERIOD_MAX_NS + 1), ERR_RANGE);
	assert_int_equal(budget_limit_init(&l, 1, 30 * DAY), OK);
	assert_int_equal(
	    budget_limit_init(&l, UINT64_C(1000000000000000), 1), OK);
}

/* Debts beyond ten years grow no more; nothing overflows. */
static void
test_the_longest_debt(void **state)
{
	struct budget_limit l = limit_of(1, 30 * DAY);
	struct budget_debt d = {0};

	for (int i = 0; i < 100; i++)
		budget_charge(&d, &l, UINT64_MAX, SEC);
	assert_int_equal(budget_left(&d, &l, UINT64_MAX, SEC), 0);
	assert_int_equal(d.full_ns, SEC + BUDGET_DEBT_MAX_NS);
	assert_int_equal(budget_wait_ns(&d, &l, UINT64_MAX, UINT64_MAX, SEC),
	    BUDGET_DEBT_MAX_NS);
	assert_int_equal(budget_left(&d, &l, 0, SEC + BUDGET_DEBT_MAX_NS), 1);
}

static void
test_any_bytes_are_survived(void **state)
{
	srand(11);
	for (int i = 0; i < 100000; i++) {
		struct budget_limit l =
		    limit_of(1 + (uint64_t)rand(), 1 + rand());
		struct budget_debt d;
		unsigned char bytes[sizeof d];
		int64_t wait;

		for (size_t k = 0; k < sizeof bytes; k++)
			bytes[k] = (unsigned char)rand();
		memcpy(&d, bytes, sizeof d);
		wait = budget_wait_ns(&d, &l, 0, 1, HOUR);
		assert_true(wait >= 0 && wait <= BUDGET_DEBT_MAX_NS);
		budget_charge(&d, &l, 5, HOUR);
		assert_true(budget_left(&d, &l, 0, HOUR) <= l.tokens);
		assert_true(d.rem < l.tokens);
	}
}

/* A raised or lowered limit keeps the time until the bucket is full. */
static void
test_another_limit_after_a_reload(void **state)
{
	struct budget_limit old = limit_of(7, HOUR), new = limit_of(3, HOUR);
	struct budget_debt d = {0};

	budget_charge(&d, &old, 5, SEC);
	assert_int_equal(budget_left(&d, &new, 0, SEC), 0);
	/* 5/7 of an hour, to less than a nanosecond. */
	assert_int_equal(
	    budget_wait_ns(&d, &new, 0, 3, SEC) / 2, (HOUR * 5 / 7 + 1) / 2);
}

/* --- against a level that rises --- */

struct water_level {
	wide water; /* 1/period of a token; below 0: debt */
	int64_t at;
};

static void
rise(struct water_level *v, const struct budget_limit *l, int64_t now)
{
	wide full = (wide)l->tokens * l->period_ns;

	v->water += (wide)(now - v->at) * (wide)l->tokens;
	if (v->water > full)
		v->water = full;
	v->at = now;
}

/* Is ${need} there ${ns} from now? */
static bool
is_there(struct water_level v, const struct budget_limit *l, uint64_t need,
    int64_t ns)
{
	rise(&v, l, v.at + ns);
	return v.water >= (wide)need * l->period_ns;
}

static uint64_t
draw(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static void
run(uint64_t seed, int steps)
{
	static const int64_t periods[] = {MIN, HOUR, DAY, 30 * DAY, 1234567891};
	uint64_t s = seed;
	struct budget_limit l =
	    limit_of(1 + draw(&s) % (draw(&s) % 2 ? 100 : 1000000007),
		periods[seed % 5]);
	struct water_level v = {.water = (wide)l.tokens * l.period_ns};
	struct budget_debt d = {0};
	int64_t now = 0;

	for (int i = 0; i < steps; i++) {
		uint64_t need = 1 + draw(&s) % l.tokens;
		int64_t wait;
		wide left;

		now += (int64_t)(draw(&s) % (uint64_t)l.period_ns) >>
		    draw(&s) % 50;
		rise(&v, &l, now);
		if (draw(&s) % 3 == 0) {
			uint64_t used =
			    draw(&s) % (2 * l.tokens) >> draw(&s) % 8;

			budget_charge(&d, &l, used, now);
			v.water -= (wide)used * l.period_ns;
		}
		left = v.water < 0 ? 0 : v.water / l.period_ns;
		wait = budget_wait_ns(&d, &l, 0, need, now);
		if (budget_left(&d, &l, 0, now) != (uint64_t)left ||
		    !is_there(v, &l, need, wait) ||
		    (wait > 0 && is_there(v, &l, need, wait - 1)))
			fail_msg(
			    "seed %llu, step %d", (unsigned long long)seed, i);
	}
}

static void
test_against_the_reference(void **state)
{
	for (uint64_t seed = 1; seed <= 1000; seed++)
		run(seed, 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_stories),
	    cmocka_unit_test(test_what_is_held_is_not_there),
	    cmocka_unit_test(test_bounds),
	    cmocka_unit_test(test_the_longest_debt),
	    cmocka_unit_test(test_any_bytes_are_survived),
	    cmocka_unit_test(test_another_limit_after_a_reload),
	    cmocka_unit_test(test_against_the_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
