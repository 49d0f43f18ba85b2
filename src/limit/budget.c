/*
 * See limit/budget.h.  Debts are counted in 1/tokens of a nanosecond, which is
 * 1/period of a token: both the time and the tokens of a debt are one division
 * away, and sums are exact in 128 bits.
 */
#include "limit/budget.h"
#include <assert.h>

typedef unsigned __int128 units;

_Static_assert(BUDGET_DEBT_MAX_NS / 2 > BUDGET_PERIOD_MAX_NS,
    "the longest debt is longer than any period");

static units
of_time(const struct budget_limit *l, int64_t ns)
{
	return (units)(uint64_t)ns * l->tokens;
}

static units
of_tokens(const struct budget_limit *l, uint64_t tok)
{
	return (units)tok * (uint64_t)l->period_ns;
}

static uint64_t
at_most(uint64_t tok, uint64_t most)
{
	return tok < most ? tok : most;
}

enum err
budget_limit_init(struct budget_limit *l, uint64_t tokens, int64_t period_ns)
{
	if (tokens < 1 || tokens > BUDGET_TOKENS_MAX || period_ns < 1 ||
	    period_ns > BUDGET_PERIOD_MAX_NS)
		return ERR_RANGE;
	*l = (struct budget_limit){tokens, period_ns};
	return OK;
}

static units
debt_at(
    const struct budget_debt *d, const struct budget_limit *l, int64_t now_ns)
{
	uint64_t rem = d->rem;
	int64_t ns;

	if (__builtin_sub_overflow(d->full_ns, now_ns, &ns))
		ns = d->full_ns < now_ns ? -1 : BUDGET_DEBT_MAX_NS;
	if (ns < 0)
		return 0;
	if (ns >= BUDGET_DEBT_MAX_NS)
		return of_time(l, BUDGET_DEBT_MAX_NS);
	/* A remainder of another limit, from before a reload: under 1 ns. */
	if (rem >= l->tokens)
		rem = l->tokens - 1;
	return of_time(l, ns) + rem;
}

void
budget_charge(struct budget_debt *d, const struct budget_limit *l, uint64_t tok,
    int64_t at_ns)
{
	units debt =
	    debt_at(d, l, at_ns) + of_tokens(l, at_most(tok, BUDGET_USE_MAX));
	units most = of_time(l, BUDGET_DEBT_MAX_NS), ns;

	if (debt > most)
		debt = most;
	ns = debt / l->tokens;
	d->full_ns = at_ns + (int64_t)ns;
	d->rem = (uint64_t)(debt - ns * l->tokens);
}

uint64_t
budget_left(const struct budget_debt *d, const struct budget_limit *l,
    uint64_t held, int64_t now_ns)
{
	units there = of_tokens(l, l->tokens), debt = debt_at(d, l, now_ns);
	uint64_t left;

	if (debt >= there)
		return 0;
	left = (uint64_t)((there - debt) / (uint64_t)l->period_ns);
	return left > held ? left - held : 0;
}

int64_t
budget_wait_ns(const struct budget_debt *d, const struct budget_limit *l,
    uint64_t held, uint64_t need, int64_t now_ns)
{
	units there = of_tokens(l, l->tokens);
	units gone = debt_at(d, l, now_ns) + of_tokens(l, held) +
	    of_tokens(l, at_most(need, l->tokens));
	units ns;

	if (gone <= there)
		return 0;
	ns = (gone - there + l->tokens - 1) / l->tokens;
	return ns > BUDGET_DEBT_MAX_NS ? BUDGET_DEBT_MAX_NS : (int64_t)ns;
}
