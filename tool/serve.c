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

/* What a connection may wait for. */
enum wait { WAIT_FIRST, WAIT_WHOLE, WAIT_EMBED, WAIT_PACE, WAITS };

struct conn {
	int fd;
	bool wants_write; /* the kernel's buffer is full */
	bool busy;	  /* a request is being answered */
	bool works;	  /* it counts for at_once */
	int dies_at;	  /* event before which it dies; -1: it does not */
	struct list node; /* on one of the waits, in the line, or on none */
	struct list all;
	int64_t due_ns;
	struct msg in;
	char *body;
	size_t body_n, body_cap;
	const struct reply *reply;
	int sent;	 /* events sent whole; the last one is `last` */
	size_t offset;	 /* bytes of the current piece that are sent */
	char stats[384]; /* the answer to /-/stats */
	struct reply stats_reply;
};

static struct {
	uint64_t accepted, open, requests, inflight, hangups, deaths;
	uint64_t working, most, answers;
	uint64_t events, bytes_in, bytes_out;
} stats;

static struct serve_options opt;
static int epfd;
static struct list waits[WAITS], line, all;
static int64_t now_ns;
static char scratch[READ_MAX];

static void conn_begin(struct conn *c);

/* ${c} works no more: the first of the line may begin. */
static void
conn_rest(struct conn *c)
{
	struct list *node;

	if (!c->works)
		return;
	c->works = false;
	stats.working--;
	while ((node = list_first(&line)) != NULL &&
	    stats.working < (uint64_t)opt.at_once) {
		struct conn *next = LIST_OF(node, struct conn, node);

		list_del(node);
		next->due_ns = now_ns;
		conn_begin(next);
	}
}

static void
conn_close(struct conn *c)
{
	if (c->busy) {
		stats.hangups++;
		stats.inflight--;
	}
	conn_rest(c);
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
	conn_rest(c);
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
		ssize_t w;
		bool whole;

		if (c->dies_at >= 0 && c->sent + n > c->dies_at &&
		    (n = c->dies_at - c->sent) <= 0) {
			stats.deaths++;
			conn_close(c);
			return false;
		}
		w = writev(c->fd, iov, n);
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
			list_add(&waits[WAIT_PACE], &c->node);
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
	char body[256];
	int n = snprintf(body, sizeof(body),
	    "{\"accepted\":%llu,\"open\":%llu,\"requests\":%llu,"
	    "\"inflight\":%llu,\"most\":%llu,\"hangups\":%llu,"
	    "\"deaths\":%llu,\"events\":%llu,"
	    "\"bytes_in\":%llu,\"bytes_out\":%llu}",
	    (unsigned long long)stats.accepted, (unsigned long long)stats.open,
	    (unsigned long long)stats.requests,
	    (unsigned long long)stats.inflight, (unsigned long long)stats.most,
	    (unsigned long long)stats.hangups, (unsigned long long)stats.deaths,
	    (unsigned long long)stats.events,
	    (unsigned long long)stats.bytes_in,
	    (unsigned long long)stats.bytes_out);
	int m = snprintf(c->stats, sizeof(c->stats),
	    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	    "Content-Length: %d\r\n\r\n%s",
	    n, body);

	c->stats_reply.first = slice_of(c->stats, (size_t)m);
	c->reply = &c->stats_reply;
}

/* How long until the first byte, and in which list. */
static enum wait
first_wait(const struct reply *r, int64_t *ns)
{
	*ns = opt.first_ns;
	if (r->is_embedding && opt.embed_ns >= 0) {
		*ns = opt.embed_ns;
		return WAIT_EMBED;
	}
	if (r->events == 0 && !r->is_embedding && opt.interval_ns) {
		*ns += opt.interval_ns * opt.events;
		return WAIT_WHOLE;
	}
	return WAIT_FIRST;
}

/*
 * The answer begins, after a while: never from in here, where events of other
 * connections may still be at hand.
 */
static void
conn_begin(struct conn *c)
{
	enum wait wait;
	int64_t ns;

	c->works = true;
	if (++stats.working > stats.most)
		stats.most = stats.working;
	c->dies_at = -1;
	if (opt.die_every && ++stats.answers % (uint64_t)opt.die_every == 0)
		c->dies_at = stats.answers / (uint64_t)opt.die_every % 2
		    ? c->reply->events / 2
		    : 0;
	wait = first_wait(c->reply, &ns);
	c->due_ns += ns;
	list_add(&waits[wait], &c->node);
}

/* The request is complete: choose the answer, start or delay it. */
static bool
conn_answer(struct conn *c)
{
	struct slice head = slice_of(c->in.head, c->in.head_n);
	struct slice method = slice_cut(&head, ' ');
	struct slice path = slice_cut(&head, ' ');
	int64_t ns;

	c->busy = true;
	stats.inflight++;
	c->sent = 0;
	c->offset = 0;
	c->due_ns = now_ns;
	c->dies_at = -1;
	if (slice_is(path, "/-/stats")) {
		answer_stats(c);
		return conn_send(c);
	}
	stats.requests++;
	c->reply = reply_get(method, path, slice_of(c->body, c->body_n));
	(void)first_wait(c->reply, &ns);
	if (!c->reply->is_inference ||
	    (ns == 0 && !opt.at_once && !opt.die_every))
		return conn_send(c);
	if (opt.at_once && stats.working >= (uint64_t)opt.at_once) {
		list_add(&line, &c->node);
		return true;
	}
	conn_begin(c);
	return true;
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

/* Send for all of ${l} that are due. */
static void
run_due(struct list *l)
{
	struct list *node;

	while ((node = list_first(l))) {
		struct conn *c = LIST_OF(node, struct conn, node);
		if (c->due_ns > now_ns)
			return;
		list_del(node);
		(void)conn_send(c);
	}
}

/* Wait for events until the first connection is due. */
static int
wait_events(struct epoll_event *ev, int max)
{
	struct timespec t, *timeout = NULL;
	int64_t due = -1;

	for (int i = 0; i < WAITS; i++)
		run_due(&waits[i]);
	for (int i = 0; i < WAITS; i++) {
		struct list *node = list_first(&waits[i]);
		int64_t at;

		if (node == NULL)
			continue;
		at = LIST_OF(node, struct conn, node)->due_ns;
		if (due < 0 || at < due)
			due = at;
	}
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
	for (int i = 0; i < WAITS; i++)
		list_init(&waits[i]);
	list_init(&line);
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
	opt.at_once = 0; /* nothing begins any more */
	LIST_EACH_SAFE (node, &all)
		conn_close(LIST_OF(node, struct conn, all));
}
