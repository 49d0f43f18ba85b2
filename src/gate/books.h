/*
 * books: what the gate keeps about tokens: budgets in the memory that outlives
 * it, the ledger in the state folder.
 *
 * Budgets outlive a gate in that memory.  When the memory itself is new (weir
 * was restarted) they are read from the ledger; for that the seed of the keys
 * is kept there, so that a caller has the same key as before.
 */
#pragma once
#include "gate/gate.h"

/*
 * Attach limits and budgets to g->state and open the ledger that ${conf}
 * places.  Without a folder for state nobody's use is kept.  Fails only if
 * memory does: ERR_NOMEM, ERR_RANGE.
 */
MUST_CHECK enum err books_open(struct gate *g, const struct conf *conf);

/* The log is open: tell what befell the ledger.  Cheap, for a timer. */
void books_tell(struct gate *g);

/* Set the metrics that are read from here. */
void books_measure(struct gate *g);

/* Write what was noted, for at most ${wait_us}, and close the ledger. */
void books_close(struct gate *g, int64_t wait_us);
