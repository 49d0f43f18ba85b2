/* See limit/quota.h.  All is put together on the stack and added at once. */
#include "limit/quota.h"

enum { QUOTA_MOST = 320 };

static const int64_t second_ns = 1000000000;
static const int64_t ms_ns = 1000000;

/* The text so far; the longest possible text fits, see QUOTA_MOST. */
struct text {
	size_t n;
	char p[QUOTA_MOST];
};

static void
add(struct text *t, struct slice s)
{
	memcpy(t->p + t->n, s.p, s.n);
	t->n += s.n;
}

static void
add_number(struct text *t, struct slice before, uint64_t v)
{
	add(t, before);
	t->n += fmt_u64(t->p + t->n, v);
}

/* ${span_ns} / ${unit_ns}, rounded up. */
static uint64_t
units(int64_t span_ns, int64_t unit_ns)
{
	return (uint64_t)(span_ns / unit_ns + (span_ns % unit_ns > 0));
}

uint64_t
quota_retry_after_s(int64_t wait_ns)
{
	return units(wait_ns, second_ns);
}

/* Seconds in which an empty bucket fills. */
static uint64_t
window_s(const struct gcra_rate *rate)
{
	struct gcra_time i = rate->interval, t = rate->tolerance;
	bool odd = i.rem > 0 || t.rem > 0;
	int64_t ns = i.ns + t.ns + (i.rem + t.rem >= rate->count);

	/* A remainder counts only if the nanoseconds round to its second. */
	odd = odd && i.rem + t.rem != rate->count;
	return units(ns + odd, second_ns);
}

/* "120ms", "8.64s", "1m30.5s", "2h0m0s": as OpenAI (Go) writes spans. */
static void
add_span(struct text *t, int64_t span_ns)
{
	uint64_t ms = units(span_ns, ms_ns), s = ms / 1000;
	char digits[4] = {'.', (char)('0' + ms / 100 % 10),
	    (char)('0' + ms / 10 % 10), (char)('0' + ms % 10)};
	size_t n = ms % 10 ? 4 : ms % 100 ? 3 : ms % 1000 ? 2 : 0;

	if (ms > 0 && ms < 1000) {
		add_number(t, (struct slice)SLICE(""), ms);
		add(t, (struct slice)SLICE("ms"));
		return;
	}
	if (s >= 3600) {
		add_number(t, (struct slice)SLICE(""), s / 3600);
		add(t, (struct slice)SLICE("h"));
	}
	if (s >= 60) {
		add_number(t, (struct slice)SLICE(""), s / 60 % 60);
		add(t, (struct slice)SLICE("m"));
	}
	add_number(t, (struct slice)SLICE(""), s % 60);
	add(t, slice_of(digits, n));
	add(t, (struct slice)SLICE("s"));
}

enum err
quota_add_fields(struct buf *b, const struct gcra_rate *rate,
    const struct gcra_answer *answer)
{
	struct text t;
	uint64_t q = (uint64_t)rate->burst + 1;

	t.n = 0;
	add_number(
	    &t, (struct slice)SLICE("RateLimit-Policy: \"requests\";q="), q);
	add_number(&t, (struct slice)SLICE(";w="), window_s(rate));
	add_number(&t, (struct slice)SLICE("\r\nRateLimit: \"requests\";r="),
	    answer->remaining);
	add_number(
	    &t, (struct slice)SLICE(";t="), units(answer->next_ns, second_ns));
	add_number(
	    &t, (struct slice)SLICE("\r\nx-ratelimit-limit-requests: "), q);
	add_number(&t,
	    (struct slice)SLICE("\r\nx-ratelimit-remaining-requests: "),
	    answer->remaining);
	add(&t, (struct slice)SLICE("\r\nx-ratelimit-reset-requests: "));
	add_span(&t, answer->reset_ns);
	add(&t, (struct slice)SLICE("\r\n"));
	return buf_add(b, slice_of(t.p, t.n));
}
