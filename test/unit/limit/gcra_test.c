/*
 * GCRA against nginx's arithmetic, against an exact rational reference that
 * is written another way (a leaking bucket of water), and against what it
 * promises in any window of time.
 */
#include "limit/gcra.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define MS INT64_C(1000000)
#define SEC (1000 * MS)
#define MIN (60 * SEC)
#define HOUR (60 * MIN)

typedef unsigned __int128 wide;

/* --- cases that a product owner can read --- */

struct step {
	int64_t at;
	bool allowed;
	uint32_t remaining;
	int64_t wait, next, reset, delay;
};

struct story {
	const char *name;
	uint32_t count;
	int64_t period;
	uint32_t burst;
	struct step steps[12];
	size_t n;
};

static const struct story stories[] = {
    {"10/min, burst 5: six at once, then one every 6 s", 10, MIN, 5,
	{
	    {SEC, true, 5, 0, 6 * SEC, 6 * SEC, 0},
	    {SEC, true, 4, 0, 6 * SEC, 12 * SEC, 6 * SEC},
	    {SEC, true, 3, 0, 6 * SEC, 18 * SEC, 12 * SEC},
	    {SEC, true, 2, 0, 6 * SEC, 24 * SEC, 18 * SEC},
	    {SEC, true, 1, 0, 6 * SEC, 30 * SEC, 24 * SEC},
	    {SEC, true, 0, 6 * SEC, 6 * SEC, 36 * SEC, 30 * SEC},
	    {SEC, false, 0, 6 * SEC, 6 * SEC, 36 * SEC, 0},
	    {7 * SEC - 1, false, 0, 1, 1, 30 * SEC + 1, 0},
	    {7 * SEC, true, 0, 6 * SEC, 6 * SEC, 36 * SEC, 30 * SEC},
	    {7 * SEC, false, 0, 6 * SEC, 6 * SEC, 36 * SEC, 0},
	    {13 * SEC, true, 0, 6 * SEC, 6 * SEC, 36 * SEC, 30 * SEC},
	    {55 * SEC, true, 5, 0, 6 * SEC, 6 * SEC, 0},
	},
	12},
    {"1/s without burst: the next after a second", 1, SEC, 0,
	{
	    {0, true, 0, SEC, SEC, SEC, 0},
	    {SEC - 1, false, 0, 1, 1, 1, 0},
	    {SEC, true, 0, SEC, SEC, SEC, 0},
	    {5 * SEC, true, 0, SEC, SEC, SEC, 0},
	    {5 * SEC + 400 * MS, false, 0, 600 * MS, 600 * MS, 600 * MS, 0},
	},
	5},
    {"3/s: a third of a second is not a whole number", 3, SEC, 0,
	{
	    {0, true, 0, 333333334, 333333334, 333333334, 0},
	    {333333333, false, 0, 1, 1, 1, 0},
	    /* 333333333.3..; the next is due at 666666667.3 */
	    {333333334, true, 0, 333333334, 333333334, 333333334, 0},
	    {666666667, false, 0, 1, 1, 1, 0},
	    {666666668, true, 0, 333333334, 333333334, 333333334, 0},
	},
	5},
    {"1/day, burst 1", 1, 24 * HOUR, 1,
	{
	    {HOUR, true, 1, 0, 24 * HOUR, 24 * HOUR, 0},
	    {HOUR, true, 0, 24 * HOUR, 24 * HOUR, 48 * HOUR, 24 * HOUR},
	    {2 * HOUR, false, 0, 23 * HOUR, 23 * HOUR, 47 * HOUR, 0},
	},
	3},
};

static void
check_step(const struct story *s, size_t i, const struct gcra_answer *a)
{
	const struct step *w = &s->steps[i];

	if (a->allowed != w->allowed || a->remaining != w->remaining ||
	    a->wait_ns != w->wait || a->next_ns != w->next ||
	    a->reset_ns != w->reset || a->delay_ns != w->delay)
		fail_msg("%s: step %zu: allowed %d remaining %u wait %lld next "
			 "%lld reset %lld delay %lld",
		    s->name, i, a->allowed, a->remaining, (long long)a->wait_ns,
		    (long long)a->next_ns, (long long)a->reset_ns,
		    (long long)a->delay_ns);
}

