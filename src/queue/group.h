/*
 * group: callers that share one caller's bounds; inside of the room.
 *
 *   app: at_once 4, waiting 256 ──┬── person   a line and counters of their
 *                                 └── person   own, under the app's bounds
 *
 * A caller below nobody is a group of one, so nothing else asks whether there
 * are groups.  All of a group are parked together, and what they differ by
 * among themselves outlives that.
 */
#pragma once
#include "queue/lane.h"

/* Whose bounds hold for ${c}. */
static inline struct queue_caller *
group_top(const struct queue_caller *c)
{
	return c->above ? c->above : (struct queue_caller *)(uintptr_t)c;
}

/* May ${c} have one more waiting, by the bounds of its group? */
bool group_has_place(const struct queue_caller *c);

/* ${c} has one more that waits, in ${lane} and ${band}; before lane_add. */
void group_wait(struct queue *q, struct queue_caller *c, enum queue_class band,
    const struct queue_lane *lane);

/* ${c} has one less that waits in ${band}. */
void group_unwait(struct queue_caller *c, enum queue_class band);

/* ${c} has one more, or one less, in flight. */
void group_fly(struct queue_caller *c);
void group_land(struct queue *q, struct queue_caller *c);

/*
 * The bounds of ${top} have changed; ${was_parked}: it was before.  Nothing
 * happens for one that is below another.
 */
void group_change(struct queue_caller *top, bool was_parked);
