/* The queue between the loop and the writer. */
#include "log/backlog.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include <stdlib.h>

static void
test_bounds(void **state)
{
	static char line[1000];
	struct backlog q;
	size_t put = 0, taken = 0, n_pressing = 0;
	bool pressing;

	(void)state;
	memset(line, 'x', sizeof line);
	assert_true(backlog_init(&q, 1 << 20));
	assert_true(backlog_is_empty(&q));
	while (backlog_put(&q, slice_of(line, sizeof line), &pressing)) {
		put++;
		n_pressing += pressing;
	}
	/* 1 MiB holds between a whole one and one less a line a block. */
	assert_in_range(put, ((1 << 20) - 16 * 1100) / 1001, (1 << 20) / 1001);
	/* Eight of sixteen blocks: told at each of 8..16. */
	assert_int_equal(n_pressing, 9);
	for (;;) {
		struct slice s = backlog_peek(&q);

		if (s.n == 0)
			break;
		assert_int_equal(s.n % 1001, 0);
		taken += s.n / 1001;
		backlog_take(&q, s.n);
	}
	assert_int_equal(taken, put);
	assert_true(backlog_is_empty(&q));
	/* What a burst took goes back to the system. */
	assert_int_equal(q.n_blocks, 1);
	assert_in_range(q.n_spare, 0, BACKLOG_SPARE);
	assert_true(backlog_put(&q, slice_of(line, 10), &pressing));
	assert_false(backlog_is_empty(&q));
	backlog_fini(&q);
}

static void
test_longest_line(void **state)
{
	static char line[BACKLOG_BLOCK_BYTES];
	struct backlog q;
	bool pressing;

	(void)state;
	assert_true(backlog_init(&q, 0));
	assert_false(backlog_put(&q, slice_of(line, sizeof line), &pressing));
	assert_true(
	    backlog_put(&q, slice_of(line, sizeof line - 1), &pressing));
	assert_int_equal(backlog_peek(&q).n, sizeof line);
	assert_true(backlog_put(&q, slice_of(line, 0), &pressing));
	assert_false(
	    backlog_put(&q, slice_of(line, sizeof line - 1), &pressing));
	backlog_fini(&q);
}

static void
test_untake(void **state)
{
	struct backlog q;
	bool pressing;

	(void)state;
	assert_true(backlog_init(&q, 0));
	assert_true(backlog_put(&q, slice_str("abcdef"), &pressing));
	backlog_take(&q, 4);
	assert_true(slice_is(backlog_peek(&q), "ef\n"));
	backlog_untake(&q, 3);
	assert_true(slice_is(backlog_peek(&q), "bcdef\n"));
	backlog_fini(&q);
}

enum { LINES = 300000 };

static void *
put_numbers(void *arg)
{
	struct backlog *q = arg;
	char text[64];
	bool pressing;

	for (int i = 0; i < LINES; i++) {
		int n = snprintf(text, sizeof text, "%d%.*s", i, i % 40,
		    "........................................");

		while (!backlog_put(q, slice_of(text, (size_t)n), &pressing))
			(void)sched_yield();
	}
	return NULL;
}

/* Two threads: all lines come, in order, and none is mixed with another. */
static void
test_two_threads(void **state)
{
	struct backlog q;
	pthread_t t;
	int next = 0;
	size_t cut = 1;

	(void)state;
	assert_true(backlog_init(&q, 1 << 18));
	assert_int_equal(pthread_create(&t, NULL, put_numbers, &q), 0);
	while (next < LINES) {
		struct slice s = backlog_peek(&q), rest;
		size_t used;

		if (s.n == 0) {
			(void)sched_yield();
			continue;
		}
		/* Take whole lines, but not always all of them. */
		rest = slice_to(s, cut = (cut * 31 + 7) % 70000);
		for (used = 0; slice_find(rest, '\n') < rest.n;) {
			struct slice line = slice_cut(&rest, '\n');

			assert_int_equal(atoi(line.p), next);
			next++;
			used = (size_t)(rest.p - s.p);
		}
		backlog_take(&q, used);
	}
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_true(backlog_is_empty(&q));
	backlog_fini(&q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bounds),
	    cmocka_unit_test(test_longest_line),
	    cmocka_unit_test(test_untake),
	    cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
