/*
 * How long does a decision take?  A request ends and is charged, another one
 * comes, the next one is given out: with 1,000 callers and 10,000 waiting.
 * By the queue alone, with its counters in memory that outlives the process,
 * and with the limiter: the rate and a budget that is reserved, confirmed and
 * settled.
 */
#include "fair/fair.h"
#include "limit/budgets.h"
#include "queue/queue.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	CALLERS = 1000,
	WAITING = 10000,
	FLYING = 64,
	PARTS = 15, /* measured one by one; other programs run, too */
	ROUNDS = 100000,
	TABLE_BYTES = 4 * 1024 * 1024 + 64 * 1024,
};

enum what { QUEUE_ALONE, QUEUE_COUNTERS, QUEUE_LIMITS, QUEUE_PEOPLE, WHATS };

static const char *const names[WHATS] = {
    "the queue alone",
    "with counters that outlive the process",
    "with the limiter: a rate and a budget",
    "all of them people behind one app that has its at_once",
};

struct world {
	struct queue q;
	struct queue_caller app, callers[CALLERS];
	struct queue_item items[WAITING + FLYING];
	size_t flying[FLYING];
	enum what what;
	struct counters counters;
	struct cells cells;
	struct budgets budgets;
	struct cells_key keys[CALLERS], budget_keys[CALLERS];
	struct budgets_hold holds[WAITING + FLYING];
	struct gcra_rate rate;
	struct budgets_rule rule;
};

static bool
may_run(void *ctx, const struct queue_item *head)
{
	return true;
}

static uint32_t
random_u32(uint64_t *state)
{
	/* Knuth's MMIX generator; its high half. */
	*state = *state * UINT64_C(6364136223846793005) +
	    UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 32);
}

/* What the limiter does when request ${i} of caller ${c} comes. */
static void
admit(struct world *w, size_t i, size_t c, int64_t now_us)
{
	const struct budgets_ask ask = {100, 400};
	struct budgets_answer tokens;
	struct gcra_answer quota;

	if (!cells_take(
		&w->cells, w->keys[c], &w->rate, now_us * 1000, &quota) ||
	    !budgets_reserve(&w->budgets, w->budget_keys[c], &w->rule, &ask,
		now_us * 1000, &w->holds[i], &tokens))
		abort();
}

static void
add(struct world *w, size_t i, uint64_t *seed, int64_t now_us)
{
	struct queue_item *it = &w->items[i];
	size_t c = random_u32(seed) % CALLERS;

	if (w->what == QUEUE_LIMITS)
		admit(w, i, c, now_us);
	queue_item_init(it, &w->callers[c]);
	it->input_tok = 1 + random_u32(seed) % 4000;
	it->deadline_us = now_us + 600000000;
	if (queue_try_add(&w->q, it, now_us) != OK)
		abort();
}

static size_t
take(struct world *w, int64_t now_us)
{
	size_t i = (size_t)(queue_next(&w->q, may_run, w, now_us) - w->items);
	struct budgets_answer tokens;

	if (w->what == QUEUE_LIMITS &&
	    !budgets_confirm(
		&w->budgets, &w->rule, &w->holds[i], now_us * 1000, &tokens))
		abort();
	return i;
}

static int64_t
clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

/* One request ends, another comes, the next is given out. */
static void
decide(struct world *w, size_t slot, uint64_t *seed, int64_t now_us)
{
	size_t i = w->flying[slot];
	struct queue_item *it = &w->items[i];
	int64_t output_tok = 1 + random_u32(seed) % 1000;
	const struct budgets_use use = {(uint64_t)output_tok + 100, output_tok};
	struct budgets_answer tokens;

	queue_charge(&w->q, it, -1, output_tok);
	queue_note_service(&w->q, it, 1000);
	if (w->what == QUEUE_LIMITS)
		(void)budgets_settle(&w->budgets, &w->rule, &use, now_us * 1000,
		    &w->holds[i], &tokens);
	queue_del(&w->q, it);
	add(w, i, seed, now_us);
	w->flying[slot] = take(w, now_us);
}

