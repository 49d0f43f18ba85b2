/* The control socket and the unix sockets under it. */
#include "ipc/control.h"
#include "os/fd.h"
#include "os/proc.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/weir-control-XXXXXX";
static char path[64], deep[96];
static struct control server;
static struct buf why;

static int64_t
count_fds(void)
{
	struct os_usage u;

	assert_int_equal(os_proc_usage(0, &u), OK);
	return u.fds;
}

static int
set_up(void **state)
{
	static int64_t fds;

	fds = count_fds();
	*state = &fds;
	buf_clear(&why);
	control_init(&server);
	assert_int_equal(control_open(&server, path, &why), OK);
	return 0;
}

static int
tear_down(void **state)
{
	const int64_t *fds = *state;

	control_close(&server);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(count_fds(), *fds);
	return 0;
}

/* A client that has sent ${text}. */
static int
ask(const char *text)
{
	size_t n = strlen(text);
	int fd;

	assert_int_equal(unix_socket_connect(path, &fd), OK);
	assert_int_equal(write(fd, text, n), n);
	return fd;
}

/* All that comes until the server hangs up. */
static void
expect_answer(int fd, const char *want)
{
	char got[256] = "";
	size_t n = 0;
	ssize_t r;

	while ((r = read(fd, got + n, sizeof got - 1 - n)) > 0)
		n += (size_t)r;
	got[n] = 0;
	assert_string_equal(got, want);
	(void)close(fd);
}

static void
test_one_command(void **state)
{
	struct control_request r;
	int fd;

	(void)state;
	assert_false(control_next(&server, 0, &r));
	fd = ask("reload\r\nmore");
	assert_true(control_next(&server, 0, &r));
	assert_true(slice_is(r.command, "reload"));
	assert_false(control_next(&server, 0, &r));
	control_answer(&server, r.client, true, slice_str("done\n"));
	expect_answer(fd, "ok\ndone\n");
	/* Answered once; the number means nobody any more. */
	control_answer(&server, r.client, false, slice_str("again\n"));
	fd = ask("x\n");
	assert_true(control_next(&server, 0, &r));
	control_answer(&server, r.client, false, slice_str(""));
	expect_answer(fd, "error\n");
}

static void
test_cut_command(void **state)
{
	struct control_request r;
	int fd = ask("rel");

	(void)state;
	assert_false(control_next(&server, 0, &r));
	assert_int_equal(write(fd, "oad", 3), 3);
	assert_false(control_next(&server, 0, &r));
	assert_int_equal(write(fd, "\n", 1), 1);
	assert_true(control_next(&server, 0, &r));
	assert_true(slice_is(r.command, "reload"));
	control_answer(&server, r.client, true, slice_str(""));
	expect_answer(fd, "ok\n");
}

/* Too long, silent, gone: hung up upon, and others are served meanwhile. */
static void
test_bad_clients(void **state)
{
	static char big[CONTROL_COMMAND_MAX + 1];
	struct control_request r;
	int longer, silent, gone, good;

	(void)state;
	memset(big, 'x', sizeof big - 1);
	longer = ask(big);
	silent = ask("");
	gone = ask("rel");
	(void)close(gone);
	good = ask("ping\n");
	assert_true(control_next(&server, 1000, &r));
	assert_true(slice_is(r.command, "ping"));
	assert_false(control_next(&server, 1000, &r));
	expect_answer(longer, "");
	assert_in_range(control_deadline(&server), 1001, 60 * 1000 * 1000);
	assert_false(control_next(&server, control_deadline(&server), &r));
	expect_answer(silent, "");
	/* One that waits for its answer has no deadline. */
	assert_true(control_deadline(&server) == INT64_MAX);
	control_answer(&server, r.client, true, slice_str("pong\n"));
	expect_answer(good, "ok\npong\n");
}

/* A client that hung up before its answer harms nobody. */
static void
test_client_gone_before_its_answer(void **state)
{
	struct control_request r;

	(void)state;
	(void)close(ask("ping\n"));
	assert_true(control_next(&server, 0, &r));
	control_answer(&server, r.client, true, slice_str("pong\n"));
}

