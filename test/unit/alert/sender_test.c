/* Commands that do, fail, are missing; a queue with an end. */
#include "alert/deliver.h"
#include "alert/sender.h"
#include "os/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <poll.h>
#include <cmocka.h>

#define S INT64_C(1000000)
#define WORDS(text) slice_of(text, sizeof(text))

static struct sender_outcome
wait_outcome(struct sender *s)
{
	int64_t end_us = os_now_us() + 20 * S;
	struct sender_outcome o;

	while (!sender_next(s, &o)) {
		assert_true(os_now_us() < end_us);
		(void)poll(NULL, 0, 5);
	}
	return o;
}

static struct sender_outcome
run(struct slice words)
{
	struct sender *s = sender_new();
	struct sender_job j = {.name = "me",
	    .what = "test",
	    .words = words,
	    .variables = WORDS("WEIR_ALERT=test"),
	    .once = true};
	struct sender_outcome o;

	assert_int_equal(sender_post(s, &j), OK);
	o = wait_outcome(s);
	assert_string_equal(o.name, "me");
	assert_string_equal(o.what, "test");
	assert_int_equal(o.tries, 1);
	sender_close(s, 5 * S);
	return o;
}

static void
test_commands(void **state)
{
	struct sender_outcome o;

	assert_true(run(WORDS("sh\0-c\0test \"$WEIR_ALERT\" = test")).is_ok);
	o = run(WORDS("sh\0-c\0exit 3"));
	assert_false(o.is_ok);
	assert_string_equal(o.why, "it ended with status 3");
	o = run(WORDS("/not/there"));
	assert_false(o.is_ok);
	assert_string_equal(
	    o.why, "it cannot be started: No such file or directory");
}

static void
test_a_command_that_hangs_is_killed(void **state)
{
	int64_t begin_us = os_now_us();
	char why[SENDER_WHY_MAX];

	assert_int_equal(deliver_run(WORDS("sh\0-c\0sleep 60 & wait"),
			     slice_of(NULL, 0), 200, why, sizeof why),
	    DELIVER_LATER);
	assert_string_equal(why, "it took too long and was killed");
	assert_true(os_now_us() - begin_us < 10 * S);
}

static void
test_nobody_there(void **state)
{
	struct slice body = slice_str("{}");
	char why[SENDER_WHY_MAX];

	/* Port 1 of this machine: refused at once. */
	assert_int_equal(deliver_post("http://127.0.0.1:1/secret",
			     slice_of(NULL, 0), body, 5000, why, sizeof why),
	    DELIVER_LATER);
	assert_null(strstr(why, "secret"));
	assert_int_equal(deliver_post("file:///etc/passwd", slice_of(NULL, 0),
			     body, 5000, why, sizeof why),
	    DELIVER_NEVER);
}

static void
test_the_queue_has_an_end(void **state)
{
	struct sender *s = sender_new();
	struct sender_job j = {.name = "me",
	    .what = "test",
	    .words = WORDS("sleep\0"
			   "0.2")};
	enum err e = OK;
	int n = 0;

	while (e == OK && n < 2 * SENDER_JOBS) {
		e = sender_post(s, &j);
		n += e == OK;
	}
	assert_int_equal(e, ERR_FULL);
	assert_in_range(n, SENDER_JOBS, SENDER_JOBS + 1);
	/* More is left than there is time for: whoever ends does not wait. */
	sender_close(s, S / 2);
}

static void
test_an_unused_one(void **state)
{
	struct sender_outcome o;
	struct sender *s = sender_new();

	assert_false(sender_next(s, &o));
	sender_close(s, S);
	sender_close(NULL, S);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_commands),
	    cmocka_unit_test(test_a_command_that_hangs_is_killed),
	    cmocka_unit_test(test_nobody_there),
	    cmocka_unit_test(test_the_queue_has_an_end),
	    cmocka_unit_test(test_an_unused_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
