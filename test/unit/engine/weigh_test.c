/* What memory holds, and when it is short: pure decisions. */
#include "engine/weigh.h"
#include "engine/machine.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define MIB (INT64_C(1) << 20)

static void
test_verdicts(void **state)
{
	static const struct {
		const char *what;
		struct weigh_facts facts; /* in GiB */
		enum weigh_verdict verdict;
	} cases[] = {
	    {"it is free", {.need = 4, .total = 16, .free = 8}, WEIGH_FITS},
	    {"exactly", {.need = 8, .total = 16, .free = 8}, WEIGH_FITS},
	    {"more than is free", {.need = 9, .total = 16, .free = 8},
		WEIGH_NEVER},
	    {"the other gives back enough",
		{.need = 9, .total = 16, .free = 8, .own = 6}, WEIGH_OTHERS},
	    {"the other gives back too little",
		{.need = 15, .total = 16, .free = 8, .own = 6}, WEIGH_NEVER},
	    {"what is mapped counts as free, and must stay",
		{.need = 9, .total = 16, .free = 15, .own = 10}, WEIGH_OTHERS},
	    {"more than there is",
		{.need = 17, .total = 16, .free = 15, .own = 10}, WEIGH_NEVER},
	    {"another engine's do not give way",
		{.need = 9, .total = 16, .free = 15, .others = 10},
		WEIGH_NEVER},
	    {"ours do beside another engine's",
		{.need = 5, .total = 16, .free = 3, .own = 4, .others = 8},
		WEIGH_OTHERS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (weigh_judge(&cases[i].facts) != cases[i].verdict)
			fail_msg("%s", cases[i].what);
}

static void
test_pressure(void **state)
{
	struct os_ram ram = {.total_bytes = 16384 * MIB,
	    .free_bytes = 8192 * MIB,
	    .stalled = 0,
	    .oom_kills = 7};
	struct engine_pressure p = {.oom_kills = -1};
	int64_t now_us = 1000000;

	(void)state;
	/* Kills before we looked are no news. */
	machine_judge(&p, &ram, 1000, now_us);
	assert_null(p.why);
	/* Stalls: on at 10 %, off below half of that. */
	ram.stalled = 999;
	machine_judge(&p, &ram, 1000, now_us);
	assert_null(p.why);
	ram.stalled = 1000;
	machine_judge(&p, &ram, 1000, now_us);
	assert_non_null(p.why);
	ram.stalled = 500;
	machine_judge(&p, &ram, 1000, now_us);
	assert_non_null(p.why);
	ram.stalled = 499;
	machine_judge(&p, &ram, 1000, now_us);
	assert_null(p.why);
	/* A kill counts for 10 s. */
	ram.oom_kills = 8;
	machine_judge(&p, &ram, 1000, now_us);
	assert_non_null(p.why);
	machine_judge(&p, &ram, 1000, now_us + 9999999);
	assert_non_null(p.why);
	machine_judge(&p, &ram, 1000, now_us + 10000000);
	assert_null(p.why);
	/* Next to nothing: 1/64, at most 256 MiB; twice that to be well. */
	ram.free_bytes = 256 * MIB;
	machine_judge(&p, &ram, 1000, now_us + 20000000);
	assert_null(p.why);
	ram.free_bytes = 256 * MIB - 1;
	machine_judge(&p, &ram, 1000, now_us + 20000000);
	assert_non_null(p.why);
	ram.free_bytes = 512 * MIB - 1;
	machine_judge(&p, &ram, 1000, now_us + 20000000);
	assert_non_null(p.why);
	ram.free_bytes = 512 * MIB;
	machine_judge(&p, &ram, 1000, now_us + 20000000);
	assert_null(p.why);
	/* A group that is full right now; and never, where it is turned off. */
	ram.is_out = true;
	machine_judge(&p, &ram, 1000, now_us + 20000000);
	assert_non_null(p.why);
	machine_judge(&p, &ram, 0, now_us + 20000000);
	assert_null(p.why);
}

static void
test_systems_that_do_not_tell(void **state)
{
	struct os_ram ram = {.total_bytes = 1024 * MIB,
	    .free_bytes = 512 * MIB,
	    .stalled = -1,
	    .oom_kills = -1};
	struct engine_pressure p = {.oom_kills = -1};

	(void)state;
	machine_judge(&p, &ram, 1, 0);
	assert_null(p.why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_verdicts),
	    cmocka_unit_test(test_pressure),
	    cmocka_unit_test(test_systems_that_do_not_tell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
