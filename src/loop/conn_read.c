/* The reading half of a conn: its window, and the owner's memory instead. */
#include "loop/conn_read.h"
#include <assert.h>
#include <stdlib.h>

enum { NARROW_MAX = 16 * 1024 };

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

static void
on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *buf)
{
	struct conn *c = h->data;

	(void)hint;
	if (c->direct) {
		*buf = uv_buf_init(c->direct + c->direct_n,
		    (unsigned)(c->direct_cap - c->direct_n));
		return;
	}
	if (c->cap < LOOP_CHUNK && !widen(c)) {
		*buf = uv_buf_init(NULL, 0);
		return;
	}
	if (c->at > 0 && c->n == LOOP_CHUNK) {
		memmove(c->window, c->window + c->at, c->n - c->at);
		c->n -= c->at;
		c->at = 0;
	}
	*buf = uv_buf_init(c->window + c->n, (unsigned)(LOOP_CHUNK - c->n));
}

static bool
is_full(const struct conn *c)
{
	if (c->direct)
		return c->direct_n == c->direct_cap;
	return c->at == 0 && c->n == LOOP_CHUNK;
}

static void
on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct conn *c = s->data;

	(void)buf;
	if (n > 0) {
		if (c->direct)
			c->direct_n += (size_t)n;
		else
			c->n += (size_t)n;
		c->n_read += (uint64_t)n;
		c->on_event(c, CONN_READ);
		if (c->is_closing)
			return;
		narrow(c);
		if (c->reading && is_full(c))
			(void)uv_read_stop(s);
		return;
	}
	narrow(c);
	if (n == 0)
		return;
	(void)uv_read_stop(s);
	c->reading = false;
	if (n == UV_EOF) {
		c->is_eof = true;
		c->on_event(c, CONN_EOF);
	} else {
		conn_fail(c);
	}
}

void
conn_read_start(struct conn *c)
{
	if (c->is_closing || c->is_eof || c->failed)
		return;
	if (c->reading)
		return;
	c->reading = true;
	if (!is_full(c))
		(void)uv_read_start(&c->uv.stream, on_alloc, on_read);
}

void
conn_read_stop(struct conn *c)
{
	if (c->reading)
		(void)uv_read_stop(&c->uv.stream);
	c->reading = false;
}

static void
read_on(struct conn *c)
{
	if (c->reading && !c->is_closing)
		(void)uv_read_start(&c->uv.stream, on_alloc, on_read);
}

void
conn_eat(struct conn *c, size_t n)
{
	bool was_full = is_full(c);

	assert(n <= c->n - c->at);
	c->at += n;
	if (c->at == c->n)
		c->at = c->n = 0;
	if (was_full && n > 0)
		read_on(c);
}

void
conn_read_into(struct conn *c, char *p, size_t n)
{
	bool was_full = is_full(c);

	assert(p == NULL || c->at == c->n);
	narrow(c);
	c->direct = p;
	c->direct_n = 0;
	c->direct_cap = n;
	if (is_full(c))
		(void)uv_read_stop(&c->uv.stream);
	else if (was_full)
		read_on(c);
}
