/* When an engine is said to hang: never while it does anything. */
#include "engine/hang.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#define SECOND INT64_C(1000000)

enum { RUNS, STOPPED, DISK };

/* One look a second; after how many is it said to hang?  0: never. */
static const struct {
	const char *name;
	int state;
	bool busy;
	int cpu_ms, read_kib; /* each ${every} seconds */
	int every;
	int found_after_s;
	enum hang_is is;
} cases[] = {
    {"a prefill of minutes", RUNS, true, 1000, 0, 1, 0, HANG_NONE},
    {"a slow one", RUNS, true, 30, 0, 1, 0, HANG_NONE},
    {"nothing to do", RUNS, false, 0, 0, 1, 0, HANG_NONE},
    {"a load that waits for the disk", DISK, true, 0, 0, 1, 0, HANG_NONE},
    {"a load that reads", RUNS, true, 0, 100, 1, 0, HANG_NONE},
    {"one that moves every 19 s", RUNS, true, 100, 0, 19, 0, HANG_NONE},
    {"one that moves every 21 s", RUNS, true, 100, 0, 21, 20, HANG_IDLE},
    {"in flight, and nothing happens", RUNS, true, 0, 0, 1, 20, HANG_IDLE},
    {"but for its housekeeping", RUNS, true, 10, 1, 1, 20, HANG_IDLE},
    {"stopped with requests", STOPPED, true, 0, 0, 1, 2, HANG_STOPPED},
    {"stopped without", STOPPED, false, 0, 0, 1, 2, HANG_STOPPED},
};

static void
test_judge(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct hang h = {0};
		struct os_progress p = {.cpu_ms = 1000};
		int found_s = 0;
		enum hang_is is = HANG_NONE;

		(void)hang_judge(&h, &p, false, 100 * SECOND);
		for (int s = 1; s <= 300 && found_s == 0; s++) {
			if (s % cases[i].every == 0) {
				p.cpu_ms += (uint64_t)cases[i].cpu_ms;
				p.read_bytes +=
				    (uint64_t)cases[i].read_kib * 1024;
			}
			p.stopped = cases[i].state == STOPPED ? 7 : 0;
			p.in_disk_wait = cases[i].state == DISK;
			is = hang_judge(
			    &h, &p, cases[i].busy, (100 + s) * SECOND);
			if (is != HANG_NONE)
				found_s = s;
		}
		if (found_s != cases[i].found_after_s || is != cases[i].is)
			fail_msg("%s: %d s", cases[i].name, found_s);
	}
}

/* What a graphics processor may be doing: a minute without any tick. */
static void
test_still(void **state)
{
	struct hang h = {0};
	struct os_progress p = {0};

	(void)state;
	(void)hang_judge(&h, &p, false, 0);
	for (int s = 1; s < 120; s++) {
		if (s == 40)
			p.cpu_ms += 10;
		assert_true((hang_judge(&h, &p, true, s * SECOND) ==
				HANG_STILL) == (s >= 100));
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_judge),
	    cmocka_unit_test(test_still),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
