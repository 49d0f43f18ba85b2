/*
 * The log under good and bad sinks: nothing torn, nothing lost without being
 * counted, nobody kept waiting.
 */
#include "log/log.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { LONG_US = 20 * 1000 * 1000, SMALL_BUFFER = 256 * 1024 };

static char dir[] = "/tmp/weir-log-XXXXXX";
static char path[64], moved[64];

static int64_t
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
nap(void)
{
	(void)poll(NULL, 0, 2);
}

static void
wait_flushed(struct log *l)
{
	int64_t end = now_us() + LONG_US;

	while (!log_is_flushed(l) && now_us() < end)
		nap();
	assert_true(log_is_flushed(l));
}

static struct log *
open_log(const char *to, size_t buffered)
{
	struct log_opts opts = {.path = to, .buffered_bytes = buffered};
	struct log *l;

	assert_int_equal(log_open(&opts, &l), OK);
	return l;
}

/* Line ${i}: its number and a tail whose length varies. */
static struct slice
line_of(char *room, size_t cap, int i)
{
	int n = snprintf(room, cap, "%d ", i);
	size_t tail = (size_t)i * 37 % 600;

	memset(room + n, 'a' + i % 26, tail);
	return slice_of(room, (size_t)n + tail);
}

static bool
put_line(struct log *l, int i)
{
	char room[1024];

	return log_write(l, line_of(room, sizeof room, i));
}

static char *
read_file(const char *from, size_t *n)
{
	FILE *f = fopen(from, "rb");
	char *p = calloc(1, (64 << 20) + 1);

	assert_non_null(f);
	assert_non_null(p);
	*n = fread(p, 1, 64 << 20, f);
	(void)fclose(f);
	return p;
}

/*
 * Check that ${all} is whole lines with growing numbers and count them; a line
 * about dropped ones is added up in ${told}.
 */
static uint64_t
count_lines(struct slice all, uint64_t *told)
{
	char room[1024];
	uint64_t lines = 0;
	int last = -1;

	while (all.n > 0) {
		struct slice line = slice_cut(&all, '\n');
		int number = atoi(line.p);
		const char *at;

		if (line.p[0] == '{') {
			at = strstr(line.p, "\"dropped\":");
			assert_non_null(at);
			*told += strtoull(at + 10, NULL, 10);
			continue;
		}
		assert_true(number > last);
		assert_true(slice_eq(line, line_of(room, sizeof room, number)));
		last = number;
		lines++;
	}
	return lines;
}

/*
 * Check that ${all} is whole lines numbered on from ${next}; a line about
 * dropped ones is added up in ${told}.  Returns the number after the last.
 */
static int
check_lines(struct slice all, int next, uint64_t *told)
{
	char room[1024];

	if (all.n > 0)
		assert_int_equal(all.p[all.n - 1], '\n');
	while (all.n > 0) {
		struct slice line = slice_cut(&all, '\n');
		const char *at;

		if (line.p[0] == '{') {
			assert_true(
			    slice_has(line, slice_str("log_lines_dropped")));
			assert_int_equal(line.p[line.n - 1], '}');
			at = strstr(line.p, "\"dropped\":");
			assert_non_null(at);
			*told += strtoull(at + 10, NULL, 10);
			continue;
		}
		assert_true(slice_eq(line, line_of(room, sizeof room, next)));
		next++;
	}
	return next;
}

static void
check_file(const char *from, int first, int end)
{
	uint64_t told = 0;
	size_t n;
	char *p = read_file(from, &n);

	assert_int_equal(check_lines(slice_of(p, n), first, &told), end);
	assert_int_equal(told, 0);
	free(p);
}

static void
test_all_lines_in_order(void **state)
{
	struct log *l = open_log(path, 0);

	(void)state;
	assert_false(log_is_stdout(l));
	for (int i = 0; i < 20000; i++)
		assert_true(put_line(l, i));
	assert_int_equal(log_dropped(l), 0);
	assert_true(log_close(l, LONG_US));
	check_file(path, 0, 20000);
	/* Opened again, it goes on. */
	l = open_log(path, 0);
	assert_true(put_line(l, 20000));
	assert_true(log_close(l, LONG_US));
	check_file(path, 0, 20001);
}

