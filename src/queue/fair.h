/*
 * fair: the counters of callers; inside of the room.  See queue.h.
 */
#pragma once
#include "queue/queue.h"

/* The key of a parked caller's heads. */
#define FAIR_PARKED INT64_MAX

/* Has ${c} as many in flight as it may? */
bool fair_is_parked(const struct queue_caller *c);

/* What ${head} is ordered by. */
int64_t fair_key(const struct queue_item *head);

/* The keys of ${c}'s heads have changed: tell their orders. */
void fair_reorder(struct queue_caller *c);

/*
 * ${c} comes to be backlogged in ${band}: lift it.  ${lane}: where, NULL: where
 * its heads are.  fair_reorder afterwards.
 */
void fair_lift(struct queue *q, struct queue_caller *c, enum queue_class band,
    const struct queue_lane *lane);

/* ${it} is given out: charge its input, unless it is charged already. */
void fair_dispatch(struct queue *q, struct queue_item *it);
