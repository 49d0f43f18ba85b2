/* How many are in flight for each model, beside a plain array. */
#include "engine/uses.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

static void
test_none(void **state)
{
	struct engine_uses u = {0};

	(void)state;
	assert_int_equal(uses_of(&u, 0), 0);
	assert_int_equal(uses_of(&u, 7), 0);
	uses_fini(&u);
}

static void
test_many(void **state)
{
	enum { MODELS = 40, STEPS = 20000 };
	unsigned want[MODELS] = {0};
	struct engine_uses u = {0};
	unsigned seed = 5;

	(void)state;
	for (int step = 0; step < STEPS; step++) {
		unsigned i = (seed = seed * 1103515245u + 12345u) >> 16;
		bool is_add = i & 1;

		i = (i >> 1) % MODELS;
		if (is_add) {
			assert_int_equal(uses_reserve(&u), OK);
			uses_add(&u, i);
			want[i]++;
		} else if (want[i] > 0) {
			uses_del(&u, i);
			want[i]--;
		}
		for (unsigned k = 0; k < MODELS; k++)
			assert_int_equal(uses_of(&u, k), want[k]);
	}
	for (unsigned i = 0; i < MODELS; i++)
		while (want[i]-- > 0)
			uses_del(&u, i);
	/* What is back takes no room. */
	assert_int_equal(u.n, 0);
	uses_fini(&u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_none),
	    cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
