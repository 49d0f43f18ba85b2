/* conn_part: what the files of conn share; see loop/conn.h. */
#pragma once
#include "loop/conn.h"

/* Wait for what is of interest now, and for nothing else. */
void conn_watch(struct conn *c);

/* Tell the owner, once, that the stream is broken; from the loop only. */
void conn_fail(struct conn *c);

/* It failed inside of a call of the owner: the loop will tell. */
void conn_doom(struct conn *c);

/* There may be bytes to read, and it is being read. */
void conn_on_readable(struct conn *c);

/* Is there no room to read to? */
bool conn_is_full(const struct conn *c);

/* The socket may take some of what waits. */
void conn_on_writable(struct conn *c);

/* Free the window of ${c}, with what was not eaten. */
void conn_drop_window(struct conn *c);

/* ${bytes}, of the outbox, are next; what the kernel leaves waits. */
void conn_send_row(struct conn *c, struct slice bytes);

/* Free what waits to be written. */
void conn_drop_pending(struct conn *c);