static void
test_cannot_open(void **state)
{
	struct log_opts opts = {.path = "/nowhere/at/all.log"};
	struct log *l;

	(void)state;
	assert_int_equal(log_open(&opts, &l), ERR_IO);
}

/* A log that idles still writes the next line soon, each time. */
static void
test_idle_log_wakes(void **state)
{
	struct log *l;
	char name[32], got[2000];
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	(void)snprintf(name, sizeof name, "/dev/fd/%d", p[1]);
	l = open_log(name, 0);
	for (int i = 0; i < 10; i++) {
		struct pollfd in = {.fd = p[0], .events = POLLIN};
		int64_t from = now_us();
		uint64_t told = 0;
		ssize_t n;

		assert_true(put_line(l, i));
		assert_int_equal(poll(&in, 1, 5000), 1);
		assert_true(now_us() - from < 2000000);
		n = read(p[0], got, sizeof got);
		assert_true(n > 0);
		assert_int_equal(
		    check_lines(slice_of(got, (size_t)n), i, &told), i + 1);
		/* Two ticks, so that it falls asleep at different moments. */
		(void)poll(NULL, 0, i * 7);
	}
	assert_true(log_close(l, LONG_US));
	(void)close(p[0]);
	(void)close(p[1]);
}

/* Read ${fd} until ${l} is flushed and ${fd} empty. */
static size_t
read_all(struct log *l, int fd, char *to, size_t cap)
{
	size_t n = 0;
	bool flushed;

	do {
		struct pollfd in = {.fd = fd, .events = POLLIN};
		ssize_t r;

		flushed = log_is_flushed(l);
		while (poll(&in, 1, 10) == 1) {
			r = read(fd, to + n, cap - n);
			assert_true(r > 0);
			n += (size_t)r;
		}
	} while (!flushed);
	return n;
}

/* Nobody reads: writing goes on at once, lines are dropped and counted. */
static void
test_stalled_sink(void **state)
{
	enum { LINES = 10000 };
	char name[32], *got = calloc(1, 16 << 20);
	uint64_t told = 0, lines = 0;
	struct log *l;
	int64_t from;
	int p[2];
	size_t n;

	(void)state;
	assert_non_null(got);
	assert_int_equal(pipe(p), 0);
	(void)snprintf(name, sizeof name, "/dev/fd/%d", p[1]);
	l = open_log(name, SMALL_BUFFER);
	from = now_us();
	for (int i = 0; i < LINES; i++)
		(void)put_line(l, i);
	assert_true(now_us() - from < 5000000);
	assert_true(log_dropped(l) > LINES / 2);
	/* Somebody reads again: the oldest lines, then how many are missing. */
	n = read_all(l, p[0], got, 16 << 20);
	for (int64_t end = now_us() + LONG_US; told == 0 && now_us() < end;) {
		lines = count_lines(slice_of(got, n), &told);
		n += read_all(l, p[0], got + n, (16u << 20) - n);
	}
	assert_int_equal(told, log_dropped(l));
	assert_int_equal(lines + told, LINES);
	/* And it is a log as before. */
	assert_true(put_line(l, 7));
	n = read_all(l, p[0], got, 16 << 20);
	assert_int_equal(check_lines(slice_of(got, n), 7, &told), 8);
	assert_true(log_close(l, LONG_US));
	(void)close(p[0]);
	(void)close(p[1]);
	free(got);
}

static void
test_close_does_not_wait_for_a_stalled_sink(void **state)
{
	struct log *l;
	char name[32];
	int64_t from;
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	(void)snprintf(name, sizeof name, "/dev/fd/%d", p[1]);
	l = open_log(name, SMALL_BUFFER);
	for (int i = 0; i < 1000; i++)
		(void)put_line(l, i);
	from = now_us();
	assert_false(log_close(l, 100 * 1000));
	assert_in_range(now_us() - from, 90 * 1000, 5000 * 1000);
	(void)close(p[0]);
	(void)close(p[1]);
}

