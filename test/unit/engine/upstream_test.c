/* One exchange after another with an engine that follows a script. */
#include "mill.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define MS INT64_C(1000)
#define GET "GET /x HTTP/1.1\r\nHost: h\r\n\r\n"
#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define HELLO OK_HEAD "Content-Length: 5\r\n\r\nhello"

static struct mill m;

/* --- answers and how they end --- */

enum fate {
	REUSED,	 /* complete; the connection carries the next one */
	CLOSED,	 /* complete; the connection is gone */
	EOF_,	 /* ERR_EOF */
	SYNTAX_, /* ERR_SYNTAX */
};

struct answer {
	const char *text, *body;
	enum fate fate;
	bool hangs_up; /* the engine closes behind it */
	const char *request;
};

static const struct answer answers[] = {
    {HELLO, "hello", REUSED, false, NULL},
    {OK_HEAD "Content-Length: 0\r\n\r\n", "", REUSED, false, NULL},
    {"HTTP/1.1 204 None\r\n\r\n", "", REUSED, false, NULL},
    {"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno", "no", REUSED, false,
	NULL},
    {OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
	     "5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n",
	"hello world", REUSED, false, NULL},
    {OK_HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", REUSED, false,
	NULL},
    {OK_HEAD "Content-Length: 5\r\nConnection: close\r\n\r\nhello", "hello",
	CLOSED, false, NULL},
    {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", CLOSED,
	false, NULL},
    /* Delimited by the end of the stream. */
    {OK_HEAD "\r\nhello", "hello", CLOSED, true, NULL},
    {"HTTP/1.0 200 OK\r\n\r\n", "", CLOSED, true, NULL},
    {OK_HEAD "Content-Type: text/plain\r\n\r\n", "", CLOSED, true, NULL},
    /* Heads that come before the head. */
    {"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" HELLO, "hello", REUSED, false,
	NULL},
    /* No body, whatever the head says. */
    {OK_HEAD "Content-Length: 5\r\n\r\n", "", REUSED, false,
	"HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n"},
    {OK_HEAD "Transfer-Encoding: chunked\r\n\r\n", "", REUSED, false,
	"HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n"},
    /* Broken off. */
    {"", "", EOF_, true, NULL},
    {"HTTP/1.1 200", "", EOF_, true, NULL},
    {OK_HEAD "Content-Length: 6\r\n\r\nhello", "hello", EOF_, true, NULL},
    {OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "hel", EOF_, true,
	NULL},
    {OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "hello", EOF_,
	true, NULL},
    {OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", "hello",
	EOF_, true, NULL},
    /* Not HTTP. */
    {"220 smtp.example ready\r\n", "", SYNTAX_, false, NULL},
    {"HTTP/1.1 200 OK\nContent-Length: 0\n\n", "", SYNTAX_, false, NULL},
    {OK_HEAD "Content-Length: x\r\n\r\n", "", SYNTAX_, false, NULL},
    {OK_HEAD "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "",
	SYNTAX_, false, NULL},
    {OK_HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "", SYNTAX_, false,
	NULL},
};

enum { N_ANSWERS = sizeof answers / sizeof *answers };

static void
give_answer(struct mill_conn *c)
{
	const struct answer *a = m.ctx;

	mill_say(c, a->text);
	if (a->hangs_up)
		mill_hang_up(c);
}

static void
check_answer(struct engine *e, const struct answer *a)
{
	static const enum err errs[] = {OK, OK, ERR_EOF, ERR_SYNTAX};
	struct talk t = {.heads = 0};
	int accepted = m.n_accepted, gone;

	m.ctx = (void *)(uintptr_t)a;
	m.on_request = give_answer;
	talk_begin(&t, &m, e, a->request ? a->request : GET);
	talk_wait(&t);
	if (t.err != errs[a->fate] || t.fails != (a->fate > CLOSED) ||
	    !slice_is(buf_slice(&t.body), a->body))
		fail_msg("%s: err %d, body %.*s", a->text, (int)t.err,
		    SLICE_ARG(buf_slice(&t.body)));
	assert_int_equal(t.was_reused, m.n_accepted == accepted);
	assert_int_equal(t.got_bytes, a->text[0] != 0);
	mill_turn(&m);
	gone = m.n_gone;
	assert_int_equal(m.n_accepted - gone, a->fate == REUSED);
	assert_int_equal(list_is_empty(&e->idle), a->fate != REUSED);
	assert_true(list_is_empty(&e->busy));
	talk_fini(&t);
}

