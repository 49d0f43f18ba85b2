/*
 * See queue/lane.h.  The idea to know is how ties are broken, by a number that
 * a head gets when it becomes one.  Each dispatch opens a window of numbers:
 *
 *   ...|n n n        s|n n            s|n ...      n: came during the window
 *      ^dispatch 1     ^dispatch 2      ^ 3        s: follows who was given out
 *
 * So who comes while the last dispatch runs is before its caller's next, and
 * behind all who were here before: nobody passes the same caller twice.
 */
#include "queue/lane.h"
#include "queue/fair.h"
#include <assert.h>
#include <stdlib.h>

enum { LANES_KEPT = 64 };

#define WINDOW_LAST ((UINT64_C(1) << 20) - 1)

struct queue_lane *
lane_find(const struct queue *q, uint64_t model)
{
	struct table_node *n =
	    table_find(&q->lanes, slice_of((const char *)&model, sizeof model));

	return n == NULL ? NULL : TABLE_OF(n, struct queue_lane, node);
}

static void
lane_free(struct queue_lane *lane)
{
	table_del(&lane->queue->lanes, &lane->node);
	list_del(&lane->link);
	for (int i = 0; i < QUEUE_CLASSES; i++)
		ranks_fini(&lane->heads[i]);
	free(lane);
}

static struct queue_lane *
lane_new(struct queue *q, uint64_t model)
{
	struct queue_lane *lane = calloc(1, sizeof *lane);

	if (lane == NULL)
		return NULL;
	lane->queue = q;
	lane->model = model;
	lane->node.key =
	    slice_of((const char *)&lane->model, sizeof lane->model);
	list_init(&lane->link);
	for (int i = 0; i < QUEUE_CLASSES; i++)
		ranks_init(&lane->heads[i]);
	if (table_add(&q->lanes, &lane->node) != OK) {
		free(lane);
		return NULL;
	}
	return lane;
}

static bool
has_waiting(const struct queue_lane *lane)
{
	return lane->n[QUEUE_INTERACTIVE] + lane->n[QUEUE_BATCH] > 0;
}

void
lane_rest(struct queue_lane *lane)
{
	struct queue *q = lane->queue;

	if (has_waiting(lane) || lane->is_resting)
		return;
	list_del(&lane->link);
	if (lane->in_flight > 0)
		return;
	lane->is_resting = true;
	list_add(&q->resting, &lane->link);
	if (++q->n_resting > LANES_KEPT) {
		q->n_resting--;
		lane_free(
		    LIST_OF(list_first(&q->resting), struct queue_lane, link));
	}
}

struct queue_lane *
lane_get(struct queue *q, uint64_t model, enum queue_class band)
{
	struct queue_lane *lane = lane_find(q, model);

	if (lane == NULL && (lane = lane_new(q, model)) == NULL)
		return NULL;
	if (ranks_reserve(&lane->heads[band], lane->heads[band].n + 1) != OK) {
		lane_rest(lane);
		return NULL;
	}
	return lane;
}

void
lane_fini(struct queue *q)
{
	struct table_node *n;

	while ((n = table_next(&q->lanes, NULL)) != NULL)
		lane_free(TABLE_OF(n, struct queue_lane, node));
	q->n_resting = 0;
}

struct queue_item *
lane_head(const struct queue_caller *c, const struct queue_lane *lane,
    enum queue_class band)
{
	LIST_EACH (l, &c->heads) {
		struct queue_item *h = LIST_OF(l, struct queue_item, of_caller);

		if (h->lane == lane && h->band == band)
			return h;
	}
	return NULL;
}

struct queue_item *
lane_first(const struct queue_lane *lane, enum queue_class band)
{
	const struct rank_entry *e = ranks_first(&lane->heads[band]);

	if (e == NULL || e->key == FAIR_PARKED)
		return NULL;
	return RANK_OF(e->node, struct queue_item, turn);
}

void
lane_open_window(struct queue *q)
{
	q->turn = (q->turn | WINDOW_LAST) + 1;
}

/* The number of a head that comes now. */
static uint64_t
tie_of_newcomer(struct queue *q)
{
	if ((q->turn & WINDOW_LAST) < WINDOW_LAST - 1)
		q->turn++;
	return q->turn;
}

/* ${it} is a head now: what goes with it besides the order. */
static void
join_heads(struct queue_item *it, size_t ring_n)
{
	struct queue *q = it->lane->queue;

	list_add(&it->caller->heads, &it->of_caller);
	it->ring_n = ring_n;
	it->head_us = q->now_us;
	if (it->band == QUEUE_BATCH)
		list_add(&q->ageing, &it->of_age);
}

static void
quit_heads(struct queue_item *it)
{
	list_del(&it->of_caller);
	list_del(&it->of_age);
}

/* ${it} takes the place of ${old} among the heads, its turn with ${tie}. */
static void
take_over(
    struct queue_item *old, struct queue_item *it, size_t ring_n, uint64_t tie)
{
	quit_heads(old);
	join_heads(it, ring_n);
	ranks_replace(&it->lane->heads[it->band], &old->turn, &it->turn,
	    fair_key(it), tie);
}

static uint64_t
tie_of(const struct queue_item *head)
{
	return ranks_get(&head->lane->heads[head->band], &head->turn)->tie;
}

/* Put ${it} behind the items of ${head}'s ring that came before it. */
static void
add_mate(struct queue_item *head, struct queue_item *it)
{
	struct list *before = &head->mates;

	if (LIST_OF(head->mates.prev, struct queue_item, mates)->arrival >
	    it->arrival)
		do
			before = before->next;
		while (LIST_OF(before, struct queue_item, mates)->arrival <
		    it->arrival);
	list_add(before, &it->mates);
	head->ring_n++;
}

void
lane_add(struct queue_lane *lane, struct queue_item *it)
{
	struct queue *q = lane->queue;
	struct queue_item *head = lane_head(it->caller, lane, it->band);

	if (!has_waiting(lane)) {
		lane->since_us = q->now_us;
		q->n_resting -= lane->is_resting;
		lane->is_resting = false;
		list_del(&lane->link);
		list_add(&q->busy, &lane->link);
	}
	it->lane = lane;
	lane->n[it->band]++;
	if (head == NULL) {
		lane->weights[it->band] += it->caller->weight;
		join_heads(it, 1);
		ranks_add(&lane->heads[it->band], &it->turn, fair_key(it),
		    tie_of_newcomer(q));
	} else if (head->arrival < it->arrival) {
		add_mate(head, it);
	} else {
		list_add(&head->mates, &it->mates);
		take_over(head, it, head->ring_n + 1, tie_of(head));
	}
}

void
lane_del(struct queue_item *it, bool is_served)
{
	struct queue_lane *lane = it->lane;
	struct list *next = list_first(&it->mates);

	assert(lane->n[it->band] > 0);
	lane->n[it->band]--;
	list_del(&it->mates);
	if (it->turn.at == 0) {
		lane_head(it->caller, lane, it->band)->ring_n--;
	} else if (next == NULL) {
		lane->weights[it->band] -= it->caller->weight;
		quit_heads(it);
		ranks_del(&lane->heads[it->band], &it->turn);
	} else {
		take_over(it, LIST_OF(next, struct queue_item, mates),
		    it->ring_n - 1,
		    is_served ? lane->queue->turn | WINDOW_LAST : tie_of(it));
	}
}
