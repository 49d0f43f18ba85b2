#include "wire.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

enum { PATIENCE_US = 20 * 1000000, GOT_MAX = 64 << 20 };

int
wire_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = -1; /* its own */

	if (d == NULL)
		return 0;
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

static void
on_closed(struct conn *c)
{
	struct end *e = (struct end *)(void *)c;

	assert_true(e->closing);
	assert_false(e->in_call);
	e->wire->n_closed++;
	if (e->wire->accepted == e)
		e->wire->accepted = NULL;
	buf_fini(&e->got);
	memset(e, 0x5a, sizeof *e);
	free(e);
}

static void
on_event(struct conn *c, enum conn_event ev)
{
	struct end *e = (struct end *)(void *)c;

	/* The promises of the header. */
	assert_false(e->closing);
	assert_false(e->in_call);
	assert_true(ev != CONN_FAIL || e->count[CONN_FAIL] == 0);
	assert_true(ev != CONN_EOF || e->count[CONN_EOF] == 0);
	assert_true(ev != CONN_READ || e->count[CONN_EOF] == 0);
	assert_true(ev != CONN_DRAIN || conn_pending(c) == 0);
	e->count[ev]++;
	if (e->n_log < WIRE_LOG - 1)
		e->log[e->n_log++] = "OREFDT"[ev];
	if (e->hook) {
		e->hook(e, ev);
		return;
	}
	if (ev == CONN_READ) {
		assert_true(conn_in(c).n > 0);
		assert_int_equal(buf_add(&e->got, conn_in(c)), OK);
		conn_eat(c, conn_in(c).n);
	}
}

static struct end *
end_new(struct wire *w)
{
	struct end *e = calloc(1, sizeof *e);

	assert_non_null(e);
	e->wire = w;
	e->hook = w->accept_hook;
	buf_init(&e->got, GOT_MAX);
	conn_init(&e->conn, &w->loop, w->out_max);
	e->conn.on_event = on_event;
	e->conn.on_closed = on_closed;
	w->n_open++;
	return e;
}

static void
on_connection(struct acceptor *a, int fd, const struct sockaddr *from)
{
	struct wire *w = (struct wire *)(void *)((char *)a -
	    offsetof(struct wire, listener));

	assert_int_equal(from->sa_family, w->is_unix ? AF_UNIX : AF_INET);
	w->accepted = end_new(w);
	assert_int_equal(conn_accept(&w->accepted->conn, fd), OK);
	conn_read_start(&w->accepted->conn);
}

static int
bind_unix(struct wire *w)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(
	    w->path, sizeof w->path, "/tmp/wire-%d.sock", (int)getpid());
	(void)unlink(w->path);
	memcpy(un.sun_path, w->path, sizeof w->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
	return fd;
}

static int
bind_tcp(struct wire *w)
{
	struct sockaddr_in any = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof w->address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof any), 0);
	assert_int_equal(
	    getsockname(fd, (struct sockaddr *)&w->address, &n), 0);
	return fd;
}

void
wire_init(struct wire *w, bool is_unix)
{
	int fd;

	*w = (struct wire){.is_unix = is_unix, .out_max = 1 << 20};
	/* libuv keeps a pipe of its own from the first loop on. */
	assert_int_equal(loop_init(&w->loop), OK);
	assert_true(loop_fini(&w->loop));
	w->fds = wire_fds();
	assert_int_equal(loop_init(&w->loop), OK);
	fd = is_unix ? bind_unix(w) : bind_tcp(w);
	w->listener.on_conn = on_connection;
	assert_int_equal(acceptor_open(&w->listener, &w->loop, fd, 128), OK);
	w->listener_open = true;
}

void
wire_fini(struct wire *w)
{
	if (w->listener_open)
		acceptor_close(&w->listener);
	wire_turn(w);
	assert_int_equal(w->n_open, w->n_closed);
	assert_true(loop_fini(&w->loop));
	if (w->is_unix)
		(void)unlink(w->path);
	assert_int_equal(wire_fds(), w->fds);
}

void
wire_turn(struct wire *w)
{
	for (int i = 0; i < 3; i++)
		(void)uv_run(&w->loop.uv, UV_RUN_NOWAIT);
}

static void
on_tick(struct timer *t)
{
	(void)t;
}

/* The timer wakes the loop for what only the test sees (plain sockets). */
static void
turn_once(struct wire *w)
{
	struct timer tick;

	timer_init(&tick, &w->loop, on_tick);
	timer_set(&tick, os_now_us() + 2000);
	(void)uv_run(&w->loop.uv, UV_RUN_ONCE);
	timer_stop(&tick);
}

