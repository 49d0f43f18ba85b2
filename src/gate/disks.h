/*
 * disks: which folders this gate's disks hold, and what follows when one
 * fills: events, metrics, a log that stays in memory, stores that are ended.
 */
#pragma once
#include "gate/gate.h"

/* Every half second: what is there to be seen?  Never blocks. */
void disks_look(struct gate *g, int64_t now_us);

/* Set the metrics that are read from here. */
void disks_measure(struct gate *g);
