#include "ledger/read.h"
#include "ledger/store.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { BUSY_MS = 2000, DAY_S = 86400 };

struct ledger_reader {
	sqlite3 *db;
};

/* Each token stands in one of the three. */
#define ALL_FROM(columns)                                                      \
	"SELECT " columns " FROM second WHERE at >= ?1 UNION ALL"              \
	" SELECT " columns " FROM minute WHERE at >= ?1 UNION ALL"             \
	" SELECT " columns " FROM day WHERE at >= ?1"

enum err
ledger_reader_open(const char *path, struct ledger_reader **out)
{
	struct ledger_reader *r;
	sqlite3_stmt *st = NULL;
	enum err e = ERR_IO;

	if (access(path, F_OK) != 0)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
	if ((r = calloc(1, sizeof *r)) == NULL)
		return ERR_NOMEM;
	if (sqlite3_open_v2(path, &r->db,
		SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		goto undo_reader;
	(void)sqlite3_busy_timeout(r->db, BUSY_MS);
	if (sqlite3_prepare_v2(r->db, "PRAGMA user_version", -1, &st, NULL) !=
		SQLITE_OK ||
	    sqlite3_step(st) != SQLITE_ROW)
		goto undo_reader;
	e = OK;
	if (sqlite3_column_int(st, 0) > STORE_VERSION)
		e = ERR_VERSION;
	else if (sqlite3_column_int(st, 0) == 0)
		e = ERR_NOT_FOUND; /* it is just being made */
undo_reader:
	(void)sqlite3_finalize(st);
	if (e == OK)
		*out = r;
	else
		ledger_reader_close(r);
	return e;
}

void
ledger_reader_close(struct ledger_reader *r)
{
	if (r == NULL)
		return;
	(void)sqlite3_close(r->db);
	free(r);
}

static struct slice
text_at(sqlite3_stmt *st, int i)
{
	const char *p = (const char *)sqlite3_column_text(st, i);
	int n = sqlite3_column_bytes(st, i);

	return slice_of(p, p == NULL || n < 0 ? 0 : (size_t)n);
}

enum err
ledger_read_days(struct ledger_reader *r, int64_t from_s,
    void (*fn)(void *ctx, const struct ledger_row *row), void *ctx)
{
	static const char sql[] =
	    "SELECT at / 86400 * 86400 AS day, caller, model, sum(requests),"
	    " sum(input), sum(output), sum(cached), sum(errors) FROM "
	    "(" ALL_FROM("at, caller, model, requests, input, output, cached,"
			 " errors") ") GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";
	sqlite3_stmt *st;
	int code;

	if (sqlite3_prepare_v2(r->db, sql, -1, &st, NULL) != SQLITE_OK)
		return ERR_IO;
	(void)sqlite3_bind_int64(st, 1, from_s / DAY_S * DAY_S);
	while ((code = sqlite3_step(st)) == SQLITE_ROW) {
		struct ledger_row row = {
		    .day_s = sqlite3_column_int64(st, 0),
		    .caller = text_at(st, 1),
		    .model = text_at(st, 2),
		    .requests = sqlite3_column_int64(st, 3),
		    .input_tok = sqlite3_column_int64(st, 4),
		    .output_tok = sqlite3_column_int64(st, 5),
		    .cached_tok = sqlite3_column_int64(st, 6),
		    .errors = sqlite3_column_int64(st, 7),
		};

		fn(ctx, &row);
	}
	(void)sqlite3_finalize(st);
	return code == SQLITE_DONE ? OK : ERR_IO;
}

enum err
ledger_read_tokens(
    struct ledger_reader *r, struct slice caller, int64_t from_s, int64_t *out)
{
	static const char sql[] =
	    "SELECT coalesce(sum(input + output), 0) FROM (" ALL_FROM(
		"input, output, caller") ") WHERE caller = ?2";
	sqlite3_stmt *st;
	enum err e = ERR_IO;

	if (sqlite3_prepare_v2(r->db, sql, -1, &st, NULL) != SQLITE_OK)
		return ERR_IO;
	(void)sqlite3_bind_int64(st, 1, from_s);
	(void)sqlite3_bind_text(
	    st, 2, caller.n ? caller.p : "", (int)caller.n, SQLITE_STATIC);
	if (sqlite3_step(st) == SQLITE_ROW) {
		*out = sqlite3_column_int64(st, 0);
		e = OK;
	}
	(void)sqlite3_finalize(st);
	return e;
}

enum err
ledger_read_seed(struct ledger_reader *r, struct hash_key *out)
{
	sqlite3_stmt *st;
	enum err e = ERR_IO;

	if (sqlite3_prepare_v2(r->db,
		"SELECT value FROM meta WHERE name = 'seed'", -1, &st,
		NULL) != SQLITE_OK)
		return ERR_IO;
	if (sqlite3_step(st) == SQLITE_ROW &&
	    sqlite3_column_bytes(st, 0) == (int)sizeof *out) {
		memcpy(out, sqlite3_column_blob(st, 0), sizeof *out);
		e = OK;
	}
	(void)sqlite3_finalize(st);
	return e;
}

enum err
ledger_read_budgets(struct ledger_reader *r, int64_t now_us,
    void (*fn)(void *ctx, const struct ledger_budget *b), void *ctx)
{
	sqlite3_stmt *st;
	int code;

	if (sqlite3_prepare_v2(r->db,
		"SELECT key, full_0, full_1 FROM budget WHERE"
		" max(full_0, full_1) > ?1",
		-1, &st, NULL) != SQLITE_OK)
		return ERR_IO;
	(void)sqlite3_bind_int64(st, 1, now_us);
	while ((code = sqlite3_step(st)) == SQLITE_ROW) {
		struct ledger_budget b;

		if (sqlite3_column_bytes(st, 0) != (int)sizeof b.key)
			continue;
		memcpy(&b.key, sqlite3_column_blob(st, 0), sizeof b.key);
		for (int i = 0; i < BUDGETS_EACH; i++)
			b.full_us[i] = sqlite3_column_int64(st, 1 + i);
		fn(ctx, &b);
	}
	(void)sqlite3_finalize(st);
	return code == SQLITE_DONE ? OK : ERR_IO;
}
