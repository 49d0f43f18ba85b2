/* Events: the sentence, the line, and the table behind them. */
#include "log/event.h"
#include "log/text.h"
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <ctype.h>
#include <stdlib.h>

static void
test_line_and_sentence(void **state)
{
	static const char want[] =
	    "{\"ts\":\"2026-02-24T18:00:00.123Z\",\"level\":\"error\","
	    "\"event\":\"engine_down\",\"text\":\"The engine local at "
	    "http://h:1 does not answer: \\\"x\\\".\",\"engine\":\"local\","
	    "\"url\":\"http://h:1\",\"reason\":\"\\\"x\\\"\",\"after_ms\":-5}";
	char out[EVENT_LINE_MAX];
	size_t n;

	(void)state;
	n = event_format(out, 1771956000123456, EVENT_ENGINE_DOWN,
	    EVENT_ARGS(event_str("engine", "local"),
		event_slice("url", slice_str("http://h:1")),
		event_str("reason", "\"x\""), event_num("after_ms", -5)));
	assert_int_equal(n, sizeof want - 1);
	assert_memory_equal(out, want, n);

	n = event_sentence(
	    out, EVENT_LOG_DROPPED, EVENT_ARGS(event_num("dropped", 17)));
	out[n] = 0;
	assert_string_equal(out,
	    "17 log lines were dropped: the log's disk or reader was too "
	    "slow.");
}

static void
test_missing_and_empty_values(void **state)
{
	char out[EVENT_LINE_MAX];
	size_t n;

	(void)state;
	n = event_sentence(out, EVENT_LOG_DROPPED, EVENT_NO_ARGS);
	assert_true(slice_starts(slice_of(out, n), slice_str("? log lines")));
	n = event_format(out, 0, EVENT_STOPPED, EVENT_NO_ARGS);
	assert_true(slice_is(slice_of(out, n),
	    "{\"ts\":\"1970-01-01T00:00:00.000Z\",\"level\":\"info\","
	    "\"event\":\"stopped\",\"text\":\"Stopped.\"}"));
	n = event_format(out, 0, EVENT_STOPPED,
	    EVENT_ARGS(event_slice("why", slice_of(NULL, 0))));
	assert_true(slice_ends(slice_of(out, n), slice_str("\"why\":\"\"}")));
}

/* A terminal gets no control characters, and lines stay lines. */
static void
test_sentence_is_clean(void **state)
{
	char out[EVENT_LINE_MAX];
	size_t n = event_sentence(out, EVENT_RELOAD_REFUSED,
	    EVENT_ARGS(event_str("reason", "a\x1b[2Jb\nc")));

	(void)state;
	assert_true(slice_ends(slice_of(out, n), slice_str("a [2Jb\nc")));
}

/* Far more than fits: still one whole object within the bound. */
static void
test_huge_values(void **state)
{
	static char big[200000];
	struct event_arg args[12];
	char *out = malloc(EVENT_LINE_MAX);
	size_t n, quotes = 0;

	(void)state;
	assert_non_null(out);
	memset(big, 2, sizeof big);
	for (size_t i = 0; i < 12; i++)
		args[i] = event_slice("reason", slice_of(big, sizeof big));
	n = event_format(out, 0, EVENT_RELOAD_REFUSED, args, 12);
	assert_true(n <= EVENT_LINE_MAX);
	assert_int_equal(out[n - 1], '}');
	assert_int_equal(out[n - 2], '"');
	for (size_t i = 0; i < n; i++)
		quotes += out[i] == '"';
	assert_int_equal(quotes % 4, 0);
	n = event_sentence(out, EVENT_RELOAD_REFUSED, args, 12);
	assert_true(n <= EVENT_LINE_MAX);
	free(out);
}

static void
test_table(void **state)
{
	(void)state;
	for (enum event_id a = 0; a < EVENT_COUNT; a++) {
		const struct event_fact *f = event_get(a);

		for (const char *p = f->code; *p; p++)
			assert_true(islower((unsigned char)*p) || *p == '_');
		assert_true(strlen(f->text) > 0 && strlen(f->help) > 0);
		for (enum event_id b = 0; b < a; b++)
			assert_string_not_equal(f->code, event_get(b)->code);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_line_and_sentence),
	    cmocka_unit_test(test_missing_and_empty_values),
	    cmocka_unit_test(test_sentence_is_clean),
	    cmocka_unit_test(test_huge_values),
	    cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
