/* Rotation by size: path -> path.1 -> ... */
#include "log/sink.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/weir-rotate-XXXXXX";
static char path[64];

static const char *
numbered(int i)
{
	static char name[96];

	(void)snprintf(name, sizeof name, i ? "%s.%d" : "%s", path, i);
	return name;
}

/* Write all of ${p}. */
static void
put(struct sink *s, const char *p, size_t n)
{
	while (n > 0) {
		size_t done;

		assert_int_equal(sink_write(s, p, n, &done), OK);
		p += done;
		n -= done;
	}
}

static void
expect_file(int i, const char *want)
{
	char got[4096];
	FILE *f = fopen(numbered(i), "rb");

	if (want == NULL) {
		assert_null(f);
		return;
	}
	assert_non_null(f);
	got[fread(got, 1, sizeof got - 1, f)] = 0;
	(void)fclose(f);
	assert_string_equal(got, want);
}

static void
test_files_move_up(void **state)
{
	struct sink s;

	(void)state;
	assert_int_equal(sink_open(&s, path, 12, 3), OK);
	put(&s, "aaaaa\n", 6);
	put(&s, "bbbbb\n", 6);
	expect_file(0, "aaaaa\nbbbbb\n");
	put(&s, "ccccc\nddddd\neeeee\nfffff\nggggg\n", 30);
	expect_file(0, "ggggg\n");
	expect_file(1, "eeeee\nfffff\n");
	expect_file(2, "ccccc\nddddd\n");
	expect_file(3, "aaaaa\nbbbbb\n");
	put(&s, "hhhhh\niiiii\n", 12);
	expect_file(0, "iiiii\n");
	expect_file(1, "ggggg\nhhhhh\n");
	expect_file(3, "ccccc\nddddd\n");
	expect_file(4, NULL);
	sink_close(&s);
	/* What is there already counts. */
	assert_int_equal(sink_open(&s, path, 12, 3), OK);
	put(&s, "jjjjjjj\n", 8);
	expect_file(0, "jjjjjjj\n");
	expect_file(1, "iiiii\n");
	sink_close(&s);
}

static void
test_long_lines_stay_whole(void **state)
{
	struct sink s;

	(void)state;
	assert_int_equal(sink_open(&s, path, 10, 2), OK);
	put(&s, "a line that is longer\nb\nanother long one\n", 41);
	expect_file(2, "a line that is longer\n");
	expect_file(1, "b\n");
	expect_file(0, "another long one\n");
	sink_close(&s);
}

static void
test_no_old_files(void **state)
{
	struct sink s;

	(void)state;
	assert_int_equal(sink_open(&s, path, 4, 0), OK);
	put(&s, "aaa\nbbb\n", 8);
	expect_file(0, "bbb\n");
	expect_file(1, NULL);
	sink_close(&s);
}

static void
test_never(void **state)
{
	struct sink s;

	(void)state;
	assert_int_equal(sink_open(&s, path, 0, 3), OK);
	put(&s, "aaa\nbbb\n", 8);
	expect_file(0, "aaa\nbbb\n");
	expect_file(1, NULL);
	sink_close(&s);
}

/* The old name cannot be taken: no line is lost for it. */
static void
test_rename_fails(void **state)
{
	struct sink s;
	char inside[128];

	(void)state;
	assert_int_equal(mkdir(numbered(1), 0700), 0);
	(void)snprintf(inside, sizeof inside, "%s/x", numbered(1));
	assert_int_equal(mkdir(inside, 0700), 0);
	assert_int_equal(sink_open(&s, path, 4, 1), OK);
	put(&s, "aaa\nbbb\nccc\n", 12);
	expect_file(0, "aaa\nbbb\nccc\n");
	assert_int_equal(rmdir(inside), 0);
	assert_int_equal(rmdir(numbered(1)), 0);
	put(&s, "ddd\n", 4);
	expect_file(1, "aaa\nbbb\nccc\n");
	expect_file(0, "ddd\n");
	sink_close(&s);
}

/* Two processes share the file for a while; it is rotated once. */
static void
test_other_process_rotated(void **state)
{
	struct sink a, b;

	(void)state;
	assert_int_equal(sink_open(&a, path, 8, 3), OK);
	put(&a, "aaa\nbbb\n", 8);
	assert_int_equal(sink_open(&b, path, 8, 3), OK);
	put(&a, "ccc\n", 4);
	put(&b, "ddd\n", 4);
	expect_file(0, "ccc\nddd\n");
	expect_file(1, "aaa\nbbb\n");
	expect_file(2, NULL);
	sink_close(&a);
	sink_close(&b);
}

/* A crash left half a line: it is ended, not glued to the next. */
static void
test_earlier_tear_is_ended(void **state)
{
	struct sink s;
	FILE *f = fopen(path, "wb");

	(void)state;
	assert_non_null(f);
	assert_true(fputs("aaa\nbb", f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(sink_open(&s, path, 0, 1), OK);
	put(&s, "ccc\n", 4);
	expect_file(0, "aaa\nbb\nccc\n");
	sink_close(&s);
}

static void
test_file_is_private(void **state)
{
	struct sink s;
	struct stat st;

	(void)state;
	assert_int_equal(sink_open(&s, path, 0, 1), OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0137, 0);
	sink_close(&s);
}

static int
clear(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++)
		(void)unlink(numbered(i));
	return 0;
}

#define WITH_FILES(test) cmocka_unit_test_setup_teardown(test, clear, clear)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_FILES(test_files_move_up),
	    WITH_FILES(test_long_lines_stay_whole),
	    WITH_FILES(test_no_old_files),
	    WITH_FILES(test_never),
	    WITH_FILES(test_rename_fails),
	    WITH_FILES(test_other_process_rotated),
	    WITH_FILES(test_earlier_tear_is_ended),
	    WITH_FILES(test_file_is_private),
	};
	int r;

	if (mkdtemp(dir) == NULL)
		return 1;
	(void)snprintf(path, sizeof path, "%s/weir.log", dir);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	(void)rmdir(dir);
	return r;
}
