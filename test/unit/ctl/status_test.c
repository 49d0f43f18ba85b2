/* `weir status`: the tables, from any weir's answer. */
#include "ctl/status.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

static const char full[] =
    "{\"ok\":true,\"health\":\"degraded\",\"version\":\"1.2\",\"pid\":7,"
    "\"generation\":2,\"uptime_ms\":187000000,\"gate_uptime_ms\":61000,"
    "\"stopping\":true,\"connections\":{\"count\":3,\"max\":10},"
    "\"bodies\":{\"bytes\":1536,\"max\":1048576},\"log_lines_dropped\":4,"
    "\"leaving\":{\"gates\":[1],\"in_flight\":2,\"waiting\":5},"
    "\"engines\":[{\"name\":\"a\",\"kind\":\"ollama\",\"url\":\"h:1\","
    "\"state\":\"up\",\"since_ms\":999,\"draining\":true,\"slots\":2,"
    "\"in_use\":1,\"models\":5,\"loaded\":[\"m\",\"n:8b\"],\"breaker\":"
    "\"closed\"},"
    "{\"name\":\"b\",\"kind\":\"openai\",\"url\":\"h:2\",\"state\":\"down\","
    "\"since_ms\":3605000,\"why\":\"it sleeps\",\"draining\":false,"
    "\"slots\":4,\"in_use\":0,\"breaker\":\"open\"}],"
    "\"in_flight\":{\"requests\":[{\"id\":\"01ABCDEFGHIJKLMNOPQRSTUVWX\","
    "\"caller\":\"app\",\"model\":\"m\",\"engine\":\"a\",\"age_ms\":12000,"
    "\"state\":\"stream\",\"sent_bytes\":2048,\"pieces\":9}],"
    "\"count\":3,\"shown\":1},"
    "\"waiting\":{\"max\":9,\"requests\":[{\"place\":1,"
    "\"id\":\"01ABCDEFGHIJKLMNOPQRSTUVWY\",\"caller\":\"bot\",\"model\":\"?\","
    "\"age_ms\":5000,\"class\":\"batch\",\"waited_ms\":4000,"
    "\"estimate_ms\":null}],\"count\":1,\"shown\":1},"
    "\"callers\":{\"list\":[{\"caller\":\"app\",\"in_flight\":3,"
    "\"waiting\":0,\"tokens_hour\":51234,\"blocked\":false},"
    "{\"caller\":\"bot\",\"in_flight\":0,\"waiting\":1,"
    "\"blocked\":false}],\"count\":2,\"shown\":2},"
    "\"blocked\":[{\"caller\":\"bad\",\"rest_ms\":90000}]}\n";

static const char want[] =
    "weir 1.2, pid 7, up 2 d 3 h (gate 2, up 1 min 1 s), being stopped\n"
    "3 in flight, 1 waiting; 3 of 10 connections; bodies 1.5 KiB of 1.0 MiB; "
    "4 log lines were dropped\n"
    "earlier gates have 2 in flight, 5 waiting\n"
    "\n"
    "Engines\n"
    "ENGINE  KIND    STATE                  FOR  IN USE  SLOTS  MODELS  URL\n"
    "a       ollama  up, drained         999 ms       1      2       5  h:1\n"
    "b       openai  down, breaker open     1 h       0      4       -  h:2\n"
    "a has loaded m, n:8b\n"
    "b: it sleeps\n"
    "\n"
    "In flight\n"
    "ID          CALLER  MODEL  ENGINE  STATE    AGE    BYTES  TOKENS\n"
    "OPQRSTUVWX  app     m      a       stream  12 s  2.0 KiB       9\n"
    "... and 2 more\n"
    "\n"
    "Waiting (places are those for the same model)\n"
    "PLACE  ID          CALLER  MODEL  CLASS  WAITED  WAIT YET\n"
    "    1  OPQRSTUVWY  bot     ?      batch     4 s         -\n"
    "\n"
    "Callers\n"
    "CALLER  IN FLIGHT  WAITING  TOKENS/HOUR\n"
    "app             3        0        51234\n"
    "bot             0        1            -\n"
    "\n"
    "Blocked\n"
    "CALLER         FOR\n"
    "bad     1 min 30 s\n";

static void
test_tables(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	assert_int_equal(ctl_status_print(slice_str(full), &out), OK);
	assert_int_equal(buf_add_char(&out, '\0'), OK);
	assert_string_equal(out.p, want);
	buf_fini(&out);
}

/* However little an answer says, or where it breaks off. */
static void
test_partial_answers(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	for (size_t n = 0; n < sizeof full; n += 7) {
		buf_clear(&out);
		assert_int_equal(ctl_status_print(slice_of(full, n), &out), OK);
		assert_true(slice_starts(buf_slice(&out), slice_str("weir ")));
	}
	buf_fini(&out);
}

static void
test_exit_status(void **state)
{
	static const struct {
		const char *answer;
		int status;
	} cases[] = {
	    {"{\"health\":\"ok\"}", 0},
	    {"{\"health\":\"degraded\"}", 3},
	    {"{\"health\":\"down\"}", 4},
	    /* What is not said is not well. */
	    {"{\"health\":\"unheard of\"}", 3},
	    {"{}", 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(ctl_status_code(slice_str(cases[i].answer)),
		    cases[i].status);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_tables),
	    cmocka_unit_test(test_partial_answers),
	    cmocka_unit_test(test_exit_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
