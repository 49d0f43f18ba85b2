/* The order of heads beside a sorted scan, with many ties. */
#include "queue/ranks.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum { THINGS = 60 };

struct thing {
	struct rank rank;
	int64_t key;
	uint64_t tie;
};

static const struct thing *
scan_first(const struct thing *things)
{
	const struct thing *best = NULL;

	for (int i = 0; i < THINGS; i++) {
		const struct thing *t = &things[i];

		if (t->rank.at != 0 &&
		    (best == NULL || t->key < best->key ||
			(t->key == best->key && t->tie < best->tie)))
			best = t;
	}
	return best;
}

static void
step(struct ranks *r, struct thing *things, uint64_t *ties)
{
	struct thing *t = &things[rand() % THINGS];
	struct thing *u = &things[rand() % THINGS];

	if (t->rank.at == 0) {
		t->key = rand() % 8;
		t->tie = ++*ties;
		assert_int_equal(ranks_reserve(r, r->n + 1), OK);
		ranks_add(r, &t->rank, t->key, t->tie);
	} else if (rand() % 3 == 0) {
		ranks_del(r, &t->rank);
	} else if (u->rank.at == 0) {
		u->key = rand() % 8;
		u->tie = ++*ties;
		ranks_replace(r, &t->rank, &u->rank, u->key, u->tie);
	} else {
		t->key = rand() % 8;
		ranks_move(r, &t->rank, t->key);
	}
}

static void
test_against_a_scan(void **state)
{
	for (unsigned seed = 1; seed <= 50; seed++) {
		struct thing things[THINGS] = {0};
		struct ranks r;
		uint64_t ties = 0;

		srand(seed);
		ranks_init(&r);
		for (int i = 0; i < 2000; i++) {
			const struct thing *best;
			const struct rank_entry *e;

			step(&r, things, &ties);
			best = scan_first(things);
			e = ranks_first(&r);
			assert_int_equal(e == NULL, best == NULL);
			if (best == NULL)
				continue;
			assert_ptr_equal(e->node, &best->rank);
			assert_int_equal(e->key, best->key);
			assert_int_equal(
			    ranks_get(&r, &best->rank)->tie, best->tie);
		}
		ranks_fini(&r);
	}
}

static void
test_room_is_reserved(void **state)
{
	struct thing things[THINGS] = {0};
	struct ranks r;

	ranks_init(&r);
	assert_null(ranks_first(&r));
	assert_int_equal(ranks_reserve(&r, THINGS), OK);
	for (int i = 0; i < THINGS; i++)
		ranks_add(&r, &things[i].rank, -i, 0);
	assert_int_equal(ranks_first(&r)->key, 1 - THINGS);
	/* Not ranked: nothing happens. */
	ranks_del(&r, &things[0].rank);
	ranks_del(&r, &things[0].rank);
	assert_int_equal(r.n, THINGS - 1);
	assert_int_equal(ranks_reserve(&r, SIZE_MAX / 4), ERR_NOMEM);
	ranks_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_against_a_scan),
	    cmocka_unit_test(test_room_is_reserved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
