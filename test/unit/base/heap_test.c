/* The heap against sorting: adding, moving, deleting in any order. */
#include "base/heap.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { N = 3000 };

struct thing {
	int id;
	struct heap_node node;
};

static int64_t
random_key(void)
{
	switch (rand() % 10) {
	case 0:
		return INT64_MIN;
	case 1:
		return INT64_MAX;
	case 2:
		return 0;
	default:
		return rand() % 500 - 250;
	}
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Take all out; the keys come sorted and are those of ${things}. */
static void
check_drain(struct heap *h, struct thing *things, unsigned seed)
{
	static int64_t keys[N];
	struct heap_node *min;
	size_t n = 0, i = 0;

	for (size_t k = 0; k < N; k++)
		if (things[k].node.at)
			keys[n++] = things[k].node.key;
	assert_int_equal(h->n, n);
	qsort(keys, n, sizeof *keys, compare);
	while ((min = heap_min(h)) != NULL) {
		struct thing *t = HEAP_OF(min, struct thing, node);

		assert_ptr_equal(t, &things[t->id]);
		if (min->key != keys[i++])
			fail_msg("seed %u: not the smallest", seed);
		heap_del(h, min);
		assert_int_equal(min->at, 0);
	}
	assert_int_equal(i, n);
}

static void
test_against_sorting(void **state)
{
	static struct thing things[N];

	(void)state;
	for (unsigned seed = 1; seed <= 20; seed++) {
		struct heap h;

		srand(seed);
		heap_init(&h, N);
		for (int i = 0; i < N; i++)
			things[i] = (struct thing){.id = i};
		for (int step = 0; step < 10 * N; step++) {
			struct heap_node *n = &things[rand() % N].node;

			if (n->at == 0)
				assert_int_equal(
				    heap_add(&h, n, random_key()), OK);
			else if (rand() % 2)
				heap_move(&h, n, random_key());
			else
				heap_del(&h, n);
		}
		check_drain(&h, things, seed);
		heap_fini(&h);
	}
}

static void
test_bound(void **state)
{
	struct heap_node nodes[4] = {{0}};
	struct heap h;

	(void)state;
	heap_init(&h, 3);
	assert_null(heap_min(&h));
	heap_del(&h, &nodes[0]); /* in no heap: nothing happens */
	for (int i = 0; i < 3; i++)
		assert_int_equal(heap_add(&h, &nodes[i], -i), OK);
	assert_int_equal(heap_add(&h, &nodes[3], -9), ERR_FULL);
	assert_int_equal(nodes[3].at, 0);
	assert_ptr_equal(heap_min(&h), &nodes[2]);
	heap_del(&h, &nodes[2]);
	heap_del(&h, &nodes[2]);
	assert_int_equal(heap_add(&h, &nodes[3], -9), OK);
	assert_ptr_equal(heap_min(&h), &nodes[3]);
	heap_move(&h, &nodes[3], 9);
	assert_ptr_equal(heap_min(&h), &nodes[1]);
	heap_fini(&h);
	assert_null(heap_min(&h));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_against_sorting),
	    cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