/* The reader is gone: no signal, no wait; it is like a stalled one. */
static void
test_reader_gone(void **state)
{
	struct log *l;
	char name[32];
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	(void)snprintf(name, sizeof name, "/dev/fd/%d", p[1]);
	l = open_log(name, SMALL_BUFFER);
	(void)close(p[0]);
	for (int i = 0; i < 10000; i++)
		(void)put_line(l, i);
	assert_true(log_dropped(l) > 5000);
	assert_false(log_close(l, 100 * 1000));
	(void)close(p[1]);
}

static void
test_standard_output(void **state)
{
	int p[2], kept = dup(STDOUT_FILENO);
	char got[4096];
	uint64_t told = 0;
	struct log *l;
	ssize_t n;

	(void)state;
	(void)fflush(stdout);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(dup2(p[1], STDOUT_FILENO), STDOUT_FILENO);
	l = open_log("-", 0);
	assert_true(log_is_stdout(l));
	assert_true(put_line(l, 1) && put_line(l, 2));
	log_reopen(l);
	assert_true(log_close(l, LONG_US));
	/* It is not ours to close. */
	assert_true(fcntl(STDOUT_FILENO, F_GETFD) >= 0);
	n = read(p[0], got, sizeof got);
	assert_int_equal(dup2(kept, STDOUT_FILENO), STDOUT_FILENO);
	assert_true(n > 0);
	assert_int_equal(check_lines(slice_of(got, (size_t)n), 1, &told), 3);
	(void)close(kept);
	(void)close(p[0]);
	(void)close(p[1]);
}

static void
test_line_too_long(void **state)
{
	static char big[LOG_LINE_MAX + 1];
	struct log *l = open_log(path, 0);
	uint64_t told = 0;
	size_t n;
	char *p;

	(void)state;
	memset(big, 'x', sizeof big);
	assert_false(log_write(l, slice_of(big, sizeof big)));
	assert_int_equal(log_dropped(l), 1);
	assert_true(put_line(l, 0));
	assert_true(log_close(l, LONG_US));
	p = read_file(path, &n);
	assert_int_equal(check_lines(slice_of(p, n), 0, &told), 1);
	assert_int_equal(told, 1);
	free(p);
}

