/*
 * upstream: one HTTP/1.1 connection to an engine, one exchange at a time.
 *
 *   open (idle one or a new one) -> send -> HEAD -> BODY ... (end) -> release
 *                                        \-> FAIL (any time) -> close
 *
 * The user gets events only from the loop.  After upstream_close or
 * upstream_release no event comes any more.
 */
#pragma once
#include "http/parser.h"
#include "loop/conn.h"

struct engine;
struct upstream;

enum upstream_event {
	UPSTREAM_HEAD, /* u->head is there, its bytes valid in this event only */
	UPSTREAM_BODY, /* u->parts are there, valid in this event only */
	UPSTREAM_SENT, /* a request that did not fit at once is sent now */
	UPSTREAM_FAIL, /* u->err says why; close it */
};

/* Most body slices of one event. */
enum { UPSTREAM_PARTS = 24 };

struct upstream_user {
	void (*on_event)(struct upstream_user *user, enum upstream_event ev);
};

struct upstream {
	struct conn conn;
	struct http_parser parser;
	struct http_head head;
	struct engine *engine;
	struct upstream_user *user; /* NULL: idle */
	struct list node;	    /* in the engine's idle or busy list */

	struct slice parts[UPSTREAM_PARTS]; /* of the body, de-chunked */
	unsigned n_parts;
	bool opened;
	bool ended;	/* the answer is complete with these parts */
	bool reused;	/* has carried an exchange before this one */
	bool got_bytes; /* of this exchange's answer */
	bool is_paused;
	bool is_sending;  /* its request's body is not yet whole */
	bool is_given_up; /* what comes now is its end, see upstream_give_up */
	bool can_reuse;	  /* keep-alive after a complete exchange */
	int64_t first_byte_us, between_bytes_us; /* bounds of silence */
	enum err
	    err; /* after UPSTREAM_FAIL: CONNECT, EOF, IO, TIMEOUT, SYNTAX */
};

/*
 * Take an idle connection of ${e}, unless ${fresh}, or begin a new one.
 * NULL: no memory or no address.  The user's events follow.
 */
struct upstream *upstream_open(
    struct engine *e, struct upstream_user *user, bool fresh);

/*
 * Send the request: ${n} slices (head first), kept by the user until the
 * exchange is over.  ${is_head}: the method is HEAD, no body will come.
 */
void upstream_send(
    struct upstream *u, const struct slice *s, unsigned n, bool is_head);

/*
 * Send more of the body of a request whose head announced it; copied, so at
 * most 64 KiB while nothing is pending (upstream.conn), then again after
 * UPSTREAM_SENT.  The user sets is_sending before and clears it behind the
 * last of it; a connection left in the middle is not used again.
 */
void upstream_write(struct upstream *u, const struct slice *s, unsigned n);

/* Read no more until resumed; no silence is timed meanwhile. */
void upstream_pause(struct upstream *u);
void upstream_resume(struct upstream *u); /* may call back at once */

/* Give it up: the connection is closed.  The engine sees a hang-up. */
void upstream_close(struct upstream *u);

/*
 * Close what ${e} has in flight, but for weir's own questions (fetch): their
 * users get UPSTREAM_FAIL with EOF, not from inside this call.
 */
void upstream_give_up(struct engine *e);

/* The exchange is complete: back to the idle ones, or closed. */
void upstream_release(struct upstream *u);

/* Close the idle connections of ${e}. */
void upstream_close_idle(struct engine *e);
