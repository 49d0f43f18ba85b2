/*
 * load: models are loaded on weir's own connections, so that an impatient
 * caller never cancels a load.  One at a time for each engine.
 *
 *   Ollama   what it takes is weighed (weigh.h), another unloaded if need be,
 *            POST /api/generate {"model"} (an embedder: /api/embed) -> GET
 *            /api/ps
 *   router   (POST /models/unload ->) POST /models/load -> GET /models until
 *            it is loaded
 *
 * When, and in which order, queue/swap.h decides; here it is done, measured,
 * and remembered where it failed: a broken model is not tried again before 5 s,
 * doubling to 5 minutes.
 */
#pragma once
#include "engine/engine.h"

/*
 * Is it known what ${e} has loaded, and does weir load the rest?  Else requests
 * are forwarded as they are.
 */
static inline bool
load_is_ours(const struct engine *e)
{
	return (e->kind == ENGINE_OLLAMA && e->has_residents) ||
	    (e->kind == ENGINE_LLAMA && e->is_router && e->has_listing);
}

/*
 * Load ${m} of ${e}, which counts as loading in e->swap; first give up ${evict}
 * (a name of the engine's, empty: none).  e->set->on_change follows when that
 * is over, whatever came of it.
 */
void load_start(struct engine *e, struct engine_model *m, struct slice evict);

/* The same of a model that is to be preloaded: others that are idle give way. */
void load_preload(struct engine *e, struct engine_model *m);

/* Is a load of ${e} under way?  Of the model with ${hash}? */
bool load_is_busy(const struct engine *e);
bool load_is_of(const struct engine *e, uint64_t hash);

/* Models that ${e} has loaded, as far as is known. */
unsigned load_count(const struct engine *e);

/* Call e->set->on_change at ${at_us}: a turn ends then. */
void load_wake_at(struct engine *e, int64_t at_us);

/* What is loaded has been read anew: have e->swap agree. */
void load_sync(struct engine *e);

/* ${e} is down: nothing is loaded any more, and no load goes on. */
void load_forget(struct engine *e);

/* Cancel and free; for an engine that goes. */
void load_fini(struct engine *e);

/*
 * ${m} of ${e} failed because of ${reason}: it is broken for a while, longer
 * each time, and who waits for it is told.
 */
void load_failed(struct engine *e, struct engine_model *m, const char *reason);

/*
 * Why a load failed, by the answer's ${status} and ${body}: a part of a
 * sentence, static, without any of the engine's text.
 */
const char *load_reason(int status, struct slice body);
