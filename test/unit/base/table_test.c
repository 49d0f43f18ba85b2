/* The table beside a plain array: bound, growth, iteration, hostile keys. */
#include "base/table.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { N = 4000 };

static const struct hash_key seed = {11, 22};

struct thing {
	struct table_node node;
	char key[16];
	bool is_in;
	int seen;
};

static struct thing *
things_new(void)
{
	struct thing *t = calloc(N, sizeof *t);

	assert_non_null(t);
	for (size_t i = 0; i < N; i++) {
		int n = snprintf(t[i].key, sizeof t[i].key, "key-%zu", i);

		t[i].node.key = slice_of(t[i].key, (size_t)n);
	}
	return t;
}

/* The walk sees each thing that is in, once. */
static void
check_walk(const struct table *t, struct thing *things)
{
	struct table_node *n;
	size_t walked = 0, in = 0;

	for (size_t i = 0; i < N; i++)
		things[i].seen = 0;
	for (n = table_next(t, NULL); n; n = table_next(t, n)) {
		TABLE_OF(n, struct thing, node)->seen++;
		walked++;
	}
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(things[i].seen, things[i].is_in);
		in += things[i].is_in;
	}
	assert_int_equal(walked, in);
	assert_int_equal(t->n, in);
}

static void
test_random_walk(void **state)
{
	struct thing *things = things_new();
	struct table t;

	(void)state;
	srand(5);
	table_init(&t, N, seed);
	check_walk(&t, things);
	for (int step = 0; step < 100000; step++) {
		struct thing *it = &things[rand() % N];
		struct table_node *found = table_find(&t, it->node.key);

		assert_ptr_equal(found, it->is_in ? &it->node : NULL);
		if (it->is_in) {
			if (step % 3 == 0) {
				table_del(&t, &it->node);
				it->is_in = false;
			}
		} else {
			assert_int_equal(table_add(&t, &it->node), OK);
			it->is_in = true;
		}
		if (step % 10000 == 0)
			check_walk(&t, things);
	}
	check_walk(&t, things);
	table_fini(&t);
	assert_null(table_next(&t, NULL));
	free(things);
}

static void
test_bound(void **state)
{
	struct thing *things = things_new();
	struct thing twin = {.node.key = SLICE("key-3")};
	struct table t;

	(void)state;
	table_init(&t, 100, seed);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(table_add(&t, &things[i].node), OK);
	assert_int_equal(table_add(&t, &things[100].node), ERR_FULL);
	assert_int_equal(table_add(&t, &twin.node), ERR_EXISTS);
	assert_ptr_equal(table_find(&t, twin.node.key), &things[3].node);
	assert_null(table_find(&t, things[100].node.key));
	table_del(&t, &things[3].node);
	assert_int_equal(table_add(&t, &twin.node), OK);
	assert_ptr_equal(table_find(&t, things[3].node.key), &twin.node);
	assert_int_equal(table_add(&t, &things[100].node), ERR_FULL);
	table_fini(&t);
	table_init(&t, 0, seed);
	assert_int_equal(table_add(&t, &things[100].node), ERR_FULL);
	table_fini(&t);
	free(things);
}

/* Keys are bytes: empty, with zeros, one the start of the other. */
static void
test_keys(void **state)
{
	static const struct slice keys[] = {SLICE(""), SLICE("\0"),
	    SLICE("\0\0"), SLICE("a"), SLICE("a\0"), SLICE("a\0b"), SLICE("A")};
	enum { KEYS = sizeof keys / sizeof *keys };
	struct table_node nodes[KEYS];
	struct table t;

	(void)state;
	table_init(&t, KEYS, seed);
	assert_null(table_find(&t, keys[0]));
	for (size_t i = 0; i < KEYS; i++) {
		nodes[i] = (struct table_node){.key = keys[i]};
		assert_int_equal(table_add(&t, &nodes[i]), OK);
	}
	for (size_t i = 0; i < KEYS; i++)
		assert_ptr_equal(table_find(&t, keys[i]), &nodes[i]);
	assert_ptr_equal(table_find(&t, (struct slice){0}), &nodes[0]);
	table_fini(&t);
}

/* Emptying the table while walking it, as the header permits. */
static void
test_take_out_behind_the_walk(void **state)
{
	struct thing *things = things_new();
	struct table_node *n, *next;
	struct table t;
	size_t taken = 0;

	(void)state;
	table_init(&t, N, seed);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(table_add(&t, &things[i].node), OK);
	for (n = table_next(&t, NULL); n; n = next) {
		next = table_next(&t, n);
		table_del(&t, n);
		memset(n, 0xff, sizeof *n);
		taken++;
	}
	assert_int_equal(taken, N);
	assert_int_equal(t.n, 0);
	table_fini(&t);
	free(things);
}

/* The buckets grow with the things: chains stay short. */
static void
test_chains_are_short(void **state)
{
	struct thing *things = things_new();
	struct table t;
	size_t longest = 0;

	(void)state;
	table_init(&t, N, seed);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(table_add(&t, &things[i].node), OK);
	for (size_t i = 0; i < t.n_buckets; i++) {
		size_t n = 0;

		for (struct table_node *k = t.buckets[i]; k; k = k->next)
			n++;
		longest = n > longest ? n : longest;
	}
	assert_true(t.n_buckets >= N);
	assert_true(longest <= 12);
	table_fini(&t);
	free(things);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random_walk),
	    cmocka_unit_test(test_bound),
	    cmocka_unit_test(test_keys),
	    cmocka_unit_test(test_take_out_behind_the_walk),
	    cmocka_unit_test(test_chains_are_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
