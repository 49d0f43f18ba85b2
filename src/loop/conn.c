#include "loop/conn.h"
#include <assert.h>
#include <stdlib.h>

enum { NARROW_MAX = 16 * 1024 };

static void flush_out(struct conn *c);

static void
on_deadline(struct timer *t)
{
	struct conn *c = (struct conn *)(void *)((char *)t -
	    offsetof(struct conn, deadline));

	c->on_event(c, CONN_TIMEOUT);
}

void
conn_init(struct conn *c, struct loop *l, bool is_unix, size_t out_max)
{
	*c = (struct conn){.loop = l};
	if (is_unix)
		(void)uv_pipe_init(&l->uv, &c->uv.pipe, 0);
	else
		(void)uv_tcp_init(&l->uv, &c->uv.tcp);
	c->uv.handle.data = c;
	buf_init(&c->out, out_max);
	buf_init(&c->flying, out_max);
	timer_init(&c->deadline, l, on_deadline);
}

static void
set_options(struct conn *c)
{
	if (c->uv.handle.type != UV_TCP)
		return;
	(void)uv_tcp_nodelay(&c->uv.tcp, 1);
	/* Finds peers that vanished without a word (sleeping laptops). */
	(void)uv_tcp_keepalive(&c->uv.tcp, 1, 60);
}

enum err
conn_accept(struct conn *c, uv_stream_t *listener)
{
	if (uv_accept(listener, &c->uv.stream) != 0)
		return ERR_IO;
	set_options(c);
	return OK;
}

static void
fail(struct conn *c)
{
	c->failed = true;
	c->on_event(c, CONN_FAIL);
}

static void
on_connect(uv_connect_t *req, int status)
{
	struct conn *c = req->data;

	if (c->is_closing)
		return;
	if (status != 0) {
		fail(c);
		return;
	}
	set_options(c);
	c->on_event(c, CONN_OPEN);
}

enum err
conn_connect(struct conn *c, const struct sockaddr *to)
{
	c->connect_req.data = c;
	if (uv_tcp_connect(&c->connect_req, &c->uv.tcp, to, on_connect) != 0)
		return ERR_CONNECT;
	return OK;
}

enum err
conn_connect_unix(struct conn *c, const char *path)
{
	c->connect_req.data = c;
	uv_pipe_connect(&c->connect_req, &c->uv.pipe, path, on_connect);
	return OK;
}

/* --- reading --- */

static void
drop_window(struct conn *c)
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
		drop_window(c);
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
		fail(c);
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
	if (was_full)
		read_on(c);
}

/* --- writing --- */

static void
on_shutdown(uv_shutdown_t *req, int status)
{
	(void)req;
	(void)status;
}

static void
send_fin(struct conn *c)
{
	(void)uv_shutdown(&c->shutdown_req, &c->uv.stream, on_shutdown);
}

static void
on_written(uv_write_t *req, int status)
{
	struct conn *c = req->data;

	c->is_writing = false;
	c->n_written += c->flying_n;
	c->flying_n = 0;
	buf_clear(&c->flying);
	if (c->is_closing)
		return;
	if (status != 0) {
		fail(c);
		return;
	}
	c->wrote_us = os_now_us();
	if (c->out.n > 0) {
		flush_out(c);
		return;
	}
	buf_fini(&c->flying);
	buf_fini(&c->out);
	if (c->wants_fin)
		send_fin(c);
	c->on_event(c, CONN_DRAIN);
}

static enum err
start_write(struct conn *c, const uv_buf_t *bufs, unsigned n, size_t bytes)
{
	c->write_req.data = c;
	c->flying_n = bytes;
	c->is_writing = true;
	if (uv_write(&c->write_req, &c->uv.stream, bufs, n, on_written) != 0) {
		c->is_writing = false;
		c->flying_n = 0;
		c->failed = true;
		return ERR_IO;
	}
	return OK;
}

/* Send what is in ${out}; the two buffers change places. */
static void
flush_out(struct conn *c)
{
	struct buf full = c->out;
	uv_buf_t b = uv_buf_init(full.p, (unsigned)full.n);

	c->out = c->flying;
	c->flying = full;
	if (start_write(c, &b, 1, full.n) != OK)
		fail(c);
}

