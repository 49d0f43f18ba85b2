/* See queue/swap.h. */
#include "queue/swap.h"
#include "queue/lane.h"
#include <assert.h>

enum { SMOOTH = 8 }; /* weight of the past in the mean load */

void
swap_init(struct swap *s, uint32_t holds, uint32_t slots)
{
	*s = (struct swap){0};
	swap_set(s, holds, slots);
}

void
swap_set(struct swap *s, uint32_t holds, uint32_t slots)
{
	assert(holds > 0);
	s->holds = holds < SWAP_HOLDS_MAX ? holds : SWAP_HOLDS_MAX;
	s->slots = slots;
}

static struct swap_resident *
find(const struct swap *s, uint64_t model)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (s->at[i].model == model)
			return (struct swap_resident *)&s->at[i];
	return NULL;
}

/* C of a resident, or of the engine where it was not measured. */
static int64_t
load_of(const struct swap *s, const struct swap_resident *r)
{
	if (r != NULL && r->load_us >= 0)
		return r->load_us;
	return s->measured > 0 ? s->load_us : SWAP_GUESS_US;
}

static int64_t
turn_ends(const struct swap *s, const struct swap_resident *r)
{
	return r->since_us + SWAP_ALPHA * load_of(s, r);
}

/* Who has just been served often comes back at once: wait a little. */
static int64_t
linger_ends(const struct swap *s, const struct swap_resident *r)
{
	return r->used_us + load_of(s, r) / SWAP_LINGER;
}

