/*
 * The beginning of a load: what it takes is weighed against what there is, and
 * others give way, or it is refused.
 */
#include "engine/load_part.h"
#include "engine/machine.h"
#include "engine/proof.h"
#include "engine/weigh.h"
#include <assert.h>

enum { AGAIN_US = 200 * 1000 };

/* Memory cannot hold it; why, is in its weight. */
static void
too_large(struct engine_load *l, struct engine_model *m)
{
	struct engine *e = l->engine;
	bool is_news = !m->is_too_large;

	load_failed(e, m, weigh_why(m));
	m->is_too_large = true;
	if (is_news && e->set->on_memory)
		e->set->on_memory(e->set->ctx_state, e, m);
	proof_load_failed(e, m);
	load_over(l, "memory");
}

static void
begin(struct engine_load *l)
{
	if (l->evict_n > 0 && l->engine->kind == ENGINE_LLAMA)
		load_unload(l);
	else
		load_request(l);
}

static void
set_evict(struct engine_load *l, struct slice name)
{
	l->evict_n = name.n;
	if (name.n)
		memcpy(l->evict, name.p, name.n);
}

/*
 * Others must give way before ${m} can come.  Which, the line decides where
 * somebody waits for it: whoever has no turn, once it is idle.
 */
static void
wait_for_others(struct engine_load *l, struct engine_model *m)
{
	struct engine *e = l->engine;
	struct engine_model *idle = NULL;

	if (l->evict_n == 0 && l->is_preload &&
	    (idle = proof_find_idle(e)) != NULL)
		set_evict(l, idle->node.key);
	if (l->evict_n > 0) {
		load_unload(l);
		return;
	}
	if (l->is_preload && e->in_use == 0) {
		/* All that is there is to stay: they do not fit together. */
		too_large(l, m);
		return;
	}
	e->holds = load_count(e);
	swap_set(&e->swap, e->holds, e->slots);
	swap_gone(&e->swap, l->hash);
	load_over(l, "memory");
}

static void
on_weighed(struct engine *e)
{
	struct engine_load *l = e->load;
	struct engine_model *m = load_model(l);
	enum weigh_verdict v = m ? weigh_verdict_of(e, m) : WEIGH_FITS;

	if (v != WEIGH_FITS && os_now_us() < l->settled_us) {
		timer_set(&l->poll, os_now_us() + AGAIN_US);
		return;
	}
	if (v != WEIGH_FITS && machine_guard(e->set) == CONF_GUARD_WARN) {
		if (!m->is_too_large && e->set->on_memory) {
			m->is_too_large = true;
			e->set->on_memory(e->set->ctx_state, e, m);
		}
		v = WEIGH_FITS;
	}
	if (v == WEIGH_OTHERS) {
		wait_for_others(l, m);
	} else if (v == WEIGH_NEVER) {
		too_large(l, m);
	} else {
		/* There is room for one more, so nothing gives way. */
		if (l->evict_n > 0 && m && m->weight &&
		    load_count(e) < e->holds_most) {
			e->holds = load_count(e) + 1;
			l->evict_n = 0;
		}
		begin(l);
	}
}

void
load_weigh(struct engine_load *l)
{
	struct engine_model *m = load_model(l);

	l->step = STEP_WEIGH;
	if (m && weigh_is_wanted(l->engine))
		weigh_start(l->engine, m, on_weighed);
	else
		begin(l);
}

void
load_start(struct engine *e, struct engine_model *m, struct slice evict)
{
	struct engine_load *l = load_need(e);

	assert(l->step == STEP_IDLE);
	memcpy(l->model, m->raw.p, m->raw.n);
	l->model_n = m->raw.n;
	memcpy(l->key, m->node.key.p, m->node.key.n);
	l->key_n = m->node.key.n;
	set_evict(l, evict);
	l->hash = m->node.hash;
	l->began_us = os_now_us();
	l->settled_us = 0;
	l->is_preload = false;
	l->before = load_count(e);
	m->is_loading = true;
	load_weigh(l);
}

void
load_preload(struct engine *e, struct engine_model *m)
{
	load_start(e, m, (struct slice){0});
	e->load->is_preload = true;
}