static void
test_stories(void **state)
{
	for (size_t k = 0; k < sizeof stories / sizeof *stories; k++) {
		const struct story *s = &stories[k];
		struct gcra_cell cell = {0};
		struct gcra_rate rate;
		struct gcra_answer a;

		assert_int_equal(
		    gcra_rate_init(&rate, s->count, s->period, s->burst), OK);
		for (size_t i = 0; i < s->n; i++) {
			bool would =
			    gcra_peek(&cell, &rate, s->steps[i].at, &a);

			assert_int_equal(would, s->steps[i].allowed);
			assert_int_equal(
			    gcra_take(&cell, &rate, s->steps[i].at, &a), would);
			check_step(s, i, &a);
		}
	}
}

static void
test_peek_changes_nothing_and_counts_what_is_left(void **state)
{
	struct gcra_cell cell = {0}, before;
	struct gcra_rate rate;
	struct gcra_answer a;

	assert_int_equal(gcra_rate_init(&rate, 10, MIN, 5), OK);
	assert_true(gcra_peek(&cell, &rate, SEC, &a));
	assert_int_equal(a.remaining, 6);
	assert_int_equal(a.reset_ns, 0);
	gcra_take(&cell, &rate, SEC, &a);
	before = cell;
	assert_true(gcra_peek(&cell, &rate, 2 * SEC, &a));
	assert_int_equal(a.remaining, 5);
	assert_int_equal(a.next_ns, 5 * SEC);
	assert_int_equal(a.reset_ns, 5 * SEC);
	assert_memory_equal(&cell, &before, sizeof cell);
}

static void
test_rates_outside_of_the_bounds_are_refused(void **state)
{
	static const struct {
		uint32_t count;
		int64_t period;
		uint32_t burst;
		enum err want;
	} cases[] = {
	    {0, SEC, 0, ERR_RANGE},
	    {1, 0, 0, ERR_RANGE},
	    {1, -1, 0, ERR_RANGE},
	    {1, 24 * HOUR + 1, 0, ERR_RANGE},
	    {1, SEC, GCRA_BURST_MAX + 1, ERR_RANGE},
	    {GCRA_COUNT_MAX + 1, SEC, 0, ERR_RANGE},
	    {1, 24 * HOUR, GCRA_BURST_MAX, ERR_RANGE}, /* 2738 years */
	    {1, 24 * HOUR, 36524, OK},		       /* 100 years */
	    {1, 24 * HOUR, 36525, ERR_RANGE},
	    {GCRA_COUNT_MAX, 1, 0, OK},
	    {GCRA_COUNT_MAX, 24 * HOUR, GCRA_BURST_MAX, OK},
	};
	struct gcra_rate rate;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (gcra_rate_init(&rate, cases[i].count, cases[i].period,
			cases[i].burst) != cases[i].want)
			fail_msg("case %zu", i);
}

/* A raised rate must not make a caller wait out its old debt. */
static void
test_reload_to_another_rate(void **state)
{
	struct gcra_rate hour, minute;
	struct gcra_cell cell = {0};
	struct gcra_answer a;

	assert_int_equal(gcra_rate_init(&hour, 1, HOUR, 5), OK);
	assert_int_equal(gcra_rate_init(&minute, 10, MIN, 5), OK);
	for (int i = 0; i < 6; i++)
		assert_true(gcra_take(&cell, &hour, SEC, &a));
	assert_int_equal(a.wait_ns, HOUR);
	assert_false(gcra_take(&cell, &minute, SEC, &a));
	assert_int_equal(a.wait_ns, 6 * SEC);
	assert_int_equal(a.reset_ns, 36 * SEC);
	/* Lowered: a minute's debt is less than one request an hour. */
	cell = (struct gcra_cell){0};
	for (int i = 0; i < 6; i++)
		assert_true(gcra_take(&cell, &minute, SEC, &a));
	assert_true(gcra_peek(&cell, &hour, SEC, &a));
	assert_int_equal(a.remaining, 5);
}

/* --- random bytes, random steps --- */

static uint64_t seed;

static uint64_t
draw(void)
{
	/* xorshift64* */
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * UINT64_C(2685821657736338717);
}

