/* See queue/fair.h and the rules in queue/queue.h. */
#include "queue/fair.h"
#include "queue/group.h"
#include "queue/pace.h"
#include <assert.h>

/* Counters stop here, far from where sums of them could overflow. */
#define COUNTER_MAX (INT64_MAX / 4)

bool
fair_is_parked(const struct queue_caller *c)
{
	const struct queue_caller *top = group_top(c);

	return top->at_once > 0 && top->all_in_flight >= top->at_once;
}

int64_t
fair_key(const struct queue_item *head)
{
	if (fair_is_parked(head->caller))
		return FAIR_PARKED;
	return head->caller->accounts[head->band].counter;
}

void
fair_reorder(struct queue_caller *c)
{
	LIST_EACH (l, &c->heads) {
		struct queue_item *h = LIST_OF(l, struct queue_item, of_caller);
		struct ranks *o = &h->lane->heads[h->band];
		int64_t key = fair_key(h);

		if (ranks_get(o, &h->turn)->key != key)
			ranks_move(o, &h->turn, key);
	}
}

/* The counter of ${c} in ${band} has changed: tell who keeps a copy. */
static void
publish(struct queue *q, const struct queue_caller *c, enum queue_class band)
{
	int64_t counter = c->accounts[band].counter;
	struct queue_last *last = &q->last[band];

	if (last->caller == c)
		last->level = counter;
	if (q->counters == NULL)
		return;
	if (last->caller == c)
		counters_set_level(q->counters, band, counter);
	if (c->key.lo != 0 || c->key.hi != 0)
		counters_set(q->counters, c->key, band, counter);
}

/* The smallest counter in ${lane} and ${band}, FAIR_PARKED if there is none. */
static int64_t
least_of(const struct queue_lane *lane, enum queue_class band)
{
	const struct rank_entry *e = ranks_first(&lane->heads[band]);

	return e == NULL ? FAIR_PARKED : e->key;
}

