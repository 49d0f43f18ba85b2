/* Weir's own small requests: answers, bounds, cancels. */
#include "engine/fetch.h"
#include "mill.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define MS INT64_C(1000)
#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define HELLO OK_HEAD "Content-Length: 5\r\n\r\nhello"

static struct mill m;

struct errand {
	struct fetch fetch;
	int n_done;
	bool in_call;
	int again; /* start anew that many times from on_done */
};

static void
on_done(struct fetch *f)
{
	struct errand *x = (struct errand *)(void *)f;

	assert_false(x->in_call);
	assert_null(f->up);
	x->n_done++;
	if (x->again > 0) {
		x->again--;
		fetch_start(f, "GET", "/again", (struct slice){0}, 10000 * MS);
	}
}

static void
begin(struct errand *x, const char *path, int64_t bound_us)
{
	x->in_call = true;
	fetch_start(&x->fetch, "GET", path, (struct slice){0}, bound_us);
	x->in_call = false;
}

static bool
is_done(void *ctx)
{
	struct errand *x = ctx;

	return x->n_done > 0 && x->again == 0 && x->fetch.up == NULL;
}

static struct engine *
start(struct errand *x, size_t max)
{
	struct engine *e;

	mill_init(&m);
	e = mill_quiet_engine(&m);
	m.on_request = mill_say_it;
	*x = (struct errand){.n_done = 0};
	fetch_init(&x->fetch, e, max, on_done);
	return e;
}

static void
end(struct errand *x)
{
	fetch_fini(&x->fetch);
	fetch_fini(&x->fetch);
	mill_fini(&m);
}

/* Each opens a connection of its own; they do not pile up at the engine. */
static void
test_one_connection_stays(void **state)
{
	struct errand x;
	struct engine *e = start(&x, 16);

	(void)state;
	m.say = HELLO;
	for (int i = 0; i < 5; i++) {
		size_t n = 0;

		x.n_done = 0;
		begin(&x, "/p", 10000 * MS);
		mill_until(&m, is_done, &x);
		assert_int_equal(x.fetch.err, OK);
		mill_turn(&m);
		LIST_EACH (it, &e->idle)
			n++;
		assert_int_equal(n, 1);
		assert_true(list_is_empty(&e->busy));
	}
	end(&x);
}

static void
test_answers(void **state)
{
	static const struct {
		const char *text;
		enum err err;
		int status;
		enum fetch_server server;
		const char *body;
	} cases[] = {
	    {HELLO, OK, 200, FETCH_OTHER, "hello"},
	    {"HTTP/1.1 503 Busy\r\nServer: llama.cpp\r\n"
	     "Content-Length: 2\r\n\r\n{}",
		OK, 503, FETCH_LLAMA, "{}"},
	    {OK_HEAD "Server: weir\r\nContent-Length: 0\r\n\r\n", OK, 200,
		FETCH_WEIR, ""},
	    {OK_HEAD "Server: weir/0.1\r\nContent-Length: 0\r\n\r\n", OK, 200,
		FETCH_WEIR, ""},
	    {OK_HEAD "Server: weirdo\r\nContent-Length: 0\r\n\r\n", OK, 200,
		FETCH_OTHER, ""},
	    {OK_HEAD "Server: uvicorn\r\nTransfer-Encoding: chunked\r\n\r\n"
		     "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
		OK, 200, FETCH_OTHER, "abcde"},
	    {"SSH-2.0-x\r\n", ERR_SYNTAX, 0, FETCH_OTHER, ""},
	    {OK_HEAD "Content-Length: 16\r\n\r\n0123456789abcdef", OK, 200,
		FETCH_OTHER, "0123456789abcdef"},
	    {OK_HEAD "Content-Length: 17\r\n\r\n0123456789abcdefg", ERR_FULL,
		200, FETCH_OTHER, NULL},
	};
	struct errand x;

	(void)state;
	(void)start(&x, 16);
	/* One after another, with the same fetch. */
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		m.say = cases[i].text;
		x.n_done = 0;
		begin(&x, "/p", 10000 * MS);
		mill_until(&m, is_done, &x);
		if (x.fetch.err != cases[i].err ||
		    x.fetch.status != cases[i].status ||
		    x.fetch.server != cases[i].server ||
		    (cases[i].body &&
			!slice_is(buf_slice(&x.fetch.answer), cases[i].body)))
			fail_msg("case %zu: err %d", i, (int)x.fetch.err);
		mill_turn(&m);
		assert_int_equal(x.n_done, 1);
	}
	end(&x);
}