static uint64_t
below(uint64_t n)
{
	return n == 0 ? 0 : draw() % n;
}

/* Of every order of magnitude up to ${most} equally often; at least 1. */
static uint64_t
any_size(uint64_t most)
{
	unsigned bits = 64 - (unsigned)__builtin_clzll(most | 1);

	return 1 + below(most >> below(bits));
}

static void
test_damaged_cells_are_survived(void **state)
{
	for (int i = 0; i < 200000; i++) {
		struct gcra_rate rate;
		struct gcra_cell cell;
		struct gcra_answer a;
		int64_t now = (int64_t)below((uint64_t)GCRA_NOW_MAX_NS + 1);

		cell.tat_ns = (int64_t)(draw() >> below(64));
		cell.tat_rem = (uint32_t)draw();
		if (below(2))
			cell.tat_ns = -cell.tat_ns;
		if (gcra_rate_init(&rate,
			(uint32_t)any_size(GCRA_COUNT_MAX - 1),
			(int64_t)any_size((uint64_t)GCRA_PERIOD_MAX_NS - 1),
			(uint32_t)any_size(30000)) != OK)
			continue;
		gcra_take(&cell, &rate, now, &a);
		assert_in_range(a.remaining, 0, (uint64_t)rate.burst + 1);
		assert_true(a.wait_ns >= 0 && a.next_ns >= 0);
		/* Never worse than an empty bucket. */
		assert_true(a.wait_ns <= rate.interval.ns + 1);
	}
}

/* Deeper in debt than the rate can make it, by less than a nanosecond. */
static void
test_damaged_remainder_is_survived(void **state)
{
	struct gcra_cell cell = {0};
	struct gcra_rate rate;
	struct gcra_answer a;

	assert_int_equal(gcra_rate_init(&rate, 3, SEC, 0), OK);
	gcra_take(&cell, &rate, SEC, &a);
	assert_int_equal(cell.tat_rem, 1);
	for (uint32_t rem = 2; rem < 5; rem++) {
		cell.tat_rem = rem;
		assert_false(gcra_peek(&cell, &rate, SEC, &a));
		assert_int_equal(a.remaining, 0);
		assert_int_equal(a.wait_ns, 333333334);
		assert_int_equal(a.reset_ns, 333333334);
	}
}

/*
 * The reference: a bucket of water in units of 1/count ns.  It leaks count
 * units a nanosecond, a request pours period units into it, and passes if
 * there were at most burst x period units before.
 */
struct bucket {
	wide water;
	int64_t last;
};

static struct gcra_answer
pour(struct bucket *b, uint32_t count, int64_t period, uint32_t burst,
    int64_t now)
{
	wide unit = (wide)period, brim = unit * burst, leaked, left;
	struct gcra_answer a = {0};

	leaked = (wide)(now - b->last) * count;
	b->water = b->water > leaked ? b->water - leaked : 0;
	b->last = now;
	if (b->water <= brim) {
		a.allowed = true;
		a.delay_ns = (int64_t)((b->water + count - 1) / count);
		b->water += unit;
	}
	a.reset_ns = (int64_t)((b->water + count - 1) / count);
	/* n more fit if water + (n - 1) units are not above the brim. */
	a.remaining =
	    b->water > brim ? 0 : (uint32_t)((brim - b->water) / unit + 1);
	left = b->water + (wide)a.remaining * unit - brim;
	a.next_ns = (int64_t)((left + count - 1) / count);
	a.wait_ns = a.remaining > 0 ? 0 : a.next_ns;
	return a;
}

static bool
is_same(const struct gcra_answer *a, const struct gcra_answer *b)
{
	return a->allowed == b->allowed && a->remaining == b->remaining &&
	    a->wait_ns == b->wait_ns && a->next_ns == b->next_ns &&
	    a->reset_ns == b->reset_ns && a->delay_ns == b->delay_ns;
}

