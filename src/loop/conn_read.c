/* The reading half of a conn: its window, and the owner's memory instead. */
#include "loop/conn_part.h"
#include "os/sock.h"
#include <assert.h>
#include <stdlib.h>

enum {
	NARROW_MAX = 16 * 1024,
	READS_MAX = 16, /* of one event, while each fills all its room */
};

void
conn_drop_window(struct conn *c)
{
	if (c->cap == LOOP_CHUNK)
		loop_give_chunk(c->loop, c->window);
	else
		free(c->window);
	c->window = NULL;
	c->at = c->n = c->cap = 0;
}

/* Before a read: a whole chunk, with what waits in front. */
static bool
widen(struct conn *c)
{
	char *chunk = loop_take_chunk(c->loop);

	if (chunk == NULL)
		return false;
	if (c->window) {
		memcpy(chunk, c->window + c->at, c->n - c->at);
		c->n -= c->at;
		c->at = 0;
		free(c->window);
	}
	c->window = chunk;
	c->cap = LOOP_CHUNK;
	return true;
}

/*
 * After an event: an idle connection holds no window, and one that waits with
 * a few bytes (half a head) holds little more than those.
 */
static void
narrow(struct conn *c)
{
	size_t n = c->n - c->at;
	char *small;

	if (c->window == NULL)
		return;
	if (n == 0) {
		conn_drop_window(c);
		return;
	}
	if (c->cap < LOOP_CHUNK || n > NARROW_MAX ||
	    (small = malloc(n)) == NULL)
		return;
	memcpy(small, c->window + c->at, n);
	loop_give_chunk(c->loop, c->window);
	c->window = small;
	c->at = 0;
	c->n = c->cap = n;
}

/* Where to read to, and how much; NULL without memory. */
static char *
room_of(struct conn *c, size_t *n)
{
	if (c->direct) {
		*n = c->direct_cap - c->direct_n;
		return c->direct + c->direct_n;
	}
	if (c->cap < LOOP_CHUNK && !widen(c))
		return NULL;
	if (c->at > 0 && c->n == LOOP_CHUNK) {
		memmove(c->window, c->window + c->at, c->n - c->at);
		c->n -= c->at;
		c->at = 0;
	}
	*n = LOOP_CHUNK - c->n;
	return c->window + c->n;
}

bool
conn_is_full(const struct conn *c)
{
	if (c->direct)
		return c->direct_n == c->direct_cap;
	return c->at == 0 && c->n == LOOP_CHUNK;
}

/* ${n} bytes came; true if it lives on. */
static bool
take(struct conn *c, size_t n)
{
	if (c->direct)
		c->direct_n += n;
	else
		c->n += n;
	c->n_read += n;
	c->on_event(c, CONN_READ);
	if (c->is_closing)
		return false;
	narrow(c);
	return true;
}

void
conn_on_readable(struct conn *c)
{
	for (int i = 0; i < READS_MAX && c->reading && !conn_is_full(c); i++) {
		size_t most = 0;
		char *room = room_of(c, &most);
		ssize_t n =
		    room ? os_sock_recv(c->fd, room, most) : OS_SOCK_BROKEN;

		if (n > 0) {
			/* Less than there was room for: that was all. */
			if (!take(c, (size_t)n) || (size_t)n < most)
				return;
			continue;
		}
		narrow(c);
		if (n == 0) {
			c->reading = false;
			c->is_eof = true;
			c->on_event(c, CONN_EOF);
		} else if (n == OS_SOCK_BROKEN) {
			conn_fail(c);
		}
		return;
	}
}

void
conn_read_start(struct conn *c)
{
	if (c->is_closing || c->is_eof || c->failed)
		return;
	c->reading = true;
	conn_watch(c);
}

void
conn_read_stop(struct conn *c)
{
	c->reading = false;
	conn_watch(c);
}

void
conn_eat(struct conn *c, size_t n)
{
	assert(n <= c->n - c->at);
	c->at += n;
	if (c->at == c->n)
		c->at = c->n = 0;
	conn_watch(c);
}

void
conn_read_into(struct conn *c, char *p, size_t n)
{
	assert(p == NULL || c->at == c->n);
	narrow(c);
	c->direct = p;
	c->direct_n = 0;
	c->direct_cap = n;
	conn_watch(c);
}
