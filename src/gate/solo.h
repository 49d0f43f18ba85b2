/*
 * solo: the control socket of a gate that has no keeper (weir serve -1).
 *
 * The keeper's commands, but `reload` is the gate's own.  Made for a debugger:
 * a client that is slow is looked at every 20 ms.
 */
#pragma once
#include "gate/gate.h"

/* Open it; without one all works but weir's own commands. */
void solo_open(struct gate *g);

/* Close it, if it is open; the loop must run once more. */
void solo_close(struct gate *g);

/*
 * The engines that weir runs are this process's own: looked at every 20 ms.
 * To be called before the configuration is read.
 */
void solo_begin_engines(struct gate *g);

/* Where ${conf}, the first one, has them put their output. */
void solo_place_engines(struct gate *g, const struct conf *conf);

/* Stop them, and wait until they are gone; also where there are none. */
void solo_end_engines(struct gate *g);
