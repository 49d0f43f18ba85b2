/* Reading: the window, the owner's memory instead of it, and ends. */
#include "wire.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

/* Each test runs over TCP and over a unix socket. */
static void
over_both(void (*test)(struct wire *w))
{
	struct wire w;

	wire_init(&w, false);
	test(&w);
	wire_fini(&w);
	wire_init(&w, true);
	test(&w);
	wire_fini(&w);
}

static void
leave_it(struct end *e, enum conn_event ev)
{
	(void)e;
	(void)ev;
}

/* --- the window --- */

static void
window_fills(struct wire *w)
{
	enum { ALL = 300000 };
	char *all = malloc(ALL);
	size_t seen = 0, eaten = 0;
	struct end *e;
	int fd;

	assert_non_null(all);
	wire_pattern(all, ALL, 0);
	w->accept_hook = leave_it;
	fd = wire_connect(w, &e);
	wire_send(w, fd, all, 2 * LOOP_CHUNK);
	wire_until_read(e, LOOP_CHUNK);
	/* Nobody eats: no byte more is taken. */
	wire_turn(w);
	assert_int_equal(conn_in(&e->conn).n, LOOP_CHUNK);
	assert_int_equal(e->conn.n_read, LOOP_CHUNK);
	/* Random bites, between the events, until all has come in order. */
	wire_send(w, fd, all + 2 * LOOP_CHUNK, 1);
	seen = 2 * LOOP_CHUNK + 1;
	srand(17);
	while (eaten < ALL) {
		struct slice in = conn_in(&e->conn);
		size_t bite = in.n ? (size_t)rand() % (in.n + 1) : 0;
		size_t more = (size_t)rand() % 20000;

		assert_true(wire_is_pattern(in.p, in.n, eaten));
		conn_eat(&e->conn, bite);
		eaten += bite;
		more = more > ALL - seen ? ALL - seen : more;
		more = seen - eaten > 100000 ? 0 : more;
		wire_send(w, fd, all + seen, more);
		seen += more;
		wire_turn(w);
		assert_true(conn_in(&e->conn).n <= LOOP_CHUNK);
	}
	assert_int_equal(e->conn.n_read, ALL);
	assert_int_equal(e->count[CONN_EOF] + e->count[CONN_FAIL], 0);
	wire_close(e);
	(void)close(fd);
	free(all);
}

static void
test_window_fills(void **state)
{
	(void)state;
	over_both(window_fills);
}

/* Few bytes that wait need little memory, none at all need none. */
static void
narrows(struct wire *w)
{
	char text[40000];
	struct end *e;
	size_t n = 0;
	int fd;

	w->accept_hook = leave_it;
	fd = wire_connect(w, &e);
	wire_pattern(text, sizeof text, 0);
	assert_null(e->conn.window);
	for (size_t step = 1; n + step <= sizeof text; step = step * 2 + 1) {
		wire_send(w, fd, text + n, step);
		n += step;
		wire_until_read(e, n);
		assert_int_equal(conn_in(&e->conn).n, n);
		assert_true(wire_is_pattern(conn_in(&e->conn).p, n, 0));
		if (n <= 1000)
			assert_true(e->conn.cap <= 1000);
	}
	conn_eat(&e->conn, n - 3);
	assert_true(wire_is_pattern(conn_in(&e->conn).p, 3, n - 3));
	wire_send(w, fd, text + n, 5);
	wire_until_read(e, n + 5);
	assert_true(wire_is_pattern(conn_in(&e->conn).p, 8, n - 3));
	assert_true(e->conn.cap < LOOP_CHUNK);
	/* Eaten inside of the event: the window is given back. */
	conn_eat(&e->conn, 8);
	e->hook = NULL;
	wire_send(w, fd, text + n + 5, 5);
	wire_until_read(e, n + 10);
	assert_null(e->conn.window);
	assert_true(wire_is_pattern(e->got.p, 5, n + 5));
	wire_close(e);
	(void)close(fd);
}

static void
test_narrows(void **state)
{
	(void)state;
	over_both(narrows);
}

static void
stop_and_start(struct wire *w)
{
	struct end *e;
	int fd = wire_connect(w, &e);

	conn_read_stop(&e->conn);
	conn_read_stop(&e->conn);
	wire_send(w, fd, "abc", 3);
	wire_turn(w);
	assert_int_equal(e->count[CONN_READ], 0);
	conn_read_start(&e->conn);
	conn_read_start(&e->conn);
	wire_until_read(e, 3);
	assert_true(slice_is(buf_slice(&e->got), "abc"));
	wire_close(e);
	(void)close(fd);
}

static void
test_stop_and_start(void **state)
{
	(void)state;
	over_both(stop_and_start);
}

static void
stop_in_event(struct end *e, enum conn_event ev)
{
	if (ev == CONN_READ)
		conn_read_stop(&e->conn);
}

