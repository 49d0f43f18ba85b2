/* The memory that outlives a gate: its parts, and what another version does. */
#include "gate/state.h"
#include "ipc/gate_start.h"
#include "os/share.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include <unistd.h>

static int fd;
static struct state s;

static int
set_up(void **state)
{
	(void)state;
	if (os_share_new("test", GATE_STATE_BYTES, &fd) != OK)
		return -1;
	return state_map(&s, fd, 77) == OK ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	state_unmap(&s);
	return close(fd);
}

static void
test_parts_lie_apart(void **state)
{
	const char *last = s.mem;

	(void)state;
	for (unsigned i = 0; i < STATE_PARTS; i++) {
		size_t n = 0;
		char *p = state_get(&s, (enum state_part)i, &n);

		assert_true(p > s.mem && p >= last);
		assert_int_equal((uintptr_t)p % 64, 0);
		assert_true(n >= 4096);
		last = p + n;
		memset(p, (int)i + 1, n);
	}
	assert_true(last <= s.mem + GATE_STATE_BYTES);
	/* Nobody wrote over the header. */
	assert_int_equal(state_born_us(&s), 77);
}

static void
test_the_next_gate_finds_it(void **state)
{
	struct state next;
	size_t n;

	(void)state;
	*(char *)state_get(&s, STATE_DRAINED, &n) = 5;
	assert_int_equal(state_map(&next, fd, 99), OK);
	assert_int_equal(state_born_us(&next), 77);
	assert_int_equal(*(char *)state_get(&next, STATE_DRAINED, &n), 5);
	state_unmap(&next);
	state_unmap(&next);
}

static void
test_another_layout_begins_anew(void **state)
{
	struct state next;
	uint64_t layout;
	size_t n;

	(void)state;
	*(char *)state_get(&s, STATE_CELLS, &n) = 5;
	memcpy(&layout, s.mem + 8, sizeof layout);
	layout++;
	memcpy(s.mem + 8, &layout, sizeof layout);
	assert_int_equal(state_map(&next, fd, 99), OK);
	assert_int_equal(state_born_us(&next), 99);
	assert_int_equal(*(char *)state_get(&next, STATE_CELLS, &n), 0);
	state_unmap(&next);
}

static void
test_too_small(void **state)
{
	struct state next;
	int small;

	(void)state;
	assert_int_equal(os_share_new("small", 4096, &small), OK);
	assert_int_equal(state_map(&next, small, 0), ERR_VERSION);
	state_unmap(&next);
	assert_int_equal(close(small), 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_parts_lie_apart),
	    CASE(test_the_next_gate_finds_it),
	    CASE(test_another_layout_begins_anew),
	    CASE(test_too_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
