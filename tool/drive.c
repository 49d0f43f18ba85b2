/* See drive.h. */
#include "tool/drive.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/list.h"
#include "tool/msg.h"
#include "tool/net.h"

#define READ_MAX (256 * 1024)

enum client_state { CLOSED, CONNECTING, SENDING, READING, THINKING, HELD };

struct client {
	int fd;
	enum client_state state;
	bool wants_write;
	char last;	  /* last byte of the body seen */
	size_t offset;	  /* bytes of the request that are sent */
	struct list node; /* on turn, flying or thinking */
	int64_t due_ns;	  /* turn, thinking: when it goes on */
	int64_t sent_ns;  /* when the request was begun */
	int64_t first_ns; /* first byte of the body, 0: not yet */
	int64_t event_ns; /* the latest event */
	int64_t events;
	struct msg in;
	char *own; /* its request, where they vary */
};

static struct drive_options opt;
static struct drive_result *res;
static int epfd;
static struct client *clients;
static struct list turn, flying, thinking;
static int64_t now_ns, stop_ns;
static int64_t begun;  /* requests started */
static int64_t active; /* connections that have something to do */
static char scratch[READ_MAX];

static void client_start(struct client *c);

static bool
may_begin(void)
{
	if (opt.requests && begun >= opt.requests)
		return false;
	return !stop_ns || now_ns < stop_ns;
}

static void
client_watch(struct client *c, bool wants_write)
{
	struct epoll_event e = {
	    .data.ptr = c, .events = EPOLLIN | (wants_write ? EPOLLOUT : 0u)};

	if (c->wants_write == wants_write)
		return;
	c->wants_write = wants_write;
	if (epoll_ctl(epfd, EPOLL_CTL_MOD, c->fd, &e))
		die("epoll_ctl");
}

static void
client_close(struct client *c)
{
	list_del(&c->node);
	close(c->fd);
	c->fd = -1;
	c->state = CLOSED;
}

/* The request ended without a proper answer: count it, open a new one. */
static void
client_fail(struct client *c, uint64_t *counter)
{
	++*counter;
	client_close(c);
	if (may_begin())
		client_start(c);
	else
		active--;
}

static void
client_send(struct client *c)
{
	const char *request = c->own ? c->own : opt.request;

	while (c->offset < opt.request_n) {
		ssize_t n = send(c->fd, request + c->offset,
		    opt.request_n - c->offset, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			client_watch(c, true);
			return;
		}
		if (n < 0) {
			/* An early refusal may already be readable. */
			break;
		}
		c->offset += (size_t)n;
	}
	client_watch(c, false);
	c->state = READING;
}

static void
client_vary(struct client *c)
{
	if (c->own == NULL) {
		if ((c->own = malloc(opt.request_n)) == NULL)
			die("out of memory");
		memcpy(c->own, opt.request, opt.request_n);
	}
	opt.vary(opt.vary_arg, c->own);
}

static void
client_begin(struct client *c)
{
	begun++;
	list_del(&c->node);
	list_add(&flying, &c->node);
	c->state = SENDING;
	c->offset = 0;
	if (opt.vary)
		client_vary(c);
	c->sent_ns = clock_ns();
	c->first_ns = c->event_ns = 0;
	c->events = 0;
	c->last = 0;
	msg_init(&c->in, true);
	client_send(c);
}

static void
client_start(struct client *c)
{
	struct epoll_event e = {.data.ptr = c, .events = EPOLLIN | EPOLLOUT};

	list_del(&c->node);
	c->fd = net_connect(&opt.to);
	c->wants_write = true;
	c->state = CONNECTING;
	c->sent_ns = now_ns;
	list_add(&flying, &c->node);
	if (epoll_ctl(epfd, EPOLL_CTL_ADD, c->fd, &e))
		die("epoll_ctl");
}

static void
client_connected(struct client *c)
{
	int error = 0;
	socklen_t n = sizeof(error);

	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &n);
	if (error) {
		client_fail(c, &res->refused);
		return;
	}
	res->connects++;
	if (!may_begin()) {
		client_close(c);
		active--;
		return;
	}
	client_begin(c);
}

/* Count the events that end in ${p}. */
static int64_t
count_events(struct client *c, const char *p, size_t n)
{
	int64_t found = 0;
	const char *end = p + n, *at = p;

	while ((at = memchr(at, '\n', (size_t)(end - at)))) {
		char before = at > p ? at[-1] : c->last;
		if (opt.count == DRIVE_LINES || before == '\n')
			found++;
		at++;
	}
	c->last = end[-1];
	return found;
}

static void
on_body(void *arg, const char *p, size_t n)
{
	struct client *c = arg;
	int64_t found;

	if (!c->first_ns) {
		c->first_ns = now_ns;
		hist_add(&res->first_byte, now_ns - c->sent_ns);
	}
	res->bytes += n;
	if (opt.count == DRIVE_NONE || (found = count_events(c, p, n)) == 0)
		return;
	if (c->event_ns && c->event_ns != now_ns)
		hist_add(&res->gap, now_ns - c->event_ns);
	c->event_ns = now_ns;
	c->events += found;
	res->events += (uint64_t)found;
}

