/*
 * marks: names that an operator has marked for a time, in memory that outlives
 * the process: callers that are blocked, engines that are drained.
 *
 *   | header | until, name | until, name | ...          few: they are walked
 *
 * The memory (a memfd that the keeper holds) survives a gate that crashes or
 * is replaced; times are of the monotonic clock, which goes on across
 * processes.  One process writes at a time.
 *
 * The writer may be killed between any two stores: a name is written before
 * its time and a place without a time is free, so a kill leaves the mark or
 * none, never half a name.  What is read is checked: any bytes are survived.
 */
#pragma once
#include "base/err.h"

enum { MARKS_NAME_MAX = 112 };

/* A mark until it is taken away. */
#define MARKS_FOREVER INT64_MAX

struct marks_header;
struct marks_row;

/* A view of the table; the table itself is the caller's memory. */
struct marks {
	struct marks_header *header;
	struct marks_row *rows;
	size_t n_rows;
	size_t n; /* places in use, also of marks that are over */
};

/* Bytes that a table of ${n} marks wants. */
size_t marks_bytes(size_t n);

/*
 * Use the table in ${size} bytes at ${mem} (aligned to 8, kept until the view
 * is no longer used).  All-zero memory becomes an empty table.
 *
 * OK; ERR_VERSION if the memory held something else: it is an empty table now,
 * go on; ERR_RANGE if ${size} is too small for one mark: not usable.
 */
MUST_CHECK enum err marks_attach(struct marks *m, void *mem, size_t size);

/*
 * Mark ${name} until ${until_us} (above ${now_us}), whatever held for it
 * before.  ERR_RANGE: the name is empty or longer than MARKS_NAME_MAX;
 * ERR_FULL: all places have marks that hold.
 */
MUST_CHECK enum err marks_set(
    struct marks *m, struct slice name, int64_t until_us, int64_t now_us);

/* Take the mark of ${name} away; false: it had none that holds. */
bool marks_clear(struct marks *m, struct slice name, int64_t now_us);

/* Until when is ${name} marked?  0: it is not. */
int64_t marks_until(const struct marks *m, struct slice name, int64_t now_us);

/*
 * Walk all marks that hold: start with *${i} = 0.  False: no more.  The name
 * in ${name} is valid until the table changes.
 */
bool marks_next(const struct marks *m, size_t *i, int64_t now_us,
    struct slice *name, int64_t *until_us);