/* What the kernel takes now, in bytes; 0 also where it failed. */
static size_t
try_now(struct conn *c, uv_buf_t *bufs, unsigned n)
{
	int done = uv_try_write(&c->uv.stream, bufs, n);

	/* A broken stream shows at the next write or read as CONN_FAIL. */
	if (done <= 0)
		return 0;
	c->n_written += (uint64_t)done;
	return (size_t)done;
}

/* Take ${skip} bytes off the front of ${bufs}; the new number of them. */
static unsigned
skip_bytes(uv_buf_t *bufs, unsigned n, size_t skip)
{
	unsigned i = 0, out = 0;

	while (i < n && skip >= bufs[i].len)
		skip -= bufs[i++].len;
	for (; i < n; i++) {
		bufs[out] = bufs[i];
		if (skip) {
			bufs[out].base += skip;
			bufs[out].len -= skip;
			skip = 0;
		}
		out++;
	}
	return out;
}

static unsigned
to_bufs(uv_buf_t *bufs, const struct slice *s, unsigned n, size_t *bytes)
{
	unsigned used = 0;

	assert(n <= CONN_SLICES);
	*bytes = 0;
	for (unsigned i = 0; i < n; i++) {
		if (s[i].n == 0)
			continue;
		/* libuv never writes to what it sends. */
		bufs[used].base = (char *)(uintptr_t)s[i].p;
		bufs[used++].len = s[i].n;
		*bytes += s[i].n;
	}
	return used;
}

enum err
conn_write(struct conn *c, const struct slice *s, unsigned n)
{
	uv_buf_t bufs[CONN_SLICES];
	size_t bytes, done = 0;
	unsigned used = to_bufs(bufs, s, n, &bytes);
	enum err e;

	if (c->is_closing || c->failed || bytes == 0)
		return OK;
	assert(!c->wants_fin);
	if (!c->is_writing) {
		done = try_now(c, bufs, used);
		if (done == bytes)
			return OK;
		c->wrote_us = os_now_us();
	}
	used = skip_bytes(bufs, used, done);
	if ((e = buf_reserve(&c->out, bytes - done)) != OK)
		return e;
	for (unsigned i = 0; i < used; i++) {
		memcpy(c->out.p + c->out.n, bufs[i].base, bufs[i].len);
		c->out.n += bufs[i].len;
	}
	if (!c->is_writing) {
		struct buf full = c->out;
		uv_buf_t b = uv_buf_init(full.p, (unsigned)full.n);

		c->out = c->flying;
		c->flying = full;
		return start_write(c, &b, 1, full.n);
	}
	return OK;
}

enum err
conn_write_kept(struct conn *c, const struct slice *s, unsigned n)
{
	uv_buf_t bufs[CONN_SLICES];
	size_t bytes, done;
	unsigned used = to_bufs(bufs, s, n, &bytes);

	assert(!c->is_writing);
	if (c->is_closing || c->failed || bytes == 0)
		return OK;
	done = try_now(c, bufs, used);
	if (done == bytes)
		return OK;
	c->wrote_us = os_now_us();
	used = skip_bytes(bufs, used, done);
	return start_write(c, bufs, used, bytes - done);
}

void
conn_shutdown(struct conn *c)
{
	if (c->is_closing || c->failed || c->wants_fin)
		return;
	c->wants_fin = true;
	if (!c->is_writing)
		send_fin(c);
}

/* --- the end --- */

void
conn_set_deadline(struct conn *c, int64_t at_us)
{
	if (at_us == INT64_MAX)
		c->deadline.at_us = at_us; /* stays in the heap, rings never */
	else
		timer_set(&c->deadline, at_us);
}

static void
on_close(uv_handle_t *h)
{
	struct conn *c = h->data;

	buf_fini(&c->out);
	buf_fini(&c->flying);
	if (c->on_closed)
		c->on_closed(c);
}

static void
begin_close(struct conn *c)
{
	c->is_closing = true;
	c->reading = false;
	timer_stop(&c->deadline);
	if (c->window)
		drop_window(c);
	c->direct = NULL;
}

void
conn_close(struct conn *c)
{
	if (c->is_closing)
		return;
	begin_close(c);
	uv_close(&c->uv.handle, on_close);
}

void
conn_reset(struct conn *c)
{
	if (c->is_closing)
		return;
	if (c->uv.handle.type != UV_TCP || c->wants_fin) {
		conn_close(c);
		return;
	}
	begin_close(c);
	if (uv_tcp_close_reset(&c->uv.tcp, on_close) != 0)
		uv_close(&c->uv.handle, on_close);
}
