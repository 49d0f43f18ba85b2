/*
 * log: lines to a file or standard output, written off the loop.
 *
 *   log_write --> [block being filled] --> [full blocks] --> writer thread
 *                        ^                                        |
 *                        +----------- free blocks <---------------+
 *
 * One thread writes lines; it copies and never blocks.  It makes a system call
 * only to wake a writer that was idle, and for a new block of 64 KiB when all
 * blocks are waiting.  The writer wakes every few tens of milliseconds.  When the sink is full, slow or gone, lines wait
 * in memory up to the maximum; past it new lines are dropped and counted, and
 * one line says how many once the sink takes lines again.  Lines are never
 * torn: what a short write left is finished first.
 */
#pragma once
#include "base/err.h"

struct log;

struct log_opts {
	const char *path;      /* a file, or "-": standard output */
	int64_t rotate_bytes;  /* path -> path.1 -> ... past it; 0: never */
	int files;	       /* most files, the current one counted */
	size_t buffered_bytes; /* most bytes waiting; 0: 8 MiB */
};

enum {
	LOG_LINE_MAX = 32 * 1024, /* longer ones are dropped and counted */
};

/*
 * Open the sink and start the writer.  ${opts} is copied.  ERR_IO (errno
 * says why: the file cannot be opened), ERR_NOMEM.
 */
MUST_CHECK enum err log_open(const struct log_opts *opts, struct log **out);

/*
 * Flush for at most ${wait_us} (2 s is usual), stop the writer and free all.
 * Returns false if lines were left; a writer that hangs in the system is left
 * behind with its memory, for the process is ending.
 */
bool log_close(struct log *l, int64_t wait_us);

/*
 * Add ${line} (no newline at its end, none inside) to the log.  False if it
 * was dropped.  Only the thread that opened the log may call.
 */
bool log_write(struct log *l, struct slice line);

/* Lines dropped since log_open.  Any thread. */
uint64_t log_dropped(const struct log *l);

/* Close and open the file by its name soon; for logrotate.  Any thread. */
void log_reopen(struct log *l);

/*
 * Keep lines in memory from now on, up to the maximum, or write them again;
 * for a disk that must not be filled.  The end of the log writes what it can
 * in any case.
 */
void log_hold(struct log *l, bool on);

/*
 * Take rotation and path as in ${opts} from the next line on; buffered_bytes
 * stays as it is.  ERR_IO: the new path cannot be opened, all stays.
 */
MUST_CHECK enum err log_change(struct log *l, const struct log_opts *opts);

/* Does it go to standard output? */
bool log_is_stdout(const struct log *l);

/* Is all that was written so far in the sink?  Any thread; for tests. */
bool log_is_flushed(struct log *l);
