/*
 * pulse: a gate's signs of life, for its keeper, in memory that they share.
 *
 *   | state's header | one counter for each gate | ...   the first page
 *
 * The gate counts from its loop; the keeper, which cannot see into a process,
 * takes one whose counter stands still for a hung one.  The place is the same
 * in all layouts of the rest.
 */
#pragma once
#include <stdint.h>

enum {
	PULSE_AT = 2048,    /* behind the header of gate/state.h */
	PULSE_BYTES = 4096, /* what must be mapped to read it */
};

/* The gate of ${generation} lives; ${mem} is where the memory is mapped. */
void pulse_beat(void *mem, uint64_t generation);

/*
 * What the counter of the gate of ${generation} shows: another number after
 * each beat; 0: it has never beaten.
 */
uint64_t pulse_read(const void *mem, uint64_t generation);
