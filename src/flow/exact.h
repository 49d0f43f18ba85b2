/*
 * exact: the engine's own count of a prompt, where guessing is not enough.
 *
 *   slot held, near the limit --> the engine renders it --> counted here
 *                                 (or counts it itself)       '--> judged
 *
 * Rendering can load a model, so it is asked for with the slot held, once for
 * each engine that a flow gets.  Bounded in time: an engine that does not say
 * is sent the request as it is.
 */
#pragma once
#include "engine/tokenizer.h"
#include "flow/flow.h"

/*
 * Ask f->engine, whose slot is held, for the count of f's prompt, by its
 * tokenizer ${t}; ${is_loaded}: nothing has to be loaded for it.  STEP_WAIT: under way, the flow is run again; STEP_NEXT: no
 * more to be had, f->is_exact says whether it is known.
 */
enum step exact_ask(struct flow *f, struct tokenizer *t, bool is_loaded);

/* The flow goes, or goes to another engine. */
void exact_leave(struct flow *f);