static void
test_many_clients(void **state)
{
	enum { EXTRA = 3 };
	struct pollfd p[CONTROL_POLLS_MAX];
	int fds[CONTROL_CLIENTS_MAX + EXTRA];
	uint32_t numbers[CONTROL_CLIENTS_MAX + EXTRA];
	struct control_request r;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX + EXTRA; i++)
		fds[i] = ask("ping\n");
	while (control_next(&server, 0, &r))
		numbers[n++] = r.client;
	assert_int_equal(n, CONTROL_CLIENTS_MAX);
	/* Full, and all wait for us: nothing to poll. */
	assert_int_equal(control_polls(&server, p), 0);
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		control_answer(&server, numbers[i], true, slice_str(""));
	while (control_next(&server, 0, &r))
		control_answer(&server, r.client, true, slice_str(""));
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX + EXTRA; i++)
		expect_answer(fds[i], "ok\n");
	assert_int_equal(control_polls(&server, p), 1);
}

/* Read what is there now; returns how much that was. */
static size_t
drain(int fd, bool *is_end)
{
	static char part[65536];
	size_t n = 0;
	ssize_t r;

	while ((r = recv(fd, part, sizeof part, MSG_DONTWAIT)) > 0)
		n += (size_t)r;
	*is_end = r == 0;
	return n;
}

/* An answer larger than any is cut, and comes, however slowly it is read. */
static void
test_huge_answer(void **state)
{
	static char big[2 * CONTROL_ANSWER_MAX];
	struct control_request r;
	int fd = ask("ping\n"), small = 4096;
	bool is_end = false;
	size_t n = 0;

	(void)state;
	assert_true(control_next(&server, 0, &r));
	/* So that it takes more than one turn in any case. */
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (server.clients[i].fd >= 0)
			assert_int_equal(
			    setsockopt(server.clients[i].fd, SOL_SOCKET,
				SO_SNDBUF, &small, sizeof small),
			    0);
	memset(big, 'x', sizeof big);
	control_answer(&server, r.client, true, slice_of(big, sizeof big));
	for (int64_t now_us = 0; !is_end; now_us += 1000) {
		struct pollfd p[CONTROL_POLLS_MAX];

		assert_true(now_us < 1000000);
		assert_true(control_polls(&server, p) >= 1);
		n += drain(fd, &is_end);
		assert_false(control_next(&server, now_us, &r));
	}
	assert_int_equal(n, CONTROL_ANSWER_MAX);
	assert_true(control_deadline(&server) == INT64_MAX);
	(void)close(fd);
}

/* One that does not read its answer is hung up upon. */
static void
test_reader_asleep(void **state)
{
	static char big[CONTROL_ANSWER_MAX];
	struct control_request r;
	int fd = ask("ping\n"), small = 4096;

	(void)state;
	assert_true(control_next(&server, 0, &r));
	assert_int_equal(setsockopt(server.clients[0].fd, SOL_SOCKET, SO_SNDBUF,
			     &small, sizeof small),
	    0);
	control_answer(&server, r.client, true, slice_of(big, sizeof big));
	assert_false(control_next(&server, 100, &r));
	assert_in_range(control_deadline(&server), 101, 60 * 1000 * 1000);
	assert_false(control_next(&server, control_deadline(&server), &r));
	assert_int_equal(server.clients[0].fd, -1);
	(void)close(fd);
}

static void
test_only_its_owner_may_command(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, geteuid() == 0 ? 0660 : 0600);
}

static void
test_folder_is_made(void **state)
{
	struct control c;

	(void)state;
	control_init(&c);
	assert_int_equal(control_open(&c, deep, &why), OK);
	assert_int_equal(access(deep, F_OK), 0);
	control_close(&c);
}

/* Somebody answers there: it stays theirs, and works on. */
static void
test_second_server(void **state)
{
	struct control_request r;
	struct control other;
	int fd;

	(void)state;
	control_init(&other);
	assert_int_equal(control_open(&other, path, &why), ERR_EXISTS);
	assert_true(slice_has(buf_slice(&why), slice_str("another process")));
	assert_true(slice_has(buf_slice(&why), slice_str(path)));
	control_close(&other);
	while (control_next(&server, 0, &r))
		continue;
	fd = ask("ping\n");
	assert_true(control_next(&server, 0, &r));
	control_answer(&server, r.client, true, slice_str(""));
	expect_answer(fd, "ok\n");
}

