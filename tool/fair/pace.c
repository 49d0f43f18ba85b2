/*
 * How long does a decision take?  A request ends and is charged, another one
 * comes, the next one is given out: with 1,000 callers and 10,000 waiting.
 */
#include "fair/fair.h"
#include "queue/queue.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CALLERS = 1000, WAITING = 10000, FLYING = 64, ROUNDS = 2000000 };

struct world {
	struct queue q;
	struct queue_caller callers[CALLERS];
	struct queue_item items[WAITING + FLYING];
	size_t flying[FLYING];
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

static void
add(struct world *w, size_t i, uint64_t *seed, int64_t now_us)
{
	struct queue_item *it = &w->items[i];

	queue_item_init(it, &w->callers[random_u32(seed) % CALLERS]);
	it->input_tok = 1 + random_u32(seed) % 4000;
	it->deadline_us = now_us + 600000000;
	if (queue_try_add(&w->q, it, now_us) != OK)
		abort();
}

static size_t
take(struct world *w, int64_t now_us)
{
	return (size_t)(queue_next(&w->q, may_run, w, now_us) - w->items);
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

	queue_charge(&w->q, it, -1, 1 + random_u32(seed) % 1000);
	queue_note_service(&w->q, it, 1000);
	queue_del(&w->q, it);
	add(w, i, seed, now_us);
	w->flying[slot] = take(w, now_us);
}

int
pace_main(void)
{
	struct world *w = must_calloc(1, sizeof *w);
	uint64_t seed = 1;
	int64_t start, spent;

	queue_init(&w->q, SIZE_MAX / 2, SIZE_MAX / 2);
	for (size_t i = 0; i < CALLERS; i++)
		queue_caller_init(&w->callers[i]);
	for (size_t i = 0; i < WAITING + FLYING; i++)
		add(w, i, &seed, 0);
	for (size_t i = 0; i < FLYING; i++)
		w->flying[i] = take(w, 0);
	for (int i = 0; i < ROUNDS / 10; i++) /* warm up */
		decide(w, (size_t)i % FLYING, &seed, i);
	start = clock_ns();
	for (int i = 0; i < ROUNDS; i++)
		decide(w, (size_t)i % FLYING, &seed, ROUNDS / 10 + i);
	spent = clock_ns() - start;
	printf(
	    "%d callers, %zu waiting: %.0f ns for charge, end, add and next\n",
	    CALLERS, w->q.n, (double)spent / ROUNDS);
	for (size_t i = 0; i < WAITING + FLYING; i++)
		queue_del(&w->q, &w->items[i]);
	queue_fini(&w->q);
	free(w);
	return 0;
}
