/*
 * sink: where log lines end: a file that rotates, or standard output.
 *
 * Used by the writer's thread only.  It knows whether it stands at the start
 * of a line, so that rotation and a new file never tear one.
 */
#pragma once
#include "base/err.h"

struct sink {
	char *path; /* NULL: standard output */
	int64_t rotate_bytes;
	int files;
	int fd;
	int error;	 /* errno of the last failure */
	bool is_regular; /* else a pipe, terminal or socket: may stall */
	int64_t size;	 /* of a regular file */
	size_t torn;	 /* bytes of an unfinished line at its end */
};

/*
 * Open ${path} ("-": standard output) for appending; ${files} old ones are
 * kept: path.1, path.2, ...  A line that an earlier
 * run left unfinished is ended.  A file that cannot be made because the disk
 * is full is made by a later write.  ERR_IO (errno), ERR_NOMEM.
 */
MUST_CHECK enum err sink_open(
    struct sink *s, const char *path, int64_t rotate_bytes, int files);

/* Is ${error} that of a disk, or a share of it, that is full? */
bool sink_is_full(int error);

/* Close; an unfinished line at the end of a file is cut off. */
void sink_close(struct sink *s);

/*
 * Write some of ${p}, whole lines of ${n} bytes in all, from where the last
 * call stopped; how many goes to ${done}, also if that is 0.
 *   OK           go on
 *   ERR_TIMEOUT  nobody reads now; wait until s->fd is writable
 *   ERR_FULL     the same, but s->fd does not say when
 *   ERR_IO       s->error says why; try again later
 */
MUST_CHECK enum err sink_write(
    struct sink *s, const char *p, size_t n, size_t *done);

/*
 * Close and open the file by its name.  ERR_IO: the old one stays.  Returns
 * in ${back} how many bytes of an unfinished line must be written again.
 */
MUST_CHECK enum err sink_reopen(struct sink *s, size_t *back);
