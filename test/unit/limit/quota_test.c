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
	assert_int_equal(quota_add_fields(&got,
			     &(struct quota){.rate = &rate, .requests = &a}),
	    OK);
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

struct token_case {
	const char *name;
	uint64_t tokens;
	int64_t period;
	struct budgets_answer a;
	const char *policy, *limit, *most, *left, *reset;
};

static const struct token_case token_cases[] = {
    {"50k/hour, 500 of them gone", 50000, 3600 * SEC,
	{.allowed = true, .left_tok = 49500, .reset_ns = 36 * SEC},
	"q=50000;w=3600", "r=49500;t=36", "50000", "49500", "36s"},
    {"full", 1000, 60 * SEC, {.allowed = true, .left_tok = 1000}, "q=1000;w=60",
	"r=1000;t=0", "1000", "1000", "0s"},
    {"refused: t is Retry-After", 1000000, 86400 * SEC,
	{.allowed = false,
	    .left_tok = 12,
	    .wait_ns = 1500 * MS,
	    .reset_ns = 86399 * SEC + 1},
	"q=1000000;w=86400", "r=12;t=2", "1000000", "12", "23h59m59.001s"},
    {"a month", 9, 30 * 86400 * SEC,
	{.allowed = false, .wait_ns = 288000 * SEC, .reset_ns = 2592000 * SEC},
	"q=9;w=2592000", "r=0;t=288000", "9", "0", "720h0m0s"},
};

static struct budgets_rule
rule_of(uint64_t tokens, int64_t period)
{
	struct budgets_rule r = {.n = 1};

	assert_int_equal(budget_limit_init(&r.limits[0], tokens, period), OK);
	return r;
}

static void
test_tokens(void **state)
{
	for (size_t i = 0; i < sizeof token_cases / sizeof *token_cases; i++) {
		const struct token_case *c = &token_cases[i];
		struct budgets_rule rule = rule_of(c->tokens, c->period);
		struct quota q = {.rule = &rule, .tokens = &c->a};
		struct buf got;
		char want[512];

		buf_init(&got, 4096);
		assert_int_equal(quota_add_fields(&got, &q), OK);
		assert_int_equal(buf_add_char(&got, '\0'), OK);
		snprintf(want, sizeof want,
		    "RateLimit-Policy: \"tokens\";%s\r\n"
		    "RateLimit: \"tokens\";%s\r\n"
		    "x-ratelimit-limit-tokens: %s\r\n"
		    "x-ratelimit-remaining-tokens: %s\r\n"
		    "x-ratelimit-reset-tokens: %s\r\n",
		    c->policy, c->limit, c->most, c->left, c->reset);
		if (strcmp(got.p, want) != 0)
			fail_msg("%s:\n%s", c->name, got.p);
		buf_fini(&got);
	}
}

/* One field for both, as a list: many clients read only the first line. */
static void
test_both_kinds(void **state)
{
	struct budgets_rule rule = rule_of(50000, 3600 * SEC);
	struct budgets_answer tokens = {
	    .allowed = true, .left_tok = 49500, .reset_ns = 36 * SEC};
	struct gcra_cell cell = {0};
	struct gcra_answer a;
	struct gcra_rate rate;
	struct quota q = {&rate, &a, &rule, &tokens};
	struct buf got;

	assert_int_equal(gcra_rate_init(&rate, 10, 60 * SEC, 5), OK);
	gcra_take(&cell, &rate, SEC, &a);
	buf_init(&got, 4096);
	assert_int_equal(quota_add_fields(&got, &q), OK);
	assert_int_equal(buf_add_char(&got, '\0'), OK);
	assert_string_equal(got.p,
	    "RateLimit-Policy: \"requests\";q=6;w=36, "
	    "\"tokens\";q=50000;w=3600\r\n"
	    "RateLimit: \"requests\";r=5;t=6, \"tokens\";r=49500;t=36\r\n"
	    "x-ratelimit-limit-requests: 6\r\n"
	    "x-ratelimit-remaining-requests: 5\r\n"
	    "x-ratelimit-reset-requests: 6s\r\n"
	    "x-ratelimit-limit-tokens: 50000\r\n"
	    "x-ratelimit-remaining-tokens: 49500\r\n"
	    "x-ratelimit-reset-tokens: 36s\r\n");
	/* Nothing to tell: nothing. */
	buf_clear(&got);
	assert_int_equal(quota_add_fields(&got, &(struct quota){0}), OK);
	rule.n = 0;
	q.rate = NULL;
	assert_int_equal(quota_add_fields(&got, &q), OK);
	assert_int_equal(got.n, 0);
	buf_fini(&got);
}

static void
test_longest_fields_fit_and_full_buffers_refuse(void **state)
{
	struct gcra_rate rate;
	struct gcra_answer a = {.remaining = UINT32_MAX,
	    .next_ns = INT64_MAX,
	    .reset_ns = INT64_MAX};
	struct budgets_rule rule =
	    rule_of(BUDGET_TOKENS_MAX, BUDGET_PERIOD_MAX_NS);
	struct budgets_answer tokens = {.left_tok = UINT64_MAX,
	    .wait_ns = INT64_MAX,
	    .reset_ns = INT64_MAX};
	struct quota q = {&rate, &a, &rule, &tokens};
	struct buf b;

	assert_int_equal(gcra_rate_init(&rate, 1000000007 % GCRA_COUNT_MAX,
			     GCRA_PERIOD_MAX_NS, GCRA_BURST_MAX),
	    ERR_RANGE);
	assert_int_equal(gcra_rate_init(&rate, GCRA_COUNT_MAX - 1,
			     GCRA_PERIOD_MAX_NS, GCRA_BURST_MAX),
	    OK);
	buf_init(&b, 4096);
	assert_int_equal(quota_add_fields(&b, &q), OK);
	buf_fini(&b);
	buf_init(&b, 100);
	assert_int_equal(quota_add_fields(&b, &q), ERR_FULL);
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
	    cmocka_unit_test(test_tokens),
	    cmocka_unit_test(test_both_kinds),
	    cmocka_unit_test(test_retry_after_is_rounded_up),
	    cmocka_unit_test(test_longest_fields_fit_and_full_buffers_refuse),
	    cmocka_unit_test(test_the_policy_is_a_promise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
