/*
 * loop: the one thread that decides and relays: libuv's loop, our timers, and
 * the hook that runs after each batch of events.
 *
 *   wait for events -> callbacks of connections, timers -> turn hooks
 *   -> small writes go out -> wait
 *
 * Callbacks run one at a time, never inside each other: what a callback wants
 * to happen to somebody else, it leaves for the turn hook.
 */
#pragma once
#include "base/err.h"
#include "base/heap.h"
#include "base/list.h"
#include "os/clock.h"
#include <uv.h>

struct job_worker;
struct outbox;

struct loop {
	uv_loop_t uv;
	uv_timer_t alarm;
	uv_check_t check;
	uv_prepare_t prepare;
	uv_idle_t idle; /* started: do not block in the next poll */
	struct heap timers;
	int64_t alarm_us; /* when the alarm rings, 0: not set */
	int64_t ring_us;  /* the time that timers are being called for */
	struct list turns;
	struct list chunks; /* spare read windows, see conn.h */
	size_t n_chunks;
	struct outbox *outbox;
	struct job_worker *worker; /* see job.h; NULL: no job yet */
};

/* Called once after each batch of events; embed it, set fn, add it once. */
struct loop_turn {
	struct list node;
	void (*fn)(struct loop_turn *t);
};

/*
 * A time at which ${fn} is called, once, from the loop.  Embed it.  It may be
 * set again from its own callback; what is set by a callback, for now or the
 * past too, rings in a later turn.  Those due ring in the order of their
 * times.  Moving it to later costs nothing.
 */
struct timer {
	struct heap_node node;
	struct loop *loop;
	int64_t at_us; /* INT64_MAX: not set */
	void (*fn)(struct timer *t);
};

/* Start a loop.  ERR_IO where the system refuses one. */
MUST_CHECK enum err loop_init(struct loop *l);

/* End a loop with no open connection left.  False: handles are still open. */
bool loop_fini(struct loop *l);

/* Run until loop_stop. */
void loop_run(struct loop *l);

/* Make loop_run return after this turn. */
void loop_stop(struct loop *l);

/* Call ${t}->fn after each batch of events from now on. */
void loop_add_turn(struct loop *l, struct loop_turn *t);

/* Have the turn hooks called again soon, without waiting for an event. */
void loop_again(struct loop *l);

/* Prepare ${t}, not set. */
void timer_init(struct timer *t, struct loop *l, void (*fn)(struct timer *t));

/* Call back at ${at_us} of the monotonic clock (at the earliest). */
void timer_set(struct timer *t, int64_t at_us);

/* Call back no more; ${t} may be freed.  Safe at any moment. */
void timer_stop(struct timer *t);

/*
 * Take a read window of LOOP_CHUNK bytes (contents undefined), NULL if memory
 * ran out; give it back.  A few hundred spare ones are kept.
 */
enum { LOOP_CHUNK = 64 * 1024 };
char *loop_take_chunk(struct loop *l);
void loop_give_chunk(struct loop *l, char *chunk);
