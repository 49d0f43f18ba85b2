/*
 * Server-sent events by the WHATWG's rules (HTML 9.2.6).  Every stream runs
 * whole, cut in two at every byte and byte by byte, in fresh memory each time,
 * and the spans handed out must make up the stream again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include "http/sse.h"

struct sse_case {
	const char *name;
	struct slice raw;
	/*
	 * `name[data]` for each event, `name[data*2]` with the lines joined by
	 * `/` for several data lines, `#` for a span without an event, `!` for
	 * one too long, and what is left incomplete behind `~`.
	 */
	const char *want;
};

enum { MAX = 64 };

static const struct sse_case cases[] = {
    {"one event", SLICE("data: a\n\n"), "[a]"},
    {"CRLF", SLICE("data: a\r\n\r\n"), "[a]"},
    {"CR", SLICE("data: a\r\rdata: b\r\r"), "[a][b]"},
    {"mixed line ends", SLICE("data: a\r\n\ndata: b\n\r\ndata: c\r\n\r"),
	"[a][b][c]"},
    {"CR LF between two events", SLICE("data: a\r\n\r\ndata: b\r\n\r\n"),
	"[a][b]"},
    {"no blank behind the colon", SLICE("data:a\n\n"), "[a]"},
    {"only one blank goes", SLICE("data:  a\n\n"), "[ a]"},
    {"colons in the data", SLICE("data: a: b:\n\n"), "[a: b:]"},
    {"empty data", SLICE("data:\n\n"), "[]"},
    {"a field without a colon", SLICE("data\n\n"), "[]"},
    {"two data lines", SLICE("data: a\ndata: b\n\n"), "[a/b*2]"},
    {"three, the second empty", SLICE("data: a\r\ndata\r\ndata: c\r\n\r\n"),
	"[a//c*3]"},
    {"two empty ones (the specification's example)",
	SLICE("data\n\ndata\ndata\n\ndata:"), "[][/*2]~data:"},
    {"a named event (Anthropic)",
	SLICE("event: ping\ndata: {\"type\": \"ping\"}\n\n"),
	"ping[{\"type\": \"ping\"}]"},
    {"the name behind the data", SLICE("data: a\nevent: x\n\n"), "x[a]"},
    {"the last name counts", SLICE("event: x\nevent: y\ndata: a\n\n"), "y[a]"},
    {"an empty name", SLICE("event:\ndata: a\n\n"), "[a]"},
    {"names do not stick", SLICE("event: x\ndata: a\n\ndata: b\n\n"),
	"x[a][b]"},
    {"id, retry and unknown fields",
	SLICE("id: 1\nretry: 5\nx: y\ndata: a\n\n"), "[a]"},
    {"names are exact", SLICE("Data: x\n data: y\ndata : z\n\n"), "#"},
    {"a name without data", SLICE("event: x\n\n"), "#"},
    {"heartbeat (llama-server)", SLICE(":\n\ndata: a\n\n"), "##[a]"},
    {"comment with a text", SLICE(": ping\n\n"), "##"},
    {"comment right before data", SLICE(": x\ndata: a\n\n"), "#[a]"},
    {"comment inside of an event", SLICE("data: a\n: x\ndata: b\n\n"),
	"[a/b*2]"},
    {"blank lines between events", SLICE("\n\r\ndata: a\n\n\n"), "##[a]#"},
    {"byte order mark",
	SLICE("\xef\xbb\xbf"
	      "data: a\n\n"),
	"[a]"},
    {"mark before a comment", SLICE("\xef\xbb\xbf:x\ndata: a\n\n"), "#[a]"},
    {"mark in the middle is data",
	SLICE("data: a\n\n\xef\xbb\xbf"
	      "data: b\n\n"),
	"[a]#"},
    {"half a mark is none",
	SLICE("\xef\xbb"
	      "data: a\n\n"),
	"#"},
    {"incomplete event", SLICE("data: a\n\ndata: b\n"), "[a]~data: b\n"},
    {"incomplete line", SLICE("data: a"), "~data: a"},
    {"incomplete mark", SLICE("\xef"), "~\xef"},
    {"nothing", SLICE(""), ""},
    {"NUL and UTF-8 in data", SLICE("data: \0\xe2\x82\xac\n\n"),
	"[\xe2\x82\xac]"},
    {"exactly the maximum",
	SLICE("data: 0123456789012345678901234567890123456789012345678901234"
	      "5\n\n"),
	"[01234567890123456789012345678901234567890123456789012345]"},
    {"one byte more",
	SLICE("data: 0123456789012345678901234567890123456789012345678901234"
	      "56\n\n"),
	"!"},
    {"many short lines beyond the maximum",
	SLICE("data: a\ndata: b\ndata: c\ndata: d\ndata: e\ndata: f\n"
	      "data: g\ndata: h\ndata: i\n\n"),
	"!"},
    {"the maximum is for each event",
	SLICE("data: 012345678901234567890123456789\n\ndata: "
	      "012345678901234567890123456789\n\n"),
	"[012345678901234567890123456789][012345678901234567890123456789]"},
};

