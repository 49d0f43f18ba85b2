/* What Ollama tells while it pulls, and what only looks like it. */
#include "disk/pull.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

static enum pull_news
read_line(struct pull *p, const char *line)
{
	return pull_read(p, slice_str(line));
}

static void
test_layers_one_after_the_other(void **state)
{
	struct pull p = {0};

	assert_int_equal(
	    read_line(&p, "{\"status\":\"pulling manifest\"}"), PULL_NOTHING);
	assert_int_equal(
	    read_line(&p,
		"{\"status\":\"pulling a\",\"digest\":\"sha256:a\","
		"\"total\":1000}"),
	    PULL_LAYER);
	assert_int_equal(pull_left(&p), 1000);
	assert_int_equal(
	    read_line(&p,
		"{\"status\":\"pulling a\",\"digest\":\"sha256:a\","
		"\"total\":1000,\"completed\":400}"),
	    PULL_PROGRESS);
	assert_int_equal(pull_left(&p), 600);
	assert_int_equal(read_line(&p,
			     "{\"digest\":\"sha256:a\",\"total\":1000,"
			     "\"completed\":1000}"),
	    PULL_PROGRESS);
	assert_int_equal(
	    read_line(
		&p, "{\"completed\":5,\"total\":20,\"digest\":\"sha256:b\"}"),
	    PULL_LAYER);
	assert_int_equal(pull_left(&p), 15);
	assert_int_equal(pull_total(&p), 1020);
	/* One that grows is judged anew. */
	assert_int_equal(
	    read_line(&p, "{\"total\":90,\"digest\":\"sha256:b\"}"),
	    PULL_LAYER);
	assert_int_equal(pull_left(&p), 90);
}

static void
test_no_progress(void **state)
{
	static const char *const lines[] = {
	    "",
	    "{",
	    "[]",
	    "\"total\"",
	    "{\"total\":1000}",
	    "{\"digest\":\"a\",\"total\":-5}",
	    "{\"digest\":\"a\",\"total\":1e9}",
	    "{\"digest\":\"a\",\"total\":\"1000\"}",
	    "{\"digest\":\"a\",\"total\":99999999999999999999}",
	    "{\"digest\":5,\"total\":1000}",
	    "{\"digest\":\"a\",\"total\":1000",
	    "{\"x\":{\"digest\":\"a\",\"total\":1000}}",
	};
	struct pull p = {0};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		assert_int_equal(read_line(&p, lines[i]), PULL_NOTHING);
	assert_int_equal(p.n, 0);
}

static void
test_more_layers_than_places(void **state)
{
	struct pull p = {0};
	char line[200];

	for (int i = 0; i < 100; i++) {
		(void)snprintf(
		    line, sizeof line, "{\"digest\":\"%d\",\"total\":10}", i);
		assert_int_equal(read_line(&p, line),
		    i < PULL_LAYERS ? PULL_LAYER : PULL_NOTHING);
	}
	assert_int_equal(pull_left(&p), 10 * PULL_LAYERS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_layers_one_after_the_other),
	    cmocka_unit_test(test_no_progress),
	    cmocka_unit_test(test_more_layers_than_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
