/*
 * What a head says when it has been read: places, accessors, keep-alive,
 * Expect; and the limits, which must refuse before the head is complete.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include "base/buf.h"
#include "http/parser.h"

static struct http_head h;

/* Parse ${raw}, whose first head must be complete. */
static void
read_head(enum http_side side, const char *raw)
{
	struct http_limits l = http_limits_default();
	struct http_parser p;
	struct slice body;
	size_t used;

	http_parser_init(&p, side, &l);
	assert_int_equal(http_parser_next(&p, &h, slice_str(raw), &used, &body),
	    HTTP_EVENT_HEAD);
	assert_int_equal(used, h.n + (size_t)(h.base - raw));
}

static void
assert_is(struct slice s, const char *want)
{
	if (!slice_is(s, want))
		fail_msg("expected \"%s\", got \"%.*s\"", want, SLICE_ARG(s));
}

static void
test_places(void **state)
{
	static const char raw[] = "\r\nPOST /v1/x?y HTTP/1.1\r\nHOST:a\r\n"
				  "X-Empty:\r\nAccept: \t a b \t\r\n"
				  "accept: c\r\nContent-Length: 7\r\n\r\n";
	char copy[sizeof raw];

	(void)state;
	read_head(HTTP_SIDE_REQUEST, raw);
	assert_int_equal(h.n, sizeof raw - 1 - 2);
	assert_int_equal(h.method, HTTP_METHOD_POST);
	assert_is(http_head_method(&h), "POST");
	assert_is(http_head_target(&h), "/v1/x?y");
	assert_int_equal(h.minor, 1);
	assert_int_equal(h.status, 0);
	assert_int_equal(h.n_fields, 5);
	assert_int_equal(h.content_length, 7);
	assert_false(h.chunked);

	/* The same from a copy, with the original gone. */
	memcpy(copy, raw + 2, sizeof raw - 2);
	http_head_move(&h, copy);
	assert_is(http_head_name(&h, 0), "HOST");
	assert_is(http_head_value(&h, 0), "a");
	assert_is(http_head_find(&h, "host"), "a");
	assert_is(http_head_find(&h, "accept"), "a b");
	assert_is(http_head_find(&h, "x-empty"), "");
	assert_non_null(http_head_find(&h, "x-empty").p);
	assert_null(http_head_find(&h, "x-absent").p);
	assert_int_equal(http_head_count(&h, "accept"), 2);
	assert_int_equal(http_head_count(&h, "hos"), 0);
	assert_true(http_head_find(&h, "host").p > copy);
}

