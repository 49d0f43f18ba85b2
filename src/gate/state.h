/*
 * state: the one place that lays out the memory that outlives a gate.
 *
 *   | header | cells | counters | budgets | blocked | drained | tally | alerts | free |
 *
 * The keeper holds it (GATE_STATE_BYTES, zeroed when new) and gives it to each
 * gate; pages are taken only where touched.  Whoever needs a part of it adds
 * a row to the table in state.c.  Each part knows its own layout and begins
 * anew where it finds another's; the header's layout covers where the parts
 * are: a gate of another version that finds other places empties them all.
 */
#pragma once
#include "base/err.h"

enum state_part {
	STATE_CELLS,	/* limit/cells.h: rates */
	STATE_COUNTERS, /* queue/counters.h: what callers were served */
	STATE_BUDGETS,	/* limit/budgets.h: tokens */
	STATE_BLOCKED,	/* limit/marks.h: callers */
	STATE_DRAINED,	/* limit/marks.h: engines */
	STATE_TALLY,	/* engine/tally.h: slots in use */
	STATE_ALERTS,	/* alert/board.h: what is wrong, who knows it */
	STATE_PARTS
};

struct state {
	char *mem; /* NULL: not mapped */
};

/*
 * Map the memory behind ${fd}, which stays the caller's, and put it in order
 * at ${now_us}.  ERR_IO, ERR_VERSION: it is too small.
 */
MUST_CHECK enum err state_map(struct state *s, int fd, int64_t now_us);

/* Undo state_map; allowed where that failed. */
void state_unmap(struct state *s);

/*
 * The memory of ${part}, aligned to 64 and valid until state_unmap, and its
 * size in ${bytes}.
 */
void *state_get(const struct state *s, enum state_part part, size_t *bytes);

/* When the first gate of this memory began, of the monotonic clock. */
int64_t state_born_us(const struct state *s);
