/* How many models memory holds at once. */
#include "engine/holds.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#define G(n) (INT64_C(n) << 30)

static const struct {
	const char *name;
	int64_t need[4];
	size_t n;
	int64_t total;
	int holds;
} cases[] = {
    {"none", {0}, 0, G(8), HOLDS_UNKNOWN},
    {"one", {G(6)}, 1, G(8), HOLDS_UNKNOWN},
    {"two that go together", {G(5), G(3)}, 2, G(8), HOLDS_MORE},
    {"two that do not", {G(5), G(4)}, 2, G(8), HOLDS_ONE},
    {"an embedder beside either of two", {G(6), G(1), G(5)}, 3, G(8),
	HOLDS_MORE},
    {"no two of three", {G(6), G(7), G(5)}, 3, G(8), HOLDS_ONE},
    {"one that does not fit at all", {G(9), G(1)}, 2, G(8), HOLDS_ONE},
    {"neither fits", {INT64_MAX, INT64_MAX}, 2, G(8), HOLDS_ONE},
    {"memory is not known", {G(5), G(4)}, 2, 0, HOLDS_UNKNOWN},
};

static void
test_judge(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t need[4];

		memcpy(need, cases[i].need, sizeof need);
		if (holds_judge(need, cases[i].n, cases[i].total) !=
		    cases[i].holds)
			fail_msg("%s", cases[i].name);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(test_judge)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
