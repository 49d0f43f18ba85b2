/*
 * budget: so many tokens for so much time, as a bucket that refills evenly.
 *
 * `tokens: 50k/hour` is a bucket of 50,000 tokens into which 50,000 an hour
 * flow, one every 72 ms.  Use is charged when it is known, so it may exceed
 * what is there: then the bucket is in debt beyond its capacity.
 *
 *   now - - - - - - - - - - full        a charge of n tokens moves full by
 *    |<------- debt ------->|           n x period / tokens to the right
 *    |<---- period ---->|               debt above the period: below empty
 *
 * period / tokens need not be a whole number of nanoseconds, so a moment is
 * whole nanoseconds plus a remainder of 1/tokens: nothing is ever rounded and
 * nothing drifts.  Pure: time comes as an argument; it is 0 or later, as the
 * monotonic clock is, but a bucket may have been full before that.
 *
 * Source: the virtual scheduling of limit/gcra.h, with charges of any size.
 */
#pragma once
#include "base/err.h"

#define BUDGET_TOKENS_MAX INT64_C(1000000000000000)
#define BUDGET_PERIOD_MAX_NS (INT64_C(30) * 86400 * 1000000000) /* a month */
/* Tokens of one request, used or asked for; more count as so many. */
#define BUDGET_USE_MAX (INT64_C(1) << 40)
/* A debt that refills only in ten years grows no more. */
#define BUDGET_DEBT_MAX_NS (INT64_C(3650) * 86400 * 1000000000)

/* One limit; made by budget_limit_init, then read-only. */
struct budget_limit {
	uint64_t tokens;   /* the capacity, and what flows in ... */
	int64_t period_ns; /* ... in this time */
};

/*
 * The state of one bucket: when it is full again, full_ns + rem / tokens.
 * All 0 is a full bucket.  It may lie in memory that outlives the process: any
 * bytes are survived.
 */
struct budget_debt {
	int64_t full_ns;
	uint64_t rem;
};

/*
 * Make ${l} a bucket of ${tokens} that refills in ${period_ns}.  ERR_RANGE if
 * tokens is outside of 1..BUDGET_TOKENS_MAX or the period outside of
 * 1..BUDGET_PERIOD_MAX_NS.
 */
MUST_CHECK enum err budget_limit_init(
    struct budget_limit *l, uint64_t tokens, int64_t period_ns);

/* Take ${tok} tokens out of the bucket at ${at_ns}, as far as it must go. */
void budget_charge(struct budget_debt *d, const struct budget_limit *l,
    uint64_t tok, int64_t at_ns);

/*
 * Tokens in the bucket at ${now_ns}, rounded down, when ${held} of them are
 * spoken for; 0 where it is in debt.
 */
uint64_t budget_left(const struct budget_debt *d, const struct budget_limit *l,
    uint64_t held, int64_t now_ns);

/*
 * How long until ${need} tokens (more than the capacity counts as the
 * capacity) are there beside the ${held} that are spoken for: exact, rounded
 * up to whole nanoseconds; 0: they are there now.
 */
int64_t budget_wait_ns(const struct budget_debt *d,
    const struct budget_limit *l, uint64_t held, uint64_t need, int64_t now_ns);
