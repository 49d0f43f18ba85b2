#include "loop/conn.h"
#include "loop/conn_read.h"
#include <assert.h>
#include <stdlib.h>
#include <sys/un.h>

static void flush_out(struct conn *c);
static void note_progress(struct conn *c);

static void
on_deadline(struct timer *t)
{
	struct conn *c = (struct conn *)(void *)((char *)t -
	    offsetof(struct conn, deadline));

	if (c->is_doomed && !c->has_told) {
		conn_fail(c);
		return;
	}
	note_progress(c);
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

void
conn_fail(struct conn *c)
{
	c->failed = true;
	if (c->has_told)
		return;
	c->has_told = true;
	if (c->is_doomed)
		c->deadline.at_us = INT64_MAX;
	c->on_event(c, CONN_FAIL);
}

/* It failed inside of a call of the owner: the loop will tell. */
static void
doom(struct conn *c)
{
	c->failed = c->is_doomed = true;
	timer_set(&c->deadline, 0);
}

static void
on_connect(uv_connect_t *req, int status)
{
	struct conn *c = req->data;

	if (c->is_closing)
		return;
	if (status != 0) {
		conn_fail(c);
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
	/* libuv cuts what is too long, which is another socket's name. */
	if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path)
		return ERR_CONNECT;
	uv_pipe_connect(&c->connect_req, &c->uv.pipe, path, on_connect);
	return OK;
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
	size_t n = c->flying_n;

	c->is_writing = false;
	c->flying_n = 0;
	buf_clear(&c->flying);
	if (c->is_closing)
		return;
	if (status != 0) {
		conn_fail(c);
		return;
	}
	c->n_written += n;
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
		doom(c);
		return ERR_IO;
	}
	c->seen_n = uv_stream_get_write_queue_size(&c->uv.stream);
	return OK;
}

/* A long write tells only its end; the queue shows whether it moves. */
static void
note_progress(struct conn *c)
{
	size_t n = uv_stream_get_write_queue_size(&c->uv.stream);

	if (!c->is_writing || n == c->seen_n)
		return;
	c->seen_n = n;
	c->wrote_us = os_now_us();
}

/* Send what is in ${out}; the two buffers change places. */
static void
flush_out(struct conn *c)
{
	struct buf full = c->out;
	uv_buf_t b = uv_buf_init(full.p, (unsigned)full.n);

	c->out = c->flying;
	c->flying = full;
	(void)!start_write(c, &b, 1, full.n);
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
	if (bytes - done > c->out.max - c->out.n - c->flying.n ||
	    buf_reserve(&c->out, bytes - done) != OK) {
		doom(c);
		return ERR_FULL;
	}
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
	/* The timer of a doomed stream already has something to tell. */
	if (c->is_closing || (c->is_doomed && !c->has_told))
		return;
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
		conn_drop_window(c);
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