static void
set_file_limit(rlim_t bytes)
{
	struct rlimit r;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
	r.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

/* Bytes of the file, waited for until there are ${want}. */
static void
wait_size(const char *of, long want)
{
	int64_t end = now_us() + LONG_US;
	long size = -1;

	while (size < want && now_us() < end) {
		FILE *f = fopen(of, "rb");

		if (f != NULL) {
			(void)fseek(f, 0, SEEK_END);
			size = ftell(f);
			(void)fclose(f);
		}
		nap();
	}
	assert_int_equal(size, want);
}

/*
 * A disk that is full in the middle of a line: lines wait, then the line is
 * finished.  (A limit on the size of files tears a write as a full disk does.)
 */
static void
test_full_disk(void **state)
{
	struct log *l;

	(void)state;
	set_file_limit(10001);
	l = open_log(path, 0);
	for (int i = 0; i < 200; i++)
		assert_true(put_line(l, i));
	wait_size(path, 10001);
	assert_false(log_is_flushed(l));
	set_file_limit(RLIM_INFINITY);
	wait_flushed(l);
	assert_true(put_line(l, 200));
	assert_true(log_close(l, LONG_US));
	check_file(path, 0, 201);
}

/* The same, and the file is moved away meanwhile: neither file has a tear. */
static void
test_full_disk_then_a_new_file(void **state)
{
	uint64_t told = 0;
	struct log *l;
	size_t n, m;
	char *p;
	int next;

	(void)state;
	set_file_limit(10001);
	l = open_log(path, 0);
	for (int i = 0; i < 30; i++)
		assert_true(put_line(l, i));
	wait_flushed(l);
	for (int i = 30; i < 60; i++)
		assert_true(put_line(l, i));
	wait_size(path, 10001);
	assert_int_equal(rename(path, moved), 0);
	log_reopen(l);
	wait_flushed(l);
	set_file_limit(RLIM_INFINITY);
	assert_true(log_close(l, LONG_US));
	p = read_file(moved, &n);
	next = check_lines(slice_of(p, n), 0, &told);
	free(p);
	p = read_file(path, &m);
	assert_true(n < 10001 && m > 0);
	assert_int_equal(check_lines(slice_of(p, m), next, &told), 60);
	free(p);
}

/* Closed while the disk is full: what is there ends with a whole line. */
static void
test_full_disk_at_close(void **state)
{
	uint64_t told = 0;
	struct log *l;
	size_t n;
	char *p;

	(void)state;
	set_file_limit(10001);
	l = open_log(path, 0);
	for (int i = 0; i < 200; i++)
		assert_true(put_line(l, i));
	wait_size(path, 10001);
	assert_false(log_close(l, 50 * 1000));
	set_file_limit(RLIM_INFINITY);
	p = read_file(path, &n);
	assert_true(n < 10001);
	assert_true(check_lines(slice_of(p, n), 0, &told) > 10);
	free(p);
}

static void
test_reopen(void **state)
{
	struct log *l = open_log(path, 0);

	(void)state;
	assert_true(put_line(l, 0));
	wait_flushed(l);
	assert_int_equal(rename(path, moved), 0);
	log_reopen(l);
	/* The name is there again before any line comes. */
	wait_size(path, 0);
	assert_true(put_line(l, 1));
	assert_true(log_close(l, LONG_US));
	check_file(moved, 0, 1);
	check_file(path, 1, 2);
}

static void
test_change_of_path(void **state)
{
	struct log_opts opts = {.path = moved};
	struct log_opts bad = {.path = "/nowhere/at/all.log"};
	struct log *l = open_log(path, 0);

	(void)state;
	assert_true(put_line(l, 0));
	wait_flushed(l);
	assert_int_equal(log_change(l, &bad), ERR_IO);
	assert_int_equal(log_change(l, &bad), ERR_IO);
	assert_int_equal(log_change(l, &opts), OK);
	assert_int_equal(log_change(l, &opts), OK);
	assert_true(put_line(l, 1));
	assert_true(log_close(l, LONG_US));
	check_file(path, 0, 1 + (access(moved, F_OK) != 0));
	check_file(moved, 1, 2);
}

/* As a busy gate does it: some lines, and then the writer's turn. */
static void
test_speed_is_told(void **state)
{
	struct log *l = open_log("/dev/null", 0);
	enum { ROUNDS = 100, LINES = 200 };
	char line[300];
	int64_t took = 0;

	(void)state;
	memset(line, 'x', sizeof line);
	for (int i = 0; i < ROUNDS; i++) {
		int64_t from = now_us();

		for (int k = 0; k < LINES; k++)
			assert_true(log_write(l, slice_of(line, sizeof line)));
		took += now_us() - from;
		wait_flushed(l);
	}
	print_message("# log_write: %.0f ns a line\n",
	    (double)took * 1000 / (ROUNDS * LINES));
	assert_true(took < 2000000);
	assert_true(log_close(l, LONG_US));
}

static int
clear(void **state)
{
	(void)state;
	(void)unlink(path);
	(void)unlink(moved);
	return 0;
}

#define WITH_FILES(test) cmocka_unit_test_setup_teardown(test, clear, clear)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_FILES(test_all_lines_in_order),
	    WITH_FILES(test_cannot_open),
	    WITH_FILES(test_idle_log_wakes),
	    WITH_FILES(test_stalled_sink),
	    WITH_FILES(test_close_does_not_wait_for_a_stalled_sink),
	    WITH_FILES(test_reader_gone),
	    WITH_FILES(test_standard_output),
	    WITH_FILES(test_line_too_long),
	    WITH_FILES(test_full_disk),
	    WITH_FILES(test_full_disk_then_a_new_file),
	    WITH_FILES(test_full_disk_at_close),
	    WITH_FILES(test_reopen),
	    WITH_FILES(test_change_of_path),
	    WITH_FILES(test_speed_is_told),
	};
	int r;

	if (mkdtemp(dir) == NULL)
		return 1;
	(void)snprintf(path, sizeof path, "%s/weir.log", dir);
	(void)snprintf(moved, sizeof moved, "%s/moved.log", dir);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	(void)rmdir(dir);
	return r;
}
