/* Small files: read whole, replaced at once, told apart; folders, locks. */
#include "os/file.h"
#include "os/random.h"
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[] = "/tmp/weir-file-XXXXXX";

static const char *
in_dir(const char *name)
{
	static char path[2][128];
	static int i;

	i = !i;
	snprintf(path[i], sizeof path[i], "%s/%s", dir, name);
	return path[i];
}

static int
make_dir(void **state)
{
	return mkdtemp(dir) == NULL;
}

static int
drop_dir(void **state)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

static size_t
files_in_dir(void)
{
	DIR *d = opendir(dir);
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2; /* . and .. */
}

static void
test_written_is_read(void **state)
{
	const char *path = in_dir("a");
	static char bytes[20000];
	struct file_stamp s, t;
	struct buf b;
	struct stat st;

	random_must_fill(bytes, sizeof bytes);
	for (size_t n = 0; n <= sizeof bytes; n += 4000) {
		struct slice want = slice_of(bytes, n);

		assert_int_equal(file_replace(path, want, 0640), OK);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0640);
		buf_init(&b, sizeof bytes); /* just enough in the end */
		assert_int_equal(file_read(path, &b, &s), OK);
		assert_true(slice_eq(buf_slice(&b), want));
		t = file_stamp(path);
		assert_true(file_stamp_eq(&s, &t));
		assert_int_equal(s.size, n);
		assert_int_equal(s.mode, 0640);
		buf_fini(&b);
	}
	assert_int_equal(files_in_dir(), 1); /* no temporary files left */
	buf_init(&b, sizeof bytes - 1);
	assert_int_equal(file_read(path, &b, NULL), ERR_FULL);
	buf_fini(&b);
	unlink(path);
}

static void
test_a_replaced_file_is_another(void **state)
{
	const char *path = in_dir("b");
	struct file_stamp none = {0}, s = file_stamp(path), t;

	assert_true(file_stamp_eq(&s, &none));
	/* The same bytes at the same moment: still another file. */
	assert_int_equal(file_replace(path, slice_str("x"), 0600), OK);
	s = file_stamp(path);
	assert_int_equal(file_replace(path, slice_str("x"), 0600), OK);
	t = file_stamp(path);
	assert_false(file_stamp_eq(&s, &t));
	assert_int_equal(chmod(path, 0644), 0);
	s = file_stamp(path);
	assert_false(file_stamp_eq(&s, &t));
	unlink(path);
}

static void
test_what_cannot_be_done(void **state)
{
	struct buf b;

	buf_init(&b, 100);
	assert_int_equal(file_read(in_dir("none"), &b, NULL), ERR_NOT_FOUND);
	assert_int_equal(file_read(dir, &b, NULL), ERR_IO);
	assert_int_equal(file_read("/dev/zero", &b, NULL), ERR_IO);
	buf_fini(&b);
	assert_int_equal(
	    file_replace(in_dir("none/a"), slice_str("x"), 0600), ERR_IO);
	assert_int_equal(errno, ENOENT);
	/* A folder is in the way: nothing is left beside it. */
	assert_int_equal(mkdir(in_dir("way"), 0700), 0);
	assert_int_equal(
	    file_replace(in_dir("way"), slice_str("x"), 0600), ERR_IO);
	assert_int_equal(files_in_dir(), 1);
	assert_int_equal(rmdir(in_dir("way")), 0);
	assert_int_equal(file_lock_dir(in_dir("none")), -1);
}

static void
test_folders(void **state)
{
	struct stat st;

	assert_int_equal(file_make_dir(in_dir("x/y//z"), 0700), OK);
	assert_int_equal(stat(in_dir("x/y/z"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(file_make_dir(in_dir("x/y/z"), 0700), OK);
	assert_int_equal(file_replace(in_dir("x/f"), slice_str(""), 0600), OK);
	assert_int_equal(file_make_dir(in_dir("x/f"), 0700), ERR_IO);
	assert_int_equal(errno, ENOTDIR);
	assert_int_equal(file_make_dir(in_dir("x/f/g"), 0700), ERR_IO);
	assert_int_equal(file_make_dir("", 0700), ERR_IO);
}

/* The second one waits until the first gives the lock back. */
static void
test_the_lock(void **state)
{
	int fd = file_lock_dir(dir), status;
	pid_t pid;

	assert_true(fd >= 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(fd);
		fd = file_lock_dir(dir);
		/* What the first wrote before its unlock must be there. */
		_exit(fd >= 0 && access(in_dir("mark"), F_OK) == 0 ? 0 : 1);
	}
	usleep(20000);
	assert_int_equal(file_replace(in_dir("mark"), slice_str(""), 0600), OK);
	file_unlock(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
test_random_bytes_differ(void **state)
{
	uint8_t a[1000] = {0}, b[1000] = {0};
	size_t same = 0;

	random_must_fill(a, sizeof a);
	random_must_fill(b, sizeof b);
	for (size_t i = 0; i < sizeof a; i++)
		same += a[i] == b[i];
	assert_in_range(same, 0, 30); /* 4 are expected */
	random_must_fill(a, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_written_is_read),
	    cmocka_unit_test(test_a_replaced_file_is_another),
	    cmocka_unit_test(test_what_cannot_be_done),
	    cmocka_unit_test(test_folders),
	    cmocka_unit_test(test_the_lock),
	    cmocka_unit_test(test_random_bytes_differ),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
