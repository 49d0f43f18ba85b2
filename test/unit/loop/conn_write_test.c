/* Writing: order, bounds, back-pressure, kept bytes, and how it breaks. */
#include "wire.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

enum { BLOCK = 65536, BIG = 24 << 20 };

static char block[BLOCK];

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

static enum err
put(struct end *e, const char *p, size_t n)
{
	struct slice s = slice_of(p, n);
	enum err err;

	e->in_call = true;
	err = conn_write(&e->conn, &s, 1);
	e->in_call = false;
	return err;
}

/* Write blocks of the pattern until the kernel takes no more; the bytes. */
static size_t
fill(struct end *e)
{
	size_t n = 0;

	while (conn_pending(&e->conn) == 0) {
		wire_pattern(block, BLOCK, n);
		assert_int_equal(put(e, block, BLOCK), OK);
		n += BLOCK;
	}
	return n;
}

/* Read the pattern's bytes [from, to) from the plain socket. */
static void
expect(struct wire *w, int fd, size_t from, size_t to)
{
	char *p = malloc(BLOCK);

	assert_non_null(p);
	while (from < to) {
		size_t n = to - from < BLOCK ? to - from : BLOCK;

		wire_recv(w, fd, p, n);
		assert_true(wire_is_pattern(p, n, from));
		from += n;
	}
	free(p);
}

/* Is there something to read at the plain socket already? */
static bool
has_come(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

/* Small writes of a turn go together when it ends. */
static void
small(struct wire *w)
{
	static const struct slice parts[] = {
	    SLICE("a"), SLICE(""), SLICE("bc"), {NULL, 0}, SLICE("def")};
	struct end *e;
	char text[12];
	int fd = wire_connect(w, &e);

	assert_int_equal(conn_write(&e->conn, parts, 5), OK);
	assert_int_equal(conn_write(&e->conn, parts, 0), OK);
	assert_int_equal(conn_write(&e->conn, parts + 3, 1), OK);
	assert_int_equal(conn_write(&e->conn, parts, 5), OK);
	assert_int_equal(conn_pending(&e->conn), 0);
	assert_false(has_come(fd));
	wire_recv(w, fd, text, 12);
	assert_memory_equal(text, "abcdefabcdef", 12);
	assert_int_equal(e->conn.n_written, 12);
	/* What never waited never drains. */
	wire_turn(w);
	assert_string_equal(e->log, "");
	wire_close(e);
	(void)close(fd);
}

static void
test_small(void **state)
{
	(void)state;
	over_both(small);
}

/* A large one goes at once, behind the small ones of its turn. */
static void
large(struct wire *w)
{
	static const size_t sizes[] = {100, 20000, 50, 3000, 2000, 1};
	static const size_t gone[] = {0, 20100, 20100, 20100, 25150, 25150};
	size_t at = 0;
	struct end *e;
	int fd = wire_connect(w, &e);

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		wire_pattern(block, sizes[i], at);
		assert_int_equal(put(e, block, sizes[i]), OK);
		at += sizes[i];
		assert_int_equal(e->conn.n_written, gone[i]);
	}
	expect(w, fd, 0, at);
	assert_int_equal(e->conn.n_written, at);
	wire_close(e);
	(void)close(fd);
}

static void
test_large(void **state)
{
	(void)state;
	over_both(large);
}

/* More of them in one turn than the outbox has room for. */
static void
many(struct wire *w)
{
	enum { N = 100 };
	struct end *e[N];
	int fd[N];

	for (int i = 0; i < N; i++)
		fd[i] = wire_connect(w, &e[i]);
	for (int i = 0; i < N; i++) {
		wire_pattern(block, 200, (size_t)i);
		assert_int_equal(put(e[i], block, 200), OK);
	}
	/* Of these, one that closes, one that resets. */
	e[3]->closing = e[4]->closing = true;
	conn_close(&e[3]->conn);
	conn_reset(&e[4]->conn);
	wire_turn(w);
	assert_true(wire_recv_now(fd[4], block, 1) <= 0);
	for (int i = 0; i < N; i++) {
		if (i != 4)
			expect(w, fd[i], (size_t)i, (size_t)i + 200);
		if (i > 4)
			wire_close(e[i]);
		(void)close(fd[i]);
	}
	for (int i = 0; i < 3; i++)
		wire_close(e[i]);
}

