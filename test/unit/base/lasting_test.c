/* Tables in memory that outlives a process: new, known, of another kind. */
#include "base/lasting.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { SETS = 4, SET_BYTES = LASTING_WAYS * LASTING_CELL };

static _Alignas(64) char mem[LASTING_HEADER + SETS * SET_BYTES];

static const struct lasting_header mine = {.magic = 77, .layout = 1};

static enum err
attach(struct lasting_header want, size_t size)
{
	uint64_t mask = 99;
	enum err e = lasting_attach(mem, size, want, &mask);

	if (e != ERR_RANGE)
		assert_int_equal(
		    mask, size < sizeof mem ? SETS / 2 - 1 : SETS - 1);
	if (e == ERR_EOF || e == ERR_VERSION) {
		for (size_t i = LASTING_HEADER; i < size; i++)
			if (mem[i] != 0)
				fail_msg("byte %zu is not 0", i);
		lasting_made(mem, want.magic);
	}
	return e;
}

static void
test_sizes(void **state)
{
	(void)state;
	assert_int_equal(lasting_bytes(0), LASTING_HEADER + SET_BYTES);
	assert_int_equal(lasting_bytes(8), LASTING_HEADER + SET_BYTES);
	assert_int_equal(lasting_bytes(9), LASTING_HEADER + 2 * SET_BYTES);
	assert_int_equal(lasting_bytes(17), LASTING_HEADER + 4 * SET_BYTES);
	assert_int_equal(
	    attach(mine, LASTING_HEADER + SET_BYTES - 1), ERR_RANGE);
}

static void
test_what_it_was(void **state)
{
	struct lasting_header other = mine;

	(void)state;
	memset(mem, 0, sizeof mem);
	assert_int_equal(attach(mine, sizeof mem), ERR_EOF);
	mem[sizeof mem - 1] = 5;
	assert_int_equal(attach(mine, sizeof mem), OK);
	assert_int_equal(mem[sizeof mem - 1], 5);
	/* Another layout, another kind, another size: all of it is empty. */
	other.layout = 2;
	assert_int_equal(attach(other, sizeof mem), ERR_VERSION);
	assert_int_equal(attach(other, sizeof mem), OK);
	other.magic = 78;
	mem[sizeof mem - 1] = 5;
	assert_int_equal(attach(other, sizeof mem), ERR_VERSION);
	mem[sizeof mem / 2] = 5;
	assert_int_equal(attach(other, sizeof mem - 1), ERR_VERSION);
	/* Half made: its maker was killed before it counted. */
	memset(mem, 0xee, sizeof mem);
	memset(mem, 0, sizeof(uint64_t));
	assert_int_equal(attach(mine, sizeof mem), ERR_VERSION);
	assert_int_equal(attach(mine, sizeof mem), OK);
}

static void
test_find(void **state)
{
	const char *sets = mem + LASTING_HEADER;
	const struct lasting_key key = {5, 2 + SETS * 10};
	char *set = lasting_set(sets, SETS - 1, key);

	(void)state;
	memset(mem, 0, sizeof mem);
	assert_ptr_equal(set, sets + 2 * SET_BYTES);
	assert_null(lasting_find(sets, SETS - 1, key));
	memcpy(set + 7 * LASTING_CELL, &key, sizeof key);
	assert_ptr_equal(
	    lasting_find(sets, SETS - 1, key), set + 7 * LASTING_CELL);
	/* The whole key counts, and only in its own set. */
	assert_null(
	    lasting_find(sets, SETS - 1, (struct lasting_key){6, key.hi}));
	assert_null(lasting_find(
	    sets, SETS - 1, (struct lasting_key){5, key.hi + SETS}));
	memcpy(mem + LASTING_HEADER, &key, sizeof key);
	memset(set + 7 * LASTING_CELL, 0, sizeof key);
	assert_null(lasting_find(sets, SETS - 1, key));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_what_it_was),
	    cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