static void
add(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i])
			assert_int_equal(buf_add_char(b, s.p[i]), OK);
}

static void
note(struct buf *out, enum sse_kind kind, const struct sse_item *item)
{
	struct buf joined;

	if (kind == SSE_COMMENT) {
		assert_int_equal(item->n_data, 0);
		add(out, slice_str("#"));
		return;
	}
	buf_init(&joined, 4096);
	assert_int_equal(sse_join(item, &joined), OK);
	if (item->n_data == 1)
		assert_true(slice_eq(buf_slice(&joined), item->data));
	for (size_t i = 0; i < joined.n; i++)
		if (joined.p[i] == '\n')
			joined.p[i] = '/';
	add(out, item->event);
	add(out, slice_str("["));
	add(out, buf_slice(&joined));
	if (item->n_data > 1)
		assert_int_equal(buf_printf(out, "*%zu", item->n_data), OK);
	add(out, slice_str("]"));
	buf_fini(&joined);
}

/* Items of the first ${n} unconsumed bytes, until MORE or BAD. */
static bool
pull(struct sse *s, struct slice raw, size_t *at, size_t n, struct buf *out)
{
	for (;;) {
		char *fresh = malloc(n - *at + 1); /* moved each time */
		struct sse_item item;
		enum sse_kind kind;
		size_t used;

		assert_non_null(fresh);
		memcpy(fresh, raw.p + *at, n - *at);
		kind = sse_next(s, slice_of(fresh, n - *at), &used, &item);
		if (kind == SSE_EVENT || kind == SSE_COMMENT) {
			assert_true(used > 0 && item.raw.n == used);
			assert_ptr_equal(item.raw.p, fresh);
			note(out, kind, &item);
			*at += used;
		}
		free(fresh);
		if (kind == SSE_BAD)
			add(out, slice_str("!"));
		if (kind == SSE_MORE || kind == SSE_BAD)
			return kind == SSE_MORE;
	}
}

static void
run(const struct sse_case *c, size_t cut, size_t step)
{
	struct sse s;
	struct buf out;
	size_t at = 0;
	bool goes_on = true;

	sse_init(&s, MAX);
	buf_init(&out, 65536);
	for (size_t n = cut; goes_on && n < c->raw.n; n += step)
		goes_on = pull(&s, c->raw, &at, n, &out);
	if (goes_on)
		goes_on = pull(&s, c->raw, &at, c->raw.n, &out);
	sse_eof(&s);
	if (goes_on && pull(&s, c->raw, &at, c->raw.n, &out) && at < c->raw.n) {
		add(&out, slice_str("~"));
		add(&out, slice_from(c->raw, at));
	}
	if (!slice_is(buf_slice(&out), c->want))
		fail_msg("%s (cut %zu): expected %s, got %.*s", c->name, cut,
		    c->want, SLICE_ARG(buf_slice(&out)));
	buf_fini(&out);
}

static void
test_streams(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		run(&cases[i], 0, 1);
		for (size_t cut = 0; cut <= cases[i].raw.n; cut++)
			run(&cases[i], cut, cases[i].raw.n + 1);
	}
}

/* An item comes with its last byte, not with the next item's first. */
static void
test_at_once(void **state)
{
	static const char raw[] = "data: a\r\n\r\n";
	struct sse_item item;
	struct sse s;
	size_t used;

	(void)state;
	sse_init(&s, MAX);
	for (size_t n = 0; n < sizeof raw - 1; n++)
		assert_int_equal(
		    sse_next(&s, slice_of(raw, n), &used, &item), SSE_MORE);
	assert_int_equal(
	    sse_next(&s, slice_of(raw, sizeof raw - 1), &used, &item),
	    SSE_EVENT);
}

/* A long event in small pieces is read once: no quadratic time. */
static void
test_resumes(void **state)
{
	enum { N = 8 * 1024 * 1024 };
	char *big = malloc(N);
	struct sse_item item;
	struct sse s;
	size_t used;

	(void)state;
	assert_non_null(big);
	memset(big, 'a', N);
	memcpy(big, "data: ", 6);
	memcpy(big + N - 2, "\n\n", 2);
	sse_init(&s, SSE_EVENT_MAX);
	for (size_t n = 64; n < N; n += 64) {
		assert_int_equal(
		    sse_next(&s, slice_of(big, n), &used, &item), SSE_MORE);
		/* what was read may be gone; only its length matters */
		memset(big + (n > 128 ? n - 128 : 0), '\n', n > 128 ? 64 : 0);
	}
	assert_int_equal(
	    sse_next(&s, slice_of(big, N), &used, &item), SSE_EVENT);
	assert_int_equal(item.data.n, N - 8);
	free(big);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_streams),
	    cmocka_unit_test(test_at_once),
	    cmocka_unit_test(test_resumes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