static void
test_many(void **state)
{
	(void)state;
	over_both(many);
}

/* The kernel has no more room: in the outbox's turn, or before kept bytes. */
static void
jam(struct wire *w, size_t with_kept)
{
	static char kept[4096];
	struct slice s = slice_of(kept, with_kept);
	struct end *e;
	size_t at = 0;
	int fd;

	w->out_max = 16 << 20;
	fd = wire_connect(w, &e);
	while (conn_pending(&e->conn) == 0) {
		wire_pattern(block, 3000, at);
		assert_int_equal(put(e, block, 3000), OK);
		at += 3000;
		assert_int_equal(conn_pending(&e->conn), 0);
		wire_pattern(kept, with_kept, at);
		assert_int_equal(conn_write_kept(&e->conn, &s, 1), OK);
		at += with_kept;
		if (conn_pending(&e->conn) == 0)
			wire_turn(w);
	}
	expect(w, fd, 0, at);
	wire_until_event(e, CONN_DRAIN, 1);
	assert_int_equal(e->conn.n_written, at);
	wire_close(e);
	(void)close(fd);
}

static void
jams(struct wire *w)
{
	static const size_t kept[] = {0, 1500, 2500, 3500, 4000};

	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
		jam(w, kept[i]);
}

static void
test_jams(void **state)
{
	(void)state;
	over_both(jams);
}

/* A slow reader: all comes in order, one DRAIN at the end of each jam. */
static void
back_pressure(struct wire *w)
{
	struct end *e;
	size_t n;
	int fd;

	w->out_max = 16 << 20;
	fd = wire_connect(w, &e);
	for (int jam = 1; jam <= 3; jam++) {
		uint64_t before = e->conn.n_written;

		n = fill(e);
		/* More, in pieces of all sizes, behind what waits. */
		for (size_t k = 1; k < BLOCK; k = k * 3 + 1) {
			wire_pattern(block, k, n);
			assert_int_equal(put(e, block, k), OK);
			n += k;
		}
		assert_true(e->conn.wrote_us > 0);
		wire_turn(w);
		assert_int_equal(e->count[CONN_DRAIN], jam - 1);
		expect(w, fd, 0, n);
		wire_until_event(e, CONN_DRAIN, jam);
		assert_int_equal(conn_pending(&e->conn), 0);
		assert_int_equal(e->conn.n_written - before, n);
		/* Nothing waits: no memory either. */
		assert_int_equal(e->conn.out.cap, 0);
	}
	wire_close(e);
	(void)close(fd);
}

static void
test_back_pressure(void **state)
{
	(void)state;
	over_both(back_pressure);
}

/* Up to 64 slices in one call, cut anywhere by the kernel. */
static void
many_slices(struct wire *w)
{
	char *text = malloc(4 << 20);
	struct slice s[CONN_SLICES];
	size_t n = 0, got = 0;
	struct end *e;
	char in[4096];
	int fd;

	assert_non_null(text);
	srand(4);
	wire_pattern(text, 4 << 20, 0);
	w->out_max = 4 << 20;
	fd = wire_connect(w, &e);
	while (n < 3 << 20) {
		unsigned k = 0, of = 1 + (unsigned)rand() % CONN_SLICES;
		ssize_t r;

		for (; k < of; k++) {
			s[k] = slice_of(text + n, (size_t)rand() % 3000);
			n += s[k].n;
		}
		assert_int_equal(conn_write(&e->conn, s, of), OK);
		r = wire_recv_now(fd, in, (size_t)rand() % sizeof in);
		if (r > 0)
			assert_true(wire_is_pattern(in, (size_t)r, got));
		got += r > 0 ? (size_t)r : 0;
		if (rand() % 4 == 0)
			(void)uv_run(&w->loop.uv, UV_RUN_NOWAIT);
	}
	expect(w, fd, got, n);
	wire_close(e);
	(void)close(fd);
	free(text);
}

static void
test_many_slices(void **state)
{
	(void)state;
	over_both(many_slices);
}

