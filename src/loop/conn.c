/* Begin and end of a conn, and what the loop tells it. */
#include "loop/conn_part.h"
#include "loop/outbox.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/sock.h"
#include <assert.h>
#include <sys/un.h>

static void
on_deadline(struct timer *t)
{
	struct conn *c = (struct conn *)(void *)((char *)t -
	    offsetof(struct conn, deadline));

	if (c->is_doomed && !c->has_told)
		conn_fail(c);
	else
		c->on_event(c, CONN_TIMEOUT);
}

void
conn_init(struct conn *c, struct loop *l, size_t out_max)
{
	*c = (struct conn){.loop = l, .fd = -1};
	buf_init(&c->out, out_max);
	timer_init(&c->deadline, l, on_deadline);
}

void
conn_fail(struct conn *c)
{
	c->failed = true;
	c->reading = false;
	conn_watch(c);
	if (c->has_told)
		return;
	c->has_told = true;
	if (c->is_doomed)
		c->deadline.at_us = INT64_MAX;
	c->on_event(c, CONN_FAIL);
}

void
conn_doom(struct conn *c)
{
	c->failed = c->is_doomed = true;
	c->reading = false;
	conn_watch(c);
	timer_set(&c->deadline, 0);
}

/* --- what the loop tells --- */

static void
on_connected(struct conn *c)
{
	c->is_connecting = false;
	if (os_sock_has_error(c->fd)) {
		conn_fail(c);
		return;
	}
	os_sock_set_usual(c->fd);
	c->on_event(c, CONN_OPEN);
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct conn *c = poll->data;

	os_now_hold();
	/* An error; libuv has stopped.  The calls that follow will meet it. */
	if (status != 0) {
		c->watched = 0;
		events = UV_READABLE | UV_WRITABLE;
	}
	if (c->is_connecting)
		on_connected(c);
	if (events & UV_READABLE && c->reading)
		conn_on_readable(c);
	if (events & UV_WRITABLE && !c->is_closing && !c->failed &&
	    conn_pending(c) > 0)
		conn_on_writable(c);
	conn_watch(c);
	os_now_release();
}

void
conn_watch(struct conn *c)
{
	int want = 0;

	if (c->is_closing || c->fd < 0)
		return;
	if (c->reading && !c->is_connecting && !conn_is_full(c))
		want |= UV_READABLE;
	if (!c->failed && (c->is_connecting || conn_pending(c) > 0))
		want |= UV_WRITABLE;
	if (want == c->watched)
		return;
	c->watched = want;
	if (want)
		(void)uv_poll_start(&c->poll, want, on_poll);
	else
		(void)uv_poll_stop(&c->poll);
}

/* --- the begin --- */

/* ${fd} is the connection's now. */
static bool
adopt(struct conn *c, int fd)
{
	assert(c->fd < 0);
	if (uv_poll_init(&c->loop->uv, &c->poll, fd) != 0) {
		os_fd_close(&fd);
		return false;
	}
	c->poll.data = c;
	c->fd = fd;
	return true;
}

enum err
conn_accept(struct conn *c, int fd)
{
	return adopt(c, fd) ? OK : ERR_IO;
}

static enum err
start_connect(struct conn *c, const struct sockaddr *to, socklen_t n)
{
	int fd = os_sock_stream(to->sa_family);

	if (fd < 0 || !adopt(c, fd))
		return ERR_CONNECT;
	if (os_sock_connect(fd, to, n) != OK) {
		conn_doom(c);
		return OK;
	}
	c->is_connecting = true;
	conn_watch(c);
	return OK;
}

enum err
conn_connect(struct conn *c, const struct sockaddr *to)
{
	return start_connect(c, to,
	    to->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
				      : sizeof(struct sockaddr_in));
}

enum err
conn_connect_unix(struct conn *c, const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t n = strlen(path);

	if (n >= sizeof to.sun_path)
		return ERR_CONNECT;
	memcpy(to.sun_path, path, n);
	return start_connect(c, (struct sockaddr *)&to, sizeof to);
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
end(struct conn *c)
{
	conn_drop_pending(c);
	if (c->on_closed)
		c->on_closed(c);
}

static void
on_close(uv_handle_t *h)
{
	end(h->data);
}

void
conn_close(struct conn *c)
{
	if (c->is_closing)
		return;
	outbox_send(c);
	c->is_closing = true;
	c->reading = false;
	timer_stop(&c->deadline);
	if (c->window)
		conn_drop_window(c);
	c->direct = NULL;
	if (c->fd < 0) {
		end(c);
		return;
	}
	uv_close((uv_handle_t *)&c->poll, on_close);
	os_fd_close(&c->fd);
}

void
conn_reset(struct conn *c)
{
	outbox_drop(c);
	/* What was ended in good order stays so. */
	if (!c->is_closing && !c->wants_fin && c->fd >= 0)
		(void)!os_sock_reset_on_close(c->fd);
	conn_close(c);
}
