/* The writing half of a conn: what goes at once, and what waits. */
#include "loop/conn_part.h"
#include "loop/outbox.h"
#include "os/sock.h"
#include <assert.h>
#include <stdlib.h>

_Static_assert((int)CONN_SLICES <= (int)OS_SOCK_SLICES, "one call takes all");

static size_t
total(const struct slice *s, unsigned n)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < n; i++)
		bytes += s[i].n;
	return bytes;
}

/*
 * Take ${bytes} for the end of the turn, where it is worth it: not outside of
 * the loop, and not behind others that wait.
 */
static bool
try_later(struct conn *c, const struct slice *s, unsigned n, size_t bytes)
{
	if (c->is_connecting || conn_pending(c) > 0)
		return false;
	if (outbox_put(c->loop->outbox, c, s, n, bytes))
		return true;
	outbox_send(c);
	return false;
}

/* Send now what the kernel takes, in bytes; 0 also where it is broken. */
static size_t
try_now(struct conn *c, const struct slice *s, unsigned n)
{
	ssize_t done;

	if (c->is_connecting || conn_pending(c) > 0)
		return 0;
	done = os_sock_send(c->fd, s, n);
	if (done > 0) {
		c->n_written += (uint64_t)done;
		return (size_t)done;
	}
	/* A broken one fails again from the loop, behind what it still has
	 * to read. */
	return 0;
}

/* Room for ${n} more bytes behind those that wait. */
static bool
reserve(struct conn *c, size_t n)
{
	size_t left = c->out.n - c->out_at;

	if (n > c->out.max - left)
		return false;
	/* Those that have gone make room, if moving the others is less. */
	if (c->out_at > 0 && (c->out_at >= left || n > c->out.max - c->out.n)) {
		buf_drop(&c->out, c->out_at);
		c->out_at = 0;
	}
	return buf_reserve(&c->out, n) == OK;
}

/* Keep what of the ${bytes} in ${s} is behind ${done}.  ERR_FULL. */
static enum err
keep_copy(struct conn *c, const struct slice *s, unsigned n, size_t bytes,
    size_t done)
{
	if (conn_pending(c) == 0)
		c->wrote_us = os_now_us();
	if (!reserve(c, bytes - done)) {
		conn_doom(c);
		return ERR_FULL;
	}
	for (unsigned i = 0; i < n; i++) {
		struct slice rest = slice_from(s[i], done);

		done -= s[i].n - rest.n;
		if (rest.n > 0)
			memcpy(c->out.p + c->out.n, rest.p, rest.n);
		c->out.n += rest.n;
	}
	conn_watch(c);
	return OK;
}

enum err
conn_write(struct conn *c, const struct slice *s, unsigned n)
{
	size_t bytes = total(s, n), done;

	assert(n <= CONN_SLICES);
	if (c->is_closing || c->failed || bytes == 0)
		return OK;
	assert(!c->wants_fin);
	if (try_later(c, s, n, bytes))
		return OK;
	done = try_now(c, s, n);
	if (done == bytes)
		return OK;
	return keep_copy(c, s, n, bytes, done);
}

void
conn_send_row(struct conn *c, struct slice bytes)
{
	size_t done;

	if (c->is_closing || c->failed)
		return;
	done = try_now(c, &bytes, 1);
	/* Where there is no room the loop tells the owner. */
	if (done < bytes.n)
		(void)!keep_copy(c, &bytes, 1, bytes.n, done);
}

/* Take ${done} bytes off the front of ${n} slices; how many are done with. */
static unsigned
skip(struct slice *s, unsigned n, size_t done)
{
	unsigned i = 0;

	while (i < n && done >= s[i].n)
		done -= s[i++].n;
	if (i < n)
		s[i] = slice_from(s[i], done);
	return i;
}

enum err
conn_write_kept(struct conn *c, const struct slice *s, unsigned n)
{
	size_t bytes = total(s, n), done;

	assert(n <= CONN_SLICES && conn_pending(c) == 0);
	if (c->is_closing || c->failed || bytes == 0)
		return OK;
	if (try_later(c, s, n, bytes))
		return OK;
	/* Kept bytes would overtake what the outbox has just left here. */
	if (conn_pending(c) > 0)
		return keep_copy(c, s, n, bytes, 0);
	done = try_now(c, s, n);
	if (done == bytes)
		return OK;
	c->wrote_us = os_now_us();
	if ((c->kept = malloc(n * sizeof *c->kept)) == NULL) {
		conn_doom(c);
		return ERR_NOMEM;
	}
	memcpy(c->kept, s, n * sizeof *c->kept);
	c->kept_n = n;
	c->kept_at = skip(c->kept, n, done);
	c->kept_bytes = bytes - done;
	conn_watch(c);
	return OK;
}

void
conn_drop_pending(struct conn *c)
{
	free(c->kept);
	c->kept = NULL;
	c->kept_bytes = 0;
	buf_fini(&c->out);
	c->out_at = 0;
}

/* Send some of what waits, kept bytes first; as os_sock_send. */
static ssize_t
send_some(struct conn *c)
{
	struct slice out = slice_from(buf_slice(&c->out), c->out_at);
	struct slice *kept = c->kept + c->kept_at;
	unsigned n = c->kept_n - c->kept_at;
	ssize_t done;

	if (c->kept_bytes == 0) {
		done = os_sock_send(c->fd, &out, 1);
		c->out_at += done > 0 ? (size_t)done : 0;
		return done;
	}
	done = os_sock_send(c->fd, kept, n);
	if (done > 0) {
		c->kept_at += skip(kept, n, (size_t)done);
		c->kept_bytes -= (size_t)done;
	}
	return done;
}

void
conn_on_writable(struct conn *c)
{
	while (conn_pending(c) > 0) {
		ssize_t done = send_some(c);

		if (done == OS_SOCK_BROKEN)
			conn_fail(c);
		if (done <= 0)
			return;
		c->n_written += (uint64_t)done;
		c->wrote_us = os_now_us();
	}
	conn_drop_pending(c);
	if (c->wants_fin)
		os_sock_end(c->fd);
	c->on_event(c, CONN_DRAIN);
}

void
conn_shutdown(struct conn *c)
{
	if (c->is_closing || c->failed || c->wants_fin)
		return;
	outbox_send(c);
	c->wants_fin = true;
	if (conn_pending(c) == 0)
		os_sock_end(c->fd);
}
