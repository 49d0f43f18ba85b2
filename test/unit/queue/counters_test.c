/* Counters in memory that outlives the process. */
#include "queue/counters.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void *
memory(size_t size)
{
	void *p = aligned_alloc(64, (size + 63) / 64 * 64);

	assert_non_null(p);
	memset(p, 0, size);
	return p;
}

static int64_t
get(const struct counters *t, struct counters_key key, unsigned i)
{
	int64_t out[COUNTERS_PER_KEY];

	(void)counters_find(t, key, out);
	return out[i];
}

static void
test_sizes(void **state)
{
	static const struct {
		size_t n, bytes;
	} rows[] = {
	    {0, 64 + 256},
	    {1, 64 + 256},
	    {8, 64 + 256},
	    {9, 64 + 2 * 256},
	    {1000, 64 + 128 * 256},
	};
	struct counters t;
	void *mem = memory(1024);

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(counters_bytes(rows[i].n), rows[i].bytes);
	assert_int_equal(counters_attach(&t, mem, 0), ERR_RANGE);
	assert_int_equal(counters_attach(&t, mem, 319), ERR_RANGE);
	assert_int_equal(counters_attach(&t, mem, 320), OK);
	assert_int_equal(t.mask, 0);
	free(mem);
}

static void
test_what_is_set_is_found_again(void **state)
{
	static const struct counters_key a = {1, 2}, b = {2, 2}, c = {1, 3};
	size_t size = counters_bytes(100);
	void *mem = memory(size);
	struct counters t, again;

	assert_int_equal(counters_attach(&t, mem, size), OK);
	counters_set(&t, a, 0, 10);
	counters_set(&t, a, 1, 11);
	counters_set(&t, b, 0, 20);
	counters_set(&t, a, 0, 12);
	counters_set_level(&t, 1, 99);
	assert_int_equal(counters_attach(&again, mem, size), OK);
	assert_int_equal(get(&again, a, 0), 12);
	assert_int_equal(get(&again, a, 1), 11);
	assert_int_equal(get(&again, b, 0), 20);
	assert_int_equal(get(&again, b, 1), 0);
	assert_int_equal(get(&again, c, 0), 0);
	assert_int_equal(counters_level(&again, 0), 0);
	assert_int_equal(counters_level(&again, 1), 99);
	assert_int_equal(t.evicted, 0);
	free(mem);
}

static void
test_strange_memory_is_made_empty(void **state)
{
	static const struct counters_key a = {1, 2};
	size_t size = counters_bytes(64);
	unsigned char *mem = memory(size);
	struct counters t;

	for (size_t at = 0; at < 24; at++) { /* magic, layout, sizes */
		memset(mem, 0, size);
		assert_int_equal(counters_attach(&t, mem, size), OK);
		counters_set(&t, a, 0, 10);
		counters_set_level(&t, 0, 5);
		mem[at] ^= 0x40;
		assert_int_equal(counters_attach(&t, mem, size), ERR_VERSION);
		assert_int_equal(get(&t, a, 0), 0);
		assert_int_equal(counters_level(&t, 0), 0);
		assert_int_equal(counters_attach(&t, mem, size), OK);
	}
	/* Another size is another table. */
	counters_set(&t, a, 0, 10);
	assert_int_equal(counters_attach(&t, mem, size / 2), ERR_VERSION);
	free(mem);
}

/* Numbers that nobody can have written are not believed. */
static void
test_negative_numbers_are_nothing(void **state)
{
	static const struct counters_key a = {1, 2};
	size_t size = counters_bytes(8);
	int64_t *mem = memory(size);
	struct counters t;

	assert_int_equal(counters_attach(&t, mem, size), OK);
	counters_set(&t, a, 0, 10);
	for (size_t i = 8; i < size / 8; i++) /* all cells */
		mem[i] = mem[i] == 10 ? -10 : mem[i];
	mem[3] = INT64_MIN;
	assert_int_equal(counters_level(&t, 0), 0);
	assert_int_equal(get(&t, a, 0), 0);
	free(mem);
}

/* A full set gives up the cell that owes least, and says when it owed. */
static void
test_eviction(void **state)
{
	size_t size = counters_bytes(8); /* one set */
	void *mem = memory(size);
	struct counters t;

	assert_int_equal(counters_attach(&t, mem, size), OK);
	for (uint64_t i = 1; i <= 8; i++)
		counters_set(
		    &t, (struct counters_key){i, i}, 0, (int64_t)i * 100);
	counters_set(&t, (struct counters_key){1, 1}, 1, 5000);
	counters_set_level(&t, 0, 250);
	/* 2 is below the level; 1 owes in its other counter. */
	counters_set(&t, (struct counters_key){9, 9}, 0, 900);
	assert_int_equal(get(&t, (struct counters_key){2, 2}, 0), 0);
	assert_int_equal(get(&t, (struct counters_key){1, 1}, 0), 100);
	assert_int_equal(get(&t, (struct counters_key){9, 9}, 0), 900);
	assert_int_equal(get(&t, (struct counters_key){9, 9}, 1), 0);
	assert_int_equal(t.evicted, 0);
	/* Now 3 owes least. */
	counters_set(&t, (struct counters_key){10, 10}, 0, 1);
	assert_int_equal(get(&t, (struct counters_key){3, 3}, 0), 0);
	assert_int_equal(t.evicted, 1);
	free(mem);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_what_is_set_is_found_again),
	    cmocka_unit_test(test_strange_memory_is_made_empty),
	    cmocka_unit_test(test_negative_numbers_are_nothing),
	    cmocka_unit_test(test_eviction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