/* Each answer, followed by each: nothing of one is left for the next. */
static void
test_answers(void **state)
{
	struct engine *e;

	(void)state;
	mill_init(&m);
	e = mill_quiet_engine(&m);
	for (size_t i = 0; i < N_ANSWERS; i++) {
		check_answer(e, &answers[i]);
		check_answer(e, &answers[0]);
		check_answer(e, &answers[4]);
		check_answer(e, &answers[i]);
	}
	mill_fini(&m);
}

/* The same over a unix socket. */
static void
test_unix(void **state)
{
	struct engine *e;

	(void)state;
	mill_init(&m);
	mill_close(&m);
	mill_open_unix(&m);
	e = mill_quiet_engine(&m);
	for (size_t i = 0; i < N_ANSWERS; i++)
		check_answer(e, &answers[i]);
	mill_fini(&m);
}

static void
drip_answer(struct mill_conn *c)
{
	const struct answer *a = m.ctx;

	mill_drip(c, a->text, 0);
}

/* A byte at a time, each in a packet of its own. */
static void
test_drip(void **state)
{
	struct engine *e;

	(void)state;
	mill_init(&m);
	e = mill_quiet_engine(&m);
	m.on_request = drip_answer;
	for (size_t i = 0; i < N_ANSWERS; i++) {
		const struct answer *a = &answers[i];
		struct talk t = {.heads = 0};

		if (a->hangs_up)
			continue;
		m.ctx = (void *)(uintptr_t)a;
		talk_begin(&t, &m, e, a->request ? a->request : GET);
		talk_wait(&t);
		assert_int_equal(t.fails, a->fate > CLOSED);
		assert_true(slice_is(buf_slice(&t.body), a->body));
		talk_fini(&t);
		mill_turn(&m);
	}
	mill_fini(&m);
}

