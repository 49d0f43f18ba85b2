/*
 * What is noted is in the file: summed up, within a second, after a kill, a
 * full disk and a damaged file.
 */
#include "ledger/ledger.h"
#include "folder.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define SEC INT64_C(1000000)

/* The begin of this minute, so that no row is old yet. */
static int64_t evening;
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

static struct ledger *
open_at(const char *path)
{
	struct ledger_opts opts = {.path = path, .seed = secret};
	struct ledger *l;

	assert_int_equal(ledger_open(&opts, &l), OK);
	return l;
}

static void
note(struct ledger *l, int64_t at_us, const char *caller, uint64_t tok)
{
	struct ledger_use u = {
	    .wall_us = at_us,
	    .caller = slice_str(caller),
	    .model = slice_str("llama3.2"),
	    .input_tok = tok,
	    .output_tok = 2 * tok,
	    .cached_tok = tok / 2,
	    .is_error = tok == 0,
	};

	assert_true(ledger_note(l, &u));
}

/* One number out of the file. */
static int64_t
number(const char *path, const char *sql)
{
	sqlite3_stmt *st;
	sqlite3 *db;
	int64_t n;

	assert_int_equal(
	    sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

static void
test_sums_of_a_second(void **state)
{
	const char *path = folder_path("ledger.db");
	struct ledger *l = open_at(path);
	struct stat st;
	struct used u;
	char sql[128];

	for (int i = 0; i < 100; i++)
		note(l, evening + i, "alice", 10);
	note(l, evening, "bob", 0);
	note(l, evening + SEC, "alice", 7);
	wait_flushed(l);
	/* Read while the writer has it open. */
	u = read_used(path, "alice");
	assert_int_equal(u.requests, 101);
	assert_int_equal(u.input, 1007);
	assert_int_equal(u.output, 2014);
	assert_int_equal(u.cached, 503);
	assert_int_equal(u.errors, 0);
	u = read_used(path, "bob");
	assert_int_equal(u.requests, 1);
	assert_int_equal(u.errors, 1);
	assert_int_equal(number(path, "SELECT count(*) FROM second"), 3);
	snprintf(sql, sizeof sql,
	    "SELECT requests FROM second WHERE at = %lld"
	    " AND caller = 'alice' AND model = 'llama3.2'",
	    (long long)(evening / SEC));
	assert_int_equal(number(path, sql), 100);
	/* The same second in another batch. */
	note(l, evening, "bob", 5);
	assert_true(ledger_close(l, 5 * SEC));
	assert_int_equal(number(path, "SELECT count(*) FROM second"), 3);
	assert_int_equal(read_used(path, "bob").requests, 2);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void
test_names_are_kept_as_they_are(void **state)
{
	static const char *const names[] = {"", "a", "ab", "b",
	    "anonymous@2001:db8::/48", "x'; DROP TABLE second; --", "\xff\x01"};
	const char *path = folder_path("ledger.db");
	struct ledger *l = open_at(path);
	char longest[400];

	memset(longest, 'n', sizeof longest);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct ledger_use u = {.wall_us = evening,
		    .caller = slice_str(names[i]),
		    .model = slice_str(i == 1 ? "bc" : "c"),
		    .input_tok = i + 1};

		assert_true(ledger_note(l, &u));
	}
	assert_true(ledger_note(l,
	    &(struct ledger_use){.wall_us = evening,
		.caller = slice_of(longest, sizeof longest),
		.model = slice_of(longest, sizeof longest)}));
	assert_true(ledger_close(l, 5 * SEC));
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_int_equal(read_used(path, names[i]).input, i + 1);
	assert_int_equal(
	    number(path, "SELECT max(length(caller)) FROM second"), 255);
	assert_int_equal(number(path, "SELECT count(*) FROM second"), 8);
}

static void
test_the_ring_is_bounded(void **state)
{
	struct ledger_opts opts = {.path = folder_path("ledger.db"),
	    .seed = secret,
	    .ring_bytes = 4096};
	struct ledger_use u = {.wall_us = evening, .caller = SLICE("alice")};
	const char *path = folder_path("ledger.db");
	struct ledger *l;
	int64_t written = 0;

	assert_int_equal(ledger_open(&opts, &l), OK);
	for (int i = 0; i < 100000; i++)
		written += ledger_note(l, &u);
	wait_flushed(l);
	assert_int_equal(ledger_dropped(l), 100000 - written);
	assert_true(ledger_dropped(l) > 0);
	assert_true(ledger_close(l, 5 * SEC));
	assert_int_equal(read_used(path, "alice").requests, written);
}

/* --- budgets --- */

static void
find_budget(void *ctx, const struct ledger_budget *b)
{
	struct ledger_budget *out = ctx;

	assert_int_equal(out->key.lo, 0);
	*out = *b;
}

static struct ledger_budget
read_budget(const char *path, int64_t now_us, struct hash_key *seed)
{
	struct ledger_budget b = {.key = {0, 0}};
	struct ledger_reader *r;

	assert_int_equal(ledger_reader_open(path, &r), OK);
	assert_int_equal(ledger_read_budgets(r, now_us, find_budget, &b), OK);
	assert_int_equal(ledger_read_seed(r, seed), OK);
	ledger_reader_close(r);
	return b;
}

static void
test_budgets_are_kept(void **state)
{
	const char *path = folder_path("ledger.db");
	struct ledger_opts opts = {.path = path, .seed = secret};
	struct ledger_use u = {.wall_us = evening,
	    .caller = SLICE("alice"),
	    .n_budgets = 1,
	    .budget = {7, 8},
	    .full_us = {evening + 1000 * SEC, 0}};
	struct ledger *l = open_at(path);
	struct ledger_budget b;
	struct hash_key seed;

	assert_true(ledger_note(l, &u));
	u.full_us[0] += 50 * SEC;
	assert_true(ledger_note(l, &u));
	assert_true(ledger_close(l, 5 * SEC));
	b = read_budget(path, evening, &seed);
	assert_memory_equal(&seed, &secret, sizeof seed);
	assert_int_equal(b.key.hi, 8);
	assert_int_equal(b.full_us[0], evening + 1050 * SEC);
	/* Full again: nothing to tell. */
	b = read_budget(path, evening + 1050 * SEC, &seed);
	assert_int_equal(b.key.lo, 0);
	/* Opened with the same seed it stays, with another it goes. */
	assert_int_equal(ledger_open(&opts, &l), OK);
	assert_true(ledger_close(l, 5 * SEC));
	assert_int_equal(read_budget(path, evening, &seed).key.hi, 8);
	opts.seed.k0++;
	assert_int_equal(ledger_open(&opts, &l), OK);
	assert_true(ledger_close(l, 5 * SEC));
	assert_int_equal(read_budget(path, evening, &seed).key.hi, 0);
	assert_int_equal(seed.k0, secret.k0 + 1);
}

/* --- files that cannot be used --- */

static void
spoil(const char *path, const char *bytes, size_t n, off_t at)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, n, at), n);
	close(fd);
}

