/*
 * Heads and chunks that weir writes, and dates.  Nobody's text may start a
 * line of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <time.h>
#include "http/date.h"
#include "http/parser.h"
#include "http/write.h"

#define S(lit) slice_of((lit), sizeof(lit) - 1)

static void
assert_is(struct slice s, const char *want)
{
	if (!slice_is(s, want))
		fail_msg("expected \"%s\", got \"%.*s\"", want, SLICE_ARG(s));
}

static void
test_heads(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(http_write_request(&b, S("POST"), S("/x?y")), OK);
	assert_int_equal(http_write_field(&b, S("Host"), S("a:1")), OK);
	assert_int_equal(http_write_field(&b, S("X-Empty"), S("")), OK);
	assert_int_equal(http_write_field_u64(&b, "Content-Length", 0), OK);
	assert_int_equal(http_write_end(&b), OK);
	assert_is(buf_slice(&b),
	    "POST /x?y HTTP/1.1\r\nHost: a:1\r\nX-Empty: \r\n"
	    "Content-Length: 0\r\n\r\n");
	buf_clear(&b);
	assert_int_equal(http_write_status(&b, 429), OK);
	assert_int_equal(
	    http_write_field_u64(&b, "Retry-After", UINT64_MAX), OK);
	assert_int_equal(http_write_status(&b, 299), OK);
	assert_is(buf_slice(&b),
	    "HTTP/1.1 429 Too Many Requests\r\n"
	    "Retry-After: 18446744073709551615\r\n"
	    "HTTP/1.1 299 Unknown\r\n");
	buf_fini(&b);
}

static void
test_refused_values(void **state)
{
	static const struct {
		struct slice name, value;
		enum err err;
	} cases[] = {
	    {SLICE("X"), SLICE("a b\t\xc3\xa9"), OK},
	    {SLICE("X"), SLICE("a\rb"), ERR_SYNTAX},
	    {SLICE("X"), SLICE("a\nb"), ERR_SYNTAX},
	    {SLICE("X"), SLICE("a\r\nSet-Cookie: b"), ERR_SYNTAX},
	    {SLICE("X"), SLICE("a\0b"), ERR_SYNTAX},
	    {SLICE("X"), SLICE("a\x7f"), ERR_SYNTAX},
	    {SLICE("X"), SLICE("12345678901234567890\x1b"), ERR_SYNTAX},
	    {SLICE(""), SLICE("a"), ERR_SYNTAX},
	    {SLICE("X Y"), SLICE("a"), ERR_SYNTAX},
	    {SLICE("X:"), SLICE("a"), ERR_SYNTAX},
	    {SLICE("X\r\nY"), SLICE("a"), ERR_SYNTAX},
	    {SLICE("\xc3\xa9"), SLICE("a"), ERR_SYNTAX},
	};
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t before = b.n;

		assert_int_equal(
		    http_write_field(&b, cases[i].name, cases[i].value),
		    cases[i].err);
		assert_int_equal(b.n != before, cases[i].err == OK);
	}
	assert_int_equal(http_write_request(&b, S("GET"), S("")), ERR_SYNTAX);
	assert_int_equal(
	    http_write_request(&b, S("GET"), S("/ HTTP/1.1\r\nX: y")),
	    ERR_SYNTAX);
	assert_int_equal(
	    http_write_request(&b, S("GET"), S("/a b")), ERR_SYNTAX);
	assert_int_equal(http_write_request(&b, S(""), S("/")), ERR_SYNTAX);
	assert_int_equal(
	    http_write_request(&b, S("GET /"), S("/")), ERR_SYNTAX);
	buf_fini(&b);
}

/* A full buffer takes nothing at all of a line. */
static void
test_full(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 8);
	assert_int_equal(http_write_field(&b, S("X"), S("12345")), ERR_FULL);
	assert_int_equal(b.n, 0);
	assert_int_equal(http_write_field(&b, S("X"), S("123")), OK);
	assert_int_equal(http_write_end(&b), ERR_FULL);
	buf_fini(&b);
}

static void
test_chunks(void **state)
{
	static const struct {
		size_t n;
		const char *want;
	} cases[] = {
	    {1, "1\r\n"},
	    {15, "f\r\n"},
	    {16, "10\r\n"},
	    {230, "e6\r\n"},
	    {65536, "10000\r\n"},
	    {SIZE_MAX, "ffffffffffffffff\r\n"},
	};
	char out[HTTP_CHUNK_HEAD_MAX];
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_is(slice_of(out, http_chunk_head(out, cases[i].n)),
		    cases[i].want);
	buf_init(&b, 64);
	assert_int_equal(http_write_chunk(&b, S("abc")), OK);
	assert_int_equal(http_write_chunk(&b, S("")), OK);
	assert_int_equal(buf_add(&b, http_chunk_last()), OK);
	assert_is(buf_slice(&b), "3\r\nabc\r\n0\r\n\r\n");
	buf_fini(&b);
}

/* What is written can be read. */
static void
test_round_trip(void **state)
{
	struct http_limits l = http_limits_default();
	static struct http_head h;
	struct http_parser p;
	struct slice body;
	struct buf b;
	size_t used;

	(void)state;
	buf_init(&b, 4096);
	http_parser_init(&p, HTTP_SIDE_RESPONSE, &l);
	for (int status = 200; status <= 599; status++) {
		buf_clear(&b);
		assert_int_equal(http_write_status(&b, status), OK);
		assert_int_equal(
		    http_write_field_u64(&b, "Content-Length", 0), OK);
		assert_int_equal(http_write_end(&b), OK);
		assert_int_equal(
		    http_parser_next(&p, &h, buf_slice(&b), &used, &body),
		    HTTP_EVENT_HEAD);
		assert_int_equal(h.status, status);
		assert_int_equal(used, b.n);
		assert_int_equal(
		    http_parser_next(&p, &h, slice_of(NULL, 0), &used, &body),
		    HTTP_EVENT_END);
	}
	buf_fini(&b);
}

static void
test_dates(void **state)
{
	static const struct {
		int64_t unix_s;
		const char *want;
	} cases[] = {
	    {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"}, /* RFC 9110 */
	    {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
	    {-1, "Wed, 31 Dec 1969 23:59:59 GMT"},
	    {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
	    {4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"},
	    {253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"},
	    {INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"},
	    {INT64_MIN, "Wed, 01 Mar 0000 00:00:00 GMT"},
	};
	struct http_date_cache cache = {0};
	char out[HTTP_DATE_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		http_date(out, cases[i].unix_s);
		assert_is(slice_of(out, HTTP_DATE_BYTES), cases[i].want);
		for (int twice = 0; twice < 2; twice++)
			assert_is(http_date_get(&cache, cases[i].unix_s),
			    cases[i].want);
	}

	/* The C library agrees on every day from 1600 to 2500. */
	for (int64_t s = -11676096000; s < 16725225600; s += 86399) {
		char want[64];
		time_t t = (time_t)s;
		struct tm tm;

		assert_non_null(gmtime_r(&t, &tm));
		(void)strftime(
		    want, sizeof want, "%a, %d %b %Y %H:%M:%S GMT", &tm);
		http_date(out, s);
		assert_is(slice_of(out, HTTP_DATE_BYTES), want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_heads),
	    cmocka_unit_test(test_refused_values),
	    cmocka_unit_test(test_full),
	    cmocka_unit_test(test_chunks),
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
