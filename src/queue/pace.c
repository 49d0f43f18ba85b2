/* See queue/pace.h and queue/queue.h. */
#include "queue/pace.h"
#include "queue/fair.h"
#include <assert.h>

enum {
	PACE_KNOWN = 20,  /* answers before anything is said */
	PACE_SMOOTH = 32, /* weight of the past in the means */
};

bool
pace_is_known(const struct queue_pace *p)
{
	return p->measured >= PACE_KNOWN;
}

static void
note(struct queue_pace *p, int64_t held_us, int64_t cost)
{
	if (p->measured < PACE_SMOOTH)
		p->measured++;
	/* A plain mean at first, then an exponentially weighted one. */
	p->held_us += (held_us - p->held_us) / (int64_t)p->measured;
	p->cost += (cost - p->cost) / (int64_t)p->measured;
}

void
queue_note_service(
    struct queue *q, const struct queue_item *it, int64_t held_us)
{
	int64_t cost =
	    (it->paid_in_tok + 2 * it->paid_out_tok) * QUEUE_COST_SCALE;

	assert(held_us >= 0);
	note(&q->pace, held_us, cost);
	if (it->state == QUEUE_IN_FLIGHT)
		note(&it->lane->pace, held_us, cost);
}

/* The pace of ${lane}, where it is known, else of all. */
static const struct queue_pace *
pace_of(const struct queue *q, const struct queue_lane *lane)
{
	return pace_is_known(&lane->pace) ? &lane->pace : &q->pace;
}

/* ${held_us} x ${n} / ${slots}, without overflow. */
static int64_t
wait_us(int64_t held_us, size_t n, size_t slots)
{
	double us = (double)held_us * (double)n / (double)(slots ? slots : 1);

	return us < (double)(INT64_MAX / 2) ? (int64_t)us : INT64_MAX / 2;
}

int64_t
pace_expect(const struct queue *q, const struct queue_item *it)
{
	const struct queue_lane *lane = lane_find(q, it->model);
	const struct queue_caller *c = it->caller;
	const struct queue_item *head;
	const struct queue_pace *pace;
	int64_t fair_us, own_us = 0;
	size_t own, ahead;

	if (lane == NULL)
		return 0;
	pace = pace_of(q, lane);
	if (!pace_is_known(pace))
		return -1;
	head = lane_head(c, lane, it->class);
	own = head == NULL ? 0 : head->ring_n;
	ahead = (size_t)((double)own * (double)lane->weights[it->class] /
	    (double)c->weight);
	if (ahead > lane->n[it->class])
		ahead = lane->n[it->class];
	if (it->class == QUEUE_BATCH)
		ahead += lane->n[QUEUE_INTERACTIVE];
	fair_us = wait_us(pace->held_us, ahead, lane->peak);
	if (c->at_once > 0)
		own_us = wait_us(pace->held_us, own, c->at_once);
	return fair_us > own_us ? fair_us : own_us;
}

static size_t
place_in_ring(const struct queue_item *head, const struct queue_item *it)
{
	size_t n = 0;

	for (const struct list *l = &head->mates; l != &it->mates; l = l->next)
		n++;
	return n;
}

/* How many of ${head}'s line go before a counter has come to ${level}? */
static size_t
before(const struct queue_item *head, double level, double cost)
{
	const struct queue_caller *c = head->caller;
	double gap = level - (double)c->accounts[head->band].counter;
	double n = gap * c->weight / cost;

	if (gap <= 0)
		return 0;
	return n < (double)head->ring_n ? (size_t)n + 1 : head->ring_n;
}

size_t
queue_position(const struct queue *q, const struct queue_item *it)
{
	const struct queue_lane *lane = it->lane;
	const struct ranks *o = &lane->heads[it->band];
	const struct queue_item *head;
	double cost, level;
	size_t n;

	assert(it->state == QUEUE_WAITING);
	head = lane_head(it->caller, lane, it->band);
	cost = (double)pace_of(q, lane)->cost;
	if (cost < QUEUE_COST_SCALE)
		cost = QUEUE_COST_SCALE;
	n = place_in_ring(head, it);
	level = (double)it->caller->accounts[it->band].counter +
	    (double)n * cost / it->caller->weight;
	n++;
	for (size_t i = 0; i < o->n; i++) {
		const struct rank_entry *e = &o->entries[i];

		if (e->node != &head->turn && e->key != FAIR_PARKED)
			n += before(RANK_OF(e->node, struct queue_item, turn),
			    level, cost);
	}
	if (it->band == QUEUE_BATCH)
		n += lane->n[QUEUE_INTERACTIVE];
	return n;
}

int64_t
queue_wait_of(const struct queue *q, const struct queue_item *it)
{
	const struct queue_pace *pace;

	assert(it->state == QUEUE_WAITING);
	pace = pace_of(q, it->lane);
	if (!pace_is_known(pace))
		return -1;
	return wait_us(
	    pace->held_us, queue_position(q, it), it->lane->in_flight);
}

int64_t
queue_wait_estimate(const struct queue *q, size_t position)
{
	if (!pace_is_known(&q->pace))
		return -1;
	return wait_us(q->pace.held_us, position, q->in_flight);
}
