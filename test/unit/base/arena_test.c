/* Arenas: bound, alignment, no overlap, and what a reset keeps. */
#include "base/arena.h"
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { CHUNK = 4096 };

/* Random sizes, each filled with its own byte: nothing may overlap. */
static void
test_alignment_and_overlap(void **state)
{
	enum { N = 2000 };
	static struct {
		unsigned char *p;
		size_t n;
	} got[N];
	struct arena a;
	unsigned seed = 77;

	(void)state;
	srand(seed);
	arena_init(&a, 64 << 20);
	for (size_t i = 0; i < N; i++) {
		got[i].n =
		    (size_t)(rand() % 20 == 0 ? rand() % 20000 : rand() % 200);
		got[i].p = arena_alloc(&a, got[i].n);
		assert_non_null(got[i].p);
		assert_int_equal((uintptr_t)got[i].p % alignof(max_align_t), 0);
		memset(got[i].p, (int)(i & 255), got[i].n);
		assert_true(a.total <= a.max);
	}
	for (size_t i = 0; i < N; i++)
		for (size_t k = 0; k < got[i].n; k++)
			if (got[i].p[k] != (i & 255))
				fail_msg("seed %u: %zu overwritten", seed, i);
	arena_fini(&a);
	assert_int_equal(a.total, 0);
}

static void
test_bound(void **state)
{
	struct arena a;
	size_t n = 0;

	(void)state;
	arena_init(&a, 4 * CHUNK);
	assert_null(arena_alloc(&a, 4 * CHUNK + 1));
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc(&a, SIZE_MAX - 15));
	/* With its header it is one byte too many. */
	assert_null(arena_alloc(&a, 4 * CHUNK));
	while (arena_alloc(&a, 100))
		n += 100;
	assert_true(n > 3 * CHUNK && n < 4 * CHUNK);
	assert_int_equal(a.total, 4 * CHUNK);
	/* Refused is refused, but what is left still serves. */
	assert_null(arena_alloc(&a, CHUNK));
	arena_reset(&a);
	assert_non_null(arena_alloc(&a, 100));
	arena_fini(&a);
	assert_int_equal(a.max, 4 * CHUNK);
	assert_non_null(arena_alloc(&a, 100));
	arena_fini(&a);
}

static void
test_extremes(void **state)
{
	struct arena a;
	char *p;

	(void)state;
	arena_init(&a, SIZE_MAX);
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc(&a, SIZE_MAX - 7));
	arena_fini(&a);
	arena_init(&a, 0);
	assert_null(arena_alloc(&a, 0));
	assert_null(arena_alloc(&a, 1));
	arena_fini(&a);
	arena_init(&a, CHUNK);
	assert_non_null(arena_alloc(&a, 0));
	/* The whole of a chunk but its header. */
	p = arena_alloc(&a, CHUNK - 64);
	assert_non_null(p);
	memset(p, 1, CHUNK - 64);
	arena_fini(&a);
}

static void
test_reset_keeps_one_chunk(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	assert_non_null(arena_alloc(&a, 10));
	assert_non_null(arena_alloc(&a, 100000));
	for (int i = 0; i < 50; i++)
		assert_non_null(arena_alloc(&a, 1000));
	arena_reset(&a);
	assert_int_equal(a.total, CHUNK);
	/* The next request allocates nothing. */
	assert_non_null(arena_alloc(&a, 10));
	assert_int_equal(a.total, CHUNK);
	arena_reset(&a);
	arena_reset(&a);
	assert_int_equal(a.total, CHUNK);
	arena_fini(&a);
	/* Only chunks of the usual size are kept. */
	arena_init(&a, 1 << 20);
	assert_non_null(arena_alloc(&a, 100000));
	arena_reset(&a);
	assert_int_equal(a.total, 0);
	arena_fini(&a);
}

static void
test_copy(void **state)
{
	struct arena a;
	char text[] = "hello";
	struct slice s;

	(void)state;
	arena_init(&a, CHUNK);
	s = arena_copy(&a, slice_str(text));
	text[0] = 'j';
	assert_true(slice_is(s, "hello"));
	s = arena_copy(&a, (struct slice){0});
	assert_non_null(s.p);
	assert_int_equal(s.n, 0);
	arena_fini(&a);
	arena_init(&a, 8);
	s = arena_copy(&a, slice_str("hello"));
	assert_null(s.p);
	assert_int_equal(s.n, 0);
	arena_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_alignment_and_overlap),
	    cmocka_unit_test(test_bound),
	    cmocka_unit_test(test_extremes),
	    cmocka_unit_test(test_reset_keeps_one_chunk),
	    cmocka_unit_test(test_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
