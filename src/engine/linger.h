/*
 * linger: slots whose caller is gone while the engine still works.
 *
 *   caller hangs up -> linger_take -> (2 s) GET /slots -> idle -> slot is back
 *                                                      '-> busy -> 2 s later
 *                          at the latest at the bound  -> slot is back
 *
 * llama-server does not notice a hang-up of a request that is not streamed
 * while anything else goes on (measured), so the slot stays charged until the
 * engine is seen to have room.  Polling keeps it from noticing, hence slowly.
 */
#pragma once
#include "engine/engine.h"

/* Would ${e} go on working for a caller that is gone? */
bool linger_is_needed(const struct engine *e);

/*
 * Take over the slot of ${e} that the caller holds for ${model} (canonical)
 * and give it back when it is free, ${bound_us} from now at the latest.
 */
void linger_take(struct engine *e, struct slice model, int64_t bound_us);

/*
 * Take over what gates that are gone had in flight at ${e}, where that goes
 * on; for half a minute at most.  Nothing while it is not up.
 */
void linger_take_left(struct engine *e);

/* Give back all of ${e}: it is down, or goes. */
void linger_end(struct engine *e);

/*
 * How many slots of ${json}, the answer of /slots, are at work; -1: it does
 * not tell.
 */
int linger_busy_slots(struct slice json);
