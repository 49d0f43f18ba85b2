/*
 * Lines of JSON.  Every stream runs whole, cut in two at every byte and byte
 * by byte; the spans handed out must make up the stream again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include "base/buf.h"
#include "http/ndjson.h"

enum { MAX = 16 };

static const struct {
	const char *name;
	struct slice raw;
	bool eof;
	const char *want; /* `[value]`, `#` blank, `!` too long, `~` rest */
} cases[] = {
    {"one line", SLICE("{}\n"), false, "[{}]"},
    {"two lines", SLICE("{\"a\":1}\n{}\n"), false, "[{\"a\":1}][{}]"},
    {"CRLF", SLICE("{}\r\n{}\r\n"), false, "[{}][{}]"},
    {"white space around it", SLICE(" \t{} \n"), false, "[{}]"},
    {"heartbeat: a blank before the next", SLICE(" {}\n  {}\n"), false,
	"[{}][{}]"},
    {"blank lines", SLICE("\n \r\n{}\n\n"), false, "##[{}]#"},
    {"incomplete, stream open", SLICE("{}\n{\"a"), false, "[{}]~"},
    {"no line end before the end", SLICE("{}\n{\"a"), true, "[{}][{\"a]"},
    {"blanks before the end", SLICE("{}\n  "), true, "[{}]#"},
    {"nothing", SLICE(""), true, ""},
    {"CR is no line end", SLICE("{}\r{}\n"), false, "[{}\r{}]"},
    {"exactly the maximum", SLICE("0123456789abcdef\n"), false,
	"[0123456789abcdef]"},
    {"one byte more", SLICE("0123456789abcdefg\n"), false, "!"},
    {"too long without an end", SLICE("0123456789abcdefg"), false, "!"},
    {"too long behind a good one", SLICE("{}\n0123456789abcdefg\n"), false,
	"[{}]!"},
};

static bool
pull(struct ndjson *s, struct slice raw, size_t *at, size_t n, struct buf *out)
{
	for (;;) {
		char *fresh = malloc(n - *at + 1); /* moved each time */
		struct ndjson_item item;
		enum ndjson_kind kind;
		size_t used;

		assert_non_null(fresh);
		memcpy(fresh, raw.p + *at, n - *at);
		kind = ndjson_next(s, slice_of(fresh, n - *at), &used, &item);
		if (kind == NDJSON_LINE)
			assert_int_equal(
			    buf_printf(out, "[%.*s]", SLICE_ARG(item.value)),
			    OK);
		if (kind == NDJSON_BLANK)
			assert_int_equal(buf_add_char(out, '#'), OK);
		if (kind == NDJSON_BAD)
			assert_int_equal(buf_add_char(out, '!'), OK);
		if (kind == NDJSON_LINE || kind == NDJSON_BLANK) {
			assert_ptr_equal(item.raw.p, fresh);
			assert_true(used > 0 && item.raw.n == used);
			*at += used;
		}
		free(fresh);
		if (kind == NDJSON_MORE || kind == NDJSON_BAD)
			return kind == NDJSON_MORE;
	}
}

static void
run(size_t i, size_t cut, size_t step)
{
	struct slice raw = cases[i].raw;
	bool goes_on = true;
	struct ndjson s;
	struct buf out;
	size_t at = 0;

	ndjson_init(&s, MAX);
	buf_init(&out, 4096);
	for (size_t n = cut; goes_on && n < raw.n; n += step)
		goes_on = pull(&s, raw, &at, n, &out);
	if (goes_on)
		goes_on = pull(&s, raw, &at, raw.n, &out);
	if (goes_on && cases[i].eof) {
		ndjson_eof(&s);
		goes_on = pull(&s, raw, &at, raw.n, &out);
	}
	if (goes_on && at < raw.n)
		assert_int_equal(buf_add_char(&out, '~'), OK);
	if (!slice_is(buf_slice(&out), cases[i].want))
		fail_msg("%s (cut %zu): expected %s, got %.*s", cases[i].name,
		    cut, cases[i].want, SLICE_ARG(buf_slice(&out)));
	buf_fini(&out);
}

static void
test_streams(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		run(i, 0, 1);
		for (size_t cut = 0; cut <= cases[i].raw.n; cut++)
			run(i, cut, cases[i].raw.n + 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