/* More chunks than one event holds, in one packet. */
static void
test_many_chunks(void **state)
{
	enum { CHUNKS = 24 * 20 + 3 };
	static char text[CHUNKS * 8 + 200];
	struct talk t = {.heads = 0};
	struct engine *e;
	char want[4];
	size_t n;

	(void)state;
	mill_init(&m);
	e = mill_quiet_engine(&m);
	n = (size_t)snprintf(text, sizeof text, "%s",
	    OK_HEAD "Transfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < CHUNKS; i++)
		n += (size_t)snprintf(
		    text + n, sizeof text - n, "3\r\n%03d\r\n", i);
	(void)snprintf(text + n, sizeof text - n, "0\r\n\r\n");
	m.on_request = mill_say_it;
	m.say = text;
	talk_begin(&t, &m, e, GET);
	talk_wait(&t);
	assert_int_equal(t.ends, 1);
	assert_int_equal(t.body.n, 3 * CHUNKS);
	for (int i = 0; i < CHUNKS; i++) {
		(void)snprintf(want, sizeof want, "%03d", i);
		assert_memory_equal(t.body.p + 3 * i, want, 3);
	}
	talk_fini(&t);
	mill_fini(&m);
}

/* --- connections that end by themselves --- */

static void
answer_first_only(struct mill_conn *c)
{
	if (c->n_requests == 1)
		mill_say(c, HELLO);
	else
		mill_hang_up(c);
}

static void
reset_second(struct mill_conn *c)
{
	if (c->n_requests == 1)
		mill_say(c, HELLO);
	else
		mill_reset(c);
}

/* A stale pooled connection: the user can tell, and sends again. */
static void
test_stale(void **state)
{
	(void)state;
	for (int how = 0; how < 2; how++) {
		struct talk a = {.heads = 0}, b = {.heads = 0};
		struct engine *e;

		mill_init(&m);
		e = mill_quiet_engine(&m);
		m.on_request = how ? reset_second : answer_first_only;
		talk_begin(&a, &m, e, GET);
		talk_wait(&a);
		assert_int_equal(a.ends, 1);
		talk_begin(&b, &m, e, GET);
		talk_wait(&b);
		assert_int_equal(b.fails, 1);
		assert_int_equal(b.err, ERR_EOF);
		assert_true(b.was_reused);
		assert_false(b.got_bytes);
		assert_int_equal(m.n_accepted, 1);
		talk_fini(&a);
		talk_fini(&b);
		mill_fini(&m);
	}
}

static struct engine *watched;

static bool
has_no_idle(void *ctx)
{
	(void)ctx;
	return list_is_empty(&watched->idle);
}

/* The engine closes an idle one, or speaks unasked: it is dropped. */
static void
test_idle_ends(void **state)
{
	(void)state;
	for (int how = 0; how < 3; how++) {
		struct talk t = {.heads = 0};
		struct mill_conn *c;

		mill_init(&m);
		watched = mill_quiet_engine(&m);
		m.on_request = mill_say_it;
		m.say = HELLO;
		talk_begin(&t, &m, watched, GET);
		talk_wait(&t);
		assert_false(list_is_empty(&watched->idle));
		c = LIST_OF(list_first(&m.conns), struct mill_conn, node);
		if (how == 0)
			mill_hang_up(c);
		else if (how == 1)
			mill_reset(c);
		else
			mill_say(c, HELLO);
		mill_until(&m, has_no_idle, NULL);
		talk_fini(&t);
		/* The next one gets a connection of its own. */
		talk_begin(&t, &m, watched, GET);
		talk_wait(&t);
		assert_false(t.was_reused);
		talk_fini(&t);
		mill_fini(&m);
	}
}

/*
 * Two answers to one request, in one packet: the second must not become the
 * answer to somebody else's request.
 */
static void
test_two_answers(void **state)
{
	struct talk t = {.heads = 0};
	struct engine *e;

	(void)state;
	mill_init(&m);
	e = mill_quiet_engine(&m);
	m.on_request = mill_say_it;
	m.say = HELLO OK_HEAD "Content-Length: 4\r\n\r\nevil";
	for (int i = 0; i < 3; i++) {
		talk_begin(&t, &m, e, GET);
		talk_wait(&t);
		assert_true(slice_is(buf_slice(&t.body), "hello"));
		assert_false(t.was_reused);
		assert_true(list_is_empty(&e->idle));
		talk_fini(&t);
		t = (struct talk){.heads = 0};
	}
	m.say = HELLO "x";
	talk_begin(&t, &m, e, GET);
	talk_wait(&t);
	assert_true(list_is_empty(&e->idle));
	talk_fini(&t);
	mill_fini(&m);
}

/* --- silence --- */

static void
say_nothing(struct mill_conn *c)
{
	(void)c;
}

static void
test_first_byte(void **state)
{
	struct talk t = {.heads = 0};
	struct engine *e;
	int64_t begun_us;

	(void)state;
	mill_init(&m);
	e = mill_quiet_engine(&m);
	e->first_byte_us = 30 * MS;
	m.on_request = say_nothing;
	begun_us = os_now_us();
	talk_begin(&t, &m, e, GET);
	talk_wait(&t);
	assert_int_equal(t.err, ERR_TIMEOUT);
	assert_false(t.got_bytes);
	assert_true(os_now_us() - begun_us >= 30 * MS);
	talk_fini(&t);
	/* On a pooled connection too. */
	t = (struct talk){.heads = 0};
	m.on_request = mill_say_it;
	m.say = HELLO;
	talk_begin(&t, &m, e, GET);
	talk_wait(&t);
	talk_fini(&t);
	t = (struct talk){.heads = 0};
	m.on_request = say_nothing;
	begun_us = os_now_us();
	talk_begin(&t, &m, e, GET);
	talk_wait(&t);
	assert_true(t.was_reused);
	assert_int_equal(t.err, ERR_TIMEOUT);
	assert_true(os_now_us() - begun_us >= 30 * MS);
	talk_fini(&t);
	mill_fini(&m);
}

static void
test_between_bytes(void **state)
{
	static const char *const parts[] = {"HTTP/1.1 200 OK\r\n",
	    OK_HEAD "Content-Length: 9\r\n\r\n",
	    OK_HEAD "Content-Length: 9\r\n\r\nhello"};
	struct engine *e;

	(void)state;
	mill_init(&m);
	e = mill_quiet_engine(&m);
	e->between_bytes_us = 30 * MS;
	m.on_request = mill_say_it;
	for (size_t i = 0; i < 3; i++) {
		struct talk t = {.heads = 0};
		int64_t begun_us = os_now_us();

		m.say = parts[i];
		talk_begin(&t, &m, e, GET);
		talk_wait(&t);
		assert_int_equal(t.err, ERR_TIMEOUT);
		assert_true(t.got_bytes);
		assert_true(os_now_us() - begun_us >= 30 * MS);
		talk_fini(&t);
	}
	mill_fini(&m);
}

static void
drip_slowly(struct mill_conn *c)
{
	mill_drip(c, HELLO, 15 * MS);
}

/* The bound is of silence, not of the answer: 43 bytes take longer. */
static void
test_slow_but_steady(void **state)
{
	struct talk t = {.heads = 0};
	struct engine *e;
	int64_t begun_us;

	(void)state;
	mill_init(&m);
	e = mill_quiet_engine(&m);
	e->between_bytes_us = 500 * MS;
	m.on_request = drip_slowly;
	begun_us = os_now_us();
	talk_begin(&t, &m, e, GET);
	talk_wait(&t);
	assert_int_equal(t.ends, 1);
	assert_true(os_now_us() - begun_us > 500 * MS);
	talk_fini(&t);
	mill_fini(&m);
}

static void
test_no_connection(void **state)
{
	struct talk t = {.heads = 0};
	struct engine *e;

	(void)state;
	mill_init(&m);
	e = mill_quiet_engine(&m);
	mill_close(&m);
	talk_begin(&t, &m, e, GET);
	talk_wait(&t);
	assert_int_equal(t.fails, 1);
	assert_int_equal(t.err, ERR_CONNECT);
	talk_fini(&t);
	mill_fini(&m);
}

/* --- pause and resume --- */

enum { BIG = 4 << 20 };

static char *big; /* BIG bytes, a pattern */

static void
give_big(struct mill_conn *c)
{
	mill_say(c, OK_HEAD "Content-Length: 4194304\r\n\r\n");
	mill_say_n(c, big, BIG);
}

static void
pause_in_body(struct talk *t, enum upstream_event ev)
{
	if (ev == UPSTREAM_BODY && t->up && !t->up->ended)
		upstream_pause(t->up);
}

static bool
is_paused_or_over(void *ctx)
{
	struct talk *t = ctx;

	return t->ends + t->fails > 0 || t->up->is_paused;
}

/* Nothing comes while paused, no silence is counted, nothing is lost. */
static void
test_pause(void **state)
{
	struct talk t = {.hook = pause_in_body};
	struct engine *e;
	int rounds = 0;

	(void)state;
	mill_init(&m);
	e = mill_quiet_engine(&m);
	big = malloc(BIG);
	assert_non_null(big);
	for (size_t i = 0; i < BIG; i++)
		big[i] = (char)(i * 7 + i / 256);
	m.on_request = give_big;
	talk_begin(&t, &m, e, GET);
	t.up->between_bytes_us = 300 * MS;
	while (t.ends + t.fails == 0) {
		size_t n;

		mill_until(&m, is_paused_or_over, &t);
		if (t.ends + t.fails > 0)
			break;
		n = t.body.n;
		if (rounds++ == 1)
			mill_for(&m, 400 * MS);
		else
			mill_turn(&m);
		assert_int_equal(t.body.n, n);
		assert_int_equal(t.fails, 0);
		upstream_resume(t.up);
		if (t.up)
			upstream_resume(t.up);
	}
	assert_int_equal(t.ends, 1);
	assert_true(rounds > 3);
	assert_int_equal(t.body.n, BIG);
	assert_memory_equal(t.body.p, big, BIG);
	talk_fini(&t);
	free(big);
	mill_fini(&m);
}

static void
pause_in_head(struct talk *t, enum upstream_event ev)
{
	if (ev == UPSTREAM_HEAD)
		upstream_pause(t->up);
}

/*
 * Paused with the whole answer in the window: resuming brings the rest, also
 * an end that has no bytes, and an end of stream that came meanwhile.
 */
static void
test_pause_in_head(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ANSWERS; i++) {
		const struct answer *a = &answers[i];
		struct talk t = {.hook = pause_in_head};
		struct engine *e;

		if (a->fate > CLOSED)
			continue;
		mill_init(&m);
		e = mill_quiet_engine(&m);
		m.ctx = (void *)(uintptr_t)a;
		m.on_request = give_answer;
		talk_begin(&t, &m, e, a->request ? a->request : GET);
		mill_until(&m, is_paused_or_over, &t);
		mill_turn(&m);
		assert_int_equal(t.heads, 1);
		assert_int_equal(t.parts + t.ends, 0);
		upstream_resume(t.up);
		talk_wait(&t);
		assert_int_equal(t.ends, 1);
		assert_true(slice_is(buf_slice(&t.body), a->body));
		talk_fini(&t);
		mill_fini(&m);
	}
}

