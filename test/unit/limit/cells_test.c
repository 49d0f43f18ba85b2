/*
 * The table of buckets: it survives its process, other layouts and damage,
 * gives up what says nothing first, and never finds another caller's cell.
 */
#include "limit/cells.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define SEC INT64_C(1000000000)

static const struct hash_key secret = {
    UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210)};

/* 10 a minute, 6 at once. */
static struct gcra_rate
usual(void)
{
	struct gcra_rate r;

	assert_int_equal(gcra_rate_init(&r, 10, 60 * SEC, 5), OK);
	return r;
}

static void *
memory(size_t size)
{
	void *p = aligned_alloc(64, (size + 63) / 64 * 64);

	assert_non_null(p);
	memset(p, 0, size);
	return p;
}

static struct cells_key
key_of(const struct cells *t, int who)
{
	char name[32];
	int n = snprintf(name, sizeof name, "caller-%d", who);

	return cells_key(t, CELLS_REQUESTS, slice_of(name, (size_t)n));
}

static void
test_a_caller_has_its_bucket(void **state)
{
	size_t size = cells_bytes(1000);
	void *mem = memory(size);
	struct gcra_rate rate = usual();
	struct gcra_answer a;
	struct cells t;
	struct cells_key alice, bob, listing;

	assert_int_equal(cells_attach(&t, mem, size, secret), OK);
	alice = cells_key(&t, CELLS_REQUESTS, slice_str("alice"));
	bob = cells_key(&t, CELLS_REQUESTS, slice_str("bob"));
	listing = cells_key(&t, CELLS_LISTINGS, slice_str("alice"));
	for (int i = 0; i < 6; i++)
		assert_true(cells_take(&t, alice, &rate, SEC, &a));
	assert_false(cells_take(&t, alice, &rate, SEC, &a));
	assert_int_equal(a.wait_ns, 6 * SEC);
	assert_true(cells_peek(&t, bob, &rate, SEC, &a));
	assert_int_equal(a.remaining, 6);
	assert_true(cells_take(&t, listing, &rate, SEC, &a));
	assert_int_equal(a.remaining, 5);
	assert_int_equal(cells_in_debt(&t, SEC), 2);
	assert_int_equal(cells_in_debt(&t, 100 * SEC), 0);
	assert_int_equal(t.evicted, 0);
	free(mem);
}

static void
test_another_process_finds_it_again(void **state)
{
	struct hash_key other = {1, 2};
	size_t size = cells_bytes(64);
	void *mem = memory(size);
	struct gcra_rate rate = usual();
	struct gcra_answer a;
	struct cells t, again;
	struct cells_key k;

	assert_int_equal(cells_attach(&t, mem, size, secret), OK);
	for (int i = 0; i < 6; i++)
		cells_take(&t, key_of(&t, 1), &rate, SEC, &a);
	/* Its seed is the table's, whatever the newcomer brings. */
	assert_int_equal(cells_attach(&again, mem, size, other), OK);
	k = key_of(&again, 1);
	assert_false(cells_take(&again, k, &rate, SEC, &a));
	free(mem);
}

static void
test_other_layouts_are_made_anew(void **state)
{
	size_t size = cells_bytes(64);
	uint64_t *mem = memory(size);
	struct gcra_rate rate = usual();
	struct gcra_answer a;
	struct cells t;

	/* Each word of the header that is not the seed or spare, damaged. */
	for (int word = 0; word < 3; word++) {
		memset(mem, 0, size);
		assert_int_equal(cells_attach(&t, mem, size, secret), OK);
		for (int i = 0; i < 6; i++)
			cells_take(&t, key_of(&t, 1), &rate, SEC, &a);
		mem[word] ^= 0x100;
		assert_int_equal(
		    cells_attach(&t, mem, size, secret), ERR_VERSION);
		assert_int_equal(cells_in_debt(&t, SEC), 0);
		assert_true(cells_take(&t, key_of(&t, 1), &rate, SEC, &a));
		assert_int_equal(cells_attach(&t, mem, size, secret), OK);
	}
	/* Another size is another layout. */
	assert_int_equal(
	    cells_attach(&t, mem, cells_bytes(16), secret), ERR_VERSION);
	assert_int_equal(
	    cells_attach(&t, mem, cells_bytes(1) - 1, secret), ERR_RANGE);
	free(mem);
}

static void
test_sizes(void **state)
{
	/* Header 64, a set of 8 cells 256; sets are a power of two. */
	assert_int_equal(cells_bytes(1), 64 + 256);
	assert_int_equal(cells_bytes(8), 64 + 256);
	assert_int_equal(cells_bytes(9), 64 + 2 * 256);
	assert_int_equal(cells_bytes(17), 64 + 4 * 256);
}