static void
exec(const char *path, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* Whatever lies there is set aside and a new ledger is begun. */
static void
check_set_aside(const char *what)
{
	const char *path = folder_path("ledger.db");
	struct ledger *l = open_at(path);
	struct ledger_news n = wait_news(l, LEDGER_SET_ASIDE);
	char prefix[64];

	snprintf(prefix, sizeof prefix, "ledger.db.%s-20", what);
	assert_int_equal(strncmp(n.file, prefix, strlen(prefix)), 0);
	assert_true(n.reason[0] != '\0');
	assert_true(folder_count(n.file, NULL) >= 1);
	note(l, evening, "alice", 10);
	assert_true(ledger_close(l, 5 * SEC));
	assert_int_equal(read_used(path, "alice").input, 10);
}

static void
test_a_file_that_is_no_database(void **state)
{
	char junk[8192];

	memset(junk, 'j', sizeof junk);
	spoil(folder_path("ledger.db"), junk, sizeof junk, 0);
	check_set_aside("corrupt");
}

static void
test_a_database_of_somebody_else(void **state)
{
	exec(folder_path("ledger.db"), "CREATE TABLE mine (a)");
	check_set_aside("corrupt");
}

static void
test_a_table_of_another_shape(void **state)
{
	struct ledger *l = open_at(folder_path("ledger.db"));

	assert_true(ledger_close(l, 5 * SEC));
	exec(folder_path("ledger.db"),
	    "DROP TABLE second; CREATE TABLE second (at)");
	check_set_aside("corrupt");
}

static void
test_a_newer_ledger(void **state)
{
	struct ledger *l = open_at(folder_path("ledger.db"));

	note(l, evening, "bob", 1);
	assert_true(ledger_close(l, 5 * SEC));
	exec(folder_path("ledger.db"), "PRAGMA user_version = 2");
	check_set_aside("newer");
}

/* Damaged while it is in use: pages that were fine are not any more. */
static void
test_damage_in_mid_flight(void **state)
{
	const char *path = folder_path("ledger.db");
	struct ledger *l = open_at(path);
	char junk[4096];
	struct ledger_news n;

	for (int i = 0; i < 5000; i++)
		note(l, evening + i * SEC, "alice", 1);
	assert_true(ledger_close(l, 5 * SEC));
	memset(junk, 'j', sizeof junk);
	for (off_t page = 2; page < 60; page++)
		spoil(path, junk, sizeof junk, page * 4096);
	/* It opens; it is the first writing that stumbles. */
	l = open_at(path);
	for (int i = 0; i < 5000; i += 10)
		note(l, evening + i * SEC, "bob", 1);
	n = wait_news(l, LEDGER_SET_ASIDE);
	assert_true(strstr(n.file, "ledger.db.corrupt-") == n.file);
	assert_true(ledger_close(l, 5 * SEC));
	assert_int_equal(read_used(path, "bob").requests, 500);
}

/* --- disks that do not take it --- */

static void
test_no_folder_yet(void **state)
{
	const char *path = folder_path("later/ledger.db");
	struct ledger *l = open_at(path);
	struct ledger_news n = wait_news(l, LEDGER_FAILED);

	assert_non_null(strstr(n.reason, "No such file"));
	/* More than there is room for in memory, each in its own minute. */
	for (int64_t i = 0; i < LEDGER_SUMS_MAX + 100; i++) {
		while (!ledger_note(l,
		    &(struct ledger_use){.wall_us = evening + i * 60 * SEC,
			.caller = SLICE("alice"),
			.input_tok = 3}))
			nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	for (int i = 0; i < 1000 && ledger_dropped(l) < 100; i++)
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	assert_int_equal(mkdir(folder_path("later"), 0700), 0);
	(void)wait_news(l, LEDGER_RECOVERED);
	wait_flushed(l);
	assert_int_equal(read_used(path, "alice").requests, LEDGER_SUMS_MAX);
	assert_true(ledger_close(l, 5 * SEC));
	for (const char *const *p =
		 (const char *const[]){"later/ledger.db", NULL};
	     *p != NULL; p++)
		assert_int_equal(unlink(folder_path(*p)), 0);
}

static void
limit_files(rlim_t bytes)
{
	struct rlimit r;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
	r.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void
test_a_full_disk(void **state)
{
	const char *path = folder_path("ledger.db");
	struct ledger *l = open_at(path);

	signal(SIGXFSZ, SIG_IGN);
	note(l, evening, "alice", 1);
	wait_flushed(l);
	limit_files(8192);
	for (int i = 0; i < 1000; i++)
		note(l, evening + i * SEC, "alice", 1);
	(void)wait_news(l, LEDGER_FAILED);
	for (int i = 0; i < 1000; i++)
		note(l, evening + i * SEC, "alice", 1);
	assert_false(ledger_is_flushed(l));
	limit_files(RLIM_INFINITY);
	(void)wait_news(l, LEDGER_RECOVERED);
	wait_flushed(l);
	assert_int_equal(ledger_dropped(l), 0);
	assert_int_equal(read_used(path, "alice").requests, 2001);
	assert_true(ledger_close(l, 5 * SEC));
}

static void
test_a_file_that_is_taken_away(void **state)
{
	const char *path = folder_path("ledger.db");
	struct ledger *l = open_at(path);

	note(l, evening, "alice", 1);
	wait_flushed(l);
	assert_int_equal(rename(path, folder_path("moved")), 0);
	(void)unlink(folder_path("ledger.db-wal"));
	(void)unlink(folder_path("ledger.db-shm"));
	note(l, evening, "alice", 1);
	wait_flushed(l);
	assert_int_equal(read_used(path, "alice").requests, 1);
	assert_true(ledger_close(l, 5 * SEC));
}

/* Somebody else holds the file for a while. */
static void
test_a_locked_file(void **state)
{
	const char *path = folder_path("ledger.db");
	struct ledger *l = open_at(path);
	sqlite3 *db;

	note(l, evening, "alice", 1);
	wait_flushed(l);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	note(l, evening, "alice", 1);
	(void)wait_news(l, LEDGER_FAILED);
	assert_int_equal(
	    sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	(void)wait_news(l, LEDGER_RECOVERED);
	wait_flushed(l);
	assert_int_equal(read_used(path, "alice").requests, 2);
	assert_true(ledger_close(l, 5 * SEC));
}

/* --- kill -9 --- */

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SEC + t.tv_nsec / 1000;
}

struct shared {
	volatile int64_t noted;
	volatile int64_t at_us[4096];
};

static void
child_notes(struct shared *s, const char *path)
{
	struct ledger_opts opts = {.path = path, .seed = secret};
	struct ledger *l;

	if (ledger_open(&opts, &l) != OK)
		_exit(1);
	while (s->noted < 4096) {
		if (!ledger_note(l,
			&(struct ledger_use){
			    .wall_us = evening, .caller = SLICE("alice")}))
			_exit(1);
		s->at_us[s->noted] = now_us();
		s->noted++;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	_exit(0);
}

static void
test_a_kill_loses_a_second_at_most(void **state)
{
	struct shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	for (int round = 0; round < 4; round++) {
		const char *path = folder_path("ledger.db");
		int64_t got, killed_us, lost;
		pid_t pid;

		memset(s, 0, sizeof *s);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			child_notes(s, path);
		nanosleep(&(struct timespec){.tv_sec = 1,
			      .tv_nsec = round * 130 * 1000000},
		    NULL);
		killed_us = now_us();
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		got = read_used(path, "alice").requests;
		assert_true(got > 0 && got <= s->noted);
		lost = got < s->noted ? killed_us - s->at_us[got] : 0;
		if (lost > SEC)
			fail_msg("%lld of %lld noted, %lld us lost",
			    (long long)got, (long long)s->noted,
			    (long long)lost);
		folder_remove();
		(void)folder_make();
	}
	munmap(s, sizeof *s);
}

static void
test_without_a_ledger(void **state)
{
	const char *path = folder_path("ledger.db");
	struct ledger_reader *r;

	assert_int_equal(ledger_reader_open(path, &r), ERR_NOT_FOUND);
	spoil(path, "", 0, 0);
	assert_int_equal(ledger_reader_open(path, &r), ERR_NOT_FOUND);
	spoil(path, "no database, but some text", 26, 0);
	assert_int_equal(ledger_reader_open(path, &r), ERR_IO);
	assert_true(ledger_close(NULL, 0));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_sums_of_a_second),
	    CASE(test_names_are_kept_as_they_are),
	    CASE(test_the_ring_is_bounded),
	    CASE(test_budgets_are_kept),
	    CASE(test_a_file_that_is_no_database),
	    CASE(test_a_database_of_somebody_else),
	    CASE(test_a_table_of_another_shape),
	    CASE(test_a_newer_ledger),
	    CASE(test_damage_in_mid_flight),
	    CASE(test_no_folder_yet),
	    CASE(test_a_full_disk),
	    CASE(test_a_file_that_is_taken_away),
	    CASE(test_a_locked_file),
	    CASE(test_a_kill_loses_a_second_at_most),
	    CASE(test_without_a_ledger),
	};

	evening = (int64_t)time(NULL) / 60 * 60 * SEC;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