static void
pause_at_end(struct talk *t, enum upstream_event ev)
{
	if (ev == UPSTREAM_BODY && t->up->ended)
		upstream_pause(t->up);
}

/* Released while paused: the next user of the connection hears all. */
static void
test_release_paused(void **state)
{
	struct talk t = {.hook = pause_at_end};
	struct engine *e;

	(void)state;
	mill_init(&m);
	e = mill_quiet_engine(&m);
	m.on_request = mill_say_it;
	m.say = HELLO;
	for (int i = 0; i < 3; i++) {
		talk_begin(&t, &m, e, GET);
		talk_wait(&t);
		assert_int_equal(t.ends, 1);
		assert_int_equal(t.was_reused, i > 0);
		talk_fini(&t);
		t = (struct talk){.hook = pause_at_end};
	}
	mill_fini(&m);
}

/* --- giving up --- */

struct leaving {
	enum upstream_event at;
	bool release;
};

static void
leave_at(struct talk *t, enum upstream_event ev)
{
	struct leaving *x = t->mill->ctx;
	struct upstream *up = t->up;

	if (ev != x->at)
		return;
	t->up = NULL;
	if (x->release)
		upstream_release(up);
	else
		upstream_close(up);
}

static bool
has_left(void *ctx)
{
	return ((struct talk *)ctx)->up == NULL;
}

