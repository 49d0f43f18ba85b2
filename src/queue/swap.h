/*
 * swap: which models an engine that holds few of them should hold.
 *
 *   LOADING ──loaded──> OPEN <──> CLOSING ──nothing in flight──> out
 *                        takes     takes no more work: another
 *                        work      model waits and the turn is over
 *
 * A model stays while it has work, at most for a quantum of SWAP_ALPHA x C from
 * the moment it was loaded, C the time that took; then the model that waits
 * longest is loaded.  A model without work gives way C/4 after its last answer
 * (callers that send one request after the other come back within moments).
 * One that has batch work only gives way to interactive work after C, never
 * the other way round; batch that has aged is interactive.
 *
 * Bound: with K models in turn, C the longest load, Q the longest quantum and R
 * the longest request, none waits longer than (K - 1)(C + Q + R) + C + R.
 *
 * One struct swap for each engine of that kind; the user keeps it as the engine
 * shows it, asks swap_may_run in its queue_may_run, and loads what swap_next
 * says.  No clock, no sockets.
 */
#pragma once
#include "queue/queue.h"

enum {
	SWAP_ALPHA = 8,	 /* quantum, in loads */
	SWAP_LINGER = 4, /* part of a load that an idle model is kept */
	SWAP_HOLDS_MAX = 16,
	SWAP_GUESS_US = 10 * 1000 * 1000, /* C before any load was measured */
};

enum swap_state { SWAP_LOADING, SWAP_OPEN, SWAP_CLOSING };

/* A model that the engine holds, or is loading. */
struct swap_resident {
	uint64_t model;
	enum swap_state state;
	int64_t since_us; /* its turn began */
	int64_t used_us;  /* last time something was given out */
	int64_t load_us;  /* what loading it took, -1: not measured */
	uint32_t in_flight;
};

struct swap {
	uint32_t holds; /* models at once */
	uint32_t slots; /* that stand still during a load */
	uint32_t n;
	int64_t load_us;   /* C: mean of the measured loads */
	uint32_t measured; /* loads behind it, saturating */
	struct swap_resident at[SWAP_HOLDS_MAX];
};

/* What to do now. */
struct swap_load {
	uint64_t model; /* load this */
	bool evicts;	/* and first give up the next: nothing uses it */
	uint64_t evicted;
	struct queue_item *payer; /* whose caller forced it, waiting */
};

/* May this engine load the model of ${head}, which waits, and should it? */
typedef bool swap_may_load(void *ctx, const struct queue_item *head);

/* An engine that holds nothing yet and at most ${holds} models (1 or more). */
void swap_init(struct swap *s, uint32_t holds, uint32_t slots);

/* Other bounds from now on; what is held stays until it gives way. */
void swap_set(struct swap *s, uint32_t holds, uint32_t slots);

/*
 * The engine holds ${model}: after a load of ${load_us}, or -1: it was seen to.
 * Its turn begins; nothing happens if it was known to be held.
 */
void swap_loaded(
    struct swap *s, uint64_t model, int64_t load_us, int64_t now_us);

/*
 * The engine does not hold ${model} any more, or could not load it.  What was
 * in flight on it is forgotten: swap_leave may still come, or not.
 */
void swap_gone(struct swap *s, uint64_t model);

/* Is ${model} held, and does its turn last? */
bool swap_may_run(const struct swap *s, uint64_t model);

/* A request for ${model} was given out; it has ended. */
void swap_enter(struct swap *s, uint64_t model, int64_t now_us);
void swap_leave(struct swap *s, uint64_t model, int64_t now_us);

/*
 * Should the engine load something now?  True: ${out} says what, it counts as
 * loading from now on (until swap_loaded or swap_gone), and, where another
 * model gives way, the payer's caller is charged for the slots that stand
 * still.  False: not now; ask again when
 * something came, was given out or ended, and at swap_due.
 */
bool swap_next(struct swap *s, struct queue *q, swap_may_load *may_load,
    void *ctx, int64_t now_us, struct swap_load *out);

/* When does the next quantum end?  QUEUE_NEVER: no turn has an end to come. */
int64_t swap_due(const struct swap *s, int64_t now_us);
