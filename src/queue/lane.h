/*
 * lane: all that waits for one model; inside of the room.
 *
 * Of each caller's items in a lane and band only the first, the head, is in
 * the order.  When a head leaves, the next of its ring takes over its places,
 * which can never fail for want of memory.
 */
#pragma once
#include "queue/queue.h"

struct queue_lane {
	struct table_node node; /* by model */
	struct queue *queue;
	uint64_t model;
	struct list link;		   /* queue->busy or queue->resting */
	struct ranks heads[QUEUE_CLASSES]; /* parked ones last */
	size_t n[QUEUE_CLASSES];	   /* waiting */
	uint64_t weights[QUEUE_CLASSES];   /* of the callers of the heads */
	uint32_t in_flight;
	uint32_t peak;	  /* most that were in flight */
	int64_t since_us; /* waits for its model since; see swap.h */
	uint64_t refused; /* the call of queue_next that had a no */
	bool is_resting;
	struct queue_pace pace;
};

/* The lane of ${model}, NULL: none. */
struct queue_lane *lane_find(const struct queue *q, uint64_t model);

/*
 * The lane of ${model}, made if need be, with room for one more head in
 * ${band}; NULL: no memory.  lane_rest after the next change, if nothing came.
 */
struct queue_lane *lane_get(
    struct queue *q, uint64_t model, enum queue_class band);

/* Free a lane in which nothing waits or is in flight, or keep it as resting. */
void lane_rest(struct queue_lane *lane);

/* Free all lanes. */
void lane_fini(struct queue *q);

/* Put ${it} into ${lane}, which has room, by its caller, band and arrival. */
void lane_add(struct queue_lane *lane, struct queue_item *it);

/*
 * Take ${it} out of its lane; its lane stays, and may have to rest.
 * ${is_served}: it was given out, so its follower is behind whoever waits.
 */
void lane_del(struct queue_item *it, bool is_served);

/* Something is about to be given out: whoever comes from now on is later. */
void lane_open_window(struct queue *q);

/* The head of ${c} in ${lane} and ${band}, NULL: none. */
struct queue_item *lane_head(const struct queue_caller *c,
    const struct queue_lane *lane, enum queue_class band);

/* The head that is first in ${band} and not parked; NULL: none. */
struct queue_item *lane_first(
    const struct queue_lane *lane, enum queue_class band);
