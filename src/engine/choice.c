/* Who of the engines gets a request, and what they can do together. */
#include "engine/engine.h"
#include <assert.h>

static bool
lists(const struct engine *e, struct slice model)
{
	return table_find(&e->models, model) != NULL;
}

/* 2: lists it; 1: may run it; 0: lists others only. */
static int
fitness(const struct engine *e, struct slice model)
{
	if (model.n == 0 || !e->has_listing)
		return 1;
	return lists(e, model) ? 2 : 0;
}

static bool
can_work(const struct engine *e)
{
	return engine_is_up(e) && !e->is_draining;
}

static bool
has_room(const struct engine *e, const struct engine_want *w)
{
	if (e->is_alone || (w->alone && e->in_use > 0))
		return false;
	return e->in_use < (e->state == ENGINE_TRIAL ? 1 : e->slots);
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

/*
 * Who lists the model serves it, also if it means waiting while another has
 * nothing to do; where nobody lists it the engines know best.
 */
static struct engine *
pick(struct engine_set *s, const struct engine_want *w, bool needs_slot)
{
	struct engine *best = NULL;
	int fit = -1;

	LIST_EACH (it, &s->engines) {
		struct engine *e = LIST_OF(it, struct engine, node);

		if (can_work(e) && fitness(e, w->model) > fit)
			fit = fitness(e, w->model);
	}
	LIST_EACH (it, &s->engines) {
		struct engine *e = LIST_OF(it, struct engine, node);

		if (!can_work(e) || fitness(e, w->model) != fit ||
		    (needs_slot && !has_room(e, w)))
			continue;
		if (best == NULL || is_better(e, best, w))
			best = e;
	}
	return best;
}

struct engine *
engine_try_slot(struct engine_set *s, const struct engine_want *w)
{
	struct engine *e = pick(s, w, true);

	if (e == NULL)
		return NULL;
	e->in_use++;
	e->is_alone = w->alone;
	series_add(e->m_slots_used, 1);
	return engine_hold(e);
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
engine_give_slot(struct engine *e)
{
	struct engine_set *s = e->set;

	assert(e->in_use > 0);
	e->in_use--;
	e->is_alone = false;
	series_add(e->m_slots_used, -1);
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

bool
engine_is_expected(
    const struct engine_set *s, int64_t now_us, int64_t within_us)
{
	LIST_EACH (it, &s->engines) {
		struct engine *e = LIST_OF(it, struct engine, node);

		if (engine_is_up(e) || e->state == ENGINE_UNKNOWN ||
		    (e->seen_us && now_us - e->seen_us <= within_us))
			return true;
	}
	return false;
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

const struct engine_model *
engine_find_model(const struct engine_set *s, struct slice canonical)
{
	LIST_EACH (it, &s->engines) {
		struct engine *e = LIST_OF(it, struct engine, node);
		struct table_node *n = table_find(&e->models, canonical);

		if (n)
			return TABLE_OF(n, struct engine_model, node);
	}
	return NULL;
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
