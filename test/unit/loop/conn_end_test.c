/*
 * Deadlines, and the end: closing or resetting inside of every event, after
 * which nothing comes but on_closed, once.
 */
#include "wire.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#define MS INT64_C(1000)

/* --- deadlines --- */

static void
test_deadline(void **state)
{
	int64_t at_us;
	struct wire w;
	struct end *e;
	int fd;

	(void)state;
	wire_init(&w, false);
	fd = wire_connect(&w, &e);
	at_us = os_now_us() + 5 * MS;
	conn_set_deadline(&e->conn, at_us);
	wire_until_event(e, CONN_TIMEOUT, 1);
	assert_true(os_now_us() >= at_us);
	/* Once; then moved away, back, later and off. */
	wire_turn(&w);
	assert_int_equal(e->count[CONN_TIMEOUT], 1);
	conn_set_deadline(&e->conn, os_now_us() + 1 * MS);
	conn_set_deadline(&e->conn, INT64_MAX);
	at_us = os_now_us() + 10 * MS;
	while (os_now_us() < at_us)
		wire_turn(&w);
	assert_int_equal(e->count[CONN_TIMEOUT], 1);
	at_us = os_now_us() + 10 * MS;
	conn_set_deadline(&e->conn, os_now_us() + 1 * MS);
	conn_set_deadline(&e->conn, at_us);
	wire_until_event(e, CONN_TIMEOUT, 2);
	assert_true(os_now_us() >= at_us);
	conn_set_deadline(&e->conn, os_now_us() + 1000 * MS);
	conn_set_deadline(&e->conn, os_now_us());
	wire_until_event(e, CONN_TIMEOUT, 3);
	/* It does not end the stream. */
	wire_send(&w, fd, "x", 1);
	wire_until_read(e, 1);
	wire_close(e);
	(void)close(fd);
	wire_fini(&w);
}

static void
set_when_closed(struct end *e, enum conn_event ev)
{
	(void)ev;
	conn_close(&e->conn);
	e->closing = true;
	/* As a walk that does not know yet that it is over. */
	conn_set_deadline(&e->conn, os_now_us());
	conn_set_deadline(&e->conn, INT64_MAX);
	conn_set_deadline(&e->conn, os_now_us());
	conn_read_start(&e->conn);
	conn_read_stop(&e->conn);
	conn_shutdown(&e->conn);
	assert_int_equal(
	    conn_write(&e->conn, &(struct slice)SLICE("x"), 1), OK);
	assert_int_equal(
	    conn_write_kept(&e->conn, &(struct slice)SLICE("x"), 1), OK);
	conn_reset(&e->conn);
}

/* What is asked of a closed one is ignored; no timer is left behind. */
static void
test_calls_after_close(void **state)
{
	struct wire w;
	struct end *e;
	int fd, closed;

	(void)state;
	wire_init(&w, false);
	w.accept_hook = set_when_closed;
	fd = wire_connect(&w, &e);
	closed = w.n_closed;
	wire_send(&w, fd, "x", 1);
	while (w.n_closed == closed)
		(void)uv_run(&w.loop.uv, UV_RUN_ONCE);
	assert_null(heap_min(&w.loop.timers));
	(void)close(fd);
	wire_fini(&w);
}

/* --- closing inside of each event --- */

enum how { CLOSE, RESET, SHUTDOWN_CLOSE, HOWS };

struct ending {
	enum conn_event at;
	enum how how;
	bool done;
};

static void
end_it(struct end *e, enum conn_event ev)
{
	struct ending *x = e->ctx;

	if (ev != x->at)
		return;
	assert_false(x->done);
	x->done = true;
	if (x->how == SHUTDOWN_CLOSE)
		conn_shutdown(&e->conn);
	if (x->how == RESET)
		conn_reset(&e->conn);
	else
		conn_close(&e->conn);
	e->closing = true;
}

static bool
is_done(void *ctx)
{
	return ((struct ending *)ctx)->done;
}