/* Stopped inside of an event: not one more, though much is there. */
static void
stops_inside(struct wire *w)
{
	static char text[200000];
	struct end *e;
	int fd;

	w->accept_hook = stop_in_event;
	fd = wire_connect(w, &e);
	conn_read_stop(&e->conn);
	w->accept_hook = NULL;
	wire_send(w, fd, text, 100000);
	conn_read_start(&e->conn);
	wire_until_event(e, CONN_READ, 1);
	wire_turn(w);
	assert_int_equal(e->count[CONN_READ], 1);
	e->hook = NULL;
	conn_eat(&e->conn, conn_in(&e->conn).n);
	wire_turn(w);
	assert_int_equal(e->count[CONN_READ], 1);
	conn_read_start(&e->conn);
	wire_until_read(e, 100000);
	wire_close(e);
	(void)close(fd);
}

static void
test_stops_inside(void **state)
{
	(void)state;
	over_both(stops_inside);
}

/* --- into the owner's memory --- */

enum { HEAD = 10 };

struct body {
	char *p;
	size_t n, have, taken;
	bool is_whole;
};

/* As a request's body is read: a head, then n bytes straight into place. */
static void
read_body(struct end *e, enum conn_event ev)
{
	struct conn *c = &e->conn;
	struct body *b = e->ctx;
	struct slice in;

	if (ev != CONN_READ || b->is_whole)
		return;
	if (c->direct) {
		assert_true(c->direct_n <= b->n - b->taken);
		b->have = b->taken + c->direct_n;
	} else {
		in = conn_in(c);
		if (in.n < HEAD)
			return;
		in = slice_to(slice_from(in, HEAD), b->n);
		b->taken = b->have = in.n;
		memcpy(b->p, in.p, in.n);
		conn_eat(c, HEAD + in.n);
		if (b->have < b->n)
			conn_read_into(c, b->p + b->have, b->n - b->have);
	}
	if (b->have == b->n) {
		b->is_whole = true;
		if (c->direct)
			conn_read_into(c, NULL, 0);
	}
}

/* Bodies of all sizes, sent in pieces, with a next head right behind. */
static void
reads_into(struct wire *w)
{
	static const size_t sizes[] = {0, 1, 100, 16384, LOOP_CHUNK - HEAD,
	    LOOP_CHUNK, LOOP_CHUNK + 1, 200000, 1 << 20};
	static const size_t pieces[] = {7, 5000, 1 << 20};
	enum { NEXT = 12 };

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes * 3; i++) {
		size_t n = sizes[i / 3], piece = pieces[i % 3], at = 0;
		size_t all = HEAD + n + NEXT;
		char *text = malloc(all);
		struct body b = {.p = malloc(n + 1), .n = n};
		struct end *e;
		int fd;

		if (n > 20000 && piece == 7)
			piece = 999;
		assert_non_null(text);
		assert_non_null(b.p);
		wire_pattern(text, all, 0);
		w->accept_hook = read_body;
		fd = wire_connect(w, &e);
		e->ctx = &b;
		while (at < all) {
			size_t k = piece < all - at ? piece : all - at;

			wire_send(w, fd, text + at, k);
			at += k;
			if (piece < 1000)
				(void)uv_run(&w->loop.uv, UV_RUN_NOWAIT);
		}
		wire_until_read(e, all);
		assert_true(b.is_whole);
		assert_true(wire_is_pattern(b.p, n, HEAD));
		/* Not a byte of what follows was lost or taken. */
		assert_int_equal(conn_in(&e->conn).n, NEXT);
		assert_true(
		    wire_is_pattern(conn_in(&e->conn).p, NEXT, HEAD + n));
		wire_close(e);
		(void)close(fd);
		free(text);
		free(b.p);
	}
}

static void
test_reads_into(void **state)
{
	(void)state;
	over_both(reads_into);
}

/* Full: reading rests until there is somewhere to read into. */
static void
direct_full(struct wire *w)
{
	char first[10], second[5], none;
	struct end *e;
	int fd;

	w->accept_hook = leave_it;
	fd = wire_connect(w, &e);
	conn_read_into(&e->conn, first, sizeof first);
	wire_send(w, fd, "0123456789abcdefghij", 20);
	wire_until_read(e, 10);
	wire_turn(w);
	assert_int_equal(e->conn.direct_n, 10);
	assert_int_equal(conn_in(&e->conn).n, 0);
	assert_memory_equal(first, "0123456789", 10);
	conn_read_into(&e->conn, second, sizeof second);
	wire_until_read(e, 15);
	assert_memory_equal(second, "abcde", 5);
	/* No memory at all is full at once, and no error. */
	conn_read_into(&e->conn, &none, 0);
	wire_turn(w);
	assert_int_equal(e->conn.n_read, 15);
	conn_read_into(&e->conn, NULL, 0);
	wire_until_read(e, 20);
	assert_true(slice_is(conn_in(&e->conn), "fghij"));
	conn_eat(&e->conn, 5);
	/* The same while reading is on, and nothing is there. */
	conn_read_into(&e->conn, &none, 0);
	wire_send(w, fd, "xyz", 3);
	wire_turn(w);
	assert_int_equal(e->conn.n_read, 20);
	conn_read_into(&e->conn, NULL, 0);
	wire_until_read(e, 23);
	assert_int_equal(e->count[CONN_FAIL], 0);
	/* Full while stopped: starting reads nothing. */
	conn_eat(&e->conn, 3);
	conn_read_stop(&e->conn);
	conn_read_into(&e->conn, &none, 0);
	conn_read_start(&e->conn);
	wire_send(w, fd, "!", 1);
	wire_turn(w);
	assert_int_equal(e->conn.n_read, 23);
	conn_read_into(&e->conn, NULL, 0);
	wire_until_read(e, 24);
	wire_close(e);
	(void)close(fd);
}

