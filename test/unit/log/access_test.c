/* The line of DESIGN.md 8, and what stands in it when little is known. */
#include "log/access.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include <stdlib.h>
#include <time.h>

/* The request of DESIGN.md's example. */
static struct access
example(void)
{
	struct access a;

	access_init(&a);
	a.ts_us = 1771956000123456;
	a.id = slice_str("01J8ZQ4M0000000000000000AB");
	a.caller = slice_str("agent-forum");
	a.model = slice_str("llama3.2");
	a.engine = slice_str("local");
	a.api = slice_str("ollama");
	a.path = slice_str("/api/chat");
	a.stream = 1;
	a.input_tokens = 450;
	a.output_tokens = 280;
	a.queue_us = 12000;
	a.ttft_us = 310400;
	a.latency_us = 1239500;
	a.status = 200;
	return a;
}

static void
expect(const struct access *a, const char *want)
{
	struct stamp stamp = {0};
	char *out = malloc(ACCESS_LINE_MAX + 1);
	size_t n;

	assert_non_null(out);
	n = access_format(a, &stamp, out);
	assert_true(n < ACCESS_LINE_MAX);
	out[n] = 0;
	assert_string_equal(out, want);
	free(out);
}

static void
test_the_example(void **state)
{
	struct access a = example();

	(void)state;
	expect(&a,
	    "{\"ts\":\"2026-02-24T18:00:00.123Z\","
	    "\"id\":\"01J8ZQ4M0000000000000000AB\",\"caller\":\"agent-forum\","
	    "\"model\":\"llama3.2\",\"engine\":\"local\",\"api\":\"ollama\","
	    "\"path\":\"/api/chat\",\"stream\":true,\"input_tokens\":450,"
	    "\"output_tokens\":280,\"queue_ms\":12,\"ttft_ms\":310,"
	    "\"latency_ms\":1240,\"status\":200,\"err\":null}");
}

static void
test_nothing_known(void **state)
{
	struct access a;

	(void)state;
	access_init(&a);
	expect(&a, "{\"ts\":\"1970-01-01T00:00:00.000Z\",\"err\":null}");
}

static void
test_a_refusal(void **state)
{
	struct access a;

	(void)state;
	access_init(&a);
	a.caller = slice_str("anonymous");
	a.stream = 0;
	a.input_tokens = 0;
	a.status = 429;
	a.err = ERR_RATE_LIMITED;
	expect(&a,
	    "{\"ts\":\"1970-01-01T00:00:00.000Z\",\"caller\":\"anonymous\","
	    "\"stream\":false,\"input_tokens\":0,\"status\":429,"
	    "\"err\":\"rate_limit_exceeded\"}");
}

static void
test_what_stands_behind_err(void **state)
{
	struct access a;

	(void)state;
	access_init(&a);
	a.edits = (struct access_names){{"include_usage", "max_tokens"}, 2};
	a.retries = 1;
	a.cached_tokens = 0;
	a.dry_run = ERR_RATE_LIMITED;
	expect(&a,
	    "{\"ts\":\"1970-01-01T00:00:00.000Z\",\"err\":null,"
	    "\"edits\":[\"include_usage\",\"max_tokens\"],\"retries\":1,"
	    "\"cached_tokens\":0,"
	    "\"dry_run\":\"rate_limit_exceeded\"}");
}

static void
test_values_cannot_break_the_line(void **state)
{
	struct access a;

	(void)state;
	access_init(&a);
	a.model = slice_str("x\",\"status\":200,\"y\":\"\n{");
	expect(&a,
	    "{\"ts\":\"1970-01-01T00:00:00.000Z\",\"model\":"
	    "\"x\\\",\\\"status\\\":200,\\\"y\\\":\\\"\\n{\",\"err\":null}");
}

/* All texts long and all to be escaped, all numbers long: it still fits. */
static void
test_the_longest_line_fits(void **state)
{
	static char bad[100000];
	struct stamp stamp = {0};
	struct slice s = slice_of(bad, sizeof bad);
	char *out = malloc(ACCESS_LINE_MAX);
	struct access a = example();
	size_t n;

	(void)state;
	assert_non_null(out);
	memset(bad, 1, sizeof bad);
	a.id = a.caller = a.model = a.engine = a.api = a.path = s;
	a.input_tokens = a.output_tokens = a.queue_us = INT64_MAX;
	a.ttft_us = a.latency_us = a.status = INT64_MAX;
	a.retries = a.cached_tokens = INT64_MAX;
	a.err = a.dry_run = ERR_HEAD_TOO_LARGE;
	for (a.edits.n = 0; a.edits.n < 8; a.edits.n++)
		a.edits.name[a.edits.n] = "an_edit_with_a_long_name";
	n = access_format(&a, &stamp, out);
	assert_true(n > 6 * 6 * ACCESS_TEXT_MAX && n <= ACCESS_LINE_MAX);
	free(out);
}

static void
test_speed_is_told(void **state)
{
	struct access a = example();
	struct stamp stamp = {0};
	struct timespec from, to;
	char out[ACCESS_LINE_MAX];
	enum { ROUNDS = 200000 };
	size_t n = 0;
	double ns;

	(void)state;
	(void)clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < ROUNDS; i++) {
		a.ts_us += 7;
		n += access_format(&a, &stamp, out);
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &to);
	ns = (double)(to.tv_sec - from.tv_sec) * 1e9 +
	    (double)(to.tv_nsec - from.tv_nsec);
	print_message("# access_format: %.0f ns a line\n", ns / ROUNDS);
	assert_true(n > 0 && ns / ROUNDS < 100000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_example),
	    cmocka_unit_test(test_nothing_known),
	    cmocka_unit_test(test_a_refusal),
	    cmocka_unit_test(test_what_stands_behind_err),
	    cmocka_unit_test(test_values_cannot_break_the_line),
	    cmocka_unit_test(test_the_longest_line_fits),
	    cmocka_unit_test(test_speed_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
