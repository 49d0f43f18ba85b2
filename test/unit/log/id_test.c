/* Request ids, by the ULID specification. */
#include "log/id.h"
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static const struct hash_key seed = {1, 2};

static void
test_time_part(void **state)
{
	struct id_source s;
	char id[ID_LEN + 1] = {0};

	(void)state;
	/* The specification's example: 1469918176385 is 01ARYZ6S41. */
	id_init(&s, seed);
	id_next(&s, 1469918176385999, id);
	assert_memory_equal(id, "01ARYZ6S41", 10);
	/* The largest time it allows. */
	id_init(&s, seed);
	id_next(&s, 281474976710655000, id);
	assert_memory_equal(id, "7ZZZZZZZZZ", 10);
	assert_int_equal(
	    strspn(id, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), ID_LEN);
}

static void
test_ids_only_grow(void **state)
{
	static const int64_t steps[] = {0, 0, 0, 999, 1, 5000, -7000000, 100};
	struct id_source s;
	char last[ID_LEN] = {0}, id[ID_LEN];
	int64_t now = 1771956000123456;

	(void)state;
	id_init(&s, seed);
	for (int i = 0; i < 100000; i++) {
		now += steps[i % 8];
		id_next(&s, now, id);
		assert_true(memcmp(last, id, ID_LEN) < 0);
		memcpy(last, id, ID_LEN);
	}
}

/* When the chance of a millisecond is used up, the next one begins. */
static void
test_overflow_carries(void **state)
{
	struct id_source s;
	char a[ID_LEN], b[ID_LEN];

	(void)state;
	id_init(&s, seed);
	id_next(&s, 1000000, a);
	s.hi = 0xffff;
	s.lo = UINT64_MAX;
	id_next(&s, 1000000, b);
	assert_true(memcmp(a, b, ID_LEN) < 0);
	assert_int_equal(s.ms, 1001);
}

static void
test_sources_differ(void **state)
{
	struct id_source a, b;
	char x[ID_LEN], y[ID_LEN];

	(void)state;
	id_init(&a, seed);
	id_init(&b, (struct hash_key){1, 3});
	id_next(&a, 1000000, x);
	id_next(&b, 1000000, y);
	assert_memory_equal(x, y, 10);
	assert_memory_not_equal(x + 10, y + 10, 16);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_time_part),
	    cmocka_unit_test(test_ids_only_grow),
	    cmocka_unit_test(test_overflow_carries),
	    cmocka_unit_test(test_sources_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
