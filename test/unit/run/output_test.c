/* What engines write, in a file of its own and at its end in memory. */
#include "run/output.h"
#include "os/fd.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], path[96], old[104];
static struct output o;

static int
set_up(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/weir-output-XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/e.log", dir);
	(void)snprintf(old, sizeof old, "%s.1", path);
	output_init(&o, path);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	output_close(&o);
	(void)unlink(path);
	(void)unlink(old);
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

static void
say(int fd, const char *p, size_t n)
{
	while (n > 0) {
		/* No more than a pipe holds: nobody reads meanwhile. */
		size_t part = n < 32768 ? n : 32768;

		assert_int_equal(write(fd, p, part), part);
		output_drain(&o);
		p += part;
		n -= part;
	}
}

static void
test_file_and_tail(void **state)
{
	char text[64] = "";
	struct stat st;
	FILE *f;
	int fd;

	(void)state;
	assert_int_equal(output_open(&o, &fd), OK);
	say(fd, "one\n", 4);
	output_note(&o, "--- %d\n", 7);
	say(fd, "two\n", 4);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_non_null(f = fopen(path, "r"));
	assert_int_equal(fread(text, 1, sizeof text - 1, f), 14);
	(void)fclose(f);
	assert_string_equal(text, "one\n--- 7\ntwo\n");
	/* Of the engine's own only. */
	assert_true(slice_is(slice_of(o.tail, o.n), "one\ntwo\n"));
	/* The end of all writers closes the pipe. */
	(void)close(fd);
	output_drain(&o);
	assert_int_equal(o.in, -1);
	/* Another run goes on in the file, with an empty tail. */
	assert_int_equal(output_open(&o, &fd), OK);
	assert_int_equal(o.n, 0);
	say(fd, "three\n", 6);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 20);
	(void)close(fd);
}

/* The tail is the last ENGINE_TAIL_MAX bytes, in whatever parts they come. */
static void
test_tail_is_the_end(void **state)
{
	static char text[100000];
	int fd;

	(void)state;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)('a' + i % 23);
	for (size_t part = 1; part < 40000; part = part * 3 + 1) {
		assert_int_equal(output_open(&o, &fd), OK);
		for (size_t at = 0; at < sizeof text; at += part)
			say(fd, text + at,
			    part < sizeof text - at ? part : sizeof text - at);
		assert_int_equal(o.n, ENGINE_TAIL_MAX);
		assert_memory_equal(o.tail,
		    text + sizeof text - ENGINE_TAIL_MAX, ENGINE_TAIL_MAX);
		(void)close(fd);
	}
}

static void
test_rotates(void **state)
{
	static char block[32768];
	struct stat st;
	int fd;

	(void)state;
	memset(block, 'x', sizeof block);
	assert_int_equal(output_open(&o, &fd), OK);
	for (int i = 0; i < 520; i++)
		say(fd, block, sizeof block);
	(void)close(fd);
	assert_int_equal(stat(old, &st), 0);
	assert_int_equal(st.st_size, 16 << 20);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 8 * sizeof block);
}

/* No file, no disk: the engine goes on, and the tail is there. */
static void
test_without_a_file(void **state)
{
	int fd;

	(void)state;
	output_init(&o, "/nowhere/at/all");
	assert_int_equal(output_open(&o, &fd), OK);
	say(fd, "hello\n", 6);
	assert_true(slice_is(slice_of(o.tail, o.n), "hello\n"));
	(void)close(fd);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_file_and_tail, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_tail_is_the_end, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_rotates, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_without_a_file, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
