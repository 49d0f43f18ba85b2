/*
 * file: small whole files: read one, replace one atomically, notice a change.
 *
 * Blocking; for boot, reload and the command line, never for the loop's fast
 * path (file_stamp alone is cheap enough for a timer).
 */
#pragma once
#include "base/buf.h"

/* What tells one version of a file from the next; all 0: no file. */
struct file_stamp {
	uint64_t dev, ino, size;
	int64_t mtime_ns, ctime_ns;
	uint32_t mode, uid; /* permission bits and owner */
};

/*
 * Append all of the file ${path} to ${out}; ${stamp} (may be NULL) gets the
 * stamp of exactly the file that was read.  ERR_NOT_FOUND, ERR_IO (errno is
 * set), ERR_FULL when it is longer than ${out} may grow, ERR_NOMEM; after a
 * failure ${out} may hold a part.
 */
MUST_CHECK enum err file_read(
    const char *path, struct buf *out, struct file_stamp *stamp);

/*
 * Make ${bytes} the contents of ${path}: written to a new file beside it,
 * synced, renamed over it, and the folder synced, so that after a crash there
 * is the old file or the new one.  ${mode} are its permissions.  The owner of
 * a file that is replaced is kept, a new file gets the owner of its folder,
 * where the operating system lets us (that is, for root).
 * ERR_IO (errno is set); the old file is then untouched.
 */
MUST_CHECK enum err file_replace(
    const char *path, struct slice bytes, uint32_t mode);

/*
 * Make the folder ${path}, with ${mode}, and those above it that are not there
 * (0755).  Fine if it is there already.  ERR_IO (errno is set).
 */
MUST_CHECK enum err file_make_dir(const char *path, uint32_t mode);

/* The stamp of ${path}; all 0 if there is no such file or it is hidden. */
struct file_stamp file_stamp(const char *path);

/* Is it the same version of the same file? */
bool file_stamp_eq(const struct file_stamp *a, const struct file_stamp *b);

/*
 * Lock the folder ${dir} against others who lock it, waiting for them.
 * Returns a descriptor, or -1 (errno is set).  Unlock with file_unlock.
 */
int file_lock_dir(const char *dir);

/* Give back the lock that file_lock_dir gave. */
void file_unlock(int fd);
