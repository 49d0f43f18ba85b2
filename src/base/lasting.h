/*
 * lasting: a table of cells in memory that outlives the process that writes it.
 *
 *   | header | set 0: 8 cells | set 1: 8 cells | ...    header: 64 bytes, a cell
 *              ^ the key picks a set                    32 and begins with its key
 *
 * What is the same in limit/cells.h and queue/counters.h.  A key lives in its
 * set or nowhere, so every search is bounded.  One process writes at a time and
 * may be killed between any two of its stores, never in the middle of what
 * other processors see: only the compiler must keep the order.
 */
#pragma once
#include "base/err.h"
#include <stdatomic.h>

enum { LASTING_WAYS = 8, LASTING_CELL = 32, LASTING_HEADER = 64 };

/* The first bytes of each header. */
struct lasting_header {
	uint64_t magic; /* written last: without it nothing else counts */
	uint32_t layout;
	uint32_t set_bytes;
	uint64_t n_sets;
};

/* The first bytes of each cell. */
struct lasting_key {
	uint64_t lo, hi;
};

/* What is above is stored before what is below. */
static inline void
lasting_in_order(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

/* Bytes that a table of at least ${n} cells wants. */
size_t lasting_bytes(size_t n);

/*
 * Use the table in ${size} bytes at ${mem} (aligned to 64); *${mask} becomes
 * the number of its sets - 1.  OK: it is there, with the marks of ${want}
 * (magic and layout; the rest is filled in).  ERR_RANGE: ${size} is too small
 * for one set.
 *
 * Else it is empty, its header is zeros behind the marks, and lasting_made must
 * follow.  ERR_EOF: the memory was new (a header of zeros: all is taken to be,
 * and is not touched); ERR_VERSION: it held something else.
 */
MUST_CHECK enum err lasting_attach(
    void *mem, size_t size, struct lasting_header want, uint64_t *mask);

/* The new table at ${mem} is complete: it counts from now on. */
void lasting_made(void *mem, uint64_t magic);

/* The set in which ${key} is, if it is, of the sets at ${sets}. */
static inline void *
lasting_set(const void *sets, uint64_t mask, struct lasting_key key)
{
	size_t at = (size_t)(key.hi & mask) * LASTING_WAYS * LASTING_CELL;

	return (char *)(uintptr_t)sets + at;
}

/* The cell of ${key}; NULL: there is none. */
static inline void *
lasting_find(const void *sets, uint64_t mask, struct lasting_key key)
{
	char *cell = lasting_set(sets, mask, key);

	for (int i = 0; i < LASTING_WAYS; i++, cell += LASTING_CELL) {
		const struct lasting_key *k = (const void *)cell;

		if (k->lo == key.lo && k->hi == key.hi)
			return cell;
	}
	return NULL;
}