static int64_t
lesser(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static struct swap_resident *
add(struct swap *s, uint64_t model, enum swap_state state, int64_t now_us)
{
	struct swap_resident *r;

	if (s->n == SWAP_HOLDS_MAX)
		return NULL;
	r = &s->at[s->n++];
	*r = (struct swap_resident){
	    .model = model,
	    .state = state,
	    .since_us = now_us,
	    .used_us = now_us,
	    .load_us = -1,
	};
	return r;
}

void
swap_loaded(struct swap *s, uint64_t model, int64_t load_us, int64_t now_us)
{
	struct swap_resident *r = find(s, model);

	if (r == NULL)
		r = add(s, model, SWAP_LOADING, now_us);
	if (r == NULL || r->state != SWAP_LOADING)
		return;
	r->state = SWAP_OPEN;
	r->since_us = r->used_us = now_us;
	r->load_us = load_us;
	if (load_us < 0)
		return;
	if (s->measured < SMOOTH)
		s->measured++;
	s->load_us += (load_us - s->load_us) / (int64_t)s->measured;
}

static void
del(struct swap *s, struct swap_resident *r)
{
	*r = s->at[--s->n];
}

void
swap_gone(struct swap *s, uint64_t model)
{
	struct swap_resident *r = find(s, model);

	if (r != NULL)
		del(s, r);
}

bool
swap_may_run(const struct swap *s, uint64_t model)
{
	const struct swap_resident *r = find(s, model);

	return r != NULL && r->state == SWAP_OPEN;
}

void
swap_enter(struct swap *s, uint64_t model, int64_t now_us)
{
	struct swap_resident *r = find(s, model);

	assert(r != NULL && r->state == SWAP_OPEN);
	r->in_flight++;
	r->used_us = now_us;
}

void
swap_leave(struct swap *s, uint64_t model, int64_t now_us)
{
	struct swap_resident *r = find(s, model);

	if (r == NULL || r->in_flight == 0)
		return;
	r->in_flight--;
	r->used_us = now_us;
}

/* Does the model that waits in ${a} come before that of ${b}? */
static bool
is_sooner(const struct queue_lane *a, const struct queue_lane *b)
{
	bool a_first = lane_first(a, QUEUE_INTERACTIVE) != NULL;
	bool b_first = lane_first(b, QUEUE_INTERACTIVE) != NULL;

	if (a_first != b_first)
		return a_first;
	return a->since_us < b->since_us;
}

/* The item for which ${lane} would be loaded, NULL: none may run. */
static struct queue_item *
first_of(const struct queue_lane *lane)
{
	struct queue_item *it = lane_first(lane, QUEUE_INTERACTIVE);

	return it != NULL ? it : lane_first(lane, QUEUE_BATCH);
}

/* What waits longest for a model that is not held, NULL: nothing. */
static const struct queue_lane *
candidate(const struct swap *s, const struct queue *q, swap_may_load *may_load,
    void *ctx)
{
	const struct queue_lane *best = NULL;

	LIST_EACH (l, &q->busy) {
		const struct queue_lane *lane =
		    LIST_OF(l, struct queue_lane, link);
		const struct queue_item *head = first_of(lane);

		if (head == NULL || find(s, lane->model) != NULL ||
		    (best != NULL && !is_sooner(lane, best)))
			continue;
		if (may_load(ctx, head))
			best = lane;
	}
	return best;
}

/* When does ${r} give way to what waits in ${lane}?  QUEUE_NEVER: not now. */
static int64_t
gives_way_at(const struct swap *s, const struct swap_resident *r,
    const struct queue *q, const struct queue_lane *lane)
{
	const struct queue_lane *own = lane_find(q, r->model);
	size_t interactive = own ? own->n[QUEUE_INTERACTIVE] : 0;
	size_t batch = own ? own->n[QUEUE_BATCH] : 0;
	int64_t ends = turn_ends(s, r);

	if (interactive + batch == 0)
		return r->in_flight > 0 ? ends
					: lesser(ends, linger_ends(s, r));
	if (lane_first(lane, QUEUE_INTERACTIVE) == NULL)
		return interactive > 0 ? QUEUE_NEVER : ends;
	return interactive > 0 ? ends : r->since_us + load_of(s, r);
}

/* Of two that give way: the one that costs less to give up. */
static bool
is_easier(const struct swap_resident *a, const struct swap_resident *b)
{
	/* Once one is closing, stay with it. */
	if ((a->state == SWAP_CLOSING) != (b->state == SWAP_CLOSING))
		return a->state == SWAP_CLOSING;
	if ((a->in_flight == 0) != (b->in_flight == 0))
		return a->in_flight == 0;
	return a->used_us < b->used_us;
}

/* Who makes room for ${lane}, NULL: nobody yet.  All others are open. */
static struct swap_resident *
victim(struct swap *s, const struct queue *q, const struct queue_lane *lane,
    int64_t now_us)
{
	struct swap_resident *best = NULL;

	for (uint32_t i = 0; i < s->n; i++) {
		struct swap_resident *r = &s->at[i];

		if (gives_way_at(s, r, q, lane) <= now_us &&
		    (best == NULL || is_easier(r, best)))
			best = r;
	}
	for (uint32_t i = 0; i < s->n; i++)
		s->at[i].state = SWAP_OPEN;
	if (best != NULL)
		best->state = SWAP_CLOSING;
	return best;
}

static void
evict(struct swap *s, const struct queue *q, struct swap_resident *r,
    int64_t now_us)
{
	struct queue_lane *own = lane_find(q, r->model);

	/* It waits anew, behind all that wait already. */
	if (own != NULL)
		own->since_us = now_us;
	del(s, r);
}

static bool
is_loading(const struct swap *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (s->at[i].state == SWAP_LOADING)
			return true;
	return false;
}

bool
swap_next(struct swap *s, struct queue *q, swap_may_load *may_load, void *ctx,
    int64_t now_us, struct swap_load *out)
{
	const struct queue_lane *lane;
	struct swap_resident *r = NULL;

	if (is_loading(s))
		return false;
	lane = candidate(s, q, may_load, ctx);
	if (lane == NULL) {
		for (uint32_t i = 0; i < s->n; i++)
			s->at[i].state = SWAP_OPEN;
		return false;
	}
	if (s->n >= s->holds) {
		r = victim(s, q, lane, now_us);
		if (r == NULL || r->in_flight > 0)
			return false;
	}
	*out = (struct swap_load){.model = lane->model,
	    .evicts = r != NULL,
	    .evicted = r != NULL ? r->model : 0,
	    .payer = first_of(lane)};
	if (r != NULL)
		evict(s, q, r, now_us);
	r = add(s, lane->model, SWAP_LOADING, now_us);
	assert(r != NULL);
	if (out->evicts)
		queue_charge_idle(q, out->payer, load_of(s, NULL) * s->slots);
	return true;
}

int64_t
swap_due(const struct swap *s, int64_t now_us)
{
	int64_t due = QUEUE_NEVER;

	for (uint32_t i = 0; i < s->n; i++) {
		const struct swap_resident *r = &s->at[i];
		/* All that gives_way_at may say. */
		const int64_t ends[] = {turn_ends(s, r), linger_ends(s, r),
		    r->since_us + load_of(s, r)};

		for (size_t k = 0; k < sizeof ends / sizeof *ends; k++)
			if (ends[k] > now_us)
				due = lesser(due, ends[k]);
	}
	return due;
}
