/* The bodies as their receivers document them; see alert/message.h. */
#include "alert/message.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const struct alert_message firing = {.code = "disk",
    .level = LEVEL_ERROR,
    .state = "firing",
    .subject = SLICE("/srv"),
    .text = SLICE("It is \"full\".\nReally."),
    .host = SLICE("box"),
    .since_s = 1767225600, /* 2026-01-01T00:00:00Z */
    .now_s = 1767225660,
    .remind_us = INT64_C(3600) * 1000000};

static struct alert_message
over(void)
{
	struct alert_message m = firing;

	m.state = "resolved";
	m.is_over = true;
	m.now_s += 60;
	return m;
}

static void
check_body(
    enum conf_shape shape, const struct alert_message *m, const char *want)
{
	struct buf b;

	buf_init(&b, ALERT_BODY_MAX);
	assert_int_equal(alert_body(shape, m, &b), OK);
	assert_int_equal(buf_add_char(&b, '\0'), OK);
	assert_string_equal(b.p, want);
	buf_fini(&b);
}

static void
test_bodies(void **state)
{
	struct alert_message m = over();

	check_body(CONF_SHAPE_JSON, &firing,
	    "{\"alert\":\"disk\",\"state\":\"firing\",\"level\":\"critical\","
	    "\"subject\":\"/srv\",\"text\":\"It is \\\"full\\\".\\nReally.\","
	    "\"host\":\"box\",\"since\":\"2026-01-01T00:00:00Z\","
	    "\"at\":\"2026-01-01T00:01:00Z\"}");
	check_body(CONF_SHAPE_SLACK, &firing,
	    "{\"text\":\"weir on box: disk firing\\nIt is "
	    "\\\"full\\\".\\nReally.\"}");
	check_body(CONF_SHAPE_NTFY, &m, "resolved: It is \"full\".\nReally.");
	check_body(CONF_SHAPE_ALERTMANAGER, &firing,
	    "[{\"labels\":{\"alertname\":\"disk\",\"job\":\"weir\","
	    "\"instance\":\"box\",\"subject\":\"/srv\","
	    "\"severity\":\"critical\"},\"annotations\":{\"summary\":"
	    "\"It is \\\"full\\\".\\nReally.\"},"
	    "\"startsAt\":\"2026-01-01T00:00:00Z\","
	    "\"endsAt\":\"2026-01-01T01:11:00Z\"}]");
	check_body(CONF_SHAPE_ALERTMANAGER, &m,
	    "[{\"labels\":{\"alertname\":\"disk\",\"job\":\"weir\","
	    "\"instance\":\"box\",\"subject\":\"/srv\","
	    "\"severity\":\"critical\"},\"annotations\":{\"summary\":"
	    "\"It is \\\"full\\\".\\nReally.\"},"
	    "\"startsAt\":\"2026-01-01T00:00:00Z\","
	    "\"endsAt\":\"2026-01-01T00:02:00Z\"}]");
}

static void
test_fields(void **state)
{
	struct buf b;

	buf_init(&b, ALERT_FIELDS_MAX);
	assert_int_equal(alert_fields(CONF_SHAPE_NTFY, &firing, &b), OK);
	assert_true(slice_is(buf_slice(&b),
	    "Content-Type: text/plain\nTitle: weir on box: disk firing\n"
	    "Priority: high\nTags: warning\n"));
	buf_clear(&b);
	assert_int_equal(alert_fields(CONF_SHAPE_SLACK, &firing, &b), OK);
	assert_true(
	    slice_is(buf_slice(&b), "Content-Type: application/json\n"));
	buf_fini(&b);
}

static void
test_variables(void **state)
{
	struct slice rest;
	struct buf b;

	buf_init(&b, ALERT_BODY_MAX);
	assert_int_equal(alert_variables(&firing, &b), OK);
	rest = buf_slice(&b);
	assert_true(slice_is(slice_cut(&rest, '\0'), "WEIR_ALERT=disk"));
	assert_true(
	    slice_is(slice_cut(&rest, '\0'), "WEIR_ALERT_STATE=firing"));
	assert_true(
	    slice_is(slice_cut(&rest, '\0'), "WEIR_ALERT_LEVEL=critical"));
	assert_true(
	    slice_is(slice_cut(&rest, '\0'), "WEIR_ALERT_SUBJECT=/srv"));
	assert_true(slice_is(slice_cut(&rest, '\0'),
	    "WEIR_ALERT_TEXT=It is \"full\".\nReally."));
	assert_true(slice_is(slice_cut(&rest, '\0'), "WEIR_ALERT_HOST=box"));
	assert_true(slice_starts(
	    rest, (struct slice)SLICE("WEIR_ALERT_JSON={\"alert\":")));
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bodies),
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_variables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