/* The bound is of all that waits, and past it the loop tells. */
static void
bounded(struct wire *w)
{
	enum err err = OK;
	struct end *e;
	size_t n;
	int fd;

	w->out_max = 300000;
	fd = wire_connect(w, &e);
	n = fill(e);
	while (err == OK) {
		assert_true(conn_pending(&e->conn) <= w->out_max);
		wire_pattern(block, 1000, n);
		err = put(e, block, 1000);
		n += 1000;
	}
	assert_int_equal(err, ERR_FULL);
	assert_true(conn_pending(&e->conn) > w->out_max - 1000);
	assert_int_equal(e->count[CONN_FAIL], 0);
	/* From now on writes are swallowed until the owner closes it. */
	assert_int_equal(put(e, block, BLOCK), OK);
	conn_set_deadline(&e->conn, os_now_us() + 60000000);
	wire_until_event(e, CONN_FAIL, 1);
	wire_turn(w);
	assert_int_equal(e->count[CONN_FAIL], 1);
	assert_int_equal(e->count[CONN_TIMEOUT], 0);
	wire_close(e);
	(void)close(fd);
}

static void
test_bounded(void **state)
{
	(void)state;
	over_both(bounded);
}

/* --- kept bytes --- */

static void
kept(struct wire *w)
{
	char *text = malloc(BIG);
	struct slice s[6];
	struct end *e;
	int fd;

	assert_non_null(text);
	wire_pattern(text, BIG, 0);
	for (size_t i = 0; i < 6; i++)
		s[i] = slice_of(text + i * (BIG / 6), BIG / 6);
	w->out_max = 1000; /* kept bytes are not the connection's */
	fd = wire_connect(w, &e);
	assert_int_equal(conn_write_kept(&e->conn, s, 6), OK);
	assert_true(conn_pending(&e->conn) > 0);
	assert_true(conn_pending(&e->conn) < BIG);
	assert_int_equal(e->conn.out.cap, 0);
	/* Copied ones behind them. */
	assert_int_equal(put(e, "tail", 4), OK);
	expect(w, fd, 0, BIG);
	wire_recv(w, fd, block, 4);
	assert_memory_equal(block, "tail", 4);
	wire_until_event(e, CONN_DRAIN, 1);
	assert_int_equal(e->conn.n_written, BIG + 4);
	/* Small ones go at once: nothing is kept. */
	assert_int_equal(conn_write_kept(&e->conn, s, 0), OK);
	s[0] = slice_of(text, 5);
	assert_int_equal(conn_write_kept(&e->conn, s, 1), OK);
	assert_int_equal(conn_pending(&e->conn), 0);
	expect(w, fd, 0, 5);
	/* The bytes may go with the connection. */
	s[0] = slice_of(text, BIG);
	assert_int_equal(conn_write_kept(&e->conn, s, 1), OK);
	assert_true(conn_pending(&e->conn) > 0);
	conn_close(&e->conn);
	e->closing = true;
	free(text);
	wire_turn(w);
	(void)close(fd);
}

static void
test_kept(void **state)
{
	(void)state;
	over_both(kept);
}

/* Written before the connection stands: kept and copied, in order. */
static void
before_open(struct wire *w)
{
	struct slice s = SLICE("kept,");
	char text[16];
	struct end *e;
	int fd;

	e = wire_end(w);
	assert_int_equal(conn_write_kept(&e->conn, &s, 1), OK);
	if (!w->is_unix) /* a unix socket may stand at once */
		assert_int_equal(conn_pending(&e->conn), 5);
	assert_int_equal(put(e, "copied", 6), OK);
	wire_until_event(e, CONN_OPEN, 1);
	while (w->accepted == NULL)
		wire_turn(w);
	while (conn_pending(&e->conn))
		wire_turn(w);
	while (w->accepted->got.n < 11)
		wire_turn(w);
	assert_true(slice_is(buf_slice(&w->accepted->got), "kept,copied"));
	/* The one that dialled reads, too. */
	conn_read_start(&e->conn);
	assert_int_equal(put(w->accepted, "back", 4), OK);
	wire_until_read(e, 4);
	wire_close(w->accepted);
	wire_until_event(e, CONN_EOF, 1);
	wire_close(e);
	fd = wire_dial(w, &e);
	wire_until_event(e, CONN_OPEN, 1);
	assert_int_equal(put(e, "x", 1), OK);
	wire_recv(w, fd, text, 1);
	wire_close(e);
	(void)close(fd);
}

