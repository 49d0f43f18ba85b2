/*
 * weigh: does memory hold a model, before it is loaded?
 *
 *   POST /api/show -> where its file is, its own context
 *                  -> the shape in its metadata (helper thread)
 *                  -> weights + context x slots + work   against
 *                     what is free, and what other models would give back
 *
 * Only for engines of this machine whose models' files can be read; of others
 * nothing is known, and they are loaded as ever.
 */
#pragma once
#include "engine/engine.h"

enum weigh_verdict {
	WEIGH_FITS,
	WEIGH_OTHERS, /* others must give way first */
	WEIGH_NEVER,
};

/* Bytes, of RAM and GPUs together. */
struct weigh_facts {
	int64_t need;
	int64_t total, free;
	int64_t own;	/* of the models that this engine has loaded */
	int64_t others; /* of those that other engines here have */
};

/* The verdict on these facts. */
enum weigh_verdict weigh_judge(const struct weigh_facts *f);

/* Is it to be weighed what ${e} loads? */
bool weigh_is_wanted(const struct engine *e);

/*
 * Find what ${m} of ${e} takes; ${done} follows, not from inside this call.
 * What cannot be found leaves m->weight NULL.  One at a time for each engine.
 */
void weigh_start(
    struct engine *e, struct engine_model *m, void (*done)(struct engine *e));

/* ${done} does not come any more. */
void weigh_cancel(struct engine *e);

/* Cancel and free; for an engine that goes. */
void weigh_fini(struct engine *e);

/*
 * May ${m} be loaded, by what was found and what is free now?  Where not,
 * weigh_why says why.  FITS where nothing is known.
 */
enum weigh_verdict weigh_verdict_of(
    const struct engine *e, struct engine_model *m);

/* Why not, a part of a sentence; lent until the next verdict. */
const char *weigh_why(const struct engine_model *m);

/*
 * The largest context of each slot with which ${m}, which is loaded, may be
 * loaded anew; UINT32_MAX where nothing is known.
 */
uint32_t weigh_context_most(
    const struct engine *e, const struct engine_model *m);

/* ${m} goes, or is another one now. */
void weigh_forget(struct engine_model *m);
