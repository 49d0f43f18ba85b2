/*
 * quota: limits told to the caller, in header fields.
 *
 * With `rate: 10/min, burst: 5` and `tokens: 50k/hour`, after the first
 * request of a caller at rest, which may take 500 tokens:
 *
 *   RateLimit-Policy: "requests";q=6;w=36, "tokens";q=50000;w=3600
 *   RateLimit: "requests";r=5;t=6, "tokens";r=49500;t=36
 *   x-ratelimit-limit-requests: 6
 *   x-ratelimit-remaining-requests: 5
 *   x-ratelimit-reset-requests: 6s
 *   x-ratelimit-limit-tokens: 50000
 *   x-ratelimit-remaining-tokens: 49500
 *   x-ratelimit-reset-tokens: 36s
 *
 * What is true of a bucket of requests: q = burst + 1 is the most that can
 * pass at once, and w = q intervals is the time in which an empty bucket
 * fills, rounded up to seconds, at least 1.  Whoever sends at most q in every
 * window of w is never refused (q x ceil(t/w) <= q + t/interval for every span
 * t), and over long spans q/w is the rate, up to the rounding, which promises
 * less, never more.  count and period as the operator wrote them would be
 * wrong: 10 at once are refused.  Of tokens q and w are what he wrote.
 *
 * r is what could be sent now, and t, the effective window "within which the
 * client can use no more than the available quota", is for requests the time
 * until one more could be, and for tokens the time until the bucket is full;
 * for a refusal t equals Retry-After, as the draft wants.  OpenAI's reset is
 * the time until the bucket is full.
 *
 * Sources: draft-ietf-httpapi-ratelimit-headers-10 and -11, sections 3, 4 and
 * 6; RFC 9110 10.2.3 (Retry-After); OpenAI, "Rate limits in headers".
 */
#pragma once
#include "base/buf.h"
#include "limit/budgets.h"
#include "limit/gcra.h"

/* What there is to tell; NULL: nothing of that kind. */
struct quota {
	const struct gcra_rate *rate;
	const struct gcra_answer *requests; /* of gcra_take or gcra_peek */
	const struct budgets_rule *rule;
	const struct budgets_answer *tokens; /* of budgets_reserve, _peek */
};

/* Seconds for Retry-After: ${wait_ns} (0 or more), rounded up. */
uint64_t quota_retry_after_s(int64_t wait_ns);

/*
 * Append the fields above, each as "name: value\r\n"; nothing for an empty
 * ${q}.  ERR_FULL (nothing added), ERR_NOMEM.
 */
MUST_CHECK enum err quota_add_fields(struct buf *b, const struct quota *q);