static void
test_before_open(void **state)
{
	(void)state;
	over_both(before_open);
}

/* --- ends --- */

static void
fin(struct wire *w)
{
	char text[8];
	struct end *e;
	size_t n;
	int fd = wire_connect(w, &e);

	/* Nothing waits: at once. */
	assert_int_equal(put(e, "bye", 3), OK);
	conn_shutdown(&e->conn);
	conn_shutdown(&e->conn);
	wire_turn(w);
	wire_recv(w, fd, text, 3);
	assert_int_equal(wire_recv_now(fd, text, 1), 0);
	/* The other direction lives on. */
	wire_send(w, fd, "still", 5);
	wire_until_read(e, 5);
	wire_close(e);
	(void)close(fd);

	/* Behind all that waits. */
	w->out_max = 16 << 20;
	fd = wire_connect(w, &e);
	n = fill(e);
	wire_pattern(block, BLOCK, n);
	assert_int_equal(put(e, block, BLOCK), OK);
	n += BLOCK;
	conn_shutdown(&e->conn);
	wire_turn(w);
	assert_int_equal(e->count[CONN_DRAIN], 0);
	expect(w, fd, 0, n);
	wire_until_event(e, CONN_DRAIN, 1);
	wire_turn(w);
	assert_int_equal(wire_recv_now(fd, text, 1), 0);
	wire_close(e);
	(void)close(fd);
}

static void
test_fin(void **state)
{
	(void)state;
	over_both(fin);
}

/* Closing with a FIN that waits behind bytes loses both, and no more. */
static void
close_with_pending(struct wire *w)
{
	struct end *e;
	int fd;

	for (int how = 0; how < 2; how++) {
		w->out_max = 16 << 20;
		fd = wire_connect(w, &e);
		(void)fill(e);
		assert_int_equal(put(e, block, BLOCK), OK);
		if (how == 1)
			conn_shutdown(&e->conn);
		wire_close(e);
		(void)close(fd);
	}
}

static void
test_close_with_pending(void **state)
{
	(void)state;
	over_both(close_with_pending);
}

/* The other side is gone: conn_write says nothing, the loop does. */
static void
broken(struct wire *w)
{
	struct end *e;
	int fd = wire_connect(w, &e);

	conn_read_stop(&e->conn);
	(void)close(fd);
	wire_turn(w);
	for (int i = 0; i < 100 && e->count[CONN_FAIL] == 0; i++) {
		assert_int_equal(put(e, block, 100), OK);
		wire_turn(w);
	}
	assert_string_equal(e->log, "F");
	wire_close(e);
}

static void
test_broken(void **state)
{
	(void)state;
	over_both(broken);
}

static bool
has_told(void *ctx)
{
	return ((struct end *)ctx)->count[CONN_FAIL] > 0;
}

/* Nobody there: one FAIL, also with bytes that waited for the connection. */
static void
refused(struct wire *w)
{
	struct slice s = SLICE("kept");
	struct end *e;

	acceptor_close(&w->listener);
	w->listener_open = false;
	wire_turn(w);
	for (int how = 0; how < 3; how++) {
		e = wire_end(w);
		if (how == 1)
			assert_int_equal(put(e, "x", 1), OK);
		if (how == 2)
			assert_int_equal(conn_write_kept(&e->conn, &s, 1), OK);
		wire_until(w, has_told, e);
		wire_turn(w);
		assert_string_equal(e->log, "F");
		wire_close(e);
	}
}

static void
test_refused(void **state)
{
	(void)state;
	over_both(refused);
}