/* The answer is complete: judge it and go on. */
static void
client_done(struct client *c)
{
	bool reuse = c->in.keep_alive && c->offset == opt.request_n;

	res->status[c->in.status < 600 ? c->in.status : 0]++;
	if (c->in.status != opt.expect_status)
		res->unexpected++;
	else if (opt.expect_events >= 0 && c->events != opt.expect_events)
		res->short_++;
	else
		res->requests++;
	hist_add(&res->latency, now_ns - c->sent_ns);
	list_del(&c->node);
	if (opt.hold && reuse) {
		c->state = HELD;
		active--;
		return;
	}
	if (!may_begin() || !reuse) {
		client_close(c);
		if (may_begin())
			client_start(c);
		else
			active--;
		return;
	}
	if (!opt.think_ns) {
		client_begin(c);
		return;
	}
	c->state = THINKING;
	c->due_ns = now_ns + opt.think_ns;
	list_add(&thinking, &c->node);
}

static void
client_read(struct client *c)
{
	ssize_t n = read(c->fd, scratch, sizeof(scratch));
	size_t used;

	if (n < 0 && errno == EAGAIN)
		return;
	if (c->state == HELD) {
		client_close(c);
		return;
	}
	if (c->state == THINKING && n <= 0) {
		/* A server may close an idle connection; not an error. */
		client_close(c);
		client_start(c);
		return;
	}
	now_ns = clock_ns();
	if (n <= 0) {
		if (n == 0 && msg_end(&c->in))
			client_done(c);
		else
			client_fail(c, &res->cut);
		return;
	}
	used = msg_feed(&c->in, scratch, (size_t)n, on_body, c);
	if (c->in.state == MSG_BAD || used < (size_t)n)
		client_fail(c, &res->bad);
	else if (c->in.state == MSG_DONE)
		client_done(c);
}

/* Start or time out what is due; returns when to look again, or -1. */
static int64_t
run_due(void)
{
	int64_t due = -1;
	struct list *node;

	while ((node = list_first(&turn))) {
		struct client *c = LIST_OF(node, struct client, node);
		if ((due = c->due_ns) > now_ns)
			break;
		due = -1;
		client_start(c);
	}
	while ((node = list_first(&thinking))) {
		struct client *c = LIST_OF(node, struct client, node);
		if (c->due_ns > now_ns) {
			due = due < 0 || c->due_ns < due ? c->due_ns : due;
			break;
		}
		if (may_begin()) {
			client_begin(c);
			continue;
		}
		client_close(c);
		active--;
	}
	while ((node = list_first(&flying))) {
		struct client *c = LIST_OF(node, struct client, node);
		int64_t late = c->sent_ns + opt.timeout_ns;
		if (late > now_ns)
			return due < 0 || late < due ? late : due;
		client_fail(c, &res->timeouts);
	}
	return due;
}

static void
handle(struct client *c, uint32_t events)
{
	if (c->state == CLOSED)
		return;
	if (c->state == CONNECTING) {
		client_connected(c);
		return;
	}
	if (c->state == SENDING && (events & EPOLLOUT))
		client_send(c);
	if (events & ~(uint32_t)EPOLLOUT)
		client_read(c);
}

/* One turn of the loop; waits at most until ${due} (-1: for ever). */
static void
turn_once(int64_t due)
{
	struct epoll_event ev[256];
	struct timespec t, *timeout = NULL;
	int n;

	if (due >= 0) {
		int64_t left = due - clock_ns();
		left = left > 0 ? left : 0;
		t = (struct timespec){left / 1000000000, left % 1000000000};
		timeout = &t;
	}
	n = epoll_pwait2(epfd, ev, 256, timeout, NULL);
	now_ns = clock_ns();
	for (int i = 0; i < n; i++) {
		if (ev[i].data.ptr)
			handle(ev[i].data.ptr, ev[i].events);
		else
			opt.hold = false; /* stdin ended */
	}
}

static void
start_all(void)
{
	clients = calloc((size_t)opt.connections, sizeof(*clients));
	if (!clients)
		die("out of memory");
	for (int i = 0; i < opt.connections; i++) {
		struct client *c = &clients[i];
		c->fd = -1;
		c->due_ns = now_ns + i * opt.ramp_ns;
		list_init(&c->node);
		list_add(&turn, &c->node);
	}
	active = opt.connections;
}

/* All connections are idle: say so, and stay until stdin ends. */
static void
hold_all(void)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLHUP};

	puts("ready");
	fflush(stdout);
	if (epoll_ctl(epfd, EPOLL_CTL_ADD, 0, &e))
		die("stdin must be a pipe");
	while (opt.hold)
		turn_once(-1);
	for (int i = 0; i < opt.connections; i++)
		if (clients[i].state == HELD)
			res->idle++;
}

void
drive_run(const struct drive_options *o, struct drive_result *r)
{
	int64_t start_ns = clock_ns();

	opt = *o;
	res = r;
	memset(r, 0, sizeof(*r));
	list_init(&turn);
	list_init(&flying);
	list_init(&thinking);
	epfd = epoll_create1(EPOLL_CLOEXEC);
	if (epfd < 0)
		die("epoll");
	now_ns = start_ns;
	stop_ns = opt.run_ns ? start_ns + opt.run_ns : 0;
	start_all();
	for (;;) {
		int64_t due = run_due();
		if (active <= 0)
			break;
		turn_once(due);
	}
	r->elapsed_ns = clock_ns() - start_ns;
	if (opt.hold)
		hold_all();
	for (int i = 0; i < opt.connections; i++) {
		if (clients[i].fd >= 0)
			close(clients[i].fd);
		free(clients[i].own);
	}
	free(clients);
	close(epfd);
}
