/*
 * queue: who is next.  No clock, no sockets: time and the state of the engines
 * come as arguments.
 *
 *   queue ── lane (model, class) ── heap of heads, the next one on top
 *                                     │ one head for each caller that waits
 *                                     └─ its followers, in order of arrival
 *
 * A lane is what waits for the same thing, so whether it may run is asked once
 * a lane and not once an item.  A caller that has `at_once` requests in flight
 * is parked: its heads sink to the bottom until one of them is done.
 *
 * The order among heads is one key (turn_key in queue.c).  Now it is the
 * number of arrival: first come, first served.  Virtual token counters change
 * that key and nothing else; the callers' counters are kept already.
 *
 * Costs: add, del, next, done: O(log n) and at most QUEUE_LANES questions;
 * position: O(position).  Design: DESIGN.md 5.
 */
#pragma once
#include "base/heap.h"
#include "base/list.h"

/* Models that wait at once in lanes of their own; more share the last lane. */
#define QUEUE_LANES 64

/* No deadline; also what queue_next_deadline says if there is none. */
#define QUEUE_NEVER INT64_MAX

enum queue_class { QUEUE_INTERACTIVE, QUEUE_BATCH };

enum queue_state { QUEUE_OUT, QUEUE_WAITING, QUEUE_IN_FLIGHT };

struct queue_lane;

/*
 * A caller's part in all queues; embedded in its record, which must outlive
 * its items.  Several keys of one caller share one.
 */
struct queue_caller {
	/* set with queue_caller_set */
	uint32_t at_once; /* most in flight, 0: no bound */
	uint32_t most;	  /* `waiting`: most that wait, 0: no bound */
	uint32_t weight;  /* 1 or more */
	/* read only */
	uint32_t waiting;
	uint32_t in_flight;
	uint64_t served; /* weighted tokens x QUEUE_COST_SCALE */
	struct list heads;
};

#define QUEUE_COST_SCALE 1024

/* One request; embedded in its flow.  Set the first part, then add it. */
struct queue_item {
	struct queue_caller *caller;
	uint64_t model; /* key: equal for what the same slots can serve */
	enum queue_class class;
	size_t bytes;	     /* of body that are held while it waits */
	int64_t deadline_us; /* leave the line then; QUEUE_NEVER */
	/* read only */
	enum queue_state state;
	int64_t enqueued_us;   /* first time it was added */
	int64_t dispatched_us; /* last time queue_next gave it out */
	/* the queue's own */
	int64_t arrival; /* number of arrival, kept when put back */
	struct queue_lane *lane;
	struct list all;
	struct list mates;     /* ring of one caller in one lane */
	struct list of_caller; /* heads only */
	struct heap_node turn; /* heads only: in lane->heads */
	struct heap_node due;
};

/* What waits for one model in one class. */
struct queue_lane {
	uint64_t model;
	enum queue_class class;
	struct heap heads;
};

struct queue {
	size_t length, bytes_max; /* bounds */
	size_t n, bytes;	  /* waiting now */
	size_t in_flight;
	int64_t arrivals;
	int64_t service_us; /* mean time a slot is held */
	uint32_t measured;  /* answers behind that mean, saturating */
	struct list items;  /* struct queue_item.all, by arrival */
	struct heap due;
	struct queue_lane lanes[QUEUE_LANES];
};

/*
 * May the lane of ${head} have a slot now?  The answer must depend on the
 * item's model and class only: a no is a no for all that waits in its lane.
 */
typedef bool queue_may_run(void *ctx, const struct queue_item *head);

/* Start empty with room for ${length} items and ${bytes_max} bytes. */
void queue_init(struct queue *q, size_t length, size_t bytes_max);

/* Free the queue, in which nothing waits any more. */
void queue_fini(struct queue *q);

/* Change the bounds; what waits already stays. */
void queue_set_bounds(struct queue *q, size_t length, size_t bytes_max);

/* Make a caller that has nothing waiting and no bounds. */
void queue_caller_init(struct queue_caller *c);

/*
 * Set a caller's bounds (0: none) and weight (1 or more); at once effective,
 * also for what waits.
 */
void queue_caller_set(
    struct queue_caller *c, uint32_t at_once, uint32_t most, uint32_t weight);

/* Make an item that is in no queue and never expires. */
void queue_item_init(struct queue_item *it, struct queue_caller *c);

/*
 * Put ${it} at the end of its caller's line.  ERR_CALLER_QUEUE_FULL when the
 * caller has its most waiting; ERR_QUEUE_FULL by length or bytes, where the
 * last sixteenth (rounded up) of both is only for callers that have nothing
 * waiting; ERR_NOMEM.  After an error it is in no queue.
 */
MUST_CHECK enum err queue_try_add(
    struct queue *q, struct queue_item *it, int64_t now_us);

/*
 * The next item that may run, taken out of the line and counted in flight
 * until queue_del or queue_put_back; NULL if there is none.
 */
struct queue_item *queue_next(
    struct queue *q, queue_may_run *may_run, void *ctx, int64_t now_us);

/*
 * An item in flight whose answer has not begun goes back to where it was in
 * its caller's line, past all bounds.  ERR_NOMEM: it is still in flight.
 */
MUST_CHECK enum err queue_put_back(struct queue *q, struct queue_item *it);

/* Take ${it} out, waiting or in flight; nothing if it is in no queue. */
void queue_del(struct queue *q, struct queue_item *it);

/*
 * An item that has waited past its deadline, taken out; NULL if there is none.
 * Call it until NULL.
 */
struct queue_item *queue_expired(struct queue *q, int64_t now_us);

/* When the next item expires, QUEUE_NEVER if none does. */
int64_t queue_next_deadline(const struct queue *q);

/* Give a waiting ${it} another deadline.  ERR_NOMEM: it keeps the old one. */
MUST_CHECK enum err queue_set_deadline(
    struct queue *q, struct queue_item *it, int64_t deadline_us);

/*
 * Charge ${c} for tokens of one of its requests, as they become known:
 * (input + 2 x output) / weight.  Source: Sheng et al., "Fairness in Serving
 * Large Language Models", OSDI 2024.
 */
void queue_charge(
    struct queue_caller *c, uint64_t input_tok, uint64_t output_tok);

/* Note that a request has held a slot for ${held_us}. */
void queue_note_service(struct queue *q, int64_t held_us);

/* The place of a waiting ${it} in the line, from 1; it walks the line. */
size_t queue_position(const struct queue *q, const struct queue_item *it);

/*
 * How long will the ${position}-th (from 1) of the line wait, by the measured
 * service time and the slots now in use?  Microseconds, -1: not known before
 * 20 answers have been measured.
 */
int64_t queue_wait_estimate(const struct queue *q, size_t position);
