/*
 * What engines may answer.  Expectations come from RFC 9112 6.3 (where a body
 * ends) and RFC 9110 15 (interim responses, bodies by status); recorded
 * answers of real engines are in the cases named after them.  Every case runs
 * whole, cut in two at every byte, and byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "test/unit/http/check.h"

enum how {
	OPEN,	     /* the stream stays open */
	CLOSED,	     /* it ends behind the bytes */
	OPEN_HEAD,   /* the first one answers HEAD */
	CLOSED_HEAD, /* both */
};

struct http_case {
	const char *name;
	enum how how;
	struct slice raw;
	const char *brief; /* see trace.h; a last `*` matches any reason */
};

#define OK200 "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK200 "Transfer-Encoding: chunked\r\n\r\n"
#define SIZED3 OK200 "Content-Length: 3\r\n\r\n"

/* --- status line: RFC 9112 4 --- */
static const struct http_case lines[] = {
    {"sized", OPEN, SLICE(SIZED3 "abc"), "200 <abc>"},
    {"1.0", CLOSED, SLICE("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc"),
	"200 <abc>"},
    {"empty reason", OPEN, SLICE("HTTP/1.1 204 \r\n\r\n"), "204 <>"},
    {"no blank behind the status", OPEN, SLICE("HTTP/1.1 204\r\n\r\n"),
	"204 <>"},
    {"long reason with obs-text", OPEN,
	SLICE("HTTP/1.1 204 Nicht \xc3\xbc"
	      "blich, oder?\r\n\r\n"),
	"204 <>"},
    {"status 599", OPEN, SLICE("HTTP/1.1 599 x\r\nContent-Length: 0\r\n\r\n"),
	"599 <>"},
    {"status 600", OPEN, SLICE("HTTP/1.1 600 x\r\n\r\n"),
	"!502 the status is malformed"},
    {"status 099", OPEN, SLICE("HTTP/1.1 099 x\r\n\r\n"),
	"!502 the status is malformed"},
    {"status of two digits", OPEN, SLICE("HTTP/1.1 20 x\r\n\r\n"),
	"!502 the status is malformed"},
    {"status of four digits", OPEN, SLICE("HTTP/1.1 2000 x\r\n\r\n"),
	"!502 the status is malformed"},
    {"status +20", OPEN, SLICE("HTTP/1.1 +20 x\r\n\r\n"),
	"!502 the status is malformed"},
    {"no status", OPEN, SLICE("HTTP/1.1\r\n\r\n"),
	"!502 the status is malformed"},
    {"two blanks", OPEN, SLICE("HTTP/1.1  200 OK\r\n\r\n"),
	"!502 the status is malformed"},
    {"HTTP/2", OPEN, SLICE("HTTP/2 200 OK\r\n\r\n"), "!502 only HTTP*"},
    {"not HTTP at all", OPEN, SLICE("SSH-2.0-OpenSSH_9.2\r\n"),
	"!502 only HTTP*"},
    {"LF only", OPEN, SLICE("HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
	"!502 a line feed*"},
    {"empty line before it", OPEN, SLICE("\r\n" SIZED3 "abc"), "!502 *"},
    {"TLS alert", OPEN, SLICE("\x15\x03\x01\x00\x02\x02\x46"),
	"!502 a control byte in the head"},
    {"control byte in the reason", OPEN, SLICE("HTTP/1.1 200 O\x01K\r\n\r\n"),
	"!502 a control byte in the head"},
};

/* --- fields --- */
static const struct http_case fields[] = {
    {"empty value (llama-server without an Origin)", OPEN,
	SLICE(OK200 "Server: llama.cpp\r\nAccess-Control-Allow-Origin: \r\n"
		    "Content-Type: application/json; charset=utf-8\r\n"
		    "Content-Length: 15\r\nConnection: close\r\n\r\n"
		    "{\"status\":\"ok\"}"),
	"200 <{\"status\":\"ok\"}>"},
    {"Connection: close twice (llama-server's router)", CLOSED,
	SLICE(OK200 "Server: llama.cpp\r\nAccess-Control-Allow-Origin: \r\n"
		    "Connection: close\r\nX-Accel-Buffering: no\r\n"
		    "Content-Type: text/event-stream\r\n"
		    "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
		    "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"),
	"200 <data: [DONE]\n\n>"},
    {"Upgrade offered in a 200", OPEN,
	SLICE(OK200 "Connection: upgrade\r\nUpgrade: h2c\r\n"
		    "Content-Length: 1\r\n\r\na"),
	"200 <a>"},
    {"folded line", OPEN,
	SLICE(OK200 "X: a\r\n b\r\nContent-Length: 0\r\n\r\n"),
	"!502 a folded line"},
    {"blank before a colon", OPEN, SLICE(OK200 "Content-Length : 0\r\n\r\n"),
	"!502 white space before a colon"},
    {"bare CR in a value", OPEN,
	SLICE(OK200 "X: \rContent-Length: 3\r\n\r\nabc"),
	"!502 a carriage return*"},
    {"empty name", OPEN, SLICE(OK200 ": a\r\n\r\n"),
	"!502 an empty field name"},
};

/* --- framing: RFC 9112 6.3 --- */
static const struct http_case framing[] = {
    {"two on one connection", OPEN, SLICE(SIZED3 "abc" CHUNKED "0\r\n\r\n"),
	"200 <abc> 200 <>"},
    {"empty", OPEN, SLICE(OK200 "Content-Length: 0\r\n\r\n"), "200 <>"},
    {"chunked", OPEN, SLICE(CHUNKED "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"),
	"200 <abc>"},
    {"trailers are dropped", OPEN,
	SLICE(CHUNKED "1\r\na\r\n0\r\nX: y\r\n\r\n" SIZED3 "abc"),
	"200 <a> 200 <abc>"},
    {"ended by the stream", CLOSED, SLICE(OK200 "\r\nabc"), "200 <abc>"},
    {"ended by the stream, empty", CLOSED, SLICE(OK200 "\r\n"), "200 <>"},
    {"ended by the stream, still open", OPEN, SLICE(OK200 "\r\nabc"),
	"200 <abc"},
    {"ended by the stream: no second answer", CLOSED,
	SLICE(OK200 "\r\n" SIZED3), "200 <" SIZED3 ">"},
    {"stream ends inside of a sized body", CLOSED, SLICE(SIZED3 "ab"),
	"200 <ab !EOF"},
    {"stream ends behind a sized body", CLOSED, SLICE(SIZED3 "abc"),
	"200 <abc>"},
    {"stream ends inside of a chunk", CLOSED, SLICE(CHUNKED "3\r\nab"),
	"200 <ab !EOF"},
    {"stream ends between chunks", CLOSED, SLICE(CHUNKED "2\r\nab\r\n"),
	"200 <ab !EOF"},
    {"stream ends before the last blank line", CLOSED,
	SLICE(CHUNKED "2\r\nab\r\n0\r\n"), "200 <ab !EOF"},
    {"stream ends inside of the head", CLOSED, SLICE(OK200 "Content-"), "!EOF"},
    {"stream ends behind a 100", CLOSED, SLICE("HTTP/1.1 100 x\r\n\r\n"),
	"!EOF"},
    {"stream ends before anything", CLOSED, SLICE(""), ""},
    {"length and chunked", OPEN,
	SLICE(OK200 "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
	"!502 Content-Length with Transfer-Encoding"},
    {"two lengths", OPEN,
	SLICE(OK200 "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
	"!502 more than one Content-Length"},
    {"malformed length", OPEN, SLICE(OK200 "Content-Length: 3x\r\n\r\nabc"),
	"!502 Content-Length is not a number"},
    {"coding gzip, chunked", OPEN,
	SLICE(OK200 "Transfer-Encoding: gzip, chunked\r\n\r\n"),
	"!502 Transfer-Encoding is not exactly chunked"},
    {"coding gzip", OPEN, SLICE(OK200 "Transfer-Encoding: gzip\r\n\r\n"),
	"!502 Transfer-Encoding is not exactly chunked"},
    {"chunked in 1.0", OPEN,
	SLICE("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
	"!502 Transfer-Encoding in HTTP/1.0"},
    {"malformed chunk", OPEN, SLICE(CHUNKED "1\r\na\r\nzz\r\n"),
	"200 <a !502 *"},
    {"malformed trailer", OPEN, SLICE(CHUNKED "0\r\n:\r\n\r\n"),
	"200 < !502 a malformed trailer"},
    {"204 has none whatever it says", OPEN,
	SLICE("HTTP/1.1 204 x\r\nContent-Length: 3\r\n\r\n" SIZED3 "abc"),
	"204 <> 200 <abc>"},
    {"204 with chunked", OPEN,
	SLICE("HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n" SIZED3
	      "abc"),
	"204 <> 200 <abc>"},
    {"304 has none, its length is of something else", OPEN,
	SLICE("HTTP/1.1 304 x\r\nContent-Length: 3\r\n\r\n" SIZED3 "abc"),
	"304 <> 200 <abc>"},
    {"answer to HEAD, sized", OPEN_HEAD, SLICE(SIZED3 SIZED3 "abc"),
	"200 <> 200 <abc>"},
    {"answer to HEAD, chunked", OPEN_HEAD, SLICE(CHUNKED SIZED3 "abc"),
	"200 <> 200 <abc>"},
    {"answer to HEAD, no length", CLOSED_HEAD, SLICE(OK200 "\r\n"), "200 <>"},
    {"answer to HEAD behind a 100", OPEN_HEAD,
	SLICE("HTTP/1.1 100 x\r\n\r\n" SIZED3 SIZED3 "abc"),
	"200 <> 200 <abc>"},
};

/* --- interim responses: RFC 9110 15.2 --- */
static const struct http_case interim[] = {
    {"100 is skipped", OPEN,
	SLICE("HTTP/1.1 100 Continue\r\n\r\n" SIZED3 "abc"), "200 <abc>"},
    {"103 with fields, then 102", OPEN,
	SLICE("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
	      "HTTP/1.1 102 Processing\r\n\r\n" SIZED3 "abc"),
	"200 <abc>"},
    {"100 between two answers", OPEN,
	SLICE(SIZED3 "abcHTTP/1.1 100 x\r\n\r\n" SIZED3 "def"),
	"200 <abc> 200 <def>"},
    {"101", OPEN,
	SLICE("HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
	"!502 an unasked 101"},
    {"100 with a length", OPEN,
	SLICE("HTTP/1.1 100 x\r\nContent-Length: 3\r\n\r\nabc"),
	"!502 a 1xx with a body"},
    {"bad head behind a 100", OPEN,
	SLICE("HTTP/1.1 100 x\r\n\r\nHTTP/1.1 200 x\r\n y\r\n\r\n"),
	"!502 a folded line"},
    {"only a 100 so far", OPEN, SLICE("HTTP/1.1 100 x\r\n\r\n"), ""},
};

static void
run_case(const struct http_case *c)
{
	const struct trace_in in = {.side = HTTP_SIDE_RESPONSE,
	    .bytes = c->raw,
	    .expect_head = c->how == OPEN_HEAD || c->how == CLOSED_HEAD,
	    .eof = c->how == CLOSED || c->how == CLOSED_HEAD,
	    .limits = http_limits_default()};

	check_cuts(c->name, c->brief, &in);
}

#define RUN_ALL(cases)                                                         \
	for (size_t i = 0; i < sizeof(cases) / sizeof((cases)[0]); i++)        \
	run_case(&(cases)[i])

static void
test_status_lines(void **state)
{
	(void)state;
	RUN_ALL(lines);
}

static void
test_fields(void **state)
{
	(void)state;
	RUN_ALL(fields);
}

static void
test_framing(void **state)
{
	(void)state;
	RUN_ALL(framing);
}

static void
test_interim(void **state)
{
	(void)state;
	RUN_ALL(interim);
}

/* An engine that sends 1xx for ever is not waited for. */
static void
test_endless_interim(void **state)
{
	static const char one[] = "HTTP/1.1 102 x\r\n\r\n";
	struct http_limits l = http_limits_default();
	struct http_parser p;
	struct http_head h;
	struct slice body;
	struct buf b;
	size_t used;

	(void)state;
	buf_init(&b, 65536);
	http_parser_init(&p, HTTP_SIDE_RESPONSE, &l);
	for (int i = 0; i < 33; i++)
		assert_int_equal(buf_add_str(&b, one), OK);
	assert_int_equal(http_parser_next(&p, &h, buf_slice(&b), &used, &body),
	    HTTP_EVENT_BAD);
	assert_int_equal(http_parser_refusal(&p).err, ERR_ENGINE_PROTOCOL);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_status_lines),
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_framing),
	    cmocka_unit_test(test_interim),
	    cmocka_unit_test(test_endless_interim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
