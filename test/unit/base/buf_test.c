/* Buffers: the written maximum, growth, numbers and formatted text. */
#include "base/buf.h"
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* At every maximum and every step the bytes are those that were added. */
static void
test_maximum(void **state)
{
	static const size_t maxima[] = {0, 1, 2, 255, 256, 257, 1000, 70000};
	static const size_t steps[] = {1, 3, 256, 999};

	(void)state;
	for (size_t m = 0; m < sizeof maxima / sizeof *maxima; m++)
		for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
			size_t max = maxima[m], step = steps[k], n = 0;
			char part[1000];
			struct buf b;

			memset(part, 'x', sizeof part);
			buf_init(&b, max);
			while (n + step <= max) {
				part[0] = (char)('a' + n % 26);
				assert_int_equal(
				    buf_add(&b, slice_of(part, step)), OK);
				assert_int_equal(b.p[n], 'a' + n % 26);
				n += step;
				assert_int_equal(b.n, n);
				assert_true(b.cap <= max);
			}
			/* The one too many adds nothing. */
			assert_int_equal(
			    buf_add(&b, slice_of(part, step)), ERR_FULL);
			assert_int_equal(b.n, n);
			while (n++ < max)
				assert_int_equal(buf_add_char(&b, '!'), OK);
			assert_int_equal(buf_add_char(&b, '!'), ERR_FULL);
			assert_int_equal(b.n, max);
			buf_fini(&b);
			assert_int_equal(b.n, 0);
			assert_int_equal(b.max, max);
		}
}

static void
test_huge(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(buf_add_str(&b, "abc"), OK);
	assert_int_equal(buf_reserve(&b, SIZE_MAX), ERR_FULL);
	assert_int_equal(buf_reserve(&b, SIZE_MAX - 2), ERR_FULL);
	assert_int_equal(buf_reserve(&b, 98), ERR_FULL);
	assert_int_equal(buf_reserve(&b, 97), OK);
	assert_true(slice_is(buf_slice(&b), "abc"));
	buf_fini(&b);
}

/* Adding a byte at a time must not copy all bytes each time. */
static void
test_growth_doubles(void **state)
{
	struct buf b;
	size_t cap = 0;
	int grown = 0;

	(void)state;
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 1 << 20; i++) {
		assert_int_equal(buf_add_char(&b, (char)i), OK);
		grown += b.cap != cap;
		cap = b.cap;
	}
	for (int i = 0; i < 1 << 20; i++)
		if (b.p[i] != (char)i)
			fail_msg("byte %d", i);
	assert_true(grown <= 20);
	buf_clear(&b);
	assert_int_equal(b.n, 0);
	assert_int_equal(b.cap, 1 << 20);
	buf_fini(&b);
	assert_int_equal(b.cap, 0);
}

static void
test_empty(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	assert_int_equal(buf_add(&b, (struct slice){0}), OK);
	assert_int_equal(buf_add_str(&b, ""), OK);
	assert_int_equal(buf_slice(&b).n, 0);
	buf_drop(&b, 5);
	assert_int_equal(b.n, 0);
	buf_fini(&b);
	buf_fini(&b);
}

static void
test_numbers(void **state)
{
	static const int64_t numbers[] = {0, 1, 9, 10, 99, 100, -1, -9, -10,
	    INT_MAX, INT_MIN, INT64_MAX, INT64_MIN, INT64_MIN + 1};
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		char want[32];

		(void)snprintf(
		    want, sizeof want, "%lld", (long long)numbers[i]);
		buf_clear(&b);
		assert_int_equal(buf_add_i64(&b, numbers[i]), OK);
		assert_true(slice_is(buf_slice(&b), want));
		(void)snprintf(
		    want, sizeof want, "%llu", (unsigned long long)numbers[i]);
		buf_clear(&b);
		assert_int_equal(buf_add_u64(&b, (uint64_t)numbers[i]), OK);
		assert_true(slice_is(buf_slice(&b), want));
	}
	buf_fini(&b);
	buf_init(&b, 3);
	assert_int_equal(buf_add_u64(&b, 1234), ERR_FULL);
	assert_int_equal(buf_add_i64(&b, -123), ERR_FULL);
	assert_int_equal(b.n, 0);
	buf_fini(&b);
}

static void
test_printf(void **state)
{
	struct buf b;
	char big[1000];

	(void)state;
	memset(big, 'y', sizeof big);
	big[sizeof big - 1] = 0;
	buf_init(&b, 2000);
	assert_int_equal(buf_printf(&b, "%s-%d", "a", 5), OK);
	assert_int_equal(buf_printf(&b, "%s", ""), OK);
	assert_true(slice_is(buf_slice(&b), "a-5"));
	assert_int_equal(buf_printf(&b, "%s", big), OK);
	assert_int_equal(b.n, 3 + 999);
	assert_int_equal(b.p[3 + 998], 'y');
	assert_int_equal(buf_printf(&b, "%s", big), ERR_FULL);
	assert_int_equal(b.n, 3 + 999);
	/* Nothing is written behind what fits: ASan watches. */
	buf_fini(&b);
	buf_init(&b, 4);
	assert_int_equal(buf_printf(&b, "abcde"), ERR_FULL);
	assert_int_equal(buf_printf(&b, "abc"), OK);
	assert_true(slice_is(buf_slice(&b), "abc"));
	buf_fini(&b);
}

static void
test_sizes(void **state)
{
	static const struct {
		int64_t bytes;
		const char *text;
	} cases[] = {{0, "0 B"}, {1023, "1023 B"}, {1024, "1.0 KiB"},
	    {1536, "1.5 KiB"}, {100 * 1024, "100 KiB"},
	    {INT64_C(3) << 29, "1.5 GiB"}, {INT64_C(2) << 40, "2.0 TiB"},
	    {INT64_C(2000) << 40, "2000 TiB"}};
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		buf_clear(&b);
		assert_int_equal(buf_add_size(&b, cases[i].bytes), OK);
		assert_true(slice_is(buf_slice(&b), cases[i].text));
	}
	buf_fini(&b);
}

static void
test_drop(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(buf_add_str(&b, "0123456789"), OK);
	buf_drop(&b, 0);
	assert_true(slice_is(buf_slice(&b), "0123456789"));
	buf_drop(&b, 3);
	assert_true(slice_is(buf_slice(&b), "3456789"));
	buf_drop(&b, 6);
	assert_true(slice_is(buf_slice(&b), "9"));
	buf_drop(&b, 2);
	assert_int_equal(b.n, 0);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_maximum),
	    cmocka_unit_test(test_huge),
	    cmocka_unit_test(test_growth_doubles),
	    cmocka_unit_test(test_empty),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_printf),
	    cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
