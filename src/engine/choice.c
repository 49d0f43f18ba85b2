/*
 * Which engine serves a request: one that has the model loaded, else one that
 * can load it, least loaded first.  What is not loaded waits for load.c; whose
 * turn that is, queue/swap.h says.
 */
#include "engine/cure.h"
#include "engine/load.h"
#include "engine/probe.h"
#include "engine/proof.h"
#include <assert.h>

static bool
can_work(const struct engine *e)
{
	return engine_is_up(e) && !e->is_draining;
}

static struct engine_model *
find_model(const struct engine *e, struct slice canonical)
{
	struct table_node *n = table_find(&e->models, canonical);

	return n ? TABLE_OF(n, struct engine_model, node) : NULL;
}

struct engine_model *
engine_own_model(struct engine *e, struct slice canonical)
{
	return find_model(e, canonical);
}

const struct engine_model *
engine_model_of(const struct engine *e, struct slice canonical)
{
	return find_model(e, canonical);
}

const struct engine_model *
engine_find_model(const struct engine_set *s, struct slice canonical)
{
	LIST_EACH (it, &s->engines) {
		const struct engine_model *m =
		    find_model(LIST_OF(it, struct engine, node), canonical);

		if (m)
			return m;
	}
	return NULL;
}

/* How well an engine suits a model. */
enum fitness {
	FIT_OTHERS, /* lists others only */
	FIT_MAYBE,
	FIT_LOAD, /* lists it, weir must load it */
	FIT_BEST
};

static enum fitness
fitness(const struct engine *e, struct slice model)
{
	const struct engine_model *m;

	if (model.n == 0 || !e->has_listing)
		return FIT_MAYBE;
	if ((m = find_model(e, model)) == NULL)
		return FIT_OTHERS;
	return load_is_ours(e) && !m->is_loaded ? FIT_LOAD : FIT_BEST;
}

/* Is the model there, and does its turn last?  Where weir does not load: yes */
static bool
is_ready(const struct engine *e, struct slice model)
{
	const struct engine_model *m;

	if (model.n == 0 || !load_is_ours(e) ||
	    (m = find_model(e, model)) == NULL)
		return true;
	/* More models than turns are kept for: the engine knows best. */
	if (m->is_loaded && e->swap.n == SWAP_HOLDS_MAX)
		return true;
	return swap_may_run(&e->swap, m->node.hash);
}

static uint64_t
hash_of(const struct engine *e, struct slice model)
{
	return hash_bytes(e->set->seed, model);
}

/*
 * Slots are each model's own.  Not where one model answers to any name; and
 * what a name that is not listed means only the engine knows.
 */
static bool
has_free_slot(const struct engine *e, struct slice model)
{
	/* What a gate that leaves has in use counts, whatever model it is. */
	unsigned others =
	    e->set->tally ? tally_others(e->set->tally, e->tally_key) : 0;

	if (e->in_use + others < e->slots)
		return true;
	if ((e->kind == ENGINE_LLAMA && !e->is_router) ||
	    find_model(e, model) == NULL)
		return false;
	return uses_of(&e->uses, hash_of(e, model)) + others < e->slots;
}

static bool
has_room(struct engine *e, const struct engine_want *w)
{
	if (cure_is_busy(e) || e->is_alone || (w->alone && e->in_use > 0))
		return false;
	if (e->in_use > 0 && (e->state == ENGINE_TRIAL || e->pressure.why))
		return false;
	return has_free_slot(e, w->model) && is_ready(e, w->model) &&
	    uses_reserve(&e->uses) == OK;
}

/* Is ${a} the better choice, where both may serve it? */
static bool
is_better(
    const struct engine *a, const struct engine *b, const struct engine_want *w)
{
	if ((a == w->avoid) != (b == w->avoid))
		return b == w->avoid;
	return a->in_use * b->slots < b->in_use * a->slots;
}

static enum fitness
best_fitness(const struct engine_set *s, struct slice model)
{
	enum fitness best = FIT_OTHERS;

	LIST_EACH (it, &s->engines) {
		struct engine *e = LIST_OF(it, struct engine, node);

		if (can_work(e) && fitness(e, model) > best)
			best = fitness(e, model);
	}
	return best;
}

