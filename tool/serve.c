/* See serve.h. */
#include "tool/serve.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/list.h"
#include "tool/msg.h"
#include "tool/net.h"
#include "tool/reply.h"

#define READ_MAX (256 * 1024)
#define BODY_MAX ((size_t)256 << 20)
#define BODY_KEEP ((size_t)1 << 20) /* more is freed after the request */
#define PIECES 64

struct conn {
	int fd;
	bool wants_write; /* the kernel's buffer is full */
	bool busy;	  /* a request is being answered */
	struct list node; /* on first_wait or pace_wait, or on none */
	struct list all;
	int64_t due_ns;
	struct msg in;
	char *body;
	size_t body_n, body_cap;
	const struct reply *reply;
	int sent;	 /* events sent whole; the last one is `last` */
	size_t offset;	 /* bytes of the current piece that are sent */
	char stats[256]; /* the answer to /-/stats */
	struct reply stats_reply;
};

static struct {
	uint64_t accepted, open, requests, inflight, hangups;
	uint64_t events, bytes_in, bytes_out;
} stats;

static struct serve_options opt;
static int epfd;
static struct list first_wait, pace_wait, all;
static int64_t now_ns;
static char scratch[READ_MAX];

static void
conn_close(struct conn *c)
{
	if (c->busy) {
		stats.hangups++;
		stats.inflight--;
	}
	stats.open--;
	list_del(&c->node);
	list_del(&c->all);
	close(c->fd);
	free(c->body);
	free(c);
}

static void
conn_watch(struct conn *c, bool wants_write)
{
	struct epoll_event e = {.data.ptr = c,
	    .events = EPOLLIN | EPOLLRDHUP | (wants_write ? EPOLLOUT : 0u)};

	if (c->wants_write == wants_write)
		return;
	c->wants_write = wants_write;
	if (epoll_ctl(epfd, EPOLL_CTL_MOD, c->fd, &e))
		die("epoll_ctl");
}

static void
conn_accept(int listener)
{
	int fd;

	while ((fd = net_accept(listener)) >= 0) {
		struct conn *c = calloc(1, sizeof(*c));
		struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP};

		if (!c)
			die("out of memory");
		e.data.ptr = c;
		c->fd = fd;
		list_init(&c->node);
		list_add(&all, &c->all);
		msg_init(&c->in, false);
		if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &e))
			die("epoll_ctl");
		stats.accepted++;
		stats.open++;
	}
}

/* The whole answer is out: be ready for the next request. */
static void
conn_next(struct conn *c)
{
	c->busy = false;
	stats.inflight--;
	c->body_n = 0;
	if (c->body_cap > BODY_KEEP) {
		free(c->body);
		c->body = NULL;
		c->body_cap = 0;
	}
	msg_init(&c->in, false);
}

/* Piece ${i} of the answer; the number of pieces is events + 1, or 1. */
static struct slice
piece(const struct reply *r, int i)
{
	if (i == 0)
		return r->first;
	return i < r->events ? r->event : r->last;
}

/* Gather what may be sent now; returns the number of pieces. */
static int
gather(const struct conn *c, struct iovec iov[PIECES])
{
	int last = c->reply->events; /* index of the last piece */
	int room = opt.interval_ns ? 1 : opt.per_write;
	int n = 0;

	for (int i = c->sent; i <= last && n < PIECES; i++) {
		struct slice s = piece(c->reply, i);
		if (n == 0)
			s = slice_from(s, c->offset);
		iov[n].iov_base = (char *)(uintptr_t)s.p;
		iov[n++].iov_len = s.n;
		/* The end marks ride with the last event. */
		if (n >= room && !(i + 1 == last && last > 0))
			break;
	}
	return n;
}

/* Book ${n} bytes as sent. */
static void
advance(struct conn *c, size_t n)
{
	stats.bytes_out += n;
	while (n) {
		size_t left = piece(c->reply, c->sent).n - c->offset;
		if (n < left) {
			c->offset += n;
			return;
		}
		n -= left;
		c->offset = 0;
		c->sent++;
		stats.events++;
	}
}

static bool
is_complete(const struct conn *c)
{
	return c->sent > c->reply->events;
}

/*
 * Send what is due.  False if the connection is gone.  With an interval one
 * event goes out and the connection lines up for the next.
 */
static bool
conn_send(struct conn *c)
{
	struct iovec iov[PIECES];

	while (!is_complete(c)) {
		int n = gather(c, iov);
		ssize_t w = writev(c->fd, iov, n);
		bool whole;

		if (w < 0 && errno == EAGAIN) {
			conn_watch(c, true);
			return true;
		}
		if (w < 0) {
			conn_close(c);
			return false;
		}
		advance(c, (size_t)w);
		whole = c->offset == 0;
		if (whole && opt.interval_ns && !is_complete(c)) {
			conn_watch(c, false);
			c->due_ns += opt.interval_ns;
			list_add(&pace_wait, &c->node);
			return true;
		}
	}
	conn_watch(c, false);
	conn_next(c);
	return true;
}