/* Limits that nobody reaches, so that every request passes all of them. */
static void
set_limits(struct world *w)
{
	struct budgets_place place = {
	    .mem = aligned_alloc(64, TABLE_BYTES),
	    .size = TABLE_BYTES,
	    .seed = {5, 6},
	    .generation = 1,
	};
	void *cells = aligned_alloc(64, TABLE_BYTES);
	void *counters = aligned_alloc(64, TABLE_BYTES);

	if (place.mem == NULL || cells == NULL || counters == NULL)
		abort();
	memset(place.mem, 0, TABLE_BYTES);
	memset(cells, 0, TABLE_BYTES);
	memset(counters, 0, TABLE_BYTES);
	if (cells_attach(&w->cells, cells, TABLE_BYTES, place.seed) != OK ||
	    budgets_attach(&w->budgets, &place, 0) != OK ||
	    counters_attach(&w->counters, counters, TABLE_BYTES) != OK ||
	    gcra_rate_init(&w->rate, 1000000, 1000000000, 1000000) != OK ||
	    budget_limit_init(&w->rule.limits[0], BUDGET_TOKENS_MAX,
		BUDGET_PERIOD_MAX_NS) != OK)
		abort();
	w->rule.n = 1;
	for (size_t i = 0; i < CALLERS; i++) {
		struct slice who = slice_of((const char *)&i, sizeof i);

		w->keys[i] = cells_key(&w->cells, CELLS_REQUESTS, who);
		w->budget_keys[i] = cells_key(&w->cells, CELLS_TOKENS, who);
	}
	if (w->what != QUEUE_ALONE)
		queue_set_counters(&w->q, &w->counters);
	for (size_t i = 0; i < CALLERS && w->what != QUEUE_ALONE; i++) {
		struct cells_key k = w->keys[i];

		queue_caller_restore(
		    &w->q, &w->callers[i], (struct counters_key){k.lo, k.hi});
	}
}

static void
free_limits(struct world *w)
{
	free(w->cells.header);
	free(w->counters.header);
	free(w->budgets.header);
}

static int
by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* Print nanoseconds of processor time for one decision. */
static void
measure(enum what what)
{
	struct world *w = must_calloc(1, sizeof *w);
	uint64_t seed = 1;
	int64_t now_us = 0, spent[PARTS];
	/* Each decision takes them all back and puts them aside again. */
	int rounds = what == QUEUE_PEOPLE ? ROUNDS / 1000 : ROUNDS;

	w->what = what;
	queue_init(&w->q, SIZE_MAX / 2, SIZE_MAX / 2);
	for (size_t i = 0; i < CALLERS; i++)
		queue_caller_init(&w->callers[i]);
	queue_caller_init(&w->app);
	queue_caller_set(&w->app, FLYING, 0, 1);
	for (size_t i = 0; i < CALLERS && what == QUEUE_PEOPLE; i++)
		queue_caller_join(&w->callers[i], &w->app);
	set_limits(w);
	for (size_t i = 0; i < WAITING + FLYING; i++)
		add(w, i, &seed, 0);
	for (size_t i = 0; i < FLYING; i++)
		w->flying[i] = take(w, 0);
	for (int part = 0; part < PARTS; part++) {
		spent[part] = -clock_ns();
		for (int i = 0; i < rounds; i++)
			decide(w, (size_t)i % FLYING, &seed, ++now_us);
		spent[part] += clock_ns();
	}
	qsort(spent, PARTS, sizeof *spent, by_size);
	printf("%4lld  %6lld  %s\n", (long long)(spent[0] / rounds),
	    (long long)(spent[PARTS / 2] / rounds), names[what]);
	for (size_t i = 0; i < WAITING + FLYING; i++)
		queue_del(&w->q, &w->items[i]);
	queue_fini(&w->q);
	free_limits(w);
	free(w);
}

int
pace_main(void)
{
	printf("%d callers, %d waiting; nanoseconds for charge, end, add and "
	       "next: least and\nmedian of %d parts\n",
	    CALLERS, WAITING, PARTS);
	for (int what = 0; what < WHATS; what++)
		measure((enum what)what);
	return 0;
}