static void
test_path_too_long(void **state)
{
	char path[200];
	struct wire w;
	struct end *e;

	(void)state;
	wire_init(&w, true);
	memset(path, 'x', sizeof path);
	memcpy(path, "/tmp/", 5);
	path[sizeof path - 1] = 0;
	e = wire_end(&w);
	wire_until_event(e, CONN_OPEN, 1);
	assert_int_equal(conn_connect_unix(&e->conn, path), ERR_CONNECT);
	while (w.accepted == NULL)
		wire_turn(&w);
	wire_close(w.accepted);
	wire_close(e);
	wire_fini(&w);
}

/* --- resets --- */

static void
test_reset(void **state)
{
	char text[8];
	struct wire w;
	struct end *e;
	int fd;

	(void)state;
	wire_init(&w, false);
	fd = wire_connect(&w, &e);
	conn_reset(&e->conn);
	conn_reset(&e->conn);
	conn_close(&e->conn);
	e->closing = true;
	wire_turn(&w);
	assert_int_equal(wire_recv_now(fd, text, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	(void)close(fd);
	/* After a FIN it is closed, but not reset. */
	fd = wire_connect(&w, &e);
	conn_shutdown(&e->conn);
	conn_reset(&e->conn);
	e->closing = true;
	wire_turn(&w);
	assert_int_equal(wire_recv_now(fd, text, 1), 0);
	(void)close(fd);
	/* With bytes that wait; and before the connection stands. */
	w.out_max = 16 << 20;
	fd = wire_connect(&w, &e);
	(void)fill(e);
	conn_reset(&e->conn);
	e->closing = true;
	wire_turn(&w);
	(void)close(fd);
	e = wire_end(&w);
	conn_reset(&e->conn);
	e->closing = true;
	wire_turn(&w);
	wire_turn(&w);
	if (w.accepted) /* a connection that was gone before it was taken */
		wire_close(w.accepted);
	wire_fini(&w);
}

static void
test_reset_unix(void **state)
{
	char text[8];
	struct wire w;
	struct end *e;
	int fd;

	(void)state;
	wire_init(&w, true);
	fd = wire_connect(&w, &e);
	conn_reset(&e->conn);
	e->closing = true;
	wire_turn(&w);
	assert_int_equal(wire_recv_now(fd, text, 1), 0);
	(void)close(fd);
	wire_fini(&w);
}

/* --- progress of a long write --- */

/* A slow reader is not one that takes nothing: wrote_us moves. */
static void
progress(struct wire *w)
{
	int64_t first_us;
	struct end *e;
	size_t n, half;
	int fd;

	w->out_max = 32 << 20;
	fd = wire_connect(w, &e);
	/* A little is under way, a lot behind it, so a long write comes. */
	n = fill(e);
	while (n < BIG) {
		wire_pattern(block, BLOCK, n);
		assert_int_equal(put(e, block, BLOCK), OK);
		n += BLOCK;
	}
	half = n / 2;
	first_us = e->conn.wrote_us;
	expect(w, fd, 0, half);
	conn_set_deadline(&e->conn, os_now_us());
	wire_until_event(e, CONN_TIMEOUT, 1);
	assert_true(e->conn.wrote_us > first_us);
	/* Nothing was taken since: it stays. */
	first_us = e->conn.wrote_us;
	conn_set_deadline(&e->conn, os_now_us());
	wire_until_event(e, CONN_TIMEOUT, 2);
	assert_true(conn_pending(&e->conn) > 0);
	assert_int_equal(e->conn.wrote_us, first_us);
	expect(w, fd, half, n);
	wire_until_event(e, CONN_DRAIN, 1);
	wire_close(e);
	(void)close(fd);
}

static void
test_progress(void **state)
{
	(void)state;
	over_both(progress);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_small),
	    cmocka_unit_test(test_large),
	    cmocka_unit_test(test_many),
	    cmocka_unit_test(test_jams),
	    cmocka_unit_test(test_back_pressure),
	    cmocka_unit_test(test_many_slices),
	    cmocka_unit_test(test_bounded),
	    cmocka_unit_test(test_kept),
	    cmocka_unit_test(test_before_open),
	    cmocka_unit_test(test_fin),
	    cmocka_unit_test(test_close_with_pending),
	    cmocka_unit_test(test_broken),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_path_too_long),
	    cmocka_unit_test(test_reset),
	    cmocka_unit_test(test_reset_unix),
	    cmocka_unit_test(test_progress),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