/* One set: nine callers share eight cells. */
static void
test_full_buckets_go_first_then_the_fullest(void **state)
{
	size_t size = cells_bytes(1);
	void *mem = memory(size);
	struct gcra_rate rate = usual();
	struct gcra_answer a;
	struct cells t;

	assert_int_equal(cells_attach(&t, mem, size, secret), OK);
	for (int who = 0; who < 8; who++) /* 7 owes least: 6 s */
		for (int i = 0; i < (who == 7 ? 1 : 2); i++)
			cells_take(&t, key_of(&t, who), &rate, SEC, &a);
	/* All are in debt: the one that is closest to full goes. */
	cells_take(&t, key_of(&t, 8), &rate, SEC, &a);
	assert_int_equal(a.remaining, 5);
	assert_int_equal(t.evicted, 1);
	assert_int_equal(cells_in_debt(&t, SEC), 8);
	cells_peek(&t, key_of(&t, 7), &rate, SEC, &a);
	assert_int_equal(a.remaining, 6);
	cells_peek(&t, key_of(&t, 0), &rate, SEC, &a);
	assert_int_equal(a.remaining, 4);
	/* At 7 s number 8's bucket is full again: it costs nobody anything. */
	cells_take(&t, key_of(&t, 9), &rate, 7 * SEC, &a);
	assert_int_equal(t.evicted, 1);
	free(mem);
}

/* 200,000 callers that come once: the table stays as it is. */
static void
test_many_callers_are_bounded(void **state)
{
	size_t size = cells_bytes(4096);
	void *mem = memory(size);
	struct gcra_rate rate = usual();
	struct gcra_answer a;
	struct cells t;

	assert_int_equal(cells_attach(&t, mem, size, secret), OK);
	for (int who = 0; who < 200000; who++)
		assert_true(cells_take(&t, key_of(&t, who), &rate, SEC, &a));
	assert_int_equal(cells_in_debt(&t, SEC), 4096);
	assert_true(t.evicted >= 200000 - 2 * 4096);
	/* A minute later all of them are at rest and evict nobody. */
	t.evicted = 0;
	for (int who = 0; who < 64; who++)
		cells_take(&t, key_of(&t, who), &rate, 61 * SEC, &a);
	assert_int_equal(t.evicted, 0);
	free(mem);
}

static void
test_random_memory_is_survived(void **state)
{
	size_t size = cells_bytes(256);
	unsigned char *mem = memory(size);
	struct gcra_rate rate = usual();
	struct gcra_answer a;
	struct cells t;

	srand(7);
	for (int round = 0; round < 50; round++) {
		memset(mem, 0, size);
		assert_int_equal(cells_attach(&t, mem, size, secret), OK);
		for (size_t i = 64; i < size; i++)
			mem[i] = (unsigned char)rand();
		for (int who = 0; who < 1000; who++) {
			cells_take(&t, key_of(&t, who), &rate, SEC, &a);
			assert_true(a.wait_ns <= 6 * SEC);
		}
	}
	free(mem);
}

/* --- kill -9 at any instruction --- */

struct shared {
	_Alignas(64) unsigned char table[64 + 256];
	volatile uint64_t counted; /* requests that the child saw allowed */
};

static void
nap(long ns)
{
	nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

static void
child_takes(struct shared *s, struct gcra_rate rate)
{
	struct gcra_answer a;
	struct cells t;

	if (cells_attach(&t, s->table, sizeof s->table, secret) != OK)
		_exit(1);
	while (cells_take(&t, key_of(&t, 1), &rate, SEC, &a))
		s->counted++;
	_exit(0);
}

static void
test_a_killed_writer_is_off_by_one_at_most(void **state)
{
	struct shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct gcra_rate rate;

	assert_ptr_not_equal(s, MAP_FAILED);
	/* An odd interval, so that both fields of the cell change. */
	assert_int_equal(gcra_rate_init(&rate, 7, SEC, GCRA_BURST_MAX), OK);
	for (int round = 0; round < 60; round++) {
		struct gcra_answer a;
		struct cells t;
		uint64_t taken;
		pid_t pid;

		memset(s, 0, sizeof *s);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			child_takes(s, rate);
		while (s->counted < 10)
			nap(10000);
		nap(1000 * (long)(round % 20));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		assert_int_equal(
		    cells_attach(&t, s->table, sizeof s->table, secret), OK);
		/* A torn cell is off by less than 1 ns: ask 1 ns later. */
		cells_peek(&t, key_of(&t, 1), &rate, SEC + 1, &a);
		taken = (uint64_t)GCRA_BURST_MAX + 1 - a.remaining;
		if (taken != s->counted && taken != s->counted + 1)
			fail_msg("round %d: %llu taken, %llu counted", round,
			    (unsigned long long)taken,
			    (unsigned long long)s->counted);
	}
	munmap(s, sizeof *s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_caller_has_its_bucket),
	    cmocka_unit_test(test_another_process_finds_it_again),
	    cmocka_unit_test(test_other_layouts_are_made_anew),
	    cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_full_buckets_go_first_then_the_fullest),
	    cmocka_unit_test(test_many_callers_are_bounded),
	    cmocka_unit_test(test_random_memory_is_survived),
	    cmocka_unit_test(test_a_killed_writer_is_off_by_one_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