static bool
all_gone(void *ctx)
{
	(void)ctx;
	return m.n_gone == m.n_accepted;
}

static void
give_chunks(struct mill_conn *c)
{
	mill_say(c, OK_HEAD "Transfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 100; i++)
		mill_say(c, "3\r\nabc\r\n");
}

/* In each event, with much more to come; the engine sees a hang-up. */
static void
test_leave_in_each_event(void **state)
{
	(void)state;
	for (int ev = UPSTREAM_HEAD; ev <= UPSTREAM_FAIL; ev++)
		for (int release = 0; release < 2; release++) {
			static char text[1 << 23];
			struct leaving x = {(enum upstream_event)ev, release};
			struct talk t = {.hook = leave_at};
			struct engine *e;

			mill_init(&m);
			e = mill_quiet_engine(&m);
			m.ctx = &x;
			m.on_request = give_chunks;
			if (ev == UPSTREAM_FAIL)
				m.on_request = mill_hang_up;
			(void)snprintf(text, sizeof text, "%s", GET);
			if (ev == UPSTREAM_SENT) {
				/* Long: it does not fit at once. */
				(void)snprintf(text, sizeof text,
				    "POST / HTTP/1.1\r\nContent-Length: "
				    "8000000\r\n\r\n");
				memset(text + strlen(text), 'x', 8000000);
			}
			talk_begin(&t, &m, e, text);
			mill_until(&m, has_left, &t);
			mill_until(&m, all_gone, NULL);
			assert_true(list_is_empty(&e->idle));
			assert_true(list_is_empty(&e->busy));
			talk_fini(&t);
			mill_fini(&m);
		}
}

/* Before anything came; and with the request not yet sent. */
static void
test_leave_early(void **state)
{
	static char text[1 << 23];

	(void)state;
	for (int turns = 0; turns < 4; turns++) {
		struct talk t = {.heads = 0};
		struct engine *e;
		struct upstream *up;

		mill_init(&m);
		e = mill_quiet_engine(&m);
		m.on_request = say_nothing;
		m.holds_requests = turns > 1;
		(void)snprintf(text, sizeof text,
		    "POST / HTTP/1.1\r\nContent-Length: 8000000\r\n\r\n");
		memset(text + strlen(text), 'x', 8000000);
		talk_begin(&t, &m, e, text);
		for (int i = 0; i < turns; i++)
			mill_turn(&m);
		up = t.up;
		t.up = NULL;
		upstream_close(up);
		/* The bytes are the user's again: ASan watches. */
		memset(text, 0, sizeof text);
		mill_turn(&m);
		assert_true(list_is_empty(&e->busy));
		talk_fini(&t);
		mill_fini(&m);
	}
}

/* A long request arrives whole, and the user hears when it has gone. */
static void
test_long_request(void **state)
{
	static char text[BIG + 100];
	struct talk t = {.heads = 0};
	struct engine *e;
	int n;

	(void)state;
	mill_init(&m);
	e = mill_quiet_engine(&m);
	n = snprintf(text, sizeof text,
	    "POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n", BIG);
	memset(text + n, 'x', BIG);
	m.on_request = mill_say_it;
	m.say = HELLO;
	talk_begin(&t, &m, e, text);
	assert_true(conn_pending(&t.up->conn) > 0);
	talk_wait(&t);
	assert_int_equal(t.ends, 1);
	assert_int_equal(t.sents, 1);
	assert_int_equal(m.n_requests, 1);
	assert_false(list_is_empty(&e->idle));
	talk_fini(&t);
	mill_fini(&m);
}

static void
keep_end(struct talk *t, enum upstream_event ev)
{
	(void)t;
	(void)ev;
}

/* Answered before the request was sent: that connection is not used again. */
static void
test_early_answer(void **state)
{
	static char text[1 << 23];
	struct talk t = {.hook = keep_end, .keep = true};
	struct mill_conn *c;
	struct upstream *up;
	struct engine *e;
	int n;

	(void)state;
	mill_init(&m);
	m.holds_requests = true;
	e = mill_quiet_engine(&m);
	n = snprintf(text, sizeof text,
	    "POST / HTTP/1.1\r\nContent-Length: 8000000\r\n\r\n");
	memset(text + n, 'x', 8000000);
	talk_begin(&t, &m, e, text);
	while (m.n_accepted == 0)
		mill_turn(&m);
	c = LIST_OF(list_first(&m.conns), struct mill_conn, node);
	mill_say(c, HELLO);
	talk_wait(&t);
	assert_int_equal(t.ends, 1);
	assert_true(conn_pending(&t.up->conn) > 0);
	up = t.up;
	t.up = NULL;
	upstream_release(up);
	assert_true(list_is_empty(&e->idle));
	mill_turn(&m);
	talk_fini(&t);
	mill_fini(&m);
}

/* --- engines that go --- */

/* A reload takes the engine away in the middle of an answer. */
static void
test_retired_under_way(void **state)
{
	struct talk t = {.hook = pause_in_head}, idle = {.heads = 0};
	struct conf_engine none;
	struct engine *e;

	(void)state;
	mill_init(&m);
	e = mill_quiet_engine(&m);
	m.on_request = mill_say_it;
	m.say = HELLO;
	talk_begin(&idle, &m, e, GET);
	talk_wait(&idle);
	(void)upstream_open(e, &t.user, true); /* one that never sends */
	talk_begin(&t, &m, e, GET);
	mill_until(&m, is_paused_or_over, &t);
	none = mill_conf(&m, "other");
	none.kind = CONF_ENGINE_KIND_OPENAI;
	mill_configure(&m, &none, 1);
	assert_null(mill_engine(&m, "quiet"));
	assert_true(e->is_retired);
	upstream_close(LIST_OF(list_first(&e->busy), struct upstream, node));
	upstream_resume(t.up);
	talk_wait(&t);
	assert_int_equal(t.ends, 1);
	assert_true(slice_is(buf_slice(&t.body), "hello"));
	/* Released to an engine that is no more: closed, and both freed. */
	talk_fini(&t);
	talk_fini(&idle);
	mill_turn(&m);
	mill_fini(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_answers),
	    cmocka_unit_test(test_unix),
	    cmocka_unit_test(test_drip),
	    cmocka_unit_test(test_many_chunks),
	    cmocka_unit_test(test_stale),
	    cmocka_unit_test(test_idle_ends),
	    cmocka_unit_test(test_two_answers),
	    cmocka_unit_test(test_first_byte),
	    cmocka_unit_test(test_between_bytes),
	    cmocka_unit_test(test_slow_but_steady),
	    cmocka_unit_test(test_no_connection),
	    cmocka_unit_test(test_pause),
	    cmocka_unit_test(test_pause_in_head),
	    cmocka_unit_test(test_release_paused),
	    cmocka_unit_test(test_leave_in_each_event),
	    cmocka_unit_test(test_leave_early),
	    cmocka_unit_test(test_long_request),
	    cmocka_unit_test(test_early_answer),
	    cmocka_unit_test(test_retired_under_way),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
