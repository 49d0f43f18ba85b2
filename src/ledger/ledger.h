/*
 * ledger: who used what, in SQLite, by a thread of its own.
 *
 *   ledger_note --> [ring] --> writer: sums by (second, caller, model)
 *     the loop's thread           |  every quarter of a second
 *                                 v
 *                    STATE/ledger.db: second, minute, day, budget
 *
 * A note is copied into a ring of fixed size: it never blocks, allocates
 * nothing and makes a system call only to wake a writer that was idle.  The
 * writer adds up and writes batches (WAL, synchronous NORMAL), so a kill -9
 * loses at most the last second.  Seconds older than 2 days become minutes,
 * minutes older than 30 days become days, days stay.
 *
 * When the disk is full or the file cannot be written the sums stay in memory
 * (by the minute from then on) up to a bound, past which notes are dropped and
 * counted; the file is tried again every second.  A file that is damaged, or
 * that a newer version wrote, is set aside under another name and a new one
 * is begun.  All of this is told by ledger_news.
 *
 * Token budgets: each note may carry when the caller's buckets are full again;
 * the last of these are kept (table budget), so that budgets survive the loss
 * of the memory that they live in.
 */
#pragma once
#include "limit/budgets.h"

struct ledger;

enum {
	LEDGER_NAME_MAX = 255,	 /* bytes of a caller's or model's; then cut */
	LEDGER_SUMS_MAX = 16384, /* rows in memory that wait for the disk */
	LEDGER_BUDGETS_MAX = 32768,
};

struct ledger_opts {
	const char *path;     /* STATE/ledger.db; copied */
	struct hash_key seed; /* of the budgets' keys; see ledger/read.h */
	size_t ring_bytes;    /* a power of two; 0: 1 MiB */
};

/* What one request used. */
struct ledger_use {
	int64_t wall_us; /* when it ended */
	struct slice caller, model;
	uint64_t input_tok, output_tok, cached_tok;
	bool is_error;
	/* --- the caller's budget; n_budgets 0: it has none --- */
	unsigned n_budgets;
	struct cells_key budget;
	int64_t full_us[BUDGETS_EACH]; /* wall clock */
};

/*
 * Start the writer on opts->path, which it opens, or makes with mode 0600, by
 * itself.  ERR_NOMEM; ERR_IO (errno is set): no thread can be had.
 */
MUST_CHECK enum err ledger_open(
    const struct ledger_opts *opts, struct ledger **out);

/*
 * Write what was noted, for at most ${wait_us}, stop the writer and free all.
 * False if something was left unwritten; a writer that hangs in the system is
 * left behind with its memory, for the process is ending.  NULL is allowed.
 */
bool ledger_close(struct ledger *l, int64_t wait_us);

/*
 * Count ${u}.  False if it was dropped because the ring was full.  Only the
 * thread that opened the ledger may call.
 */
bool ledger_note(struct ledger *l, const struct ledger_use *u);

/* Requests that were not counted since ledger_open.  Any thread. */
uint64_t ledger_dropped(const struct ledger *l);

/* Is all that was noted so far in the file?  Any thread; for tests. */
bool ledger_is_flushed(struct ledger *l);

enum ledger_news_kind {
	LEDGER_NO_NEWS,
	LEDGER_FAILED,	  /* cannot be written; reason */
	LEDGER_RECOVERED, /* is written again */
	LEDGER_SET_ASIDE, /* damaged or newer; reason, and its new name */
};

struct ledger_news {
	enum ledger_news_kind kind;
	char reason[256];
	char file[256]; /* without the folder */
};

/*
 * What happened to the file since the last call, oldest first (of many, the
 * last four); LEDGER_NO_NEWS when all is told.  The opener's thread only.
 */
enum ledger_news_kind ledger_news(struct ledger *l, struct ledger_news *out);
