/* Slots of several gates, seen from each. */
#include "engine/tally.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

enum { SIZE = 4096, OLLAMA = 7, LLAMA = 8 };

static _Alignas(64) char mem[SIZE];

static struct tally
attach(uint64_t generation, const uint64_t *live, size_t n_live)
{
	struct tally t;

	assert_int_equal(
	    tally_attach(&t, mem, SIZE, generation, live, n_live), OK);
	return t;
}

static void
test_others_are_seen(void **state)
{
	uint32_t row = TALLY_NONE, other = TALLY_NONE, mine = TALLY_NONE;
	const uint64_t live[] = {1};
	struct tally old, new;

	(void)state;
	memset(mem, 0, SIZE);
	old = attach(1, NULL, 0);
	assert_false(tally_has_others(&old));
	tally_set(&old, &row, OLLAMA, 3);
	tally_set(&old, &other, LLAMA, 1);
	assert_int_equal(tally_others(&old, OLLAMA), 0);

	new = attach(2, live, 1);
	assert_true(tally_has_others(&new));
	assert_true(tally_has_others(&old));
	assert_int_equal(tally_others(&new, OLLAMA), 3);
	assert_int_equal(tally_others(&new, LLAMA), 1);
	tally_set(&new, &mine, OLLAMA, 2);
	assert_int_equal(tally_others(&old, OLLAMA), 2);
	assert_int_equal(tally_others(&new, OLLAMA), 3);

	tally_set(&old, &row, OLLAMA, 0);
	assert_int_equal(row, TALLY_NONE);
	assert_int_equal(tally_others(&new, OLLAMA), 0);
	assert_int_equal(tally_others(&new, LLAMA), 1);
	tally_forget(&new, 1);
	assert_false(tally_has_others(&new));
	assert_int_equal(tally_others(&new, LLAMA), 0);
}

/* What a gate that crashed had in use is no longer in use. */
static void
test_the_dead_are_forgotten(void **state)
{
	uint32_t row = TALLY_NONE, leaving = TALLY_NONE;
	const uint64_t live[] = {1};
	struct tally t;

	(void)state;
	memset(mem, 0, SIZE);
	t = attach(1, NULL, 0);
	tally_set(&t, &leaving, OLLAMA, 1);
	t = attach(2, live, 1);
	tally_set(&t, &row, OLLAMA, 3);
	/* 2 crashes; 1 is still there. */
	t = attach(3, live, 1);
	assert_int_equal(tally_others(&t, OLLAMA), 1);
	t = attach(4, NULL, 0);
	assert_false(tally_has_others(&t));
	assert_int_equal(tally_others(&t, OLLAMA), 0);
}

/* What they had at each engine is told once, to whoever serves next. */
static void
test_what_the_dead_left_is_told_once(void **state)
{
	uint32_t a = TALLY_NONE, b = TALLY_NONE, c = TALLY_NONE, d = TALLY_NONE;
	const uint64_t live[] = {2};
	struct tally t;

	(void)state;
	memset(mem, 0, SIZE);
	t = attach(1, NULL, 0);
	tally_set(&t, &a, OLLAMA, 3);
	tally_set(&t, &b, LLAMA, 2);
	tally_set(&t, &b, LLAMA, 1);
	assert_int_equal(tally_take_left(&t, LLAMA), 0);
	t = attach(2, NULL, 0); /* 1 has crashed */
	tally_set(&t, &c, LLAMA, 4);
	t = attach(3, live, 1); /* beside 2 */
	assert_int_equal(tally_others(&t, LLAMA), 4);
	tally_bury(&t, 2);
	assert_false(tally_has_others(&t));
	assert_int_equal(tally_others(&t, LLAMA), 0);
	tally_set(&t, &d, LLAMA, 1);
	assert_int_equal(tally_take_left(&t, LLAMA), 1 + 4);
	assert_int_equal(tally_take_left(&t, LLAMA), 0);
	assert_int_equal(tally_take_left(&t, OLLAMA), 3);
	tally_bury(&t, 3);
	assert_int_equal(tally_take_left(&t, LLAMA), 1);
}

/* What was left is in nobody's way: its rows are used before none is. */
static void
test_what_is_left_gives_way(void **state)
{
	struct tally t;

	(void)state;
	memset(mem, 0, SIZE);
	for (uint64_t gate = 1; gate < 4; gate++) {
		size_t n = 0;

		t = attach(gate, NULL, 0);
		for (uint64_t i = 0; i < 100; i++) {
			uint32_t row = TALLY_NONE;

			tally_set(&t, &row, gate * 1000 + i, 1);
			n += row != TALLY_NONE;
		}
		assert_int_equal(n, 100);
	}
}

/* More engines than rows: those without are not counted, nothing breaks. */
static void
test_a_full_table(void **state)
{
	const uint64_t live[] = {1};
	uint32_t rows[SIZE / 16];
	struct tally t;
	size_t n = 0;

	(void)state;
	memset(mem, 0, SIZE);
	t = attach(1, NULL, 0);
	for (size_t i = 0; i < SIZE / 16; i++) {
		rows[i] = TALLY_NONE;
		tally_set(&t, &rows[i], i, 1);
		n += rows[i] != TALLY_NONE;
	}
	assert_true(n > 100 && n < SIZE / 16);
	tally_set(&t, &rows[0], 0, 0);
	tally_set(&t, &rows[n], n, 1);
	assert_true(rows[n] != TALLY_NONE);
	t = attach(2, live, 1);
	assert_int_equal(tally_others(&t, n), 1);
	assert_int_equal(tally_others(&t, n + 1), 0);
	assert_int_equal(tally_attach(&t, mem, 32, 1, NULL, 0), ERR_RANGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_others_are_seen),
	    cmocka_unit_test(test_the_dead_are_forgotten),
	    cmocka_unit_test(test_what_the_dead_left_is_told_once),
	    cmocka_unit_test(test_what_is_left_gives_way),
	    cmocka_unit_test(test_a_full_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
