/* A limit told in header fields: the numbers of the drafts and of OpenAI. */
#include "limit/quota.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define MS INT64_C(1000000)
#define SEC (1000 * MS)

struct rate_case {
	const char *name;
	uint32_t count;
	int64_t period;
	uint32_t burst;
	int taken;     /* requests before, all at one moment */
	int64_t after; /* the last one comes so much later */
	const char *policy, *limit, *most, *left, *reset;
};

static const struct rate_case cases[] = {
    {"first of a caller at rest", 10, 60 * SEC, 5, 0, 0, "q=6;w=36", "r=5;t=6",
	"6", "5", "6s"},
    {"second", 10, 60 * SEC, 5, 1, 0, "q=6;w=36", "r=4;t=6", "6", "4", "12s"},
    {"second, 1.5 s later", 10, 60 * SEC, 5, 1, 1500 * MS, "q=6;w=36",
	"r=4;t=5", "6", "4", "10.5s"},
    {"last", 10, 60 * SEC, 5, 5, 0, "q=6;w=36", "r=0;t=6", "6", "0", "36s"},
    {"refused", 10, 60 * SEC, 5, 6, 0, "q=6;w=36", "r=0;t=6", "6", "0", "36s"},
    {"refused, a moment before the next", 10, 60 * SEC, 5, 6, 6 * SEC - 1,
	"q=6;w=36", "r=0;t=1", "6", "0", "30.001s"},
    {"a window below a second is promised as one", 20, SEC, 5, 0, 0, "q=6;w=1",
	"r=5;t=1", "6", "5", "50ms"},
    {"a window that is not whole is rounded up", 7, 60 * SEC, 0, 0, 0,
	"q=1;w=9", "r=0;t=9", "1", "0", "8.572s"},
    {"thirds that add up to a whole second", 3, SEC, 2, 0, 0, "q=3;w=1",
	"r=2;t=1", "3", "2", "334ms"},
    {"100/hour", 100, 3600 * SEC, 100, 50, 0, "q=101;w=3636", "r=50;t=36",
	"101", "50", "30m36s"},
    {"2/day", 2, 86400 * SEC, 0, 0, 0, "q=1;w=43200", "r=0;t=43200", "1", "0",
	"12h0m0s"},
};

static void
check(const struct rate_case *c)
{
	struct gcra_cell cell = {0};
	struct gcra_answer a;
	struct gcra_rate rate;
	struct buf got;
	char want[512];

	assert_int_equal(
	    gcra_rate_init(&rate, c->count, c->period, c->burst), OK);
	for (int i = 0; i < c->taken; i++)
		gcra_take(&cell, &rate, SEC, &a);
	gcra_take(&cell, &rate, SEC + c->after, &a);
	buf_init(&got, 4096);
	assert_int_equal(quota_add_fields(&got, &rate, &a), OK);
	assert_int_equal(buf_add_char(&got, '\0'), OK);
	snprintf(want, sizeof want,
	    "RateLimit-Policy: \"requests\";%s\r\n"
	    "RateLimit: \"requests\";%s\r\n"
	    "x-ratelimit-limit-requests: %s\r\n"
	    "x-ratelimit-remaining-requests: %s\r\n"
	    "x-ratelimit-reset-requests: %s\r\n",
	    c->policy, c->limit, c->most, c->left, c->reset);
	if (strcmp(got.p, want) != 0)
		fail_msg("%s:\n%s", c->name, got.p);
	/* The draft: Retry-After is not before the effective window's end. */
	if (!a.allowed) {
		char t[32];

		snprintf(t, sizeof t, "t=%llu\r",
		    (unsigned long long)quota_retry_after_s(a.wait_ns));
		assert_non_null(strstr(got.p, t));
	}
	buf_fini(&got);
}

static void
test_fields(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check(&cases[i]);
}

static void
test_retry_after_is_rounded_up(void **state)
{
	static const struct {
		int64_t ns;
		uint64_t s;
	} waits[] = {{0, 0}, {1, 1}, {SEC - 1, 1}, {SEC, 1}, {SEC + 1, 2},
	    {6 * SEC, 6}, {86400 * SEC, 86400}};

	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
		assert_int_equal(quota_retry_after_s(waits[i].ns), waits[i].s);
}

static void
test_longest_fields_fit_and_full_buffers_refuse(void **state)
{
	struct gcra_rate rate;
	struct gcra_answer a = {.remaining = UINT32_MAX,
	    .next_ns = INT64_MAX,
	    .reset_ns = INT64_MAX};
	struct buf b;

	assert_int_equal(gcra_rate_init(&rate, 1000000007 % GCRA_COUNT_MAX,
			     GCRA_PERIOD_MAX_NS, GCRA_BURST_MAX),
	    ERR_RANGE);
	assert_int_equal(gcra_rate_init(&rate, GCRA_COUNT_MAX - 1,
			     GCRA_PERIOD_MAX_NS, GCRA_BURST_MAX),
	    OK);
	buf_init(&b, 4096);
	assert_int_equal(quota_add_fields(&b, &rate, &a), OK);
	buf_fini(&b);
	buf_init(&b, 100);
	assert_int_equal(quota_add_fields(&b, &rate, &a), ERR_FULL);
	assert_int_equal(b.n, 0);
	buf_fini(&b);
}

/*
 * What q and w promise: whoever sends at most q in every window of w is never
 * refused.  The hardest such caller sends all q at once, every w.
 */
static void
test_the_policy_is_a_promise(void **state)
{
	static const struct {
		uint32_t count;
		int64_t period;
		uint32_t burst;
		int64_t w; /* as told */
	} promises[] = {{10, 60 * SEC, 5, 36 * SEC}, {20, SEC, 5, SEC},
	    {7, 60 * SEC, 0, 9 * SEC}, {3, SEC, 2, SEC}};
	struct gcra_answer a;

	for (size_t k = 0; k < sizeof promises / sizeof *promises; k++) {
		struct gcra_cell cell = {0};
		struct gcra_rate rate;

		assert_int_equal(gcra_rate_init(&rate, promises[k].count,
				     promises[k].period, promises[k].burst),
		    OK);
		for (int64_t n = 1; n < 1000; n++)
			for (uint32_t i = 0; i <= rate.burst; i++)
				assert_true(gcra_take(
				    &cell, &rate, n * promises[k].w, &a));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_retry_after_is_rounded_up),
	    cmocka_unit_test(test_longest_fields_fit_and_full_buffers_refuse),
	    cmocka_unit_test(test_the_policy_is_a_promise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
