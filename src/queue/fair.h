/*
 * fair: the counters of callers; inside of the room.  See queue.h.
 */
#pragma once
#include "queue/queue.h"

/* The key of a parked caller's heads. */
#define FAIR_PARKED INT64_MAX

/* Has ${c}'s group as many in flight as it may? */
bool fair_is_parked(const struct queue_caller *c);

/* What ${head} is ordered by. */
int64_t fair_key(const struct queue_item *head);

/* The keys of ${c}'s heads have changed: tell their orders. */
void fair_reorder(struct queue_caller *c);

/*
 * ${c} comes to be backlogged in ${lane} and ${band}: lift it.  fair_reorder
 * afterwards.
 */
void fair_lift(struct queue *q, struct queue_caller *c, enum queue_class band,
    const struct queue_lane *lane);

/*
 * Where those of ${top}, all parked or not yet in any order, would begin in
 * ${band}; FAIR_PARKED: where they are, they are alone.
 */
int64_t fair_level(const struct queue *q, const struct queue_caller *top,
    enum queue_class band);

/* Add ${more} to the counter of ${c} and lift it to ${level} at least. */
void fair_raise(struct queue *q, struct queue_caller *c, enum queue_class band,
    int64_t level, int64_t more);

/* ${it} is given out: charge its input, unless it is charged already. */
void fair_dispatch(struct queue *q, struct queue_item *it);
