/*
 * See limit/gcra.h.  All arithmetic is on debts: spans from now to the moment
 * at which the bucket is full again, between 0 and the depth of the bucket
 * (tolerance + interval), so nothing here can overflow whatever the cell says.
 */
#include "limit/gcra.h"
#include <assert.h>

static bool
is_more(struct gcra_time a, struct gcra_time b)
{
	return a.ns > b.ns || (a.ns == b.ns && a.rem > b.rem);
}

static struct gcra_time
sum(struct gcra_time a, struct gcra_time b, uint32_t count)
{
	struct gcra_time t = {a.ns + b.ns, a.rem + b.rem};

	if (t.rem >= count) {
		t.rem -= count;
		t.ns++;
	}
	return t;
}

/* ${a} - ${b}, which is not more than ${a}. */
static struct gcra_time
difference(struct gcra_time a, struct gcra_time b, uint32_t count)
{
	struct gcra_time t = {a.ns - b.ns, a.rem - b.rem};

	if (a.rem < b.rem) {
		t.rem += count;
		t.ns--;
	}
	return t;
}

static int64_t
rounded_up(struct gcra_time t)
{
	return t.ns + (t.rem > 0);
}

enum err
gcra_rate_init(
    struct gcra_rate *rate, uint32_t count, int64_t period_ns, uint32_t burst)
{
	unsigned __int128 tolerance;

	if (count < 1 || count > GCRA_COUNT_MAX || burst > GCRA_BURST_MAX ||
	    period_ns < 1 || period_ns > GCRA_PERIOD_MAX_NS)
		return ERR_RANGE;
	tolerance = (unsigned __int128)(uint64_t)period_ns * burst;
	if (tolerance / count >
	    (uint64_t)(GCRA_NOW_MAX_NS - GCRA_PERIOD_MAX_NS))
		return ERR_RANGE;
	*rate = (struct gcra_rate){
	    .count = count,
	    .burst = burst,
	    .period_ns = period_ns,
	    .interval = {period_ns / count, (uint32_t)(period_ns % count)},
	    .tolerance = {(int64_t)(tolerance / count),
		(uint32_t)(tolerance % count)},
	};
	return OK;
}

static struct gcra_time
debt_at(const struct gcra_cell *cell, const struct gcra_rate *rate,
    struct gcra_time depth, int64_t now_ns)
{
	struct gcra_time debt;

	assert(now_ns >= 0 && now_ns <= GCRA_NOW_MAX_NS);
	if (cell->tat_ns < now_ns)
		return (struct gcra_time){0, 0};
	if (cell->tat_ns > now_ns + depth.ns)
		return depth;
	debt.ns = cell->tat_ns - now_ns;
	debt.rem = cell->tat_rem;
	/* A remainder of another count, from before a reload: under 1 ns. */
	if (debt.rem >= rate->count) {
		debt.ns++;
		debt.rem = 0;
	}
	return is_more(debt, depth) ? depth : debt;
}

/* How often does the interval go into ${room}, and what is left over? */
static uint32_t
intervals_in(
    struct gcra_time room, const struct gcra_rate *rate, uint64_t *rest)
{
	uint64_t period = (uint64_t)rate->period_ns, n;
	unsigned __int128 wide;

	if (!__builtin_mul_overflow((uint64_t)room.ns, rate->count, &n) &&
	    !__builtin_add_overflow(n, room.rem, &n)) {
		*rest = n % period;
		return (uint32_t)(n / period);
	}
	wide = (unsigned __int128)(uint64_t)room.ns * rate->count + room.rem;
	*rest = (uint64_t)(wide % period);
	return (uint32_t)(wide / period);
}

/* The numbers for a bucket in ${debt}. */
static void
describe(struct gcra_answer *out, const struct gcra_rate *rate,
    struct gcra_time depth, struct gcra_time debt)
{
	uint64_t rest, missing;

	out->remaining =
	    intervals_in(difference(depth, debt, rate->count), rate, &rest);
	missing = (uint64_t)rate->period_ns - rest;
	out->next_ns = (int64_t)((missing + rate->count - 1) / rate->count);
	out->wait_ns = out->remaining > 0 ? 0 : out->next_ns;
	out->reset_ns = rounded_up(debt);
}

bool
gcra_take(struct gcra_cell *cell, const struct gcra_rate *rate, int64_t now_ns,
    struct gcra_answer *out)
{
	struct gcra_time depth =
	    sum(rate->tolerance, rate->interval, rate->count);
	struct gcra_time debt = debt_at(cell, rate, depth, now_ns);

	out->allowed = !is_more(debt, rate->tolerance);
	out->delay_ns = out->allowed ? rounded_up(debt) : 0;
	if (out->allowed) {
		debt = sum(debt, rate->interval, rate->count);
		cell->tat_ns = now_ns + debt.ns;
		cell->tat_rem = debt.rem;
	}
	describe(out, rate, depth, debt);
	return out->allowed;
}

bool
gcra_peek(const struct gcra_cell *cell, const struct gcra_rate *rate,
    int64_t now_ns, struct gcra_answer *out)
{
	struct gcra_time depth =
	    sum(rate->tolerance, rate->interval, rate->count);
	struct gcra_time debt = debt_at(cell, rate, depth, now_ns);

	out->allowed = !is_more(debt, rate->tolerance);
	out->delay_ns = out->allowed ? rounded_up(debt) : 0;
	describe(out, rate, depth, debt);
	return out->allowed;
}
