/*
 * hold: requests in the line while no engine answers.
 *
 *   engines up:    leave the line after queue.wait   (item.deadline_us)
 *   none is up:    the rest of that time is put aside; leave when queue.hold
 *                  is over since the last engine went away
 *   one is back:   go on with the rest
 *
 * A caller's own deadline (X-Weir-Deadline) holds all the time.
 */
#pragma once
#include "flow/flow.h"

/*
 * ${f} is about to be added to the line and may stay there for ${wait_us}, but
 * not after ${own_us}, its caller's deadline (QUEUE_NEVER: none): set its
 * item's deadline.
 */
void hold_enter(struct flow *f, int64_t wait_us, int64_t own_us);

/* It was given out: what is left of its time is kept for hold_return. */
void hold_leave(struct flow *f, int64_t now_us);

/* It is about to be put back: as hold_enter, with what was left. */
void hold_return(struct flow *f);

/*
 * Engines may have come or gone: put deadlines aside or take them up again.
 * False: none will come any more, nobody should wait.
 */
bool hold_look(struct flow_env *env, int64_t now_us);

/* When hold_look will say false if nothing changes; QUEUE_NEVER: not. */
int64_t hold_due(const struct flow_env *env);
