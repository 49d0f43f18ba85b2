/*
 * See queue/queue.h.  The idea to know: of each caller's items in a lane only
 * the first, the head, is in the lane's heap.  When a head leaves, the next of
 * its ring takes over its places, which can never fail for want of memory.
 */
#include "queue/queue.h"
#include <assert.h>

enum {
	RESERVE_SHARE = 16,  /* 1/16 is kept for callers with nothing waiting */
	SERVICE_KNOWN = 20,  /* answers before estimates are given */
	SERVICE_SMOOTH = 32, /* weight of the past in the mean */
};

/* What keeps the heaps within bounds is the queue's own count. */
#define HEAP_UNBOUNDED (SIZE_MAX / sizeof(struct heap_node *))

void
queue_init(struct queue *q, size_t length, size_t bytes_max)
{
	*q = (struct queue){.length = length, .bytes_max = bytes_max};
	list_init(&q->items);
	heap_init(&q->due, HEAP_UNBOUNDED);
	for (int i = 0; i < QUEUE_LANES; i++)
		heap_init(&q->lanes[i].heads, HEAP_UNBOUNDED);
}

void
queue_fini(struct queue *q)
{
	assert(q->n == 0);
	heap_fini(&q->due);
	for (int i = 0; i < QUEUE_LANES; i++)
		heap_fini(&q->lanes[i].heads);
}

void
queue_set_bounds(struct queue *q, size_t length, size_t bytes_max)
{
	q->length = length;
	q->bytes_max = bytes_max;
}

void
queue_caller_init(struct queue_caller *c)
{
	*c = (struct queue_caller){.weight = 1};
	list_init(&c->heads);
}

void
queue_item_init(struct queue_item *it, struct queue_caller *c)
{
	*it = (struct queue_item){.caller = c, .deadline_us = QUEUE_NEVER};
	list_init(&it->all);
	list_init(&it->mates);
	list_init(&it->of_caller);
}

/* The smallest key is next; parked callers come after everybody. */
static int64_t
turn_key(const struct queue_item *head)
{
	const struct queue_caller *c = head->caller;

	if (c->at_once > 0 && c->in_flight >= c->at_once)
		return INT64_MAX;
	return head->arrival;
}

/* The order of ${c} among the callers has changed: tell its lanes. */
static void
reorder(struct queue_caller *c)
{
	LIST_EACH (l, &c->heads) {
		struct queue_item *h = LIST_OF(l, struct queue_item, of_caller);
		int64_t key = turn_key(h);

		if (h->turn.key != key)
			heap_move(&h->lane->heads, &h->turn, key);
	}
}

void
queue_caller_set(
    struct queue_caller *c, uint32_t at_once, uint32_t most, uint32_t weight)
{
	assert(weight > 0);
	c->at_once = at_once;
	c->most = most;
	c->weight = weight;
	reorder(c);
}

static struct queue_lane *
lane_of(struct queue *q, const struct queue_item *it)
{
	struct queue_lane *unused = NULL, *last = &q->lanes[QUEUE_LANES - 1];

	for (struct queue_lane *l = q->lanes; l < last; l++) {
		if (l->heads.n == 0)
			unused = unused == NULL ? l : unused;
		else if (l->model == it->model && l->class == it->class)
			return l;
	}
	if (unused == NULL)
		return last;
	unused->model = it->model;
	unused->class = it->class;
	return unused;
}

static struct queue_item *
head_of(struct queue_caller *c, const struct queue_lane *lane)
{
	LIST_EACH (l, &c->heads) {
		struct queue_item *h = LIST_OF(l, struct queue_item, of_caller);

		if (h->lane == lane)
			return h;
	}
	return NULL;
}

/* Make ${it} the head of its caller in its lane.  ERR_NOMEM. */
static enum err
become_head(struct queue_item *it)
{
	enum err e = heap_add(&it->lane->heads, &it->turn, turn_key(it));

	if (e == OK)
		list_add(&it->caller->heads, &it->of_caller);
	return e;
}

static void
cease_head(struct queue_item *it)
{
	heap_del(&it->lane->heads, &it->turn);
	list_del(&it->of_caller);
}

/* Add ${node} to the ring ${head}, which is in order of arrival. */
static void
add_all_by_arrival(struct list *head, struct queue_item *it)
{
	struct list *before = head;

	if (head->prev == head ||
	    LIST_OF(head->prev, struct queue_item, all)->arrival <
		it->arrival) {
		list_add(head, &it->all);
		return;
	}
	/* Put back: it is among the oldest, so look from the front. */
	do
		before = before->next;
	while (before != head &&
	    LIST_OF(before, struct queue_item, all)->arrival < it->arrival);
	list_add(before, &it->all);
}

/* Put ${it} behind the items of ${head}'s ring that came before it. */
static void
add_mate(struct queue_item *head, struct queue_item *it)
{
	struct list *before = head->mates.next;

	if (LIST_OF(head->mates.prev, struct queue_item, mates)->arrival <
	    it->arrival) {
		list_add(&head->mates, &it->mates);
		return;
	}
	while (LIST_OF(before, struct queue_item, mates)->arrival < it->arrival)
		before = before->next;
	list_add(before, &it->mates);
}