/* How long until the next request: often exactly when it matters. */
static int64_t
any_pause(const struct gcra_rate *rate, const struct gcra_answer *last)
{
	switch (below(8)) {
	case 0:
	case 1:
		return 0;
	case 2:
		return last->next_ns;
	case 3:
		return last->next_ns > 0 ? last->next_ns - 1 : 0;
	case 4:
		return last->reset_ns;
	case 5:
		return last->reset_ns + (int64_t)below(3) - 1 < 0
		    ? 0
		    : last->reset_ns + (int64_t)below(2);
	case 6:
		return (int64_t)below(2 * (uint64_t)rate->interval.ns + 2);
	default:
		return (int64_t)below(any_size((uint64_t)rate->period_ns));
	}
}

/* Some 10,000 steps of one rate; the window property rides along. */
static size_t
walk(size_t steps)
{
	struct gcra_answer got = {0}, want;
	struct gcra_cell cell = {0};
	struct gcra_rate rate;
	struct bucket ref = {0};
	uint32_t count = (uint32_t)any_size(below(8) ? 1000000 : 999999999);
	int64_t period = below(4)
	    ? (int64_t[]){SEC, MIN, HOUR, 24 * HOUR}[below(4)]
	    : (int64_t)any_size(24 * (uint64_t)HOUR - 1);
	uint32_t burst = below(4) ? (uint32_t)below(20)
				  : (uint32_t)any_size(GCRA_BURST_MAX - 1);
	int64_t now = (int64_t)below(any_size((uint64_t)GCRA_NOW_MAX_NS / 2));
	__int128 highest = 0;
	int64_t passed = 0;

	if (gcra_rate_init(&rate, count, period, burst) != OK)
		return 0;
	ref.last = now;
	for (size_t i = 0; i < steps; i++) {
		int64_t pause = any_pause(&rate, &got);

		if (now > GCRA_NOW_MAX_NS - pause)
			return i;
		now += pause;
		gcra_take(&cell, &rate, now, &got);
		want = pour(&ref, count, period, burst, now);
		if (!is_same(&got, &want))
			fail_msg("count %u period %lld burst %u step %zu now "
				 "%lld differs",
			    count, (long long)period, burst, i, (long long)now);
		if (!got.allowed)
			continue;
		/*
		 * Requests i..j in a window of t: j - i <= burst + t x rate,
		 * that is f(j) >= f(i) - burst with f(i) = t(i) x rate - i,
		 * for every i before j.
		 */
		__int128 f = (__int128)now * count - (__int128)passed * period;
		if (passed++ == 0 || f > highest)
			highest = f;
		if (f < highest - (__int128)burst * period)
			fail_msg("count %u period %lld burst %u: too many in "
				 "a window at step %zu",
			    count, (long long)period, burst, i);
	}
	return steps;
}

static void
test_ten_million_steps_are_exact(void **state)
{
	const size_t want = 10 * 1000 * 1000;
	size_t done = 0;

	while (done < want)
		done += walk(want - done < 10000 ? want - done : 10000);
}

/* 100 years of a third of a second each: nothing drifts. */
static void
test_no_drift_over_a_century(void **state)
{
	struct gcra_cell cell = {0};
	struct gcra_rate rate;
	struct gcra_answer a;
	/* 3 a second: after 3 x n requests exactly n seconds have passed. */
	int64_t late = GCRA_NOW_MAX_NS - 1000 * SEC;

	assert_int_equal(gcra_rate_init(&rate, 3, SEC, 3), OK);
	for (int64_t s = 0; s < 1000; s++)
		for (int i = 0; i < 3; i++)
			assert_true(
			    gcra_take(&cell, &rate, late + s * SEC, &a));
	assert_int_equal(a.reset_ns, SEC);
	assert_int_equal(a.remaining, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_stories),
	    cmocka_unit_test(test_peek_changes_nothing_and_counts_what_is_left),
	    cmocka_unit_test(test_rates_outside_of_the_bounds_are_refused),
	    cmocka_unit_test(test_reload_to_another_rate),
	    cmocka_unit_test(test_damaged_cells_are_survived),
	    cmocka_unit_test(test_damaged_remainder_is_survived),
	    cmocka_unit_test(test_ten_million_steps_are_exact),
	    cmocka_unit_test(test_no_drift_over_a_century),
	};
	const char *given = getenv("WEIR_SEED");

	seed = given != NULL ? strtoull(given, NULL, 10) : 20260224;
	seed |= 1;
	printf("# WEIR_SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
