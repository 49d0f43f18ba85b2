/*
 * 100,000 requests of callers with budgets in front of an engine with slots:
 * 30 % hang up, 10 % see their engine die and are sent again, now and then
 * the gate itself is gone.  Beside it an independent account, an exact level
 * of water for each caller, that knows only what was used.
 *
 * What must hold: what the table says is what the account says, to the last
 * 1/period of a token; what was reserved and not used came back; nobody goes
 * further below empty than one answer for each slot, and with `strict` nobody
 * goes below empty at all.
 */
#include "limit/budgets.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define MS INT64_C(1000000)
#define SEC (1000 * MS)

enum {
	REQUESTS = 100000,
	CALLERS = 7,
	SLOTS = 4,
	LINE = 64,
	INPUT_MOST = 400,
	OUTPUT_MOST = 2000,
	SIZE = 64 * 1024
};

typedef __int128 wide;

static const struct hash_key secret = {1, 2};

enum stage { NOBODY, WAITING, RUNNING };

struct request {
	enum stage stage;
	int caller;
	uint64_t input, output; /* as the engine will have it */
	int64_t most;		/* output limit; -1 */
	uint64_t reserved;
	int64_t until;
	bool hangs_up;
	int deaths; /* of its engine, to come */
	struct budgets_hold hold;
};

struct account {
	wide water;
	int64_t at;
	uint64_t reserved, given_back, used;
};

struct world {
	void *mem;
	struct budgets b;
	struct budgets_rule rule;
	struct request r[LINE];
	struct account a[CALLERS];
	int64_t now;
	uint64_t generation, seed, s;
	int running;
	uint64_t refused, refused_late;
	wide deepest;
};

static uint64_t
draw(struct world *w)
{
	w->s ^= w->s << 13;
	w->s ^= w->s >> 7;
	w->s ^= w->s << 17;
	return w->s;
}

static bool
chance(struct world *w, unsigned percent)
{
	return draw(w) % 100 < percent;
}

static struct cells_key
key_of(int caller)
{
	return (struct cells_key){(uint64_t)caller + 1, 77};
}

static struct account *
account_now(struct world *w, int caller)
{
	const struct budget_limit *l = &w->rule.limits[0];
	struct account *a = &w->a[caller];
	wide full = (wide)l->tokens * l->period_ns;

	a->water += (wide)(w->now - a->at) * (wide)l->tokens;
	if (a->water > full)
		a->water = full;
	a->at = w->now;
	return a;
}

/* The account is told what was used, and nothing else. */
static void
account_use(struct world *w, struct request *r, uint64_t used)
{
	struct account *a = account_now(w, r->caller);

	a->water -= (wide)used * w->rule.limits[0].period_ns;
	a->used += used;
	a->reserved += r->reserved;
	a->given_back += r->reserved - used; /* wraps for what was debt */
	if (-a->water > w->deepest)
		w->deepest = -a->water;
}

static void
attach(struct world *w)
{
	struct budgets_place place = {.mem = w->mem,
	    .size = SIZE,
	    .seed = secret,
	    .generation = ++w->generation};

	assert_int_equal(budgets_attach(&w->b, &place, w->now), OK);
}

static void
end(struct world *w, struct request *r, uint64_t used, int64_t output)
{
	struct budgets_use use = {used, output};
	struct budgets_answer a;

	assert_true(
	    budgets_settle(&w->b, &w->rule, &use, w->now, &r->hold, &a));
	assert_false(
	    budgets_settle(&w->b, &w->rule, &use, w->now, &r->hold, &a));
	account_use(w, r, used);
	w->running -= r->stage == RUNNING;
	r->stage = NOBODY;
}

/* A slot is free: the first that waits, if its budget still allows. */
static void
dispatch(struct world *w)
{
	for (int i = 0; i < LINE && w->running < SLOTS; i++) {
		struct request *r = &w->r[i];
		struct budgets_answer a;

		if (r->stage != WAITING)
			continue;
		if (!budgets_confirm(&w->b, &w->rule, &r->hold, w->now, &a)) {
			w->refused_late++;
			end(w, r, 0, -1);
			continue;
		}
		r->stage = RUNNING;
		w->running++;
		budgets_note(&w->b, &r->hold, r->input);
		r->until = w->now + (int64_t)(1 + draw(w) % 5000) * MS;
	}
}

/* The time of a request in flight is over. */
static void
finish(struct world *w, struct request *r)
{
	if (r->hangs_up) {
		uint64_t seen = r->input + r->output * (draw(w) % 100) / 100;

		end(w, r, seen, -1);
	} else if (r->deaths > 0) {
		/* Not begun: sent again, with the same reservation. */
		r->deaths--;
		w->running--;
		r->stage = WAITING;
		budgets_note(&w->b, &r->hold, 0);
	} else {
		end(w, r, r->input + r->output, (int64_t)r->output);
	}
}

/* The gate is killed: what runs was seen up to its prompt. */
static void
kill_gate(struct world *w)
{
	attach(w);
	for (int i = 0; i < LINE; i++) {
		struct request *r = &w->r[i];

		if (r->stage == NOBODY)
			continue;
		account_use(w, r, r->stage == RUNNING ? r->input : 0);
		*r = (struct request){.stage = NOBODY};
	}
	w->running = 0;
}

