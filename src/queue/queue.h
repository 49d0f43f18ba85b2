/*
 * queue: who is next.  No clock, no sockets: time and the state of the engines
 * come as arguments.
 *
 *   queue ── lane (model) ── order of heads, per class; the next one on top
 *                              │ one head for each caller that waits
 *                              └─ its followers, in order of arrival
 *
 * A lane is what waits for the same model, so whether it may run is asked once
 * a lane and not once an item.
 *
 * Order is by virtual token counters (Sheng et al., "Fairness in Serving Large
 * Language Models", OSDI 2024), one for each caller and class:
 *   - cost = input + 2 x output tokens, divided by the caller's weight; input
 *     is charged when an item is given out, by a guess where it is not known,
 *     output as it is told; queue_charge takes totals, so that what was charged
 *     is exactly what was told last, however often and in whatever order;
 *   - next is the head of the smallest counter;
 *   - who comes to be backlogged is lifted to the smallest counter of those
 *     that wait for the same model, else of all that wait, else to that of the
 *     last dispatch: being away earns nothing;
 *   - of equal counters, who came while the last one ran is before that one's
 *     caller; else first come, first served.
 * A caller with `at_once` requests in flight is parked: its line does not count
 * as waiting until one of them is done.  Callers may be below another (people
 * behind an app): its bounds hold for all of them together, and of its places
 * none of them has more than are left, so that nobody is kept out by another.  A correction of what was charged
 * before a lift takes no counter below the level of that lift.
 *
 * Classes: batch runs when nothing interactive may.  A batch item that was the
 * first of its caller's line for long (queue_set_ageing) counts as interactive,
 * so batch starves for nobody and a long line of it never turns interactive.
 *
 * Bound: two callers of one class that both wait for one model, below their
 * caps, differ by at most 2U in what they were served meanwhile, by weight;
 * U = max(Lin, 2 x S x (Lin + Lout)) / smallest weight.
 *
 * Costs: add, del, next, charge: O(log n) and one question a lane; position:
 * O(callers that wait).  Design: DESIGN.md 5; measurements: doc/fairness.md.
 */
#pragma once
#include "base/heap.h"
#include "base/list.h"
#include "base/table.h"
#include "queue/counters.h"
#include "queue/ranks.h"

/* No deadline; also what queue_next_deadline says if there is none. */
#define QUEUE_NEVER INT64_MAX

enum queue_class { QUEUE_INTERACTIVE, QUEUE_BATCH };
#define QUEUE_CLASSES COUNTERS_PER_KEY

enum queue_state { QUEUE_OUT, QUEUE_WAITING, QUEUE_IN_FLIGHT };

/* Weighted tokens are kept in parts of this size. */
#define QUEUE_COST_SCALE (1 << 16)

/* More tokens than this in one item are believed of nobody. */
#define QUEUE_TOK_MAX (INT64_C(1) << 32)

struct queue_lane;

/* What a caller was served in one class. */
struct queue_account {
	int64_t counter; /* weighted tokens x QUEUE_COST_SCALE */
	int64_t base;	 /* the level of the last lift, and charges since */
	uint32_t lifts;
	uint32_t waiting;
};

/*
 * A caller's part in the queue; embedded in its record, which must outlive its
 * items.  Several keys of one caller share one.
 */
struct queue_caller {
	/* set with queue_caller_set */
	uint32_t at_once; /* most in flight, 0: no bound */
	uint32_t most;	  /* `waiting`: most that wait, 0: no bound */
	uint32_t weight;  /* 1 or more */
	/* read only */
	uint32_t waiting;
	uint32_t in_flight;
	uint32_t all_waiting, all_in_flight; /* with those below it */
	struct queue_account accounts[QUEUE_CLASSES];
	/* the queue's own */
	struct counters_key key;
	struct list heads;
	struct queue_caller *above; /* NULL: nobody */
	struct list below;	    /* that wait, itself among them */
	struct list of_above;
};

/* One request; embedded in its flow.  Set the first part, then add it. */
struct queue_item {
	struct queue_caller *caller;
	uint64_t model; /* key: equal for what the same slots can serve */
	enum queue_class class;
	size_t bytes;	     /* of body that are held while it waits */
	int64_t input_tok;   /* of the prompt: a count or a guess */
	int64_t deadline_us; /* leave the line then; QUEUE_NEVER */
	/* read only */
	enum queue_state state;
	enum queue_class band; /* class, or interactive by age */
	int64_t enqueued_us;   /* first time it was added */
	int64_t dispatched_us; /* last time queue_next gave it out */
	int64_t expected_us;   /* wait seen when it was added, -1: unknown */
	/* the queue's own: what it was charged, and as whose */
	int64_t paid_in_tok, paid_out_tok;
	int64_t paid, paid_before; /* in all; before the last lift */
	uint32_t paid_weight;	   /* 0: nothing yet */
	uint32_t paid_lifts;
	enum queue_class paid_band;
	/* its places */
	int64_t arrival; /* number of arrival, kept when put back */
	struct queue_lane *lane;
	struct list all;
	struct list mates;     /* ring of one caller in one lane and band */
	struct list of_caller; /* heads only */
	struct list of_age;    /* heads in the batch band only */
	struct rank turn;      /* heads only: in lane->heads */
	size_t ring_n;	       /* heads only: length of the ring */
	int64_t head_us;       /* heads only: since when */
	struct heap_node due;
};

/* How long answers take and what they cost, as means. */
struct queue_pace {
	int64_t held_us;   /* a slot is held */
	int64_t cost;	   /* (input + 2 x output) x QUEUE_COST_SCALE */
	uint32_t measured; /* answers behind the means, saturating */
};

