/*
 * keyfile: the keys made with `weir key`, in STATE/keys.
 *
 *   # name  SHA-256 of the key  made  revoked (unix time, or -)
 *   agent-forum 9f86d081884c7d65... 1771952400 -
 *
 * One key a line, 0600, replaced atomically under a lock, so that `weir key`
 * may run twice at a time and a gate never reads half a file.  People may edit
 * it: comments and blank lines are kept, the two times may be left out, and a
 * line that cannot be read is named in a warning (never quoted: it might hold
 * a key), counts for nothing and is kept as it is.
 */
#pragma once
#include "caller/key.h"
#include "os/file.h"

enum {
	KEYFILE_NAME_MAX = 64, /* as conf's names */
	KEYFILE_BYTES_MAX = 8 << 20,
};

struct keyfile_row {
	struct slice name; /* of the caller; in the keyfile's memory */
	struct key_digest digest;
	int64_t made_s;	   /* unix time, 0: not known */
	int64_t revoked_s; /* unix time, 0: it is valid */
	size_t line;
};

struct keyfile {
	struct keyfile_row *rows; /* valid and revoked ones */
	size_t n;
	struct buf text;     /* what the rows point into */
	struct buf warnings; /* one sentence a line: "keys:3: ..." */
	struct file_stamp stamp;
};

/* Make an empty one. */
void keyfile_init(struct keyfile *k);

/* Free all. */
void keyfile_fini(struct keyfile *k);

/*
 * Read ${path} into ${k}, which is empty.  No file is no keys.  Warnings tell
 * of bad lines and of a file that others may read or write.  ERR_IO (errno is
 * set), ERR_FULL beyond KEYFILE_BYTES_MAX, ERR_NOMEM.
 */
MUST_CHECK enum err keyfile_load(struct keyfile *k, const char *path);

/* As keyfile_load, of bytes in memory. */
MUST_CHECK enum err keyfile_parse(struct keyfile *k, struct slice text);

/* May a caller with a key be called so: letters, digits and . _ - ? */
bool keyfile_is_name(struct slice name);

/*
 * Make a key for the caller ${name} (keyfile_is_name) at ${now_s}, add it to
 * ${path} and give its text.  ERR_IO (errno is set), ERR_FULL, ERR_NOMEM.
 */
MUST_CHECK enum err keyfile_add(const char *path, struct slice name,
    int64_t now_s, char key[KEY_TEXT_BYTES]);

/*
 * Revoke in ${path} every valid key of the caller ${who}; if there is none of
 * that name, the one key whose digest begins with ${who} (4 or more
 * hexadecimal digits).  ${n} gets how many.  ERR_NOT_FOUND: no valid key;
 * ERR_EXISTS: several keys begin so; ERR_IO (errno is set), ERR_NOMEM.
 */
MUST_CHECK enum err keyfile_revoke(
    const char *path, struct slice who, int64_t now_s, size_t *n);

/* Which version of which file was looked at last. */
struct keyfile_watch {
	const char *path; /* borrowed for as long as the watch is used */
	struct file_stamp stamp;
};

/*
 * Is the file another than the last time?  One stat; for a timer of half a
 * second or so.  Start with the stamp of the keyfile that was loaded.
 */
bool keyfile_changed(struct keyfile_watch *w);
