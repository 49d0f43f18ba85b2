/* See limit/quota.h.  All is put together on the stack and added at once. */
#include "limit/quota.h"

enum { QUOTA_MOST = 768 };

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

/* --- the two kinds --- */

static bool
has_requests(const struct quota *q)
{
	return q->rate != NULL && q->requests != NULL;
}

static bool
has_tokens(const struct quota *q)
{
	return q->rule != NULL && q->rule->n > 0 && q->tokens != NULL;
}

/* The limit that the numbers of the answer are of. */
static const struct budget_limit *
limit_of(const struct quota *q)
{
	return &q->rule->limits[q->tokens->which];
}

static void
add_policy(struct text *t, const struct quota *q)
{
	add(t, (struct slice)SLICE("RateLimit-Policy: "));
	if (has_requests(q)) {
		add_number(t, (struct slice)SLICE("\"requests\";q="),
		    (uint64_t)q->rate->burst + 1);
		add_number(t, (struct slice)SLICE(";w="), window_s(q->rate));
	}
	if (has_requests(q) && has_tokens(q))
		add(t, (struct slice)SLICE(", "));
	if (has_tokens(q)) {
		add_number(t, (struct slice)SLICE("\"tokens\";q="),
		    limit_of(q)->tokens);
		add_number(t, (struct slice)SLICE(";w="),
		    units(limit_of(q)->period_ns, second_ns));
	}
	add(t, (struct slice)SLICE("\r\n"));
}

static void
add_limit(struct text *t, const struct quota *q)
{
	const struct gcra_answer *r = q->requests;
	const struct budgets_answer *k = q->tokens;

	add(t, (struct slice)SLICE("RateLimit: "));
	if (has_requests(q)) {
		add_number(
		    t, (struct slice)SLICE("\"requests\";r="), r->remaining);
		add_number(t, (struct slice)SLICE(";t="),
		    units(r->next_ns, second_ns));
	}
	if (has_requests(q) && has_tokens(q))
		add(t, (struct slice)SLICE(", "));
	if (has_tokens(q)) {
		int64_t ns = k->allowed ? k->reset_ns : k->wait_ns;

		add_number(
		    t, (struct slice)SLICE("\"tokens\";r="), k->left_tok);
		add_number(t, (struct slice)SLICE(";t="), units(ns, second_ns));
	}
	add(t, (struct slice)SLICE("\r\n"));
}

/* OpenAI's three of one kind. */
struct openai {
	struct slice kind;
	uint64_t most, left;
	int64_t reset_ns;
};

static void
add_openai(struct text *t, const struct openai *o)
{
	add(t, (struct slice)SLICE("x-ratelimit-limit-"));
	add(t, o->kind);
	add_number(t, (struct slice)SLICE(": "), o->most);
	add(t, (struct slice)SLICE("\r\nx-ratelimit-remaining-"));
	add(t, o->kind);
	add_number(t, (struct slice)SLICE(": "), o->left);
	add(t, (struct slice)SLICE("\r\nx-ratelimit-reset-"));
	add(t, o->kind);
	add(t, (struct slice)SLICE(": "));
	add_span(t, o->reset_ns);
	add(t, (struct slice)SLICE("\r\n"));
}

enum err
quota_add_fields(struct buf *b, const struct quota *q)
{
	struct text t;

	if (!has_requests(q) && !has_tokens(q))
		return OK;
	t.n = 0;
	add_policy(&t, q);
	add_limit(&t, q);
	if (has_requests(q))
		add_openai(&t,
		    &(struct openai){SLICE("requests"),
			(uint64_t)q->rate->burst + 1, q->requests->remaining,
			q->requests->reset_ns});
	if (has_tokens(q))
		add_openai(&t,
		    &(struct openai){SLICE("tokens"), limit_of(q)->tokens,
			q->tokens->left_tok, q->tokens->reset_ns});
	return buf_add(b, slice_of(t.p, t.n));
}
