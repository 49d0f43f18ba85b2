#include "ledger/store.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BUSY_MS = 500, US_PER_S = 1000000 };

#define COLUMNS "at, caller, model, requests, input, output, cached, errors"
#define SUMS "sum(requests), sum(input), sum(output), sum(cached), sum(errors)"
/* A row that is there grows. */
#define GROW                                                                   \
	" ON CONFLICT DO UPDATE SET requests = requests + excluded.requests,"  \
	" input = input + excluded.input, output = output + excluded.output,"  \
	" cached = cached + excluded.cached, errors = errors + "               \
	"excluded.errors"
#define TABLE_OF_SUMS(name)                                                    \
	"CREATE TABLE IF NOT EXISTS " name " (at INTEGER NOT NULL,"            \
	" caller TEXT NOT NULL, model TEXT NOT NULL,"                          \
	" requests INTEGER NOT NULL, input INTEGER NOT NULL,"                  \
	" output INTEGER NOT NULL, cached INTEGER NOT NULL,"                   \
	" errors INTEGER NOT NULL, PRIMARY KEY (at, caller, model))"           \
	" WITHOUT ROWID;"

static const char schema[] = "BEGIN IMMEDIATE;" TABLE_OF_SUMS("second")
    TABLE_OF_SUMS("minute") TABLE_OF_SUMS(
	"day") "CREATE TABLE IF NOT EXISTS budget (key BLOB PRIMARY KEY,"
	       " full_0 INTEGER NOT NULL, full_1 INTEGER NOT NULL) WITHOUT "
	       "ROWID;"
	       "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value "
	       "BLOB)"
	       " WITHOUT ROWID;"
	       "PRAGMA application_id = 2003134834;" /* STORE_APPLICATION */
	       "PRAGMA user_version = 1;"	     /* STORE_VERSION */
	       "COMMIT";

_Static_assert(STORE_APPLICATION == 2003134834, "as in the schema");
_Static_assert(STORE_VERSION == 1, "as in the schema");
_Static_assert(BUDGETS_EACH == 2, "as in the schema");

static const char *const texts[STORE_STATEMENTS] = {
    [STORE_BEGIN] = "BEGIN IMMEDIATE",
    [STORE_COMMIT] = "COMMIT",
    [STORE_ADD] =
	"INSERT INTO second (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)" GROW,
    [STORE_BUDGET] = "INSERT OR REPLACE INTO budget VALUES (?, ?, ?)",
};

/* --- failures --- */

/* Say why, close, and tell what kind of failure ${code} is. */
static enum err
fail(struct store *s, int code)
{
	const char *text = s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(code);
	enum err e = ERR_IO;

	code &= 0xff;
	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB ||
	    code == SQLITE_ERROR || code == SQLITE_MISMATCH)
		e = ERR_SYNTAX;
	(void)snprintf(s->why, sizeof s->why, "%s", text);
	store_close(s);
	return e;
}

void
store_close(struct store *s)
{
	for (unsigned i = 0; i < STORE_STATEMENTS; i++) {
		(void)sqlite3_finalize(s->statements[i]);
		s->statements[i] = NULL;
	}
	/* An open transaction is rolled back. */
	(void)sqlite3_close(s->db);
	s->db = NULL;
}

/* --- opening --- */

/* SQLite would make it readable to all. */
static enum err
make_private(struct store *s, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct stat st;
	enum err e = OK;

	if (fd < 0 || fstat(fd, &st) != 0) {
		(void)snprintf(s->why, sizeof s->why, "%s", strerror(errno));
		e = ERR_IO;
	} else {
		s->dev = (uint64_t)st.st_dev;
		s->ino = (uint64_t)st.st_ino;
	}
	if (fd >= 0)
		(void)close(fd);
	return e;
}

bool
store_is_at(const struct store *s, const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && (uint64_t)st.st_dev == s->dev &&
	    (uint64_t)st.st_ino == s->ino;
}

/* The one number that ${sql} gives, in ${out}.  A code of SQLite's. */
static int
ask(struct store *s, const char *sql, int64_t *out)
{
	sqlite3_stmt *st;
	int code = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);

	if (code != SQLITE_OK)
		return code;
	code = sqlite3_step(st);
	*out = code == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	code = sqlite3_finalize(st);
	return code;
}

