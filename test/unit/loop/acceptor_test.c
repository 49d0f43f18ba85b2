/* Taking connections: many at once, their options, and shortage. */
#include "wire.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

enum { CROWD = 100 };

/* A plain socket on its way to the listener; it does not wait. */
static int
dial(struct wire *w)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&w->address,
			     sizeof(struct sockaddr_in)),
	    0);
	return fd;
}

static int
option(int fd, int level, int name)
{
	int value = -1;
	socklen_t n = sizeof value;

	assert_int_equal(getsockopt(fd, level, name, &value, &n), 0);
	return value;
}

/* Ends itself with its first byte. */
static void
close_end(struct end *e, enum conn_event ev)
{
	assert_int_equal(ev, CONN_READ);
	e->closing = true;
	conn_close(&e->conn);
}

static bool
are_all_closed(void *ctx)
{
	return ((struct wire *)ctx)->n_closed == CROWD;
}

/* More than one turn takes, in the few turns that it should need. */
static void
test_crowd(void **state)
{
	int fds[CROWD];
	struct wire w;

	(void)state;
	wire_init(&w, false);
	w.accept_hook = close_end;
	for (int i = 0; i < CROWD; i++)
		fds[i] = dial(&w);
	wire_turn(&w);
	assert_int_equal(w.n_open, CROWD);
	for (int i = 0; i < CROWD; i++)
		assert_int_equal(write(fds[i], "x", 1), 1);
	wire_until(&w, are_all_closed, &w);
	for (int i = 0; i < CROWD; i++)
		(void)close(fds[i]);
	wire_fini(&w);
}

static void
test_options(void **state)
{
	struct wire w;
	struct end *e;
	int fd, it;

	(void)state;
	wire_init(&w, false);
	fd = wire_connect(&w, &e);
	it = e->conn.fd;
	assert_int_equal(option(it, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(option(it, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option(it, IPPROTO_TCP, TCP_KEEPINTVL), 1);
	assert_int_equal(option(it, IPPROTO_TCP, TCP_KEEPCNT), 10);
	wire_close(e);
	(void)close(fd);
	wire_fini(&w);
}

static bool
has_accepted(void *ctx)
{
	return ((struct wire *)ctx)->n_open > 0;
}

/* Out of descriptors: it rests, does not spin, and goes on by itself. */
static void
test_shortage(void **state)
{
	struct rlimit all, few;
	struct wire w;
	int fd, turns = 0;
	int64_t end_us;

	(void)state;
	wire_init(&w, false);
	fd = dial(&w);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
	few = all;
	few.rlim_cur = (rlim_t)fd + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	end_us = os_now_us() + 250000;
	while (os_now_us() < end_us) {
		(void)uv_run(&w.loop.uv, UV_RUN_ONCE);
		turns++;
	}
	assert_int_equal(w.n_open, 0);
	assert_true(turns < 20);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
	wire_until(&w, has_accepted, &w);
	wire_close(w.accepted);
	(void)close(fd);
	/* Closed while it rests: nothing is left behind. */
	fd = dial(&w);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	wire_turn(&w);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
	acceptor_close(&w.listener);
	w.listener_open = false;
	wire_turn(&w);
	assert_null(heap_min(&w.loop.timers));
	(void)close(fd);
	wire_fini(&w);
}

static void
close_it(struct acceptor *a, int fd, const struct sockaddr *from)
{
	struct wire *w = (struct wire *)(void *)((char *)a -
	    offsetof(struct wire, listener));

	(void)from;
	(void)close(fd);
	assert_true(w->listener_open);
	w->listener_open = false;
	acceptor_close(a);
}

/* Closed by the owner inside of its callback: it is the last one. */
static void
test_close_inside(void **state)
{
	struct wire w;
	int fds[3];

	(void)state;
	wire_init(&w, false);
	w.listener.on_conn = close_it;
	for (int i = 0; i < 3; i++)
		fds[i] = dial(&w);
	wire_turn(&w);
	assert_false(w.listener_open);
	for (int i = 0; i < 3; i++)
		(void)close(fds[i]);
	wire_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_crowd),
	    cmocka_unit_test(test_options),
	    cmocka_unit_test(test_shortage),
	    cmocka_unit_test(test_close_inside),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
