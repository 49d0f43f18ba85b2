/* When an engine that ended is started again. */
#include "run/backoff.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#define SECOND INT64_C(1000000)

/* Bounds double from 0.5 s to 30 s; of each a part that chance decides. */
static void
test_doubles(void **state)
{
	static const int64_t bounds_ms[] = {
	    500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
	struct backoff low = {0}, high = {0};

	(void)state;
	for (size_t i = 0; i < sizeof bounds_ms / sizeof *bounds_ms; i++) {
		/* Far enough apart to be no crash loop. */
		int64_t at = (int64_t)(i + 1) * 40 * SECOND;
		uint64_t bound = (uint64_t)bounds_ms[i] * 1000;

		assert_int_equal(backoff_end(&low, at, bound * 7), 0);
		assert_int_equal(
		    backoff_end(&high, at, bound * 7 - 1), bound - 1);
		low.n = high.n = 0;
	}
}

/* Every part of the bound is as likely as any other. */
static void
test_jitter_is_full(void **state)
{
	unsigned tenths[10] = {0};
	uint64_t seed = 88172645463325252u;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		struct backoff b = {0};

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		tenths[backoff_end(&b, SECOND, seed) / 50000]++;
	}
	for (int i = 0; i < 10; i++)
		assert_in_range(tenths[i], 850, 1150);
}

static void
test_crash_loop(void **state)
{
	static const struct {
		const char *name;
		int64_t apart_s;
		bool is_loop;
	} cases[] = {
	    {"at once", 0, true},
	    {"every ten seconds", 10, true},
	    {"five within just two minutes", 30, true},
	    {"five in a little more", 31, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct backoff b = {0};
		int64_t delay = 0;

		for (int k = 0; k < 5; k++) {
			assert_false(b.is_looping);
			delay =
			    backoff_end(&b, k * cases[i].apart_s * SECOND, 1);
		}
		if (b.is_looping != cases[i].is_loop)
			fail_msg("%s", cases[i].name);
		assert_int_equal(
		    backoff_ends(&b, 4 * cases[i].apart_s * SECOND),
		    cases[i].is_loop ? 5 : 4);
		/* One probe every 30 s, from then on, without jitter. */
		if (!cases[i].is_loop)
			continue;
		assert_int_equal(delay, 30 * SECOND);
		assert_int_equal(
		    backoff_end(&b, 1000 * SECOND, 1), 30 * SECOND);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_doubles),
	    cmocka_unit_test(test_jitter_is_full),
	    cmocka_unit_test(test_crash_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
