#include "os/latch.h"
#include "os/clock.h"
#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/types.h>

enum { TRIES = 64, PATIENCE_US = 1000 * 1000 };

static bool
try_take(struct latch *l, uint32_t from, uint32_t self)
{
	return atomic_compare_exchange_strong_explicit(
	    &l->owner, &from, self, memory_order_acquire, memory_order_relaxed);
}

static bool
is_gone(uint32_t pid)
{
	return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

enum latch_got
latch_take(struct latch *l, uint32_t self)
{
	int64_t since_us = 0;

	for (unsigned i = 0;; i++) {
		uint32_t owner =
		    atomic_load_explicit(&l->owner, memory_order_relaxed);

		if (owner == 0 && try_take(l, 0, self))
			return LATCH_TAKEN;
		if (owner == 0 || i % TRIES != TRIES - 1)
			continue;
		if (since_us == 0)
			since_us = os_now_us();
		/* One with our own pid is an earlier process. */
		if ((owner == self || is_gone(owner) ||
			os_now_us() - since_us > PATIENCE_US) &&
		    try_take(l, owner, self))
			return LATCH_INHERITED;
		(void)sched_yield();
	}
}

void
latch_give(struct latch *l, uint32_t self)
{
	/* It may have been taken from us meanwhile. */
	(void)atomic_compare_exchange_strong_explicit(
	    &l->owner, &self, 0, memory_order_release, memory_order_relaxed);
}