static void
arrive(struct world *w, struct request *r)
{
	struct budgets_answer a;
	struct budgets_ask ask;

	*r = (struct request){.caller = (int)(draw(w) % CALLERS)};
	r->input = 1 + draw(w) % INPUT_MOST;
	/* Longer than nearly all others, now and then. */
	r->output = draw(w) % (chance(w, 4) ? OUTPUT_MOST : 100);
	r->most = -1;
	if (w->rule.strict || chance(w, 50)) {
		r->most = (int64_t)(draw(w) % OUTPUT_MOST);
		if (r->output > (uint64_t)r->most)
			r->output = (uint64_t)r->most; /* it is honoured */
	}
	r->hangs_up = chance(w, 30);
	r->deaths = chance(w, 10) ? 1 + (int)(draw(w) % 3) : 0;
	ask = (struct budgets_ask){r->input, r->most};
	if (!budgets_reserve(&w->b, key_of(r->caller), &w->rule, &ask, w->now,
		&r->hold, &a)) {
		w->refused++;
		assert_true(a.wait_ns > 0);
		return;
	}
	r->reserved = a.wanted_tok;
	r->stage = WAITING;
}

static void
check(struct world *w)
{
	const struct budget_limit *l = &w->rule.limits[0];

	for (int i = 0; i < CALLERS; i++) {
		struct account *a = account_now(w, i);
		uint64_t held = 0;
		struct budgets_answer got;
		wide left = a->water / l->period_ns;
		wide lacks = (wide)l->tokens * l->period_ns - a->water;

		for (int k = 0; k < LINE; k++)
			if (w->r[k].stage != NOBODY && w->r[k].caller == i)
				held += w->r[k].reserved;
		assert_int_equal(budgets_reserved(&w->b, key_of(i)), held);
		left = left > (wide)held ? left - (wide)held : 0;
		budgets_peek(&w->b, key_of(i), &w->rule, w->now, &got);
		/* Both as tokens and as the time until it is full. */
		lacks += (wide)held * l->period_ns;
		if (got.left_tok != (uint64_t)left ||
		    (wide)got.reset_ns !=
			(lacks + (wide)l->tokens - 1) / (wide)l->tokens)
			fail_msg("seed %llu: caller %d has %llu left, not %llu",
			    (unsigned long long)w->seed, i,
			    (unsigned long long)got.left_tok,
			    (unsigned long long)left);
		assert_int_equal(a->reserved - a->given_back, a->used);
	}
}

/* How deep it went below empty, in tokens. */
static uint64_t
run(bool strict, uint64_t seed, unsigned n)
{
	struct world *w = calloc(1, sizeof *w);
	unsigned come = 0;
	uint64_t used = 0;

	*w = (struct world){.mem = aligned_alloc(64, SIZE),
	    .seed = seed,
	    .s = seed * 2 + 1,
	    .now = SEC,
	    .rule = {.n = 1, .strict = strict}};
	memset(w->mem, 0, SIZE);
	/* An odd number, so that no token is a whole number of ns. */
	assert_int_equal(budget_limit_init(&w->rule.limits[0],
			     2971 + draw(w) % 1000, 60 * SEC),
	    OK);
	for (int i = 0; i < CALLERS; i++)
		w->a[i].water = (wide)w->rule.limits[0].tokens * 60 * SEC;
	attach(w);
	while (come < n) {
		struct request *r = &w->r[draw(w) % LINE];

		w->now +=
		    (int64_t)(draw(w) % 200) * MS + (int64_t)(draw(w) % 7);
		if (r->stage == NOBODY) {
			arrive(w, r);
			come++;
		}
		for (int i = 0; i < LINE; i++)
			if (w->r[i].stage == RUNNING && w->r[i].until <= w->now)
				finish(w, &w->r[i]);
		dispatch(w);
		if (draw(w) % 2000 == 0)
			kill_gate(w);
		if (come % 16 == 0)
			check(w);
	}
	for (int i = 0; i < LINE; i++)
		if (w->r[i].stage != NOBODY)
			end(w, &w->r[i], w->r[i].input, -1);
	check(w);
	assert_int_equal(w->b.open, 0);
	for (int i = 0; i < CALLERS; i++)
		used += w->a[i].used;
	/* Neither idle nor let through: the budgets were what decided. */
	assert_true(w->refused > n / 20 && w->refused < n - n / 20);
	if (strict)
		assert_true(w->deepest <= 0);
	else
		assert_true(w->deepest <=
		    (wide)SLOTS * (INPUT_MOST + OUTPUT_MOST) * 60 * SEC);
	print_message("# %s, seed %llu: %llu tokens used, %llu refused, %llu "
		      "at dispatch, at most %lld tokens below empty\n",
	    strict ? "strict" : "usual", (unsigned long long)seed,
	    (unsigned long long)used, (unsigned long long)w->refused,
	    (unsigned long long)w->refused_late,
	    (long long)(w->deepest / (60 * SEC)));
	used = w->deepest > 0 ? (uint64_t)(w->deepest / (60 * SEC)) : 0;
	free(w->mem);
	free(w);
	return used;
}

static void
test_reserved_minus_given_back_is_used(void **state)
{
	uint64_t deepest = run(false, 1, REQUESTS);

	/* A bound that nothing came near to would say nothing. */
	assert_true(deepest > OUTPUT_MOST / 2);
	for (uint64_t seed = 2; seed < 20; seed++)
		(void)run(false, seed, REQUESTS / 20);
}

static void
test_strict_is_never_exceeded(void **state)
{
	for (uint64_t seed = 1; seed < 20; seed++)
		assert_int_equal(
		    run(true, seed, seed == 1 ? REQUESTS : REQUESTS / 20), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_reserved_minus_given_back_is_used),
	    cmocka_unit_test(test_strict_is_never_exceeded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
