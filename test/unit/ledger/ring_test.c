/* Records in order, whole, across the end of the memory; full is told. */
#include "ledger/ring.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { BYTES = RING_BYTES_LEAST };

/* A record that is known by its number. */
static size_t
size_of(unsigned i)
{
	return 8 + i * 7919 % 300;
}

static bool
put(struct ring *r, unsigned i)
{
	char *p = ring_begin(r, size_of(i));

	if (p == NULL)
		return false;
	assert_int_equal((uintptr_t)p % 8, 0);
	memset(p, (int)(i % 251), size_of(i));
	memcpy(p, &i, sizeof i);
	(void)ring_commit(r);
	return true;
}

/* The next record must be number ${i}, whole. */
static bool
take(struct ring *r, unsigned i)
{
	const char *p = ring_peek(r);
	unsigned got;

	if (p == NULL)
		return false;
	memcpy(&got, p, sizeof got);
	assert_int_equal(got, i);
	for (size_t k = sizeof got; k < size_of(i); k++)
		assert_int_equal((unsigned char)p[k], i % 251);
	ring_take(r);
	return true;
}

static void
test_in_order_and_bounded(void **state)
{
	struct ring r;
	unsigned in = 0, out = 0;

	assert_true(ring_init(&r, BYTES));
	assert_null(ring_peek(&r));
	for (int round = 0; round < 2000; round++) {
		size_t bytes = 0;

		while (put(&r, in))
			in++;
		/* It took nearly all that it may hold. */
		for (unsigned i = out; i < in; i++)
			bytes += size_of(i);
		assert_true(bytes > BYTES * 7 / 10);
		for (int k = round % 10; k >= 0 && out < in; k--)
			assert_true(take(&r, out++));
	}
	while (out < in)
		assert_true(take(&r, out++));
	assert_null(ring_peek(&r));
	ring_fini(&r);
}

static void
test_the_largest_record(void **state)
{
	struct ring r;

	assert_true(ring_init(&r, BYTES));
	for (int i = 0; i < 100; i++) {
		assert_non_null(ring_begin(&r, RING_RECORD_MAX));
		/* One record is never half of it, however many went before. */
		assert_in_range(
		    ring_commit(&r), RING_RECORD_MAX, RING_BYTES_LEAST / 2);
		assert_non_null(ring_peek(&r));
		ring_take(&r);
	}
	/* What is begun and not committed is not there. */
	assert_non_null(ring_begin(&r, 100));
	assert_null(ring_peek(&r));
	ring_fini(&r);
}

enum { MANY = 200000 };

static void *
put_all(void *arg)
{
	for (unsigned i = 0; i < MANY;)
		i += put(arg, i);
	return NULL;
}

static void
test_two_threads(void **state)
{
	struct ring r;
	pthread_t thread;

	assert_true(ring_init(&r, BYTES));
	assert_int_equal(pthread_create(&thread, NULL, put_all, &r), 0);
	for (unsigned i = 0; i < MANY;)
		i += take(&r, i);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_null(ring_peek(&r));
	ring_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_in_order_and_bounded),
	    cmocka_unit_test(test_the_largest_record),
	    cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
