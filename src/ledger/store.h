/*
 * store: the ledger's file, for the one thread that writes it.
 *
 *   second (at, caller, model, requests, input, output, cached, errors)
 *   minute, day: the same; a row moves from one to the next as it gets old
 *   budget (key, full_0, full_1): struct ledger_budget
 *   meta   (name, value): the seed of the budgets' keys
 *
 * Blocks.  Every failure leaves what was being written undone and the store
 * closed: open it again.
 */
#pragma once
#include "ledger/sums.h"
#include <sqlite3.h>

/* Of the file: PRAGMA application_id, user_version. */
enum { STORE_APPLICATION = 0x77656972, STORE_VERSION = 1 };

enum {
	STORE_SECONDS_S = 2 * 86400,  /* how long seconds are kept ... */
	STORE_MINUTES_S = 30 * 86400, /* ... and minutes; days stay */
	STORE_WHY_MAX = 256,
	STORE_NAME_MAX = 256,
};

enum store_statement {
	STORE_BEGIN,
	STORE_COMMIT,
	STORE_ADD,
	STORE_BUDGET,
	STORE_STATEMENTS
};

struct store {
	sqlite3 *db; /* NULL: closed */
	sqlite3_stmt *statements[STORE_STATEMENTS];
	uint64_t dev, ino;	 /* of the file */
	char why[STORE_WHY_MAX]; /* of the last failure */
};

/*
 * Open ${path}, or make it with mode 0600.  Budgets that were kept for another
 * ${seed} are forgotten.  ERR_VERSION: a newer version wrote it; ERR_SYNTAX:
 * it is damaged, or no ledger; ERR_IO: it cannot be opened or written now.
 * s->why says why in words.
 */
MUST_CHECK enum err store_open(
    struct store *s, const char *path, const struct hash_key *seed);

/* Is the open file still the one at ${path}?  Somebody may have moved it. */
bool store_is_at(const struct store *s, const char *path);

/* Close it; fine if it is closed. */
void store_close(struct store *s);

/* Add all of ${sums} as one transaction.  ERR_SYNTAX: damaged; ERR_IO. */
MUST_CHECK enum err store_write(struct store *s, const struct sums *sums);

/*
 * Move some of what is old at ${now_s} (an hour of seconds, a day of minutes)
 * and forget budgets that are full.  *${more}: call again.  Errors as
 * store_write.
 */
MUST_CHECK enum err store_roll_up(struct store *s, int64_t now_s, bool *more);

/*
 * Rename ${path} and what belongs to it to PATH.WHAT-DATE, with the time
 * ${now_s}.  ${name} gets the new name without the folder.  ERR_IO (errno).
 */
MUST_CHECK enum err store_set_aside(const char *path, const char *what,
    int64_t now_s, char name[STORE_NAME_MAX]);
