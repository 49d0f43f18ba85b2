/*
 * pace: how long the line takes, by what was measured; inside of the room.
 */
#pragma once
#include "queue/lane.h"

/* Are means worth to be believed? */
bool pace_is_known(const struct queue_pace *p);

/*
 * How long ${it}, which is about to be added, will wait at the least:
 * those of its lane that are before it by fair shares, over the most slots
 * that were in use there.  0 if there are none; -1: not known.
 */
int64_t pace_expect(const struct queue *q, const struct queue_item *it);
