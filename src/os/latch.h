/*
 * latch: one at a time, among processes that share memory.
 *
 * For a few dozen instructions between two gates of which one is leaving.  A
 * process that dies inside does not hold up the others: its latch is taken
 * from it.  Without a rival it costs one exchange and one store.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* In the shared memory; zeros: nobody has it. */
struct latch {
	_Atomic uint32_t owner; /* a pid */
};

enum latch_got {
	LATCH_TAKEN,
	/* Whoever had it is gone, or has not moved for a second: what it was
	   about to change may be half done. */
	LATCH_INHERITED,
};

/*
 * Take ${l} for the process ${self}, waiting until it is free; must not be had
 * already.
 */
enum latch_got latch_take(struct latch *l, uint32_t self);

/* Give it back. */
void latch_give(struct latch *l, uint32_t self);
