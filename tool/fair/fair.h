/*
 * weir-fair: drives src/queue without engines and without waiting, for the
 * tests and pictures of doc/fairness.md.  Each part reads its orders from
 * stdin and writes what happened to stdout; nothing it does depends on a clock.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Read lines of operations, write who was given out; see trace.c. */
int trace_main(void);

/* Read workloads, write when each request was served; see sim.c. */
int sim_main(void);

/* Measure a decision: add, next, charge.  This one does look at a clock. */
int pace_main(void);

/*
 * Read up to ${max} numbers of a line of stdin whose first character goes to
 * ${kind}.  How many there were; -1 at the end.  Exits on anything else.
 */
int read_line(char *kind, int64_t *out, int max);

/* calloc that exits when there is no memory. */
void *must_calloc(uint64_t n, uint64_t size);