/*
 * Who has the model serves it, also if it means waiting while another has
 * nothing to do; where nobody lists it the engines know best.
 */
static struct engine *
pick(struct engine_set *s, const struct engine_want *w, bool needs_slot)
{
	/* Of one there is no choice, and this is on every request's way. */
	bool has_choice = s->engines.next != s->engines.prev;
	enum fitness fit = has_choice ? best_fitness(s, w->model) : FIT_MAYBE;
	struct engine *best = NULL;

	LIST_EACH (it, &s->engines) {
		struct engine *e = LIST_OF(it, struct engine, node);

		if (!can_work(e) ||
		    (has_choice && fitness(e, w->model) != fit) ||
		    (needs_slot && !has_room(e, w)))
			continue;
		if (best == NULL || is_better(e, best, w))
			best = e;
	}
	return best;
}

/* --- slots --- */

static void
tell_others(struct engine *e)
{
	if (e->set->tally)
		tally_set(
		    e->set->tally, &e->tally_row, e->tally_key, e->in_use);
}

static struct engine *
take(struct engine *e, struct slice model)
{
	e->in_use++;
	tell_others(e);
	uses_add(&e->uses, hash_of(e, model));
	series_add(e->m_slots_used, 1);
	return engine_hold(e);
}

enum err
engine_take_slot(struct engine *e, struct slice model)
{
	if (uses_reserve(&e->uses) != OK)
		return ERR_NOMEM;
	(void)take(e, model);
	return OK;
}

struct engine *
engine_try_slot(struct engine_set *s, const struct engine_want *w)
{
	struct engine *e = pick(s, w, true);
	struct engine_model *m;

	if (e == NULL)
		return NULL;
	m = find_model(e, w->model);
	if (m && swap_may_run(&e->swap, m->node.hash))
		swap_enter(&e->swap, m->node.hash, os_now_us());
	else if (w->model.n && !e->wants_look) {
		e->wants_look = true;
		probe_look(e);
	}
	e->is_alone = w->alone;
	return take(e, w->model);
}

bool
engine_has_slot(struct engine_set *s, const struct engine_want *w)
{
	return pick(s, w, true) != NULL;
}

void
engine_end_alone(struct engine *e)
{
	if (!e->is_alone)
		return;
	e->is_alone = false;
	if (e->set->on_change)
		e->set->on_change(e->set->ctx);
}

void
engine_give_slot(struct engine *e, struct slice model)
{
	struct engine_set *s = e->set;
	const struct engine_model *m = find_model(e, model);

	assert(e->in_use > 0);
	e->in_use--;
	tell_others(e);
	uses_del(&e->uses, hash_of(e, model));
	e->is_alone = false;
	series_add(e->m_slots_used, -1);
	if (m)
		swap_leave(&e->swap, m->node.hash, os_now_us());
	engine_drop(e);
	if (s->on_change)
		s->on_change(s->ctx);
}

struct engine *
engine_find_up(struct engine_set *s, struct slice model)
{
	const struct engine_want w = {.model = model};

	return pick(s, &w, false);
}

int64_t
engine_expected_until(const struct engine_set *s, int64_t within_us)
{
	int64_t gone_us = -1;

	LIST_EACH (it, &s->engines) {
		struct engine *e = LIST_OF(it, struct engine, node);

		if (engine_is_up(e) || e->state == ENGINE_UNKNOWN)
			return INT64_MAX;
		if (e->seen_us && e->since_us > gone_us)
			gone_us = e->since_us;
	}
	return gone_us < 0 ? 0 : gone_us + within_us;
}

unsigned
engine_slots_up(const struct engine_set *s)
{
	unsigned n = 0;

	LIST_EACH (it, &s->engines) {
		struct engine *e = LIST_OF(it, struct engine, node);

		if (can_work(e))
			n += e->slots;
	}
	return n;
}

