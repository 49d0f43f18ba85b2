/*
 * outbox: small writes, which go to the kernel together when the turn ends.
 *
 * To send wakes who reads at the other end.  Sent one by one, between the work
 * for one event and the next, most sends find their reader asleep again, and
 * pay for waking it; sent in a row they do not.
 *
 * Inside of the room; see conn_write.c and loop.c.
 */
#pragma once
#include "base/slice.h"

struct conn;

enum {
	OUTBOX_CONNS = 64, /* most in one turn; further ones send at once */
	OUTBOX_BYTES = 4096 - 16,
};

/* What one conn wrote in this turn; conn NULL: it was sent early. */
struct outbox_row {
	struct conn *conn;
	size_t n;
	char bytes[OUTBOX_BYTES];
};

struct outbox {
	unsigned n;
	struct outbox_row rows[OUTBOX_CONNS];
};

/* Put the bytes of ${s} into ${c}'s row.  False: there is no room. */
bool outbox_put(struct outbox *o, struct conn *c, const struct slice *s,
    unsigned n, size_t bytes);

/* Send the row of ${c}, if it has one, now. */
void outbox_send(struct conn *c);

/* Forget the row of ${c}. */
void outbox_drop(struct conn *c);

/* Send all rows. */
void outbox_flush(struct outbox *o);