static void
test_direct_full(void **state)
{
	(void)state;
	over_both(direct_full);
}

/* --- ends --- */

static void
eof(struct wire *w)
{
	struct end *e;
	char text[8];
	int fd = wire_connect(w, &e);

	wire_send(w, fd, "last", 4);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	wire_until_event(e, CONN_EOF, 1);
	assert_true(slice_is(buf_slice(&e->got), "last"));
	assert_true(e->conn.is_eof);
	/* Half a stream still carries answers, and says no more. */
	conn_read_start(&e->conn);
	assert_int_equal(
	    conn_write(&e->conn, &(struct slice)SLICE("answer"), 1), OK);
	wire_recv(w, fd, text, 6);
	assert_memory_equal(text, "answer", 6);
	wire_turn(w);
	assert_int_equal(e->count[CONN_EOF], 1);
	assert_int_equal(e->count[CONN_FAIL], 0);
	wire_close(e);
	assert_int_equal(wire_recv_now(fd, text, 1), 0);
	(void)close(fd);
}

static void
test_eof(void **state)
{
	(void)state;
	over_both(eof);
}

/* The end comes behind the bytes, also where nobody ate them. */
static void
eof_behind_bytes(struct wire *w)
{
	static char text[100000];
	struct end *e;
	int fd;

	w->accept_hook = leave_it;
	fd = wire_connect(w, &e);
	wire_pattern(text, sizeof text, 0);
	wire_send(w, fd, text, sizeof text);
	(void)close(fd);
	wire_until_read(e, LOOP_CHUNK);
	wire_turn(w);
	assert_int_equal(e->count[CONN_EOF], 0);
	conn_eat(&e->conn, LOOP_CHUNK);
	wire_until_event(e, CONN_EOF, 1);
	assert_int_equal(conn_in(&e->conn).n, sizeof text - LOOP_CHUNK);
	assert_true(wire_is_pattern(
	    conn_in(&e->conn).p, sizeof text - LOOP_CHUNK, LOOP_CHUNK));
	wire_close(e);
}

static void
test_eof_behind_bytes(void **state)
{
	(void)state;
	over_both(eof_behind_bytes);
}

static void
test_reset_by_peer(void **state)
{
	struct wire w;
	struct end *e;
	int fd;

	(void)state;
	wire_init(&w, false);
	fd = wire_connect(&w, &e);
	wire_reset(fd);
	wire_until_event(e, CONN_FAIL, 1);
	/* Not closed yet: nothing more is said, writes are swallowed. */
	assert_int_equal(
	    conn_write(&e->conn, &(struct slice)SLICE("x"), 1), OK);
	conn_read_start(&e->conn);
	wire_turn(&w);
	assert_string_equal(e->log, "F");
	wire_close(e);
	/* With a write under way: still one FAIL, not two. */
	fd = wire_connect(&w, &e);
	for (int i = 0; i < 400 && conn_pending(&e->conn) == 0; i++) {
		static char block[65536];

		assert_int_equal(conn_write(&e->conn,
				     &(struct slice){block, sizeof block}, 1),
		    OK);
	}
	assert_true(conn_pending(&e->conn) > 0);
	wire_reset(fd);
	wire_until_event(e, CONN_FAIL, 1);
	wire_turn(&w);
	assert_int_equal(e->count[CONN_FAIL], 1);
	assert_int_equal(e->count[CONN_DRAIN], 0);
	wire_close(e);
	wire_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_window_fills),
	    cmocka_unit_test(test_narrows),
	    cmocka_unit_test(test_stop_and_start),
	    cmocka_unit_test(test_stops_inside),
	    cmocka_unit_test(test_reads_into),
	    cmocka_unit_test(test_direct_full),
	    cmocka_unit_test(test_eof),
	    cmocka_unit_test(test_eof_behind_bytes),
	    cmocka_unit_test(test_reset_by_peer),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