bool
engine_has_listings(const struct engine_set *s)
{
	LIST_EACH (it, &s->engines) {
		struct engine *e = LIST_OF(it, struct engine, node);

		if (engine_is_up(e) && !e->has_listing)
			return false;
	}
	return true;
}

/* --- loads --- */

struct loads {
	struct engine_set *set;
	struct engine *engine;
	engine_want_of *want;
	int64_t now_us;
};

/* Who should load ${model}; NULL: nobody, or it is loaded or loading. */
static struct engine *
loader_of(const struct loads *x, struct slice model)
{
	struct engine *best = NULL;

	if (best_fitness(x->set, model) != FIT_LOAD)
		return NULL;
	LIST_EACH (it, &x->set->engines) {
		struct engine *e = LIST_OF(it, struct engine, node);
		const struct engine_model *m = find_model(e, model);

		if (!can_work(e) || m == NULL || !load_is_ours(e))
			continue;
		if (m->is_loading)
			return NULL;
		if (m->retry_us > x->now_us || m->is_remote)
			continue;
		if (best == NULL || e->in_use < best->in_use)
			best = e;
	}
	return best;
}

static bool
may_load(void *ctx, const struct queue_item *head)
{
	const struct loads *x = ctx;
	struct engine_want w = x->want(head);

	return loader_of(x, w.model) == x->engine;
}

static struct engine_model *
model_of_hash(const struct engine *e, uint64_t hash)
{
	struct table_node *n = NULL;

	while ((n = table_next(&e->models, n)) != NULL)
		if (n->hash == hash)
			return TABLE_OF(n, struct engine_model, node);
	return NULL;
}

static void
load_next(struct engine *e, struct queue *q, struct loads *x)
{
	struct engine_model *m, *evicted = NULL;
	struct swap_load todo;
	int64_t due_us;

	x->engine = e;
	if (!load_is_busy(e) && (e->in_use == 0 || e->pressure.why == NULL) &&
	    swap_next(&e->swap, q, may_load, x, x->now_us, &todo)) {
		m = model_of_hash(e, todo.model);
		if (todo.evicts)
			evicted = model_of_hash(e, todo.evicted);
		assert(m); /* may_load found it */
		load_start(
		    e, m, evicted ? evicted->node.key : (struct slice){0});
	}
	due_us = swap_due(&e->swap, x->now_us);
	if (q->n > 0 && due_us != QUEUE_NEVER)
		load_wake_at(e, due_us);
}

void
engine_load_next(struct engine_set *s, struct queue *q, engine_want_of *want)
{
	struct loads x = {.set = s, .want = want, .now_us = os_now_us()};

	LIST_EACH (it, &s->engines) {
		struct engine *e = LIST_OF(it, struct engine, node);

		if (can_work(e) && load_is_ours(e) && !cure_is_busy(e))
			load_next(e, q, &x);
	}
}

const struct engine_model *
engine_find_broken(
    const struct engine_set *s, struct slice canonical, int64_t now_us)
{
	const struct engine_model *found = NULL;

	if (canonical.n == 0)
		return NULL;
	LIST_EACH (it, &s->engines) {
		struct engine *e = LIST_OF(it, struct engine, node);
		const struct engine_model *m = find_model(e, canonical);

		if (!engine_is_up(e))
			continue;
		if (!e->has_listing ||
		    (m &&
			(!load_is_ours(e) || m->is_loaded ||
			    m->retry_us <= now_us)))
			return NULL;
		if (m && (found == NULL || m->retry_us < found->retry_us))
			found = m;
	}
	return found;
}

void
engine_note_served(struct engine *e, struct slice model)
{
	struct engine_model *m = find_model(e, model);

	if (m == NULL)
		return;
	proof_served(e, m);
	if (!load_is_ours(e) || m->is_loaded || m->is_loading)
		return;
	m->is_loaded = true;
	load_sync(e);
}

void
engine_note_context(struct engine *e, struct slice model, uint32_t context)
{
	struct engine_model *m = find_model(e, model);

	/* At once, so that what follows rides on it; a look corrects it. */
	if (m && m->is_loaded)
		m->context = m->context_seen = context;
	e->wants_look = true;
	probe_look(e);
}
