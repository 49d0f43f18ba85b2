/*
 * What a head and a streamed answer cost: `meson test --benchmark http`, or
 * run it.  Best of many passes, CPU time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "http/parser.h"
#include "http/sse.h"

enum { PASSES = 30, HEADS = 10000, STREAMS = 200, EVENTS = 100 };

static const char request[] =
    "POST /v1/chat/completions HTTP/1.1\r\n"
    "Host: localhost:11434\r\n"
    "Connection: keep-alive\r\n"
    "Content-Length: 0\r\n"
    "Accept: application/json\r\n"
    "Content-Type: application/json\r\n"
    "User-Agent: OpenAI/JS 4.77.0\r\n"
    "X-Stainless-Lang: js\r\n"
    "X-Stainless-Package-Version: 4.77.0\r\n"
    "X-Stainless-OS: Linux\r\n"
    "X-Stainless-Runtime: node, for a head of 513 bytes, 14 fields\r\n"
    "X-Stainless-Runtime-Version: v20.11.0\r\n"
    "Authorization: Bearer weir_0123456789abcdef0123456789abcdef01234567\r\n"
    "X-Stainless-Retry-Count: 0\r\n"
    "Accept-Encoding: gzip, deflate, zstd\r\n\r\n";

static struct http_head h;

static double
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* One request head and its end, in nanoseconds. */
static double
time_head(void)
{
	const struct slice in = slice_of(request, sizeof request - 1);
	struct http_limits l = http_limits_default();
	struct http_parser p;
	double start;

	http_parser_init(&p, HTTP_SIDE_REQUEST, &l);
	start = now_ns();
	for (int i = 0; i < HEADS; i++) {
		struct slice body;
		size_t used;

		must(http_parser_next(&p, &h, in, &used, &body) ==
		    HTTP_EVENT_HEAD);
		must(http_parser_next(&p, &h, slice_from(in, used), &used,
			 &body) == HTTP_EVENT_END);
	}
	return (now_ns() - start) / HEADS;
}

/* All chunks of ${in}, a response; where ${events}, cut into events too. */
static double
time_stream(struct slice in, bool events)
{
	struct http_limits l = http_limits_default();
	double start = now_ns();

	for (int i = 0; i < STREAMS; i++) {
		struct http_parser p;
		struct slice rest = in, body;
		enum http_event e;
		size_t used, n = 0;
		struct sse s;

		sse_init(&s, SSE_EVENT_MAX);
		http_parser_init(&p, HTTP_SIDE_RESPONSE, &l);
		do {
			struct sse_item item;

			e = http_parser_next(&p, &h, rest, &used, &body);
			rest = slice_from(rest, used);
			if (e != HTTP_EVENT_BODY)
				continue;
			n++;
			must(!events ||
			    sse_next(&s, body, &used, &item) == SSE_EVENT);
		} while (e != HTTP_EVENT_END);
		must(n == EVENTS);
	}
	return (now_ns() - start) / STREAMS;
}

static double
best(double a, double b)
{
	return a < b ? a : b;
}

int
main(void)
{
	double head = 1e18, chunks = 1e18, events = 1e18;
	struct buf b;
	struct slice in;

	buf_init(&b, 1 << 20);
	must(buf_add_str(&b,
		 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
		 "Content-Type: text/event-stream\r\n\r\n") == OK);
	for (int i = 0; i < EVENTS; i++)
		must(buf_printf(&b, "e6\r\ndata: %0222d\n\n\r\n", i) == OK);
	must(buf_add_str(&b, "0\r\n\r\n") == OK);
	in = buf_slice(&b);
	for (int i = 0; i < PASSES; i++) {
		head = best(head, time_head());
		chunks = best(chunks, time_stream(in, false));
		events = best(events, time_stream(in, true));
	}
	(void)printf(
	    "request head of %zu bytes: %.0f ns\n", sizeof request - 1, head);
	(void)printf(
	    "response of %d chunks of 230 bytes: %.0f ns\n", EVENTS, chunks);
	(void)printf("the same, cut into events: %.0f ns\n", events);
	(void)printf("sizes: parser %zu, head %zu, sse %zu bytes\n",
	    sizeof(struct http_parser), sizeof h, sizeof(struct sse));
	buf_fini(&b);
	return 0;
}