/* The last dispatch of a class: whose, and that caller's counter now. */
struct queue_last {
	/* to compare, never to look at */
	const struct queue_caller *caller, *top;
	int64_t level;
};

struct queue {
	size_t length, bytes_max; /* bounds */
	int64_t age_us;		  /* see queue_set_ageing */
	size_t n, bytes;	  /* waiting now */
	size_t in_flight;
	int64_t now_us; /* the last that was told */
	int64_t arrivals;
	uint64_t turn;	/* breaks ties, see lane.c */
	uint64_t calls; /* of queue_next */
	struct queue_pace pace;
	struct queue_last last[QUEUE_CLASSES];
	struct counters *counters; /* NULL: none */
	struct list items;	   /* struct queue_item.all: all that waits */
	struct list flying;	   /* the same: all that is given out */
	struct list ageing;	   /* heads in the batch band, oldest first */
	struct heap due;
	struct table lanes;  /* all, by model */
	struct list busy;    /* lanes in which something waits */
	struct list resting; /* lanes without anything, for their pace */
	size_t n_resting;
};

/*
 * May ${head} have a slot now?  A no is taken for all that waits in its lane;
 * the answer is asked for the best head of a lane, at most once a call.
 */
typedef bool queue_may_run(void *ctx, const struct queue_item *head);

/* Start empty with room for ${length} items and ${bytes_max} bytes. */
void queue_init(struct queue *q, size_t length, size_t bytes_max);

/* Free the queue, in which nothing waits or is in flight any more. */
void queue_fini(struct queue *q);

/* Change the bounds; what waits already stays. */
void queue_set_bounds(struct queue *q, size_t length, size_t bytes_max);

/*
 * A batch item that was first of its caller's line for ${age_us} counts as
 * interactive from then on; QUEUE_NEVER: none does.  60 s at first.
 */
void queue_set_ageing(struct queue *q, int64_t age_us);

/*
 * Keep counters in ${t} from now on, which is kept, and begin at the level
 * that it holds; NULL: no longer.  Before anything waits.
 */
void queue_set_counters(struct queue *q, struct counters *t);

/* Make a caller that has nothing waiting and no bounds. */
void queue_caller_init(struct queue_caller *c);

/*
 * ${c}, which has nothing waiting or in flight, is known by ${key} in the
 * table of counters: go on with what that holds.  Nothing happens if it had a
 * key already.
 */
void queue_caller_restore(
    struct queue *q, struct queue_caller *c, struct counters_key key);

/*
 * Set a caller's bounds (0: none) and weight (1 or more); at once effective,
 * also for what waits.  What is in flight is paid at the weight it began with.
 */
void queue_caller_set(
    struct queue_caller *c, uint32_t at_once, uint32_t most, uint32_t weight);

/*
 * The bounds of ${above}, which outlives it and is below nobody, hold for ${c}
 * too, which has nothing waiting or in flight; its own do not any more.
 */
void queue_caller_join(struct queue_caller *c, struct queue_caller *above);

/* Make an item that is in no queue, costs nothing and never expires. */
void queue_item_init(struct queue_item *it, struct queue_caller *c);

/*
 * Put ${it} at the end of its caller's line.  ERR_CALLER_QUEUE_FULL when the
 * caller has its most waiting; ERR_QUEUE_FULL by length or bytes, where the
 * last sixteenth (rounded up) of both is only for callers that have nothing
 * waiting; ERR_DEADLINE_UNREACHABLE when those ahead of it alone will take
 * until after its deadline, as far as has been measured (expected_us says how
 * long); ERR_NOMEM.  After an error it is in no queue.
 */
MUST_CHECK enum err queue_try_add(
    struct queue *q, struct queue_item *it, int64_t now_us);

/*
 * The next item that may run, taken out of the line, charged for its input and
 * counted in flight until queue_del or queue_put_back; NULL if there is none.
 */
struct queue_item *queue_next(
    struct queue *q, queue_may_run *may_run, void *ctx, int64_t now_us);

/*
 * An item in flight whose answer has not begun goes back to where it was in
 * its caller's line, past all bounds.  What it was charged stands: being sent
 * again costs nothing.  ERR_NOMEM: it is still in flight.
 */
MUST_CHECK enum err queue_put_back(struct queue *q, struct queue_item *it);

/*
 * Take ${it} out, waiting or in flight; nothing if it is in no queue.  Charge
 * it before.
 */
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
 * The tokens of ${it} are these in all, as far as is known now; -1: as told
 * before.  Corrects what its caller was charged, up or down.  Nothing happens
 * for an item that was never given out.
 */
void queue_charge(struct queue *q, struct queue_item *it, int64_t input_tok,
    int64_t output_tok);

/*
 * Charge the caller of ${it} for ${slot_us} of slots that stood still for it,
 * at the measured pace; nothing before 20 answers have been measured.
 */
void queue_charge_idle(struct queue *q, struct queue_item *it, int64_t slot_us);

/*
 * Note that ${it}, whose tokens have been told, has held a slot for ${held_us}
 * and was answered.
 */
void queue_note_service(
    struct queue *q, const struct queue_item *it, int64_t held_us);

/*
 * The place of a waiting ${it} among all that waits for its model, from 1, if
 * nothing more comes and all cost the mean.
 */
size_t queue_position(const struct queue *q, const struct queue_item *it);

/* How long will a waiting ${it} wait yet?  Microseconds, -1: not known. */
int64_t queue_wait_of(const struct queue *q, const struct queue_item *it);

/*
 * How long will the ${position}-th (from 1) of a line wait, by the measured
 * service time and the slots now in use?  Microseconds, -1: not known before
 * 20 answers have been measured.
 */
int64_t queue_wait_estimate(const struct queue *q, size_t position);