static void
test_lists(void **state)
{
	static const struct {
		const char *list, *token;
		bool has;
	} cases[] = {
	    {"close", "close", true},
	    {"CLOSE", "close", true},
	    {"a, Close ,b", "close", true},
	    {",,close", "close", true},
	    {"closed", "close", false},
	    {"not close", "close", false},
	    {"close;q=1", "close", false},
	    {"", "close", false},
	    {",", "close", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (http_list_has(slice_str(cases[i].list), cases[i].token) !=
		    cases[i].has)
			fail_msg("\"%s\"", cases[i].list);

	read_head(HTTP_SIDE_RESPONSE,
	    "HTTP/1.1 204 x\r\nConnection: x\r\nconnection: y, close\r\n\r\n");
	assert_true(http_head_has_token(&h, "connection", "x"));
	assert_true(http_head_has_token(&h, "connection", "close"));
	assert_false(http_head_has_token(&h, "connection", "z"));
	assert_false(http_head_has_token(&h, "x", "x"));
}

static void
test_methods(void **state)
{
	(void)state;
	for (int m = HTTP_METHOD_GET; m <= HTTP_METHOD_PATCH; m++)
		assert_int_equal(http_method_find(slice_str(
				     http_method_name((enum http_method)m))),
		    m);
	assert_int_equal(http_method_find(slice_str("get")), HTTP_METHOD_OTHER);
	assert_int_equal(http_method_find(slice_str("")), HTTP_METHOD_OTHER);
	assert_string_equal(http_method_name(HTTP_METHOD_OTHER), "");
}

/* RFC 9112 9.3: close wins; 1.0 must ask; no length means close. */
static void
test_keep_alive(void **state)
{
	static const struct {
		enum http_side side;
		const char *raw;
		bool keep;
	} cases[] = {
	    {HTTP_SIDE_REQUEST, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
	    {HTTP_SIDE_REQUEST, "GET / HTTP/1.0\r\n\r\n", false},
	    {HTTP_SIDE_REQUEST,
		"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
	    {HTTP_SIDE_REQUEST,
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n",
		false},
	    {HTTP_SIDE_REQUEST,
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n"
		"Connection: x,close\r\n\r\n",
		false},
	    {HTTP_SIDE_REQUEST,
		"GET / HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n",
		false},
	    {HTTP_SIDE_RESPONSE, "HTTP/1.1 200 x\r\nContent-Length: 1\r\n\r\n",
		true},
	    {HTTP_SIDE_RESPONSE,
		"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n", true},
	    {HTTP_SIDE_RESPONSE, "HTTP/1.1 200 x\r\n\r\n", false},
	    {HTTP_SIDE_RESPONSE, "HTTP/1.1 204 x\r\n\r\n", true},
	    {HTTP_SIDE_RESPONSE, "HTTP/1.0 204 x\r\n\r\n", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		read_head(cases[i].side, cases[i].raw);
		if (h.keep_alive != cases[i].keep)
			fail_msg("case %zu: %s", i, cases[i].raw);
	}
}

static void
test_expect(void **state)
{
	static const struct {
		const char *raw;
		bool waits;
	} cases[] = {
	    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
	     "Expect: 100-continue\r\n\r\n",
		true},
	    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
	     "Expect: 100-continue\r\n\r\n",
		true},
	    /* nothing will come, so nothing is waited for */
	    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
	     "Expect: 100-continue\r\n\r\n",
		false},
	    {"POST / HTTP/1.0\r\nContent-Length: 1\r\n"
	     "Expect: 100-continue\r\n\r\n",
		false},
	    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		read_head(HTTP_SIDE_REQUEST, cases[i].raw);
		if (h.expect_continue != cases[i].waits)
			fail_msg("case %zu", i);
	}
}

/* Feed ${b} in steps of ${step}; MORE until the returned event. */
static enum http_event
feed(struct http_parser *p, const struct buf *b, size_t step, size_t *at)
{
	enum http_event e = HTTP_EVENT_MORE;
	struct slice body;
	size_t used;

	for (*at = 0; *at < b->n && e == HTTP_EVENT_MORE;) {
		*at = *at + step < b->n ? *at + step : b->n;
		e = http_parser_next(p, &h, slice_of(b->p, *at), &used, &body);
	}
	return e;
}

struct limit_case {
	const char *name;
	const char *start;
	const char *repeat;
	size_t n;
	const char *end;
	enum err err;
	int64_t limit;
};

static const struct limit_case limit_cases[] = {
    {"a head of exactly 16384", "GET / HTTP/1.1\r\nHost: a\r\nX: ", "a",
	16384 - 25 - 3 - 4, "\r\n\r\n", OK, 0},
    {"a head of 16385", "GET / HTTP/1.1\r\nHost: a\r\nX: ", "a",
	16385 - 25 - 3 - 4, "\r\n\r\n", ERR_HEAD_TOO_LARGE, 16384},
    {"an endless value", "GET / HTTP/1.1\r\nX: ", "a", 30000, "",
	ERR_HEAD_TOO_LARGE, 16384},
    {"an endless name", "GET / HTTP/1.1\r\n", "a", 30000, "",
	ERR_HEAD_TOO_LARGE, 16384},
    {"100 fields", "GET / HTTP/1.1\r\nHost: a\r\n", "X: y\r\n", 99, "\r\n", OK,
	0},
    {"101 fields", "GET / HTTP/1.1\r\nHost: a\r\n", "X: y\r\n", 100, "",
	ERR_HEAD_TOO_LARGE, 100},
    {"a target of exactly 8192", "GET /", "a", 8191,
	" HTTP/1.1\r\nHost: a\r\n\r\n", OK, 0},
    {"a target of 8193", "GET /", "a", 8192, " HTTP/1.1\r\nHost: a\r\n\r\n",
	ERR_URI_TOO_LONG, 8192},
    {"an endless target", "GET /", "a", 30000, "", ERR_URI_TOO_LONG, 8192},
    {"an endless target, then rubbish", "GET /", "a", 9000, "\x01",
	ERR_URI_TOO_LONG, 8192},
};

static void
test_limits(void **state)
{
	static const size_t steps[] = {1, 7, 4096, 1000000};
	struct http_limits l = http_limits_default();

	(void)state;
	for (size_t i = 0; i < sizeof limit_cases / sizeof limit_cases[0];
	     i++) {
		const struct limit_case *c = &limit_cases[i];
		struct buf b;

		buf_init(&b, 65536);
		assert_int_equal(buf_add_str(&b, c->start), OK);
		for (size_t k = 0; k < c->n; k++)
			assert_int_equal(buf_add_str(&b, c->repeat), OK);
		assert_int_equal(buf_add_str(&b, c->end), OK);
		for (size_t k = 0; k < 4; k++) {
			struct http_parser p;
			enum http_event e;
			size_t at;

			http_parser_init(&p, HTTP_SIDE_REQUEST, &l);
			e = feed(&p, &b, steps[k], &at);
			if (e != (c->err ? HTTP_EVENT_BAD : HTTP_EVENT_HEAD))
				fail_msg("%s: event %d", c->name, (int)e);
			if (c->err == OK)
				continue;
			assert_int_equal(http_parser_refusal(&p).err, c->err);
			assert_int_equal(
			    http_parser_refusal(&p).limit, c->limit);
			/* not a byte later than it can be known */
			if (steps[k] == 1 && c->limit > 100)
				assert_true(at <= (size_t)c->limit + 8);
		}
		buf_fini(&b);
	}
}

/* Limits that stand behind a head. */
static void
test_chunk_limits(void **state)
{
	static const char start[] = "POST / HTTP/1.1\r\nHost: a\r\n"
				    "Transfer-Encoding: chunked\r\n\r\n";
	static const struct {
		const char *from, *repeat, *to;
		size_t n;
		enum err err;
	} cases[] = {
	    {"1;", "a", "\r\n", 256, OK},
	    {"1;", "a", "\r\n", 257, ERR_BAD_REQUEST},
	    {"1;", "a", "", 100000, ERR_BAD_REQUEST},
	    {"", "1;aaaaaaaaa\r\na\r\n", "", 1000, OK}, /* each */
	    {"0\r\n", "X: y\r\n", "\r\n", 2730, OK},	/* 16382 bytes */
	    {"0\r\n", "X: y\r\n", "\r\n", 2731, ERR_HEAD_TOO_LARGE},
	    {"0\r\nX: ", "a", "", 100000, ERR_HEAD_TOO_LARGE},
	};
	struct http_limits l = http_limits_default();

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct http_parser p;
		struct slice body, in;
		struct buf b;
		enum http_event e;
		size_t used;

		buf_init(&b, 200000);
		assert_int_equal(buf_add_str(&b, start), OK);
		assert_int_equal(buf_add_str(&b, cases[i].from), OK);
		for (size_t k = 0; k < cases[i].n; k++)
			assert_int_equal(buf_add_str(&b, cases[i].repeat), OK);
		assert_int_equal(buf_add_str(&b, cases[i].to), OK);
		http_parser_init(&p, HTTP_SIDE_REQUEST, &l);
		in = buf_slice(&b);
		do {
			e = http_parser_next(&p, &h, in, &used, &body);
			in = slice_from(in, used);
		} while (e != HTTP_EVENT_BAD && in.n);
		if (cases[i].err == OK) {
			assert_int_not_equal(e, HTTP_EVENT_BAD);
		} else {
			assert_int_equal(e, HTTP_EVENT_BAD);
			assert_int_equal(
			    http_parser_refusal(&p).err, cases[i].err);
		}
		buf_fini(&b);
	}
}

/* BAD is for good, and the state can be asked for on the way. */
static void
test_states(void **state)
{
	static const char raw[] =
	    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab";
	struct http_limits l = http_limits_default();
	struct slice body, in = slice_str(raw);
	struct http_parser p;
	size_t used;

	(void)state;
	http_parser_init(&p, HTTP_SIDE_REQUEST, &l);
	assert_true(http_parser_is_idle(&p));
	assert_int_equal(
	    http_parser_next(&p, &h, slice_to(in, 1), &used, &body),
	    HTTP_EVENT_MORE);
	assert_false(http_parser_is_idle(&p));
	assert_false(http_parser_has_body(&p));
	assert_int_equal(
	    http_parser_next(&p, &h, in, &used, &body), HTTP_EVENT_HEAD);
	assert_true(http_parser_has_body(&p));
	in = slice_from(in, used);
	assert_int_equal(
	    http_parser_next(&p, &h, in, &used, &body), HTTP_EVENT_BODY);
	assert_is(body, "ab");
	assert_false(http_parser_has_body(&p));
	assert_false(http_parser_is_idle(&p));
	in = slice_from(in, used);
	assert_int_equal(
	    http_parser_next(&p, &h, in, &used, &body), HTTP_EVENT_END);
	assert_true(http_parser_is_idle(&p));
	assert_int_equal(http_parser_eof(&p), HTTP_EVENT_MORE);

	assert_int_equal(
	    http_parser_next(&p, &h, slice_str("\x01"), &used, &body),
	    HTTP_EVENT_BAD);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    http_parser_next(&p, &h, slice_str(raw), &used, &body),
		    HTTP_EVENT_BAD);
	assert_int_equal(http_parser_eof(&p), HTTP_EVENT_BAD);
	assert_int_equal(http_parser_refusal(&p).err, ERR_BAD_REQUEST);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_places),
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_methods),
	    cmocka_unit_test(test_keep_alive),
	    cmocka_unit_test(test_expect),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_chunk_limits),
	    cmocka_unit_test(test_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
