/*
 * See queue/queue.h.  This file keeps the line: bounds, places, deadlines and
 * who is given out; the order is fair.c's and lane.c's.
 */
#include "queue/queue.h"
#include "queue/fair.h"
#include "queue/group.h"
#include "queue/lane.h"
#include "queue/pace.h"
#include <assert.h>

enum {
	RESERVE_SHARE = 16, /* 1/16 is kept for callers with nothing waiting */
	AGE_US = 60 * 1000 * 1000,
};

/* What keeps heap and table within bounds is the queue's own count. */
#define UNBOUNDED (SIZE_MAX / sizeof(struct heap_node *))

void
queue_init(struct queue *q, size_t length, size_t bytes_max)
{
	*q = (struct queue){
	    .length = length, .bytes_max = bytes_max, .age_us = AGE_US};
	list_init(&q->items);
	list_init(&q->flying);
	list_init(&q->ageing);
	list_init(&q->busy);
	list_init(&q->resting);
	heap_init(&q->due, UNBOUNDED);
	/* Models are hashed with a secret already. */
	table_init(&q->lanes, UNBOUNDED, (struct hash_key){0});
}

void
queue_fini(struct queue *q)
{
	assert(q->n == 0 && q->in_flight == 0);
	heap_fini(&q->due);
	lane_fini(q);
	table_fini(&q->lanes);
}

void
queue_set_bounds(struct queue *q, size_t length, size_t bytes_max)
{
	q->length = length;
	q->bytes_max = bytes_max;
}

void
queue_set_ageing(struct queue *q, int64_t age_us)
{
	q->age_us = age_us;
}

void
queue_caller_init(struct queue_caller *c)
{
	*c = (struct queue_caller){.weight = 1};
	list_init(&c->heads);
	list_init(&c->below);
	list_init(&c->of_above);
}

void
queue_item_init(struct queue_item *it, struct queue_caller *c)
{
	*it = (struct queue_item){
	    .caller = c, .deadline_us = QUEUE_NEVER, .expected_us = -1};
	list_init(&it->all);
	list_init(&it->mates);
	list_init(&it->of_caller);
	list_init(&it->of_age);
}

void
queue_caller_set(
    struct queue_caller *c, uint32_t at_once, uint32_t most, uint32_t weight)
{
	bool was_parked = fair_is_parked(c);

	assert(weight > 0);
	c->at_once = at_once;
	c->most = most;
	LIST_EACH (l, &c->heads) {
		struct queue_item *h = LIST_OF(l, struct queue_item, of_caller);

		h->lane->weights[h->band] += weight;
		h->lane->weights[h->band] -= c->weight;
	}
	c->weight = weight;
	group_change(c, was_parked);
}

/* Enter the line; bounds are the caller's affair.  ERR_NOMEM. */
static enum err
enter(struct queue *q, struct queue_item *it)
{
	struct queue_caller *c = it->caller;
	struct queue_lane *lane;
	enum err e;

	if (it->deadline_us != QUEUE_NEVER &&
	    (e = heap_add(&q->due, &it->due, it->deadline_us)) != OK)
		return e;
	if ((lane = lane_get(q, it->model, it->band)) == NULL)
		goto undo_due;
	group_wait(q, c, it->band, lane);
	lane_add(lane, it);
	list_del(&it->all);
	list_add(&q->items, &it->all);
	q->n++;
	q->bytes += it->bytes;
	it->state = QUEUE_WAITING;
	return OK;
undo_due:
	heap_del(&q->due, &it->due);
	return ERR_NOMEM;
}

static void
leave(struct queue *q, struct queue_item *it, bool is_served)
{
	lane_del(it, is_served);
	heap_del(&q->due, &it->due);
	list_del(&it->all);
	q->n--;
	q->bytes -= it->bytes;
	group_unwait(it->caller, it->band);
	it->state = QUEUE_OUT;
	lane_rest(it->lane);
}

/* Is the last sixteenth of ${max} reached when ${used} are gone? */
static bool
in_reserve(size_t used, size_t max)
{
	size_t kept = max / RESERVE_SHARE + (max % RESERVE_SHARE > 0);

	return used > max - kept;
}

static enum err
check_bounds(const struct queue *q, const struct queue_item *it)
{
	const struct queue_caller *c = it->caller;

	if (!group_has_place(c))
		return ERR_CALLER_QUEUE_FULL;
	if (q->n >= q->length || it->bytes > q->bytes_max ||
	    q->bytes > q->bytes_max - it->bytes)
		return ERR_QUEUE_FULL;
	if (group_top(c)->all_waiting > 0 &&
	    (in_reserve(q->n + 1, q->length) ||
		in_reserve(q->bytes + it->bytes, q->bytes_max)))
		return ERR_QUEUE_FULL;
	return OK;
}

static void
tell_time(struct queue *q, int64_t now_us)
{
	if (q->now_us < now_us)
		q->now_us = now_us;
}

enum err
queue_try_add(struct queue *q, struct queue_item *it, int64_t now_us)
{
	enum err e;

	assert(it->state == QUEUE_OUT);
	tell_time(q, now_us);
	if ((e = check_bounds(q, it)) != OK)
		return e;
	it->expected_us = pace_expect(q, it);
	if (it->deadline_us != QUEUE_NEVER &&
	    it->expected_us > it->deadline_us - now_us)
		return ERR_DEADLINE_UNREACHABLE;
	it->arrival = ++q->arrivals;
	it->enqueued_us = now_us;
	it->band = it->class;
	return enter(q, it);
}