static void
check_request(struct mill_conn *c)
{
	static const char *const want[] = {"POST /api/show HTTP/1.1\r\n",
	    "\r\nHost: 127.0.0.1:", "\r\nAccept-Encoding: identity\r\n",
	    "\r\nUser-Agent: weir/", "\r\nAuthorization: Bearer s3cret\r\n",
	    "\r\nContent-Type: application/json\r\n",
	    "\r\nContent-Length: 13\r\n"};

	for (size_t i = 0; i < sizeof want / sizeof *want; i++)
		if (!slice_has(c->head, slice_str(want[i])))
			fail_msg("without %s", want[i]);
	assert_true(slice_is(c->body, "{\"model\":\"a\"}"));
	mill_json(c, "{}");
}

static void
test_request(void **state)
{
	struct slice body = SLICE("{\"model\":\"a\"}"), old;
	struct engine *e;
	struct errand x;

	(void)state;
	e = start(&x, 100);
	m.on_request = check_request;
	old = e->key;
	e->key = slice_str("s3cret");
	fetch_start(&x.fetch, "POST", "/api/show", body, 10000 * MS);
	mill_until(&m, is_done, &x);
	assert_int_equal(x.fetch.err, OK);
	assert_int_equal(m.n_requests, 1);
	e->key = old;
	end(&x);
}

static void
say_nothing(struct mill_conn *c)
{
	(void)c;
}

static void
say_half(struct mill_conn *c)
{
	mill_say(c, OK_HEAD "Content-Length: 9\r\n\r\nhalf");
}

static void
test_bound(void **state)
{
	void (*const ways[])(struct mill_conn *) = {say_nothing, say_half};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct errand x;
		int64_t begun_us;

		(void)start(&x, 100);
		m.on_request = ways[i];
		begun_us = os_now_us();
		begin(&x, "/p", 30 * MS);
		mill_until(&m, is_done, &x);
		assert_int_equal(x.fetch.err, ERR_TIMEOUT);
		assert_true(os_now_us() - begun_us >= 30 * MS);
		mill_turn(&m);
		assert_int_equal(x.n_done, 1);
		end(&x);
	}
}

/* Nobody there, and no address at all: told later, not from the call. */
static void
test_no_connection(void **state)
{
	struct engine *e;
	struct errand x;

	(void)state;
	e = start(&x, 100);
	mill_close(&m);
	begin(&x, "/p", 10000 * MS);
	mill_until(&m, is_done, &x);
	assert_int_equal(x.fetch.err, ERR_CONNECT);
	x.n_done = 0;
	e->has_address = false;
	begin(&x, "/p", 10000 * MS);
	assert_int_equal(x.n_done, 0);
	mill_until(&m, is_done, &x);
	assert_int_equal(x.fetch.err, ERR_CONNECT);
	assert_int_equal(x.fetch.status, 0);
	end(&x);
}

/* At any moment; afterwards nothing comes, and it may start anew. */
static void
test_cancel(void **state)
{
	(void)state;
	for (int turns = 0; turns < 6; turns++) {
		struct errand x;

		(void)start(&x, 100);
		m.say = HELLO;
		fetch_cancel(&x.fetch);
		begin(&x, "/p", 10000 * MS);
		for (int i = 0; i < turns; i++)
			(void)uv_run(&m.loop.uv, UV_RUN_NOWAIT);
		if (x.n_done == 0) {
			fetch_cancel(&x.fetch);
			mill_turn(&m);
			assert_int_equal(x.n_done, 0);
		}
		fetch_cancel(&x.fetch);
		x.n_done = 0;
		begin(&x, "/p", 10000 * MS);
		mill_until(&m, is_done, &x);
		assert_int_equal(x.fetch.err, OK);
		end(&x);
	}
}

/* From its own on_done, as a probe does. */
static void
test_again(void **state)
{
	struct errand x;

	(void)state;
	(void)start(&x, 100);
	m.say = HELLO;
	x.again = 20;
	begin(&x, "/p", 10000 * MS);
	mill_until(&m, is_done, &x);
	assert_int_equal(x.n_done, 21);
	assert_int_equal(m.n_requests, 21);
	assert_true(slice_is(buf_slice(&x.fetch.answer), "hello"));
	/* And where each one fails. */
	m.say = "no HTTP at all\r\n\r\n";
	x.again = 20;
	x.n_done = 0;
	begin(&x, "/p", 10000 * MS);
	mill_until(&m, is_done, &x);
	assert_int_equal(x.n_done, 21);
	assert_int_equal(x.fetch.err, ERR_SYNTAX);
	end(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_answers),
	    cmocka_unit_test(test_one_connection_stays),
	    cmocka_unit_test(test_request),
	    cmocka_unit_test(test_bound),
	    cmocka_unit_test(test_no_connection),
	    cmocka_unit_test(test_cancel),
	    cmocka_unit_test(test_again),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