static int64_t
lesser(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The least counter among all that wait, FAIR_PARKED if nobody does. */
static int64_t
least_of_all(const struct queue *q, enum queue_class band)
{
	int64_t level = FAIR_PARKED;

	LIST_EACH (l, &q->busy)
		level = lesser(
		    level, least_of(LIST_OF(l, struct queue_lane, link), band));
	return level;
}

int64_t
fair_level(const struct queue *q, const struct queue_caller *top,
    enum queue_class band)
{
	int64_t level = FAIR_PARKED;

	LIST_EACH (m, &top->below)
		LIST_EACH (
		    l, &LIST_OF(m, struct queue_caller, of_above)->heads) {
			const struct queue_item *h =
			    LIST_OF(l, struct queue_item, of_caller);

			if (h->band == band)
				level = lesser(level, least_of(h->lane, band));
		}
	if (level == FAIR_PARKED)
		level = least_of_all(q, band);
	if (level == FAIR_PARKED && q->last[band].top != top)
		level = q->last[band].level;
	return level;
}

void
fair_raise(struct queue *q, struct queue_caller *c, enum queue_class band,
    int64_t level, int64_t more)
{
	struct queue_account *a = &c->accounts[band];
	int64_t counter = lesser(a->counter + more, COUNTER_MAX);

	a->base = level;
	a->lifts++;
	if (counter < level)
		counter = level;
	if (counter != a->counter) {
		a->counter = counter;
		publish(q, c, band);
	}
}

void
fair_lift(struct queue *q, struct queue_caller *c, enum queue_class band,
    const struct queue_lane *lane)
{
	const struct queue_last *last = &q->last[band];
	int64_t level = least_of(lane, band);

	if (level == FAIR_PARKED)
		level = least_of_all(q, band);
	if (level == FAIR_PARKED) {
		/* It is alone and was the last: nothing to be lifted to. */
		if (last->caller == c &&
		    last->level == c->accounts[band].counter)
			return;
		level = last->level;
	}
	fair_raise(q, c, band, level, 0);
}

/*
 * ${n} in all is what ${it} has cost by now.  What was paid before the last
 * lift is in the counter but, perhaps, no longer what makes it as high as it
 * is: it is given back down to the base only.  The rest moves both.
 */
static void
pay(struct queue *q, struct queue_item *it, int64_t n)
{
	struct queue_account *a = &it->caller->accounts[it->paid_band];
	int64_t more = n - it->paid, older = 0;

	if (it->paid_lifts != a->lifts) {
		it->paid_lifts = a->lifts;
		it->paid_before = it->paid;
	}
	if (n < it->paid_before) {
		older = n - it->paid_before;
		it->paid_before = n;
	}
	it->paid = n;
	a->base = lesser(a->base + more - older, COUNTER_MAX);
	a->counter = lesser(a->counter + more, COUNTER_MAX);
	if (a->counter < a->base)
		a->counter = a->base;
	if (a->counter < 0)
		a->counter = 0;
	publish(q, it->caller, it->paid_band);
}

static int64_t
cost_of(const struct queue_item *it)
{
	return it->paid_in_tok + 2 * it->paid_out_tok;
}

static int64_t
clamp_tok(int64_t tok)
{
	return tok < 0 ? 0 : lesser(tok, QUEUE_TOK_MAX);
}

void
fair_dispatch(struct queue *q, struct queue_item *it)
{
	if (it->paid_weight == 0) {
		it->paid_weight = it->caller->weight;
		it->paid_band = it->band;
		it->paid_lifts = it->caller->accounts[it->band].lifts;
		it->paid_in_tok = clamp_tok(it->input_tok);
		pay(q, it, cost_of(it) * QUEUE_COST_SCALE / it->paid_weight);
	}
	q->last[it->band].caller = it->caller;
	q->last[it->band].top = group_top(it->caller);
	publish(q, it->caller, it->band);
}

void
queue_charge(struct queue *q, struct queue_item *it, int64_t input_tok,
    int64_t output_tok)
{
	int64_t n;

	if (it->paid_weight == 0)
		return;
	if (input_tok >= 0)
		it->paid_in_tok = clamp_tok(input_tok);
	if (output_tok >= 0)
		it->paid_out_tok = clamp_tok(output_tok);
	n = cost_of(it) * QUEUE_COST_SCALE / it->paid_weight;
	if (n == it->paid)
		return;
	pay(q, it, n);
	fair_reorder(it->caller);
}

void
queue_charge_idle(struct queue *q, struct queue_item *it, int64_t slot_us)
{
	struct queue_account *a = &it->caller->accounts[it->band];
	double cost;
	int64_t n;

	if (!pace_is_known(&q->pace) || q->pace.held_us <= 0)
		return;
	cost = (double)q->pace.cost / (double)q->pace.held_us *
	    (double)slot_us / it->caller->weight;
	n = cost < (double)(QUEUE_TOK_MAX * QUEUE_COST_SCALE)
	    ? (int64_t)cost
	    : QUEUE_TOK_MAX * QUEUE_COST_SCALE;
	a->counter = lesser(a->counter + n, COUNTER_MAX);
	a->base = lesser(a->base + n, COUNTER_MAX);
	publish(q, it->caller, it->band);
	fair_reorder(it->caller);
}

void
queue_caller_restore(
    struct queue *q, struct queue_caller *c, struct counters_key key)
{
	int64_t counter[COUNTERS_PER_KEY] = {0};

	if (c->key.lo != 0 || c->key.hi != 0)
		return;
	assert(c->waiting == 0 && c->in_flight == 0);
	c->key = key;
	if (q->counters != NULL)
		(void)counters_find(q->counters, key, counter);
	for (int i = 0; i < QUEUE_CLASSES; i++)
		c->accounts[i].counter = c->accounts[i].base =
		    lesser(counter[i], COUNTER_MAX);
}

void
queue_set_counters(struct queue *q, struct counters *t)
{
	q->counters = t;
	if (t == NULL)
		return;
	assert(q->n == 0);
	for (unsigned i = 0; i < QUEUE_CLASSES; i++)
		q->last[i] = (struct queue_last){
		    .level = lesser(counters_level(t, i), COUNTER_MAX)};
}
