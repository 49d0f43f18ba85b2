/*
 * tally: how many slots of each engine the gates have in use, in memory that
 * they share.
 *
 *   | header: gates | row: gate, engine, in use | ...
 *
 * A gate that leaves goes on with what it has; the one that follows must not
 * send the engine more than fits beside that.  Each writes its own rows only.
 * A gate that crashes leaves its rows: of engines that do not notice that
 * their caller is gone, the next one takes those slots over (linger.h).
 * Where a gate is alone, the usual case, nothing is looked up.
 */
#pragma once
#include "base/err.h"

enum { TALLY_NONE = 0xffffff }; /* no row */

struct tally_header;
struct tally_row;

/* A view; the memory is the caller's. */
struct tally {
	struct tally_header *header;
	struct tally_row *rows;
	uint32_t n;
	uint64_t generation;
};

/*
 * Use the table in ${size} bytes at ${mem}, of zeros when new, for the gate of
 * ${generation} (not 0), beside the ${n_live} gates at ${live}; others are
 * gone, and what they had is left, see below.  ERR_RANGE: too small.
 */
MUST_CHECK enum err tally_attach(struct tally *t, void *mem, size_t size,
    uint64_t generation, const uint64_t *live, size_t n_live);

/* The gate of ${generation} ends, with nothing in flight. */
void tally_forget(struct tally *t, uint64_t generation);

/*
 * The gate of ${generation} is gone; what it had in flight is left at the
 * engines, which may not notice for some time.
 */
void tally_bury(struct tally *t, uint64_t generation);

/* How many were left so of the engine ${key}; told once. */
unsigned tally_take_left(struct tally *t, uint64_t key);

/* Is there another gate? */
bool tally_has_others(const struct tally *t);

/*
 * ${in_use} are in use of the engine ${key} now.  *${row} is where that stands:
 * TALLY_NONE before and, made so here, while it is 0.
 */
void tally_set(struct tally *t, uint32_t *row, uint64_t key, unsigned in_use);

/* What other gates have in use of the engine ${key}. */
unsigned tally_others(const struct tally *t, uint64_t key);