/* Is it a ledger that we may write?  An empty file is. */
static enum err
check_kind(struct store *s)
{
	int64_t application = 0, version = 0, tables = 0;
	int code = ask(s, "PRAGMA application_id", &application);

	if (code == SQLITE_OK)
		code = ask(s, "PRAGMA user_version", &version);
	if (code == SQLITE_OK)
		code = ask(s, "SELECT count(*) FROM sqlite_master", &tables);
	if (code != SQLITE_OK)
		return fail(s, code);
	if (application == STORE_APPLICATION && version > STORE_VERSION) {
		(void)snprintf(s->why, sizeof s->why,
		    "written by a newer version of weir");
		store_close(s);
		return ERR_VERSION;
	}
	if (application != STORE_APPLICATION && tables > 0) {
		(void)snprintf(s->why, sizeof s->why, "not a ledger of weir's");
		store_close(s);
		return ERR_SYNTAX;
	}
	return OK;
}

static int
prepare(struct store *s)
{
	int code = SQLITE_OK;

	for (unsigned i = 0; i < STORE_STATEMENTS && code == SQLITE_OK; i++)
		code = sqlite3_prepare_v3(s->db, texts[i], -1,
		    SQLITE_PREPARE_PERSISTENT, &s->statements[i], NULL);
	return code;
}

/* Keep ${seed}; if it is another one, no budget is found by its key. */
static int
keep_seed(struct store *s, const struct hash_key *seed)
{
	sqlite3_stmt *st;
	int code = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (code != SQLITE_OK)
		return code;
	code = sqlite3_prepare_v2(s->db,
	    "INSERT INTO meta VALUES ('seed', ?1) ON CONFLICT DO UPDATE"
	    " SET value = excluded.value WHERE value IS NOT excluded.value",
	    -1, &st, NULL);
	if (code != SQLITE_OK)
		return code;
	(void)sqlite3_bind_blob(st, 1, seed, sizeof *seed, SQLITE_STATIC);
	(void)sqlite3_step(st);
	if ((code = sqlite3_finalize(st)) != SQLITE_OK)
		return code;
	if (sqlite3_changes(s->db) > 0)
		code =
		    sqlite3_exec(s->db, "DELETE FROM budget", NULL, NULL, NULL);
	if (code != SQLITE_OK)
		return code;
	return sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
}

