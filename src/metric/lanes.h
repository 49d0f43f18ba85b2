/*
 * lanes: memory in which several gates count, and which outlives them.
 *
 *   | lane 0: header, entry, entry ...   | lane 1 | ...      an entry: what is
 *                                                            counted, its cells
 *
 * Each gate that runs has a lane and is the only one that writes there, so
 * counting is a plain addition.  What a gate has counted stays where it is: a
 * later gate takes the lane over and goes on adding, and the sum over all
 * lanes is what was ever counted, at any moment, whoever was killed.  Nothing
 * is ever moved, so nothing can be lost or counted twice.
 *
 * Entries are only added, and known by what they count, not by its number in
 * facts/metrics.def: versions of weir share the memory, and skip what they do
 * not know.
 */
#pragma once
#include "base/err.h"
#include "metric/metric.h"

struct lane_header;

/* What a lane counts of one series; its cells stand behind the key. */
struct lane_entry {
	uint32_t bytes; /* of all of it, a multiple of 8 */
	uint16_t n_key;
	uint8_t kind; /* enum metric_kind */
	uint8_t spare;
	uint64_t what; /* the metric: a hash of its name, kind and labels */
	char key[];    /* for each label: length (2 bytes), bytes */
};

/* A view of the memory. */
struct lanes {
	char *mem; /* NULL: there is none */
	unsigned n, own;
	uint64_t generation;
	size_t seen[METRICS_LANES]; /* by lanes_next, in bytes */
};

/*
 * Take a lane for the gate of ${s}; those of gates that are gone are free.
 * ERR_RANGE: not enough memory for one.  ERR_FULL: none is free.
 */
MUST_CHECK enum err lanes_take(struct lanes *l, const struct metrics_share *s);

/* Our lane is free for the next. */
void lanes_give(struct lanes *l);

/* The gate of ${generation} is gone. */
void lanes_bury(struct lanes *l, uint64_t generation);

/* The generation of the gate that counts in lane ${i}; 0: none does. */
uint64_t lanes_owner(const struct lanes *l, unsigned i);

/* The next entry of lane ${i} that was not seen yet; NULL. */
struct lane_entry *lanes_next(struct lanes *l, unsigned i);

/* The cells of ${e}, aligned to 8. */
void *lane_cells(const struct lane_entry *e);

/* Bytes of the cells of a metric of ${kind}. */
size_t lane_cell_bytes(enum metric_kind kind);

/*
 * A new entry in our lane, like ${e} with ${key}, its cells zeros.  The last
 * bytes of a lane are kept for ${is_last_resort}.  NULL: no room.
 */
struct lane_entry *lanes_add(struct lanes *l, const struct lane_entry *e,
    struct slice key, bool is_last_resort);
