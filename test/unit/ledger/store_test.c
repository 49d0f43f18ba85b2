/* Old seconds become minutes and old minutes days; nothing is lost. */
#include "ledger/store.h"
#include "folder.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum { HOUR = 3600, DAY = 24 * HOUR };

/* 2026-02-24 00:00:00 UTC */
static const int64_t today = 1771891200;
static const struct hash_key secret = {11, 22};

static int
set_up(void **state)
{
	(void)folder_make();
	return 0;
}

static int
tear_down(void **state)
{
	folder_remove();
	return 0;
}

static struct store
opened(void)
{
	struct store s;

	assert_int_equal(store_open(&s, folder_path("ledger.db"), &secret), OK);
	return s;
}

static void
add(struct sums *sums, int64_t at_s, const char *caller, int64_t tok)
{
	struct sum_key key = {at_s, slice_str(caller), slice_str("m")};
	struct counts c = {1, tok, 2 * tok, 0, 0};

	assert_int_equal(sums_add(sums, &key, &c), OK);
}

static int64_t
number(struct store *s, const char *sql)
{
	sqlite3_stmt *st;
	int64_t n;

	assert_int_equal(
	    sqlite3_prepare_v2(s->db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

static void
roll_all(struct store *s, int64_t now_s)
{
	bool more = true;

	for (int i = 0; more; i++) {
		assert_int_equal(store_roll_up(s, now_s, &more), OK);
		assert_true(i < 2000);
	}
}

/* Two callers for 40 days, a use every 20 s of one hour of the day. */
static int64_t
fill(struct store *s)
{
	struct sums sums;
	int64_t n = 0;

	sums_init(&sums, 100000, 100);
	for (int64_t day = 0; day < 40; day++)
		for (int64_t at = 0; at < HOUR; at += 20) {
			add(&sums, today - day * DAY + at, "alice", 1);
			add(&sums, today - day * DAY + at, "bob", 10);
			n++;
		}
	assert_int_equal(store_write(s, &sums), OK);
	sums_fini(&sums);
	return n;
}

static void
test_what_is_old_gets_coarse(void **state)
{
	const char *path = folder_path("ledger.db");
	struct store s = opened();
	int64_t n = fill(&s);
	int64_t now = today + HOUR;

	assert_int_equal(number(&s, "SELECT count(*) FROM second"), 2 * n);
	roll_all(&s, now);
	/* Today, yesterday, and the hour 2 days ago that ends now. */
	assert_int_equal(
	    number(&s, "SELECT count(*) FROM second"), 2 * 2 * 180);
	assert_int_equal(number(&s, "SELECT min(at) FROM second"), today - DAY);
	/* Minutes back to the begin of the day 30 days ago. */
	assert_int_equal(
	    number(&s, "SELECT min(at) FROM minute"), today - 30 * DAY);
	assert_int_equal(
	    number(&s, "SELECT count(*) FROM minute"), 29 * 60 * 2);
	assert_int_equal(number(&s,
			     "SELECT count(*) FROM minute WHERE at % 60 <> 0"
			     " OR requests <> 3"),
	    0);
	assert_int_equal(number(&s, "SELECT count(*) FROM day"), 9 * 2);
	assert_int_equal(number(&s,
			     "SELECT count(*) FROM day WHERE at % 86400 <> 0"
			     " OR requests <> 180 OR output <> 2 * input"),
	    0);
	store_close(&s);
	assert_int_equal(read_used(path, "alice").input, n);
	assert_int_equal(read_used(path, "bob").input, 10 * n);
}

/* A late use of a second that has become part of a minute already. */
static void
test_late_rows_join_the_others(void **state)
{
	struct store s = opened();
	int64_t n = fill(&s);
	struct sums sums;

	roll_all(&s, today + HOUR);
	sums_init(&sums, 100, 100);
	add(&sums, today - 5 * DAY, "alice", 1000);
	add(&sums, today - 35 * DAY, "alice", 1000);
	assert_int_equal(store_write(&s, &sums), OK);
	sums_fini(&sums);
	roll_all(&s, today + HOUR);
	assert_int_equal(
	    number(&s, "SELECT count(*) FROM minute"), 29 * 60 * 2);
	assert_int_equal(number(&s, "SELECT count(*) FROM day"), 9 * 2);
	store_close(&s);
	assert_int_equal(
	    read_used(folder_path("ledger.db"), "alice").input, n + 2000);
}

static void
test_one_step_is_bounded(void **state)
{
	struct store s = opened();
	bool more;

	(void)fill(&s);
	assert_int_equal(store_roll_up(&s, today + HOUR, &more), OK);
	assert_true(more);
	assert_int_equal(
	    number(&s, "SELECT count(*) FROM second"), 2 * 39 * 180);
	store_close(&s);
}

static void
test_full_budgets_are_forgotten(void **state)
{
	struct store s = opened();
	struct sums sums;
	bool more;

	sums_init(&sums, 100, 2);
	for (uint64_t i = 0; i < 2; i++) {
		int64_t full[2] = {(today - 10 + 20 * (int64_t)i) * 1000000, 0};

		assert_int_equal(
		    sums_set_budget(&sums, (struct cells_key){i, i}, full), OK);
	}
	assert_int_equal(sums_set_budget(&sums, (struct cells_key){9, 9},
			     (int64_t[2]){1, 1}),
	    ERR_FULL);
	assert_int_equal(store_write(&s, &sums), OK);
	sums_fini(&sums);
	assert_int_equal(number(&s, "SELECT count(*) FROM budget"), 2);
	assert_int_equal(store_roll_up(&s, today, &more), OK);
	assert_int_equal(number(&s, "SELECT count(*) FROM budget"), 1);
	store_close(&s);
}

struct rows {
	int n;
	char text[512];
};

static void
on_row(void *ctx, const struct ledger_row *row)
{
	struct rows *r = ctx;
	size_t at = strlen(r->text);

	r->n++;
	if (at < 400)
		snprintf(r->text + at, sizeof r->text - at, "%lld %.*s %lld;",
		    (long long)(today - row->day_s) / DAY,
		    SLICE_ARG(row->caller), (long long)row->input_tok);
}

static void
test_reading_by_day(void **state)
{
	struct store s = opened();
	struct ledger_reader *r;
	struct rows rows = {.n = 0};
	int64_t tokens = 0;

	(void)fill(&s);
	roll_all(&s, today + HOUR);
	store_close(&s);
	assert_int_equal(ledger_reader_open(folder_path("ledger.db"), &r), OK);
	/* The whole of its first day counts. */
	assert_int_equal(
	    ledger_read_days(r, today - 2 * DAY + 1800, on_row, &rows), OK);
	assert_string_equal(rows.text,
	    "2 alice 180;2 bob 1800;1 alice 180;1 bob 1800;"
	    "0 alice 180;0 bob 1800;");
	/* In and out, since half past. */
	assert_int_equal(
	    ledger_read_tokens(r, slice_str("bob"), today + 1800, &tokens), OK);
	assert_int_equal(tokens, 90 * 30);
	assert_int_equal(
	    ledger_read_tokens(r, slice_str("nobody"), 0, &tokens), OK);
	assert_int_equal(tokens, 0);
	ledger_reader_close(r);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_what_is_old_gets_coarse),
	    CASE(test_late_rows_join_the_others),
	    CASE(test_one_step_is_bounded),
	    CASE(test_full_budgets_are_forgotten),
	    CASE(test_reading_by_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