/* Make ${x}->at happen at a conn, much else being under way as well. */
static void
bring_about(struct wire *w, struct ending *x)
{
	static char block[65536];
	struct slice s = {block, sizeof block};
	struct end *e;
	int closed = w->n_closed, fd;

	w->out_max = 32 << 20;
	w->accept_hook = NULL;
	if (x->at == CONN_OPEN) {
		fd = wire_dial(w, &e);
		conn_read_start(&e->conn);
		wire_send(w, fd, block, 100);
		assert_int_equal(conn_write_kept(&e->conn, &s, 1), OK);
	} else {
		fd = wire_connect(w, &e);
	}
	e->hook = end_it;
	e->ctx = x;
	conn_set_deadline(
	    &e->conn, os_now_us() + (x->at == CONN_TIMEOUT ? 1 : 30000 * MS));
	switch (x->at) {
	case CONN_OPEN:
	case CONN_TIMEOUT:
		break;
	case CONN_READ:
		/* Several windows full: the next read is ready, too. */
		conn_read_stop(&e->conn);
		wire_send(w, fd, block, sizeof block);
		(void)shutdown(fd, SHUT_WR);
		conn_read_start(&e->conn);
		break;
	case CONN_EOF:
		(void)shutdown(fd, SHUT_WR);
		break;
	case CONN_FAIL:
	case CONN_DRAIN:
		while (conn_pending(&e->conn) == 0)
			assert_int_equal(conn_write(&e->conn, &s, 1), OK);
		assert_int_equal(conn_write(&e->conn, &s, 1), OK);
		break;
	}
	if (x->at == CONN_FAIL) {
		if (w->is_unix)
			(void)close(fd);
		else
			wire_reset(fd);
		fd = -1;
	}
	while (x->at == CONN_DRAIN && !x->done) {
		(void)wire_recv_now(fd, block, sizeof block);
		(void)uv_run(&w->loop.uv, UV_RUN_NOWAIT);
	}
	wire_until(w, is_done, x);
	wire_turn(w);
	assert_int_equal(w->n_closed, closed + 1);
	if (fd >= 0)
		(void)close(fd);
}

static void
test_close_in_each_event(void **state)
{
	(void)state;
	for (int is_unix = 0; is_unix < 2; is_unix++) {
		struct wire w;

		wire_init(&w, is_unix);
		for (int ev = CONN_OPEN; ev <= CONN_TIMEOUT; ev++)
			for (int how = 0; how < HOWS; how++) {
				struct ending x = {.at = (enum conn_event)ev,
				    .how = (enum how)how};

				bring_about(&w, &x);
			}
		wire_fini(&w);
	}
}

/* Closed before the connection stands, and never connected at all. */
static void
test_close_early(void **state)
{
	(void)state;
	for (int is_unix = 0; is_unix < 2; is_unix++) {
		struct slice s = SLICE("x");
		struct wire w;
		struct end *e;

		wire_init(&w, is_unix);
		e = wire_end(&w);
		conn_read_start(&e->conn);
		(void)!conn_write_kept(&e->conn, &s, 1);
		conn_set_deadline(&e->conn, os_now_us());
		conn_close(&e->conn);
		e->closing = true;
		wire_turn(&w);
		assert_int_equal(
		    w.n_closed, w.accepted ? w.n_open - 1 : w.n_open);
		wire_turn(&w);
		if (w.accepted)
			wire_close(w.accepted);
		wire_fini(&w);
	}
}

/* Two hundred at once, each ended at random in some way at some event. */
static void
test_crowd(void **state)
{
	enum { N = 200 };
	static struct ending x[N];
	static struct end *ends[N];
	static int fds[N];
	static char block[20000];
	struct wire w;
	unsigned seed = 31;

	(void)state;
	srand(seed);
	wire_init(&w, false);
	w.out_max = 32 << 20;
	for (int i = 0; i < N; i++) {
		fds[i] = wire_connect(&w, &ends[i]);
		x[i] =
		    (struct ending){.at = rand() % 3 ? CONN_READ : CONN_TIMEOUT,
			.how = (enum how)(rand() % HOWS)};
		ends[i]->hook = end_it;
		ends[i]->ctx = &x[i];
	}
	for (int i = 0; i < N; i++) {
		struct slice s = {block, (size_t)rand() % sizeof block};

		for (int k = rand() % 200; k > 0; k--)
			assert_int_equal(conn_write(&ends[i]->conn, &s, 1), OK);
		conn_set_deadline(&ends[i]->conn,
		    os_now_us() +
			(x[i].at == CONN_TIMEOUT ? rand() % 20000 : 60000000));
	}
	for (int i = 0; i < N; i++) {
		if (x[i].at == CONN_READ)
			assert_int_equal(write(fds[i], block, 1000), 1000);
		(void)uv_run(&w.loop.uv, UV_RUN_NOWAIT);
	}
	for (int i = 0; i < N; i++)
		wire_until(&w, is_done, &x[i]);
	wire_turn(&w);
	assert_int_equal(w.n_closed, N);
	assert_null(heap_min(&w.loop.timers));
	for (int i = 0; i < N; i++)
		(void)close(fds[i]);
	wire_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_deadline),
	    cmocka_unit_test(test_calls_after_close),
	    cmocka_unit_test(test_close_in_each_event),
	    cmocka_unit_test(test_close_early),
	    cmocka_unit_test(test_crowd),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