/* Enter the lane as a head or behind one.  ERR_NOMEM. */
static enum err
enter_lane(struct queue *q, struct queue_item *it)
{
	struct queue_lane *lane = lane_of(q, it);
	struct queue_item *head = head_of(it->caller, lane);
	enum err e;

	it->lane = lane;
	if (head != NULL && head->arrival < it->arrival) {
		add_mate(head, it);
		return OK;
	}
	if ((e = become_head(it)) != OK)
		return e;
	if (head != NULL) {
		cease_head(head);
		list_add(&head->mates, &it->mates);
	}
	return OK;
}

static void
leave_lane(struct queue_item *it)
{
	struct list *next = list_first(&it->mates);
	bool was_head = it->turn.at != 0;

	list_del(&it->mates);
	if (!was_head)
		return;
	cease_head(it);
	if (next != NULL) {
		/* The heap has just lost a node: there is room. */
		enum err e =
		    become_head(LIST_OF(next, struct queue_item, mates));
		assert(e == OK);
	}
}

/* Enter the line; bounds are the caller's affair.  ERR_NOMEM. */
static enum err
enter(struct queue *q, struct queue_item *it)
{
	enum err e;

	if (it->deadline_us != QUEUE_NEVER &&
	    (e = heap_add(&q->due, &it->due, it->deadline_us)) != OK)
		return e;
	if ((e = enter_lane(q, it)) != OK)
		goto undo_due;
	add_all_by_arrival(&q->items, it);
	q->n++;
	q->bytes += it->bytes;
	it->caller->waiting++;
	it->state = QUEUE_WAITING;
	return OK;
undo_due:
	heap_del(&q->due, &it->due);
	return e;
}

static void
leave(struct queue *q, struct queue_item *it)
{
	leave_lane(it);
	heap_del(&q->due, &it->due);
	list_del(&it->all);
	q->n--;
	q->bytes -= it->bytes;
	it->caller->waiting--;
	it->state = QUEUE_OUT;
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

	if (c->most > 0 && c->waiting >= c->most)
		return ERR_CALLER_QUEUE_FULL;
	if (q->n >= q->length || it->bytes > q->bytes_max ||
	    q->bytes > q->bytes_max - it->bytes)
		return ERR_QUEUE_FULL;
	if (c->waiting > 0 &&
	    (in_reserve(q->n + 1, q->length) ||
		in_reserve(q->bytes + it->bytes, q->bytes_max)))
		return ERR_QUEUE_FULL;
	return OK;
}

enum err
queue_try_add(struct queue *q, struct queue_item *it, int64_t now_us)
{
	enum err e;

	assert(it->state == QUEUE_OUT);
	if ((e = check_bounds(q, it)) != OK)
		return e;
	it->arrival = ++q->arrivals;
	it->enqueued_us = now_us;
	return enter(q, it);
}

static void
take_off(struct queue *q, struct queue_item *it, int64_t now_us)
{
	struct queue_caller *c = it->caller;

	leave(q, it);
	it->state = QUEUE_IN_FLIGHT;
	it->dispatched_us = now_us;
	q->in_flight++;
	if (++c->in_flight == c->at_once)
		reorder(c);
}

static void
land(struct queue *q, struct queue_item *it)
{
	struct queue_caller *c = it->caller;

	assert(q->in_flight > 0 && c->in_flight > 0);
	it->state = QUEUE_OUT;
	q->in_flight--;
	if (c->in_flight-- == c->at_once)
		reorder(c);
}

struct queue_item *
queue_next(struct queue *q, queue_may_run *may_run, void *ctx, int64_t now_us)
{
	struct queue_item *best = NULL;

	for (int i = 0; i < QUEUE_LANES && q->n > 0; i++) {
		struct heap_node *top = heap_min(&q->lanes[i].heads);
		struct queue_item *it;

		if (top == NULL || top->key == INT64_MAX)
			continue;
		if (best != NULL && best->turn.key <= top->key)
			continue;
		it = HEAP_OF(top, struct queue_item, turn);
		if (may_run(ctx, it))
			best = it;
	}
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
	if (it->state == QUEUE_WAITING)
		leave(q, it);
	else if (it->state == QUEUE_IN_FLIGHT)
		land(q, it);
}

struct queue_item *
queue_expired(struct queue *q, int64_t now_us)
{
	struct heap_node *top = heap_min(&q->due);
	struct queue_item *it;

	if (top == NULL || top->key > now_us)
		return NULL;
	it = HEAP_OF(top, struct queue_item, due);
	leave(q, it);
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

void
queue_charge(struct queue_caller *c, uint64_t input_tok, uint64_t output_tok)
{
	c->served +=
	    (input_tok + 2 * output_tok) * QUEUE_COST_SCALE / c->weight;
}

void
queue_note_service(struct queue *q, int64_t held_us)
{
	if (q->measured < SERVICE_SMOOTH)
		q->measured++;
	/* A plain mean at first, then an exponentially weighted one. */
	q->service_us += (held_us - q->service_us) / (int64_t)q->measured;
}

size_t
queue_position(const struct queue *q, const struct queue_item *it)
{
	size_t n = 1;

	assert(it->state == QUEUE_WAITING);
	for (const struct list *l = q->items.next; l != &it->all; l = l->next)
		n++;
	return n;
}

int64_t
queue_wait_estimate(const struct queue *q, size_t position)
{
	uint64_t slots = q->in_flight > 0 ? q->in_flight : 1;

	if (q->measured < SERVICE_KNOWN)
		return -1;
	return (int64_t)((uint64_t)q->service_us * position / slots);
}