static void *
serve_one(void *arg)
{
	struct pollfd p[CONTROL_POLLS_MAX];
	struct control_request r;
	bool ok = arg != NULL;

	while (poll(p, control_polls(&server, p), 5000) > 0)
		if (control_next(&server, 0, &r)) {
			control_answer(&server, r.client, ok, r.command);
			return NULL;
		}
	return (void *)-1;
}

static void
test_call(void **state)
{
	struct buf text;
	pthread_t t;
	void *failed;

	(void)state;
	buf_init(&text, 100);
	for (int want = 0; want < 2; want++) {
		bool ok = !want;

		buf_clear(&text);
		assert_int_equal(
		    pthread_create(&t, NULL, serve_one, want ? &t : NULL), 0);
		assert_int_equal(
		    control_call(path, "say this", 5000000, &ok, &text), OK);
		assert_int_equal(ok, want);
		assert_true(slice_is(buf_slice(&text), "say this"));
		assert_int_equal(pthread_join(t, &failed), 0);
		assert_null(failed);
	}
	/* Nobody answers in time; nobody is there. */
	{
		bool ok;

		assert_int_equal(
		    control_call(path, "x", 1000, &ok, &text), ERR_TIMEOUT);
		assert_int_equal(
		    control_call("/nowhere/x", "x", 1000, &ok, &text),
		    ERR_CONNECT);
		assert_int_equal(errno, ENOENT);
	}
	buf_fini(&text);
}

static void
test_stale_socket_is_replaced(void **state)
{
	struct unix_socket s, again;
	struct stat st;

	(void)state;
	assert_int_equal(unix_socket_open(&s, deep, 0660, &why), OK);
	assert_int_equal(stat(deep, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	/* As after kill -9: the name stays, nobody is behind it. */
	os_fd_close(&s.fd);
	assert_int_equal(unix_socket_open(&again, deep, 0600, &why), OK);
	/* The first does not take the other's name away. */
	s.fd = dup(STDERR_FILENO);
	unix_socket_close(&s);
	assert_int_equal(access(deep, F_OK), again.ino == s.ino ? -1 : 0);
	unix_socket_close(&again);
	assert_int_equal(access(deep, F_OK), -1);
}

static void
test_what_is_no_socket_stays(void **state)
{
	struct unix_socket s;
	FILE *f = fopen(deep, "w");

	(void)state;
	assert_non_null(f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(unix_socket_open(&s, deep, 0660, &why), ERR_EXISTS);
	assert_true(slice_has(buf_slice(&why), slice_str("not a socket")));
	assert_int_equal(s.fd, -1);
	assert_int_equal(unlink(deep), 0);
}

static void
test_bad_paths(void **state)
{
	static char longer[200];
	struct unix_socket s;
	int fd;

	(void)state;
	memset(longer, 'x', sizeof longer - 1);
	assert_int_equal(unix_socket_open(&s, longer, 0660, &why), ERR_RANGE);
	assert_int_equal(unix_socket_connect(longer, &fd), ERR_RANGE);
	assert_int_equal(
	    unix_socket_open(&s, "/nowhere/at/all", 0660, &why), ERR_IO);
	assert_int_equal(s.fd, -1);
	unix_socket_close(&s);
}

#define ON_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ON_SERVER(test_one_command),
	    ON_SERVER(test_cut_command),
	    ON_SERVER(test_bad_clients),
	    ON_SERVER(test_client_gone_before_its_answer),
	    ON_SERVER(test_many_clients),
	    ON_SERVER(test_huge_answer),
	    ON_SERVER(test_reader_asleep),
	    ON_SERVER(test_only_its_owner_may_command),
	    ON_SERVER(test_second_server),
	    ON_SERVER(test_call),
	    cmocka_unit_test(test_folder_is_made),
	    cmocka_unit_test(test_stale_socket_is_replaced),
	    cmocka_unit_test(test_what_is_no_socket_stays),
	    cmocka_unit_test(test_bad_paths),
	};
	int r;

	buf_init(&why, 4096);
	if (mkdtemp(dir) == NULL)
		return 1;
	(void)snprintf(path, sizeof path, "%s/ctl.sock", dir);
	(void)snprintf(deep, sizeof deep, "%s/a/b/ctl.sock", dir);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	(void)snprintf(deep, sizeof deep, "%s/a/b", dir);
	(void)rmdir(deep);
	*strrchr(deep, '/') = 0;
	(void)rmdir(deep);
	(void)rmdir(dir);
	buf_fini(&why);
	return r;
}
