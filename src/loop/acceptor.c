#include "loop/acceptor.h"
#include "os/fd.h"
#include "os/sock.h"
#include <errno.h>

enum {
	TURN_MAX = 64, /* connections in one turn: others want theirs, too */
	REST_US = 100000,
};

static void on_poll(uv_poll_t *poll, int status, int events);

static bool
is_shortage(int e)
{
	return e == EMFILE || e == ENFILE || e == ENOBUFS || e == ENOMEM;
}

static void
on_rested(struct timer *t)
{
	struct acceptor *a = (struct acceptor *)(void *)((char *)t -
	    offsetof(struct acceptor, rest));

	(void)uv_poll_start(&a->poll, UV_READABLE, on_poll);
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct acceptor *a = poll->data;

	(void)status;
	(void)events;
	for (int i = 0; i < TURN_MAX && a->fd >= 0; i++) {
		struct sockaddr_storage from = {.ss_family = AF_UNIX};
		int fd = os_sock_accept(a->fd, &from);

		if (fd >= 0) {
			a->on_conn(a, fd, (struct sockaddr *)&from);
		} else if (fd == OS_SOCK_LATER) {
			return;
		} else if (is_shortage(errno)) {
			(void)uv_poll_stop(&a->poll);
			timer_set(&a->rest, os_now_us() + REST_US);
			return;
		}
	}
}

enum err
acceptor_open(struct acceptor *a, struct loop *l, int fd, int backlog)
{
	timer_init(&a->rest, l, on_rested);
	/* What comes from it inherits its options. */
	os_sock_set_usual(fd);
	os_fd_nonblock(fd, true);
	a->fd = fd;
	if (listen(fd, backlog) == 0 &&
	    uv_poll_init(&l->uv, &a->poll, fd) == 0) {
		a->poll.data = a;
		(void)uv_poll_start(&a->poll, UV_READABLE, on_poll);
		return OK;
	}
	os_fd_close(&a->fd);
	return ERR_IO;
}

static void
on_close(uv_handle_t *h)
{
	struct acceptor *a = h->data;

	if (a->on_closed)
		a->on_closed(a);
}

void
acceptor_close(struct acceptor *a)
{
	timer_stop(&a->rest);
	uv_close((uv_handle_t *)&a->poll, on_close);
	os_fd_close(&a->fd);
}
