/* A queue with callers and items, for the tests of this room. */
#pragma once
#include "queue/queue.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { CALLERS = 12, ITEMS = 400, MODELS = 80 };

struct world {
	struct queue q;
	struct queue_caller callers[CALLERS];
	struct queue_item items[ITEMS];
	bool closed[MODELS]; /* no slot for this model */
	int asked;
	int64_t now_us;
};

static inline bool
world_may_run(void *ctx, const struct queue_item *head)
{
	struct world *w = ctx;

	w->asked++;
	return !w->closed[head->model];
}

static inline struct world *
world_new(size_t length, size_t bytes)
{
	struct world *w = calloc(1, sizeof *w);

	assert_non_null(w);
	queue_init(&w->q, length, bytes);
	for (int i = 0; i < CALLERS; i++)
		queue_caller_init(&w->callers[i]);
	for (int i = 0; i < ITEMS; i++)
		queue_item_init(&w->items[i], &w->callers[0]);
	return w;
}

static inline void
world_free(struct world *w)
{
	for (int i = 0; i < ITEMS; i++)
		queue_del(&w->q, &w->items[i]);
	assert_int_equal(w->q.n, 0);
	assert_int_equal(w->q.bytes, 0);
	assert_int_equal(w->q.in_flight, 0);
	assert_true(list_is_empty(&w->q.items));
	assert_true(list_is_empty(&w->q.flying));
	assert_true(list_is_empty(&w->q.busy));
	assert_true(list_is_empty(&w->q.ageing));
	for (int i = 0; i < CALLERS; i++) {
		assert_int_equal(w->callers[i].waiting, 0);
		assert_int_equal(w->callers[i].in_flight, 0);
		assert_true(list_is_empty(&w->callers[i].heads));
	}
	queue_fini(&w->q);
	free(w);
}

/* Item ${item} of ${caller} for ${model}, at time ${item}, or now if set. */
static inline enum err
add(struct world *w, int item, int caller, uint64_t model)
{
	w->items[item].caller = &w->callers[caller];
	w->items[item].model = model;
	return queue_try_add(
	    &w->q, &w->items[item], w->now_us > 0 ? w->now_us : item);
}

/* The same, with a prompt of ${tok}, and it must work. */
static inline void
must_add(struct world *w, int item, int caller, int64_t tok)
{
	w->items[item].input_tok = tok;
	assert_int_equal(add(w, item, caller, 0), OK);
}

/* The number of the item that is next, -1: none. */
static inline int
next(struct world *w)
{
	struct queue_item *it = queue_next(
	    &w->q, world_may_run, w, w->now_us > 0 ? w->now_us : 1000);

	return it == NULL ? -1 : (int)(it - w->items);
}

/* The counter of ${caller} in tokens. */
static inline int64_t
served(const struct world *w, int caller, enum queue_class band)
{
	return w->callers[caller].accounts[band].counter / QUEUE_COST_SCALE;
}