void
wire_until(struct wire *w, bool (*fn)(void *ctx), void *ctx)
{
	int64_t begun_us = os_now_us();

	while (!fn(ctx)) {
		turn_once(w);
		if (os_now_us() - begun_us > PATIENCE_US)
			fail_msg("it never happened");
	}
}

struct wanted {
	struct end *e;
	enum conn_event ev;
	int n;
	uint64_t bytes;
};

static bool
has_come(void *ctx)
{
	struct wanted *x = ctx;

	return x->e->count[x->ev] >= x->n;
}

void
wire_until_event(struct end *e, enum conn_event ev, int n)
{
	struct wanted x = {.e = e, .ev = ev, .n = n};

	wire_until(e->wire, has_come, &x);
	assert_int_equal(e->count[ev], n);
}

static bool
has_read(void *ctx)
{
	struct wanted *x = ctx;

	return x->e->conn.n_read >= x->bytes;
}

void
wire_until_read(struct end *e, uint64_t n)
{
	struct wanted x = {.e = e, .bytes = n};

	wire_until(e->wire, has_read, &x);
	assert_int_equal(e->conn.n_read, n);
}

static bool
has_accepted(void *ctx)
{
	return ((struct wire *)ctx)->accepted != NULL;
}

static void
set_nonblocking(int fd)
{
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
}

int
wire_connect(struct wire *w, struct end **e)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(w->is_unix ? AF_UNIX : AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	w->accepted = NULL;
	if (w->is_unix) {
		memcpy(un.sun_path, w->path, sizeof w->path);
		assert_int_equal(
		    connect(fd, (struct sockaddr *)&un, sizeof un), 0);
	} else {
		assert_int_equal(connect(fd, (struct sockaddr *)&w->address,
				     sizeof(struct sockaddr_in)),
		    0);
	}
	set_nonblocking(fd);
	wire_until(w, has_accepted, w);
	*e = w->accepted;
	return fd;
}

struct end *
wire_end(struct wire *w)
{
	struct end *e = end_new(w);

	e->hook = NULL;
	if (w->is_unix)
		assert_int_equal(conn_connect_unix(&e->conn, w->path), OK);
	else
		assert_int_equal(
		    conn_connect(&e->conn, (struct sockaddr *)&w->address), OK);
	return e;
}

int
wire_dial(struct wire *w, struct end **e)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof ss;
	int fd;

	/* The test accepts by hand: the loop must not look meanwhile. */
	*e = wire_end(w);
	do {
		fd = accept(w->listener.fd, (struct sockaddr *)&ss, &n);
	} while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	assert_true(fd >= 0);
	set_nonblocking(fd);
	return fd;
}

void
wire_close(struct end *e)
{
	struct wire *w = e->wire;
	int closed = w->n_closed;

	e->in_call = true;
	conn_close(&e->conn);
	conn_close(&e->conn);
	e->in_call = false;
	e->closing = true;
	wire_turn(w);
	assert_int_equal(w->n_closed, closed + 1);
}

static char
byte_at(size_t i)
{
	return (char)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

void
wire_pattern(char *p, size_t n, size_t from)
{
	for (size_t i = 0; i < n; i++)
		p[i] = byte_at(from + i);
}

bool
wire_is_pattern(const char *p, size_t n, size_t from)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != byte_at(from + i))
			return false;
	return true;
}

void
wire_send(struct wire *w, int fd, const char *p, size_t n)
{
	int64_t begun_us = os_now_us();

	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done > 0) {
			p += done;
			n -= (size_t)done;
			continue;
		}
		assert_int_equal(errno, EAGAIN);
		turn_once(w);
		assert_true(os_now_us() - begun_us < PATIENCE_US);
	}
}

ssize_t
wire_recv_now(int fd, char *p, size_t n)
{
	return read(fd, p, n);
}

void
wire_recv(struct wire *w, int fd, char *p, size_t n)
{
	int64_t begun_us = os_now_us();

	while (n > 0) {
		ssize_t done = read(fd, p, n);

		assert_int_not_equal(done, 0);
		if (done > 0) {
			p += done;
			n -= (size_t)done;
			continue;
		}
		assert_int_equal(errno, EAGAIN);
		turn_once(w);
		assert_true(os_now_us() - begun_us < PATIENCE_US);
	}
}

void
wire_reset(int fd)
{
	struct linger now = {.l_onoff = 1};

	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
	assert_int_equal(close(fd), 0);
}