/* ${it} has been first of its batch line for long: interactive from now on. */
static bool
try_promote(struct queue *q, struct queue_item *it)
{
	struct queue_caller *c = it->caller;
	struct queue_lane *lane = it->lane;
	struct ranks *heads = &lane->heads[QUEUE_INTERACTIVE];
	int64_t since_us = lane->since_us;

	if (ranks_reserve(heads, heads->n + 1) != OK)
		return false;
	lane_del(it, false);
	group_unwait(c, QUEUE_BATCH);
	it->band = QUEUE_INTERACTIVE;
	group_wait(q, c, QUEUE_INTERACTIVE, lane);
	lane_add(lane, it);
	lane->since_us = since_us;
	return true;
}

static void
promote_aged(struct queue *q)
{
	struct list *l;

	while ((l = list_first(&q->ageing)) != NULL) {
		struct queue_item *it = LIST_OF(l, struct queue_item, of_age);

		if (q->now_us - it->head_us < q->age_us || !try_promote(q, it))
			return;
	}
}

static void
take_off(struct queue *q, struct queue_item *it, int64_t now_us)
{
	struct queue_caller *c = it->caller;
	struct queue_lane *lane = it->lane;

	fair_dispatch(q, it);
	q->in_flight++;
	if (++lane->in_flight > lane->peak)
		lane->peak = lane->in_flight;
	lane_open_window(q);
	leave(q, it, true);
	list_add(&q->flying, &it->all);
	it->state = QUEUE_IN_FLIGHT;
	it->dispatched_us = now_us;
	group_fly(c);
}

static void
land(struct queue *q, struct queue_item *it)
{
	assert(q->in_flight > 0 && it->lane->in_flight > 0);
	it->state = QUEUE_OUT;
	q->in_flight--;
	it->lane->in_flight--;
	lane_rest(it->lane);
	group_land(q, it->caller);
}

static bool
is_better(const struct rank_entry *a, const struct rank_entry *b)
{
	return b == NULL || a->key < b->key ||
	    (a->key == b->key && a->tie < b->tie);
}

/* The best head of ${band} that may run, NULL: none. */
static struct queue_item *
best_of(
    struct queue *q, enum queue_class band, queue_may_run *may_run, void *ctx)
{
	const struct rank_entry *best = NULL;

	LIST_EACH (l, &q->busy) {
		struct queue_lane *lane = LIST_OF(l, struct queue_lane, link);
		const struct rank_entry *e = ranks_first(&lane->heads[band]);

		if (e == NULL || e->key == FAIR_PARKED ||
		    lane->refused == q->calls || !is_better(e, best))
			continue;
		if (may_run(ctx, RANK_OF(e->node, struct queue_item, turn)))
			best = e;
		else
			lane->refused = q->calls;
	}
	return best == NULL ? NULL
			    : RANK_OF(best->node, struct queue_item, turn);
}

struct queue_item *
queue_next(struct queue *q, queue_may_run *may_run, void *ctx, int64_t now_us)
{
	struct queue_item *best;

	tell_time(q, now_us);
	promote_aged(q);
	q->calls++;
	best = best_of(q, QUEUE_INTERACTIVE, may_run, ctx);
	if (best == NULL)
		best = best_of(q, QUEUE_BATCH, may_run, ctx);
	if (best != NULL)
		take_off(q, best, now_us);
	return best;
}

enum err
queue_put_back(struct queue *q, struct queue_item *it)
{
	enum err e;

	assert(it->state == QUEUE_IN_FLIGHT);
	if ((e = enter(q, it)) != OK)
		return e;
	land(q, it);
	it->state = QUEUE_WAITING;
	return OK;
}

void
queue_del(struct queue *q, struct queue_item *it)
{
	if (it->state == QUEUE_WAITING) {
		leave(q, it, false);
	} else if (it->state == QUEUE_IN_FLIGHT) {
		list_del(&it->all);
		land(q, it);
	}
}

struct queue_item *
queue_expired(struct queue *q, int64_t now_us)
{
	struct heap_node *top = heap_min(&q->due);
	struct queue_item *it;

	if (top == NULL || top->key > now_us)
		return NULL;
	it = HEAP_OF(top, struct queue_item, due);
	leave(q, it, false);
	return it;
}

int64_t
queue_next_deadline(const struct queue *q)
{
	const struct heap_node *top = heap_min(&q->due);

	return top == NULL ? QUEUE_NEVER : top->key;
}

enum err
queue_set_deadline(struct queue *q, struct queue_item *it, int64_t deadline_us)
{
	enum err e;

	assert(it->state == QUEUE_WAITING);
	if (deadline_us == QUEUE_NEVER) {
		heap_del(&q->due, &it->due);
	} else if (it->due.at != 0) {
		heap_move(&q->due, &it->due, deadline_us);
	} else if ((e = heap_add(&q->due, &it->due, deadline_us)) != OK) {
		return e;
	}
	it->deadline_us = deadline_us;
	return OK;
}
