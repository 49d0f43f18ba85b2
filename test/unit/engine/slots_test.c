/* How many requests an engine works on at once, as it shows. */
#include "engine/linger.h"
#include "engine/load.h"
#include "engine/moment.h"
#include "engine/slots.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define WORDS(lit) slice_of(lit, sizeof(lit) - 1)

static void
a_runner_shows_its_slots(void **state)
{
	static const struct {
		struct slice args;
		unsigned want;
	} cases[] = {
	    {SLICE("/opt/o/lib/ollama/llama-server\0--model\0/b/sha256-1\0"
		   "--port\0"
		   "41293\0-c\0"
		   "8192\0-np\0"
		   "4\0"),
		4},
	    {SLICE("llama-server\0--parallel\0"
		   "2\0"),
		2},
	    {SLICE("/usr/bin/ollama\0runner\0--parallel\0"
		   "3\0"),
		3},
	    /* The last word may lack its NUL. */
	    {SLICE("llama-server\0-np\0"
		   "7"),
		7},
	    {SLICE("llama-server\0--model\0-np\0"), 0},
	    {SLICE("llama-server\0-np\0"), 0},
	    {SLICE("llama-server\0-np\0-1\0"), 0},
	    {SLICE("llama-server\0-np\0"
		   "99999999999999999999\0"),
		0},
	    {SLICE("llama-server\0"), 0},
	    {SLICE("/usr/bin/ollama\0serve\0-np\0"
		   "4\0"),
		0},
	    {SLICE("/bin/sleep\0-np\0"
		   "4\0"),
		0},
	    {SLICE(""), 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(slots_of_runner(cases[i].args), cases[i].want);
}

static void
an_environment_names_them(void **state)
{
	static const char name[] = "OLLAMA_NUM_PARALLEL";

	(void)state;
	assert_int_equal(
	    slots_of_environ(
		WORDS("HOME=/r\0OLLAMA_NUM_PARALLEL=3\0A=1\0"), name),
	    3);
	assert_int_equal(
	    slots_of_environ(WORDS("OLLAMA_NUM_PARALLEL= 2 \0"), name), 2);
	assert_int_equal(
	    slots_of_environ(WORDS("XOLLAMA_NUM_PARALLEL=3\0"), name), 0);
	assert_int_equal(
	    slots_of_environ(WORDS("OLLAMA_NUM_PARALLEL=all\0"), name), 0);
	assert_int_equal(
	    slots_of_environ(WORDS("OLLAMA_NUM_PARALLEL\0"), name), 0);
	assert_int_equal(slots_of_environ(WORDS(""), name), 0);
}

static void
metrics_tell_who_waits_inside(void **state)
{
	(void)state;
	assert_int_equal(slots_waiting(WORDS(
			     "# HELP vllm:num_requests_waiting x\n"
			     "# TYPE vllm:num_requests_waiting gauge\n"
			     "vllm:num_requests_waiting{engine=\"0\","
			     "model_name=\"a b\"} 3.0\n"
			     "vllm:num_requests_waiting{engine=\"1\"} 4.0\n"
			     "vllm:num_requests_running{engine=\"1\"} 9.0\n")),
	    7);
	assert_int_equal(
	    slots_waiting(WORDS("vllm:num_requests_waiting 0.0")), 0);
	assert_int_equal(
	    slots_waiting(WORDS("vllm:num_requests_waiting_total 5\n")), -1);
	assert_int_equal(
	    slots_waiting(WORDS("vllm:num_requests_waiting NaN\n")), -1);
	assert_int_equal(slots_waiting(WORDS("<html>")), -1);
}

static void
slots_shrink_to_what_runs_and_grow_again(void **state)
{
	(void)state;
	/* 64 in flight of which 24 wait: 40 run. */
	assert_int_equal(slots_next(64, 64, 24), 40);
	/* Never to more than there were, nor to none. */
	assert_int_equal(slots_next(40, 60, 4), 40);
	assert_int_equal(slots_next(40, 5, 9), 1);
	assert_int_equal(slots_next(40, 40, 0), 48);
	assert_int_equal(slots_next(60, 60, 0), 64);
	/* It does not tell: all. */
	assert_int_equal(slots_next(8, 8, -1), 64);
}

static void
slots_at_work_are_counted(void **state)
{
	(void)state;
	assert_int_equal(linger_busy_slots(WORDS(
			     "[{\"id\":0,\"is_processing\":true,\"next_token\":"
			     "[{\"is_processing\":true}]},"
			     "{\"id\":1,\"is_processing\":false}]")),
	    1);
	assert_int_equal(
	    linger_busy_slots(WORDS("[{\"is_processing\":false}]")), 0);
	assert_int_equal(linger_busy_slots(WORDS("[]")), -1);
	assert_int_equal(linger_busy_slots(WORDS("[{\"id\":0}]")), -1);
	assert_int_equal(linger_busy_slots(WORDS("{\"error\":{}}")), -1);
	assert_int_equal(
	    linger_busy_slots(WORDS("[{\"is_processing\":true")), -1);
	assert_int_equal(linger_busy_slots(WORDS("")), -1);
}

/* `date -u -d 2026-11-22T10:00:50Z +%s` */
#define NOW_US (INT64_C(1795341650) * 1000000)

static void
moments_are_read_as_rfc_3339_says(void **state)
{
	static const struct {
		struct slice text;
		int64_t want;
	} cases[] = {
	    {SLICE("2026-11-22T10:05:50.608978817Z"), 300 * 1000000},
	    {SLICE("2026-11-22T10:05:50Z"), 300 * 1000000},
	    {SLICE("2026-11-22T12:05:50.1+02:00"), 300 * 1000000},
	    {SLICE("2026-11-22T02:35:50-07:30"), 300 * 1000000},
	    {SLICE("2026-11-22T10:00:49Z"), 0},
	    {SLICE("0001-01-01T00:00:00Z"), 0},
	    {SLICE("2318-03-04T09:48:06.123456789+01:00"), INT64_MAX},
	    {SLICE("2026-11-22"), 0},
	    {SLICE("2026-13-22T10:05:50Z"), 0},
	    {SLICE("2027-11-22T10:05:50"), 0},
	    {SLICE("soon"), 0},
	    {SLICE(""), 0},
	    {SLICE("2026-11-22T10:05:50.6089788176089788176089788176089788Z"),
		0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(
		    moment_left_us(cases[i].text, NOW_US), cases[i].want);
	/* Over the end of a leap February. */
	assert_int_equal(moment_left_us(WORDS("2028-03-01T00:00:00Z"),
			     INT64_C(1835395200) * 1000000),
	    86400 * INT64_C(1000000));
}

static void
failed_loads_have_reasons_without_the_engines_words(void **state)
{
	static const struct {
		int status;
		const char *body, *want;
	} cases[] = {
	    {500, "{\"error\":\"model requires more system memory (9 GiB)\"}",
		"it does not fit into memory"},
	    {500, "ggml: cudaMalloc failed: out of memory",
		"it does not fit into memory"},
	    {500, "timed out waiting for llama-server to start - x",
		"loading it took too long"},
	    {500, "this model may be incompatible with your version of Ollama",
		"this version of the engine cannot run it"},
	    {404, "", "its files are missing"},
	    {500, "llama-server process has terminated: exit status 1",
		"its runner ended while it loaded"},
	    {500, "/srv/secret", "the engine cannot load it"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(
		    load_reason(cases[i].status, slice_str(cases[i].body)),
		    cases[i].want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_runner_shows_its_slots),
	    cmocka_unit_test(an_environment_names_them),
	    cmocka_unit_test(metrics_tell_who_waits_inside),
	    cmocka_unit_test(slots_shrink_to_what_runs_and_grow_again),
	    cmocka_unit_test(slots_at_work_are_counted),
	    cmocka_unit_test(moments_are_read_as_rfc_3339_says),
	    cmocka_unit_test(
		failed_loads_have_reasons_without_the_engines_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