enum err
store_open(struct store *s, const char *path, const struct hash_key *seed)
{
	static const char setup[] =
	    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
	    "PRAGMA journal_size_limit = 4194304; PRAGMA cache_size = -1024;"
	    "PRAGMA temp_store = MEMORY";
	enum err e;
	int code;

	*s = (struct store){.db = NULL};
	if ((e = make_private(s, path)) != OK)
		return e;
	code = sqlite3_open_v2(
	    path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (code != SQLITE_OK)
		return fail(s, code);
	(void)sqlite3_busy_timeout(s->db, BUSY_MS);
	if ((e = check_kind(s)) != OK)
		return e;
	code = sqlite3_exec(s->db, setup, NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_exec(s->db, schema, NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = keep_seed(s, seed);
	if (code == SQLITE_OK)
		code = prepare(s);
	return code == SQLITE_OK ? OK : fail(s, code);
}

/* --- writing --- */

static int
run(struct store *s, enum store_statement which)
{
	sqlite3_stmt *st = s->statements[which];

	(void)sqlite3_step(st);
	return sqlite3_reset(st);
}

static void
bind_text(sqlite3_stmt *st, int i, struct slice t)
{
	(void)sqlite3_bind_text(st, i, t.n ? t.p : "", (int)t.n, SQLITE_STATIC);
}

static int
add_row(struct store *s, const struct sum *r)
{
	sqlite3_stmt *st = s->statements[STORE_ADD];
	const struct counts *c = &r->counts;

	(void)sqlite3_bind_int64(st, 1, r->at_s);
	bind_text(st, 2, sum_caller(r));
	bind_text(st, 3, sum_model(r));
	(void)sqlite3_bind_int64(st, 4, c->requests);
	(void)sqlite3_bind_int64(st, 5, c->input);
	(void)sqlite3_bind_int64(st, 6, c->output);
	(void)sqlite3_bind_int64(st, 7, c->cached);
	(void)sqlite3_bind_int64(st, 8, c->errors);
	return run(s, STORE_ADD);
}

static int
set_budget(struct store *s, const struct sum_budget *b)
{
	sqlite3_stmt *st = s->statements[STORE_BUDGET];

	(void)sqlite3_bind_blob(st, 1, &b->key, sizeof b->key, SQLITE_STATIC);
	for (int i = 0; i < BUDGETS_EACH; i++)
		(void)sqlite3_bind_int64(st, 2 + i, b->full_us[i]);
	return run(s, STORE_BUDGET);
}

enum err
store_write(struct store *s, const struct sums *sums)
{
	int code = run(s, STORE_BEGIN);
	struct table_node *n = NULL;

	while (code == SQLITE_OK && (n = table_next(&sums->rows, n)) != NULL)
		code = add_row(s, TABLE_OF(n, struct sum, node));
	n = NULL;
	while (code == SQLITE_OK && (n = table_next(&sums->budgets, n)) != NULL)
		code = set_budget(s, TABLE_OF(n, struct sum_budget, node));
	if (code == SQLITE_OK)
		code = run(s, STORE_COMMIT);
	return code == SQLITE_OK ? OK : fail(s, code);
}

/* --- rolling up --- */

struct roll {
	const char *oldest, *move;
	int64_t keep_s, unit_s, step_s;
};

/* ${from} into ${to}, by ${unit} seconds. */
#define ROLL(from, to, unit)                                                   \
	"BEGIN IMMEDIATE; INSERT INTO " to " (" COLUMNS ") SELECT at / " unit  \
	" * " unit ", caller, model, " SUMS " FROM " from                      \
	" WHERE at < %lld GROUP BY 1, 2, 3" GROW "; DELETE FROM " from         \
	" WHERE at < %lld; COMMIT"

static const struct roll rolls[] = {
    {"SELECT min(at) FROM second", ROLL("second", "minute", "60"),
	STORE_SECONDS_S, 60, 3600},
    {"SELECT min(at) FROM minute", ROLL("minute", "day", "86400"),
	STORE_MINUTES_S, 86400, 86400},
};

/* Move one step of what is older than the rows of ${r} may be. */
static int
roll(struct store *s, const struct roll *r, int64_t now_s, bool *more)
{
	int64_t until = (now_s - r->keep_s) / r->unit_s * r->unit_s, oldest;
	int64_t step;
	char sql[1024];
	int code = ask(s, r->oldest, &oldest);

	/* 0: there is no row. */
	if (code != SQLITE_OK || oldest <= 0 || oldest >= until)
		return code;
	step = (oldest / r->step_s + 1) * r->step_s;
	*more = *more || step < until;
	if (step < until)
		until = step;
	(void)snprintf(
	    sql, sizeof sql, r->move, (long long)until, (long long)until);
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL);
}

enum err
store_roll_up(struct store *s, int64_t now_s, bool *more)
{
	char sql[128];
	int code = SQLITE_OK;

	*more = false;
	for (size_t i = 0; i < sizeof rolls / sizeof *rolls; i++)
		if (code == SQLITE_OK)
			code = roll(s, &rolls[i], now_s, more);
	(void)snprintf(sql, sizeof sql,
	    "DELETE FROM budget WHERE max(full_0, full_1) < %lld",
	    (long long)now_s * US_PER_S);
	if (code == SQLITE_OK)
		code = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? OK : fail(s, code);
}

/* --- setting aside --- */

enum err
store_set_aside(const char *path, const char *what, int64_t now_s,
    char name[STORE_NAME_MAX])
{
	static const char *const tails[] = {"-wal", "-shm", ""};
	char from[PATH_MAX], to[PATH_MAX], date[32] = "0";
	time_t t = (time_t)now_s;
	const char *base = strrchr(path, '/');
	struct tm tm;

	if (gmtime_r(&t, &tm) != NULL)
		(void)strftime(date, sizeof date, "%Y%m%dT%H%M%SZ", &tm);
	base = base ? base + 1 : path;
	if (snprintf(name, STORE_NAME_MAX, "%s.%s-%s", base, what, date) >=
	    STORE_NAME_MAX)
		return ERR_IO;
	/* The file itself goes last: without it the rest says nothing. */
	for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
		if (snprintf(from, sizeof from, "%s%s", path, tails[i]) >=
			(int)sizeof from ||
		    snprintf(to, sizeof to, "%s.%s-%s%s", path, what, date,
			tails[i]) >= (int)sizeof to)
			return ERR_IO;
		if (rename(from, to) != 0 && errno != ENOENT)
			return ERR_IO;
	}
	return OK;
}
