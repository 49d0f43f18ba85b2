/*
 * conn: a buffered byte stream over TCP or a unix socket.
 *
 *   socket -> window (64 KiB, only while bytes wait) -> conn_in / conn_eat
 *   conn_write -> outbox, small ones, for the rest of the turn -> socket
 *              -> socket, the rest -> out (bounded) -> CONN_DRAIN when empty
 *
 * libuv tells when; reading and writing is done here, with recv and send,
 * which cost the kernel less than the read and writev of libuv's streams.
 *
 * Events come from the loop only, never from inside a call of the owner; after
 * conn_close no event comes any more, only ${on_closed}, when the memory may
 * go.  Reading stops by itself while the window is full.
 */
#pragma once
#include "base/buf.h"
#include "loop/loop.h"

enum conn_event {
	CONN_OPEN,    /* conn_connect succeeded */
	CONN_READ,    /* new bytes: conn_in(), or in the direct window */
	CONN_EOF,     /* the other side will send no more */
	CONN_FAIL,    /* connect, read or write failed; comes once; close it */
	CONN_DRAIN,   /* all that was written has gone to the kernel */
	CONN_TIMEOUT, /* conn_set_deadline's time has come */
};

/* Most slices of one conn_write. */
enum { CONN_SLICES = 64 };

struct conn {
	uv_poll_t poll;
	int fd;	     /* -1: none, and no poll */
	int watched; /* what poll waits for */
	struct loop *loop;
	void (*on_event)(struct conn *c, enum conn_event ev);
	void (*on_closed)(struct conn *c);

	char *window;	 /* LOOP_CHUNK bytes, NULL while nothing waits */
	size_t at, n;	 /* the unread bytes are window[at..n) */
	size_t cap;	 /* LOOP_CHUNK, or just what waits */
	char *direct;	 /* the owner's memory to read into instead */
	size_t direct_n; /* bytes there now */
	size_t direct_cap;

	struct outbox_row *row; /* goes at the end of the turn, or NULL */
	struct slice *kept;	/* the owner's bytes under way, else NULL */
	unsigned kept_at, kept_n;
	size_t kept_bytes; /* of these, not with the kernel */
	struct buf out;	   /* copied bytes behind those */
	size_t out_at;	   /* the first of them not with the kernel */
	int64_t wrote_us;  /* when bytes last moved out, while some wait */
	uint64_t n_read, n_written;

	struct timer deadline;
	bool reading, is_connecting, is_closing, is_eof, failed;
	bool wants_fin;
	bool is_doomed; /* failed in a call of the owner, who will be told */
	bool has_told;	/* CONN_FAIL came */
};

/*
 * Prepare ${c}, with no descriptor yet.  ${out_max}: most bytes that may wait
 * in memory.  Set on_event and on_closed before anything else.  After this
 * only conn_close ends it.
 */
void conn_init(struct conn *c, struct loop *l, size_t out_max);

/* Take over ${fd}, which an acceptor gave.  ERR_IO: it is closed. */
MUST_CHECK enum err conn_accept(struct conn *c, int fd);

/* Begin to connect; CONN_OPEN or CONN_FAIL follows.  ERR_CONNECT at once. */
MUST_CHECK enum err conn_connect(struct conn *c, const struct sockaddr *to);
MUST_CHECK enum err conn_connect_unix(struct conn *c, const char *path);

/* Begin to read (idempotent); stop. */
void conn_read_start(struct conn *c);
void conn_read_stop(struct conn *c);

/*
 * The bytes that arrived and were not eaten.  Their place is good until the
 * event's callback returns or conn_read_into is called; eaten bytes stay there
 * as long.  Outside of an event: until the next one.
 */
static inline struct slice
conn_in(const struct conn *c)
{
	return slice_from(slice_of(c->window, c->n), c->at);
}

/* The first ${n} bytes of conn_in() are done with. */
void conn_eat(struct conn *c, size_t n);

/*
 * Read the next ${n} bytes into ${p}, the owner's, instead of the window,
 * which must be empty; c->direct_n tells how many came.  NULL ends it.
 */
void conn_read_into(struct conn *c, char *p, size_t n);

/*
 * Write the ${n} (at most CONN_SLICES) slices in order.  What the kernel does
 * not take now is copied and follows.  ERR_FULL: past out_max or no memory,
 * nothing of these slices can be relied on.  After that, and where the stream
 * is broken, CONN_FAIL follows from the loop.
 */
MUST_CHECK enum err conn_write(
    struct conn *c, const struct slice *s, unsigned n);

/*
 * The same without the copy: the owner keeps the bytes unchanged until
 * CONN_DRAIN, CONN_FAIL or conn_close, if conn_pending() is not 0 now.
 * Nothing else may be waiting to be written.  ERR_NOMEM; CONN_FAIL follows.
 */
MUST_CHECK enum err conn_write_kept(
    struct conn *c, const struct slice *s, unsigned n);

/*
 * Bytes written that the kernel did not take.  Those that go at the end of the
 * turn do not count: conn_shutdown and conn_close send them, conn_reset does
 * not.
 */
static inline size_t
conn_pending(const struct conn *c)
{
	return c->out.n - c->out_at + c->kept_bytes;
}

/* Send a FIN after what is pending. */
void conn_shutdown(struct conn *c);

/* CONN_TIMEOUT at that time (monotonic us); INT64_MAX: none. */
void conn_set_deadline(struct conn *c, int64_t at_us);

/*
 * End it now; conn_pending() bytes are lost.  on_closed follows, at once if it never
 * had a descriptor.  Idempotent.
 */
void conn_close(struct conn *c);

/* As conn_close, with a TCP reset. */
void conn_reset(struct conn *c);
