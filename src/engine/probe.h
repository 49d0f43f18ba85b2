/*
 * probe: is the engine alive, what kind is it, what does it serve?
 *
 *   kind? -> alive? -> slots? -> listing -> loaded? -> (30 s) -> alive? ...
 *       any failure -> DOWN -> again after 0.1 s, doubling to 2 s
 *
 * It takes no slot and never waits behind a prefill.
 */
#pragma once
#include "engine/engine.h"

/* Begin to probe ${e}, at once. */
void probe_start(struct engine *e);

/* Traffic could not reach it: probe now instead of at the next beat. */
void probe_soon(struct engine *e);

/*
 * A request went to a model that is not known to be loaded (e->wants_look):
 * look what is, 5 s after the last look, and again while requests are in
 * flight.
 */
void probe_look(struct engine *e);

/* Not before ${at_us}, and then. */
void probe_at(struct engine *e, int64_t at_us);

/* It was started just now: begin again with short pauses. */
void probe_afresh(struct engine *e);

/* Probe no more. */
void probe_stop(struct engine *e);
