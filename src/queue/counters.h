/*
 * counters: what callers were served, in memory that outlives the process.
 *
 *   | header, levels | set 0: 8 cells | set 1: 8 cells | ...    each cell:
 *                      ^ the key picks a set          key 16, counters 2 x 8
 *
 * The memory is the caller's (a memfd that the keeper holds) and survives a
 * gate that crashes or is replaced.  One process writes at a time.  A key
 * lives in its set or nowhere, so every search is bounded.
 *
 * A cell at or below the level of the last dispatch says nothing that a new
 * cell would not say: whoever lines up is lifted to that level.  If a set is
 * full, the cell least above it is given up; a debt that is forgotten so is
 * counted in evicted.
 *
 * The writer may be killed between any two stores: a cell changes hands by
 * (1) counters of 0, (2) the key, (3) the counters, so a kill leaves a caller
 * that owes nothing, never one that owes for another.
 */
#pragma once
#include "base/err.h"

/* Counters in a cell: one for each class of the queue. */
#define COUNTERS_PER_KEY 2

/* 128 bits of a keyed hash that stand for a caller; zeros: for nobody. */
struct counters_key {
	uint64_t lo, hi;
};

struct counters_header;
struct counters_set;

/* A view of the table; the table itself is the caller's memory. */
struct counters {
	struct counters_header *header;
	struct counters_set *sets;
	uint64_t mask;	  /* number of sets - 1 */
	uint64_t evicted; /* debts forgotten, by this process */
};

/* Bytes that a table of at least ${n} keys wants. */
size_t counters_bytes(size_t n);

/*
 * Use the table in ${size} bytes at ${mem} (aligned to 64, kept until the view
 * is no longer used).  All-zero memory becomes an empty table.
 *
 * OK; ERR_VERSION if the memory held something else (another layout, size, or
 * a half-made table): it is an empty table now, go on; ERR_RANGE if ${size} is
 * too small for one set: not usable.
 */
MUST_CHECK enum err counters_attach(struct counters *t, void *mem, size_t size);

/* What ${key} was served; false: it is not known, ${out} is zeros. */
bool counters_find(const struct counters *t, struct counters_key key,
    int64_t out[COUNTERS_PER_KEY]);

/* Note that the ${i}-th counter of ${key} is ${value} now, 0 or more. */
void counters_set(
    struct counters *t, struct counters_key key, unsigned i, int64_t value);

/* The level of the last dispatch for the ${i}-th counter; 0 at first. */
int64_t counters_level(const struct counters *t, unsigned i);

/* Note another such level. */
void counters_set_level(struct counters *t, unsigned i, int64_t level);
