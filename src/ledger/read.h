/*
 * read: the ledger's other side, for commands and for the start.  Opens the
 * file read-only, while a gate writes it or while there is none; blocks.
 */
#pragma once
#include "base/slice.h"
#include "limit/budgets.h"

/* The ledger's name in the state folder. */
#define LEDGER_FILE "ledger.db"

struct ledger_reader;

/* A sum: what ${caller} used of ${model} on one day (UTC). */
struct ledger_row {
	int64_t day_s; /* its begin, seconds since 1970 */
	struct slice caller, model;
	int64_t requests, input_tok, output_tok, cached_tok, errors;
};

/* When the buckets of ${key} are full again, by the wall clock. */
struct ledger_budget {
	struct cells_key key;
	int64_t full_us[BUDGETS_EACH];
};

/*
 * Open ${path}.  ERR_NOT_FOUND: there is no ledger yet; ERR_VERSION: a newer
 * version wrote it; ERR_IO: it cannot be read, or is damaged; ERR_NOMEM.
 */
MUST_CHECK enum err ledger_reader_open(
    const char *path, struct ledger_reader **out);

/* Close it; NULL is allowed. */
void ledger_reader_close(struct ledger_reader *r);

/*
 * Call ${fn} with each sum of the days from ${from_s} on (rounded down to a
 * day), by day, then caller, then model; slices are valid during the call.
 * ERR_IO.
 */
MUST_CHECK enum err ledger_read_days(struct ledger_reader *r, int64_t from_s,
    void (*fn)(void *ctx, const struct ledger_row *row), void *ctx);

/*
 * Tokens, in and out, that ${caller} used since ${from_s}, in ${out}.  ERR_IO.
 */
MUST_CHECK enum err ledger_read_tokens(
    struct ledger_reader *r, struct slice caller, int64_t from_s, int64_t *out);

/* The seed of the keys of budgets, made when the ledger was.  ERR_IO. */
MUST_CHECK enum err ledger_read_seed(
    struct ledger_reader *r, struct hash_key *out);

/* Call ${fn} with each budget that is not full at ${now_us}.  ERR_IO. */
MUST_CHECK enum err ledger_read_budgets(struct ledger_reader *r, int64_t now_us,
    void (*fn)(void *ctx, const struct ledger_budget *b), void *ctx);
