/*
 * cells: buckets of many callers in memory that outlives the process.
 *
 *   | header | set 0: 8 cells | set 1: 8 cells | ...          each cell:
 *              ^ the key's hash picks a set                   key 16, tat 16
 *
 * The memory (a memfd that the keeper holds) survives a gate that crashes or
 * is replaced; times are CLOCK_MONOTONIC, which goes on across processes, and
 * neither survives a reboot.  Two gates, of which one is leaving, may use it
 * together: who has set `process` takes the table's latch for each change.
 *
 * A set is 8 cells; a key lives in its set or nowhere, so every search is
 * bounded.  A cell whose bucket is full again says nothing that a new cell
 * would not say and is reused freely; if a set has none, the cell closest to
 * full is given up: its caller gets a full bucket (lenient), and evicted
 * counts it.
 *
 * Crash consistency: the writer may be killed between any two stores.  The
 * two fields of a charged cell differ by less than 1 ns from the old or the
 * new state together; a cell changes hands by (1) becoming full, (2) getting
 * the key, so that a kill between leaves a full bucket of either name.  At
 * most the one request in hand is counted or not.
 */
#pragma once
#include "base/hash.h"
#include "limit/gcra.h"

/* What a cell limits; part of its key, so that kinds do not mix. */
enum cells_kind {
	CELLS_REQUESTS = 1, /* a caller's `rate` */
	CELLS_LISTINGS = 2, /* read-only routes */
	CELLS_TOKENS = 3,   /* a caller's `tokens`; see limit/budgets.h */
	CELLS_SERVICE = 4,  /* what it was served; see queue/counters.h */
};

/* 128 bits that stand for (kind, who) in one table. */
struct cells_key {
	uint64_t lo, hi;
};

struct cells_header;
struct cells_set;

/* A view of the table; the table itself is the caller's memory. */
struct cells {
	struct cells_header *header;
	struct cells_set *sets;
	uint64_t mask;	  /* number of sets - 1 */
	uint64_t evicted; /* cells given up while in debt, by this process */
	uint32_t process; /* this one's pid; 0: nobody else is here */
};

/* Bytes that a table of at least ${n} cells wants. */
size_t cells_bytes(size_t n);

/*
 * Use the table in ${size} bytes at ${mem} (aligned to 64, kept until the
 * view is no longer used).  All-zero memory becomes an empty table whose keys
 * are made with ${seed}; a table that is there keeps its own seed.
 *
 * OK; ERR_VERSION if the memory held something else (another layout, size, or
 * a half-made table): it is an empty table now, all buckets are full, go on;
 * ERR_RANGE if ${size} is too small for one set: not usable.
 */
MUST_CHECK enum err cells_attach(
    struct cells *t, void *mem, size_t size, struct hash_key seed);

/* The seed of the table's keys; kept as long as the table is. */
struct hash_key cells_seed(const struct cells *t);

/*
 * The key of ${who} (a caller's name, or an address in canonical bytes) for
 * ${kind}.  Valid for this table only; work it out once per caller.
 */
struct cells_key cells_key(
    const struct cells *t, enum cells_kind kind, struct slice who);

/* As gcra_take, on the cell of ${key}; makes the cell if there is none. */
bool cells_take(struct cells *t, struct cells_key key,
    const struct gcra_rate *rate, int64_t now_ns, struct gcra_answer *out);

/* As gcra_peek, on the cell of ${key}; changes nothing. */
bool cells_peek(const struct cells *t, struct cells_key key,
    const struct gcra_rate *rate, int64_t now_ns, struct gcra_answer *out);

/* How many cells are in debt now?  Looks at all: for metrics and status. */
size_t cells_in_debt(const struct cells *t, int64_t now_ns);