static void
answer_stats(struct conn *c)
{
	char body[192];
	int n = snprintf(body, sizeof(body),
	    "{\"accepted\":%llu,\"open\":%llu,\"requests\":%llu,"
	    "\"inflight\":%llu,\"hangups\":%llu,\"events\":%llu,"
	    "\"bytes_in\":%llu,\"bytes_out\":%llu}",
	    (unsigned long long)stats.accepted, (unsigned long long)stats.open,
	    (unsigned long long)stats.requests,
	    (unsigned long long)stats.inflight,
	    (unsigned long long)stats.hangups, (unsigned long long)stats.events,
	    (unsigned long long)stats.bytes_in,
	    (unsigned long long)stats.bytes_out);
	int m = snprintf(c->stats, sizeof(c->stats),
	    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	    "Content-Length: %d\r\n\r\n%s",
	    n, body);

	c->stats_reply.first = slice_of(c->stats, (size_t)m);
	c->reply = &c->stats_reply;
}

/* The request is complete: choose the answer, start or delay it. */
static bool
conn_answer(struct conn *c)
{
	struct slice head = slice_of(c->in.head, c->in.head_n);
	struct slice method = slice_cut(&head, ' ');
	struct slice path = slice_cut(&head, ' ');

	c->busy = true;
	stats.inflight++;
	c->sent = 0;
	c->offset = 0;
	c->due_ns = now_ns;
	if (slice_is(path, "/-/stats")) {
		answer_stats(c);
		return conn_send(c);
	}
	stats.requests++;
	c->reply = reply_get(method, path, slice_of(c->body, c->body_n));
	if (c->reply->is_inference && opt.first_ns) {
		c->due_ns += opt.first_ns;
		list_add(&first_wait, &c->node);
		return true;
	}
	return conn_send(c);
}

static void
on_body(void *arg, const char *p, size_t n)
{
	struct conn *c = arg;

	if (c->body_n + n > c->body_cap) {
		size_t cap = c->body_cap ? c->body_cap : 4096;
		while (cap < c->body_n + n)
			cap *= 2;
		if (cap > BODY_MAX || !(c->body = realloc(c->body, cap)))
			die("request body too large");
		c->body_cap = cap;
	}
	memcpy(c->body + c->body_n, p, n);
	c->body_n += n;
}

/* Read one request; a second one in the same bytes is not supported. */
static void
conn_read(struct conn *c)
{
	ssize_t n = read(c->fd, scratch, sizeof(scratch));
	size_t used;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 || c->busy) {
		/* The end, or bytes where a caller has to wait for us. */
		conn_close(c);
		return;
	}
	stats.bytes_in += (uint64_t)n;
	used = msg_feed(&c->in, scratch, (size_t)n, on_body, c);
	if (c->in.state == MSG_BAD || used < (size_t)n) {
		conn_close(c);
		return;
	}
	if (c->in.state == MSG_DONE)
		(void)conn_answer(c);
}

/* Send for all of ${l} that are due; returns when the next one is, or -1. */
static int64_t
run_due(struct list *l)
{
	struct list *node;

	while ((node = list_first(l))) {
		struct conn *c = LIST_OF(node, struct conn, node);
		if (c->due_ns > now_ns)
			return c->due_ns;
		list_del(node);
		(void)conn_send(c);
	}
	return -1;
}

/* Wait for events until the first connection is due. */
static int
wait_events(struct epoll_event *ev, int max)
{
	int64_t a = run_due(&first_wait), b = run_due(&pace_wait);
	int64_t due = a < 0 || (b >= 0 && b < a) ? b : a;
	struct timespec t, *timeout = NULL;

	if (due >= 0) {
		int64_t tick = due + opt.grain_ns - due % opt.grain_ns;
		int64_t left = tick - clock_ns();
		left = left > 0 ? left : 0;
		t.tv_sec = left / 1000000000;
		t.tv_nsec = left % 1000000000;
		timeout = &t;
	}
	return epoll_pwait2(epfd, ev, max, timeout, NULL);
}

void
serve_run(int listener, const struct serve_options *o)
{
	struct epoll_event ev[256];
	struct epoll_event e = {.events = EPOLLIN};
	sigset_t quit;
	bool run = true;

	opt = *o;
	list_init(&first_wait);
	list_init(&pace_wait);
	list_init(&all);
	sigemptyset(&quit);
	sigaddset(&quit, SIGTERM);
	sigaddset(&quit, SIGINT);
	sigprocmask(SIG_BLOCK, &quit, NULL);
	signal(SIGPIPE, SIG_IGN);
	epfd = epoll_create1(EPOLL_CLOEXEC);
	if (epfd < 0 || epoll_ctl(epfd, EPOLL_CTL_ADD, listener, &e))
		die("epoll");
	e.data.ptr = &opt; /* anything that is no connection */
	if (epoll_ctl(epfd, EPOLL_CTL_ADD,
		signalfd(-1, &quit, SFD_CLOEXEC | SFD_NONBLOCK), &e))
		die("signalfd");
	while (run) {
		int n;

		now_ns = clock_ns();
		n = wait_events(ev, 256);
		now_ns = clock_ns();
		for (int i = 0; i < n; i++) {
			struct conn *c = ev[i].data.ptr;
			if (!c)
				conn_accept(listener);
			else if (ev[i].data.ptr == &opt)
				run = false;
			else if (ev[i].events & ~(unsigned)EPOLLOUT)
				conn_read(c);
			else
				(void)conn_send(c);
		}
	}
	LIST_EACH_SAFE (node, &all)
		conn_close(LIST_OF(node, struct conn, all));
}
