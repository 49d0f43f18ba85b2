/* What the operating system tells and does, on a machine that has it all. */
#include "os/clock.h"
#include "os/fd.h"
#include "os/proc.h"
#include "os/random.h"
#include "os/share.h"
#include "os/sock.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void
test_clocks(void **state)
{
	int64_t a = os_now_us(), b = os_now_us();
	time_t wall = time(NULL);

	(void)state;
	assert_true(a > 0 && b >= a && b - a < 10 * 1000000);
	assert_in_range(os_wall_us() / 1000000, wall, wall + 10);
}

static void
test_random(void **state)
{
	unsigned char a[600] = {0}, b[600] = {0};

	(void)state;
	random_must_fill(a, sizeof a);
	random_must_fill(b, sizeof b);
	assert_memory_not_equal(a, b, sizeof a);
	assert_memory_not_equal(a + 512, b + 512, 88);
}

static void
test_share(void **state)
{
	char *one, *two;
	void *p;
	int fd;

	(void)state;
	assert_int_equal(os_share_new("weir-test", 65536, &fd), OK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(os_share_map(fd, 65536, &p), OK);
	one = p;
	assert_int_equal(os_share_map(fd, 65536, &p), OK);
	two = p;
	assert_int_equal(one[65535], 0);
	one[65535] = 'x';
	assert_int_equal(two[65535], 'x');
	/* A holder can neither shrink nor grow it under the others. */
	assert_int_equal(ftruncate(fd, 4096), -1);
	assert_int_equal(ftruncate(fd, 1 << 20), -1);
	assert_int_equal(os_share_map(fd, 65537, &p), ERR_VERSION);
	os_share_unmap(one, 65536);
	os_share_unmap(two, 65536);
	os_fd_close(&fd);
	assert_int_equal(fd, -1);
	os_fd_close(&fd);
	assert_int_equal(os_share_map(-1, 4096, &p), ERR_IO);
}

static void
test_descriptors(void **state)
{
	struct os_usage before, after;
	struct os_peer peer;
	int ends[2];

	(void)state;
	assert_int_equal(os_proc_usage(0, &before), OK);
	assert_int_equal(os_fd_pipe(ends), OK);
	assert_true(fcntl(ends[1], F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(ends[0], F_GETFD) & FD_CLOEXEC);
	os_fd_nonblock(ends[1], false);
	os_fd_cloexec(ends[0], false);
	assert_false(fcntl(ends[1], F_GETFL) & O_NONBLOCK);
	assert_false(fcntl(ends[0], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(os_proc_usage(0, &after), OK);
	assert_int_equal(after.fds, before.fds + 2);
	os_fd_close(&ends[0]);
	os_fd_close(&ends[1]);

	assert_int_equal(os_fd_pair(ends), OK);
	assert_int_equal(os_sock_peer(ends[0], &peer), OK);
	assert_int_equal(peer.uid, geteuid());
	assert_int_equal(peer.pid, getpid());
	os_fd_close(&ends[0]);
	os_fd_close(&ends[1]);
	assert_int_equal(os_proc_usage(0, &after), OK);
	assert_int_equal(after.fds, before.fds);
	assert_int_equal(os_sock_peer(-1, &peer), ERR_IO);
}

static void
test_resident_memory_follows_use(void **state)
{
	struct os_usage before, after;
	size_t n = 64u << 20;
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(p != MAP_FAILED);
	assert_int_equal(os_proc_usage(getpid(), &before), OK);
	memset(p, 1, n);
	assert_int_equal(os_proc_usage(getpid(), &after), OK);
	assert_true(after.rss_bytes - before.rss_bytes > (int64_t)n * 9 / 10);
	(void)munmap(p, n);
	assert_int_equal(os_proc_usage(999999999, &after), ERR_IO);
}

static void
test_file_limit_goes_up_not_down(void **state)
{
	struct rlimit r, now;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &r), 0);
	r.rlim_cur = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &r), 0);
	assert_int_equal(os_fd_raise_limit(128), 128);
	assert_int_equal(os_fd_raise_limit(100), 128);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
	assert_int_equal(now.rlim_cur, 128);
	/* Past the hard limit: as far as it goes. */
	r.rlim_cur = 64;
	r.rlim_max = 256;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &r), 0);
	assert_int_equal(os_fd_raise_limit(1 << 20), 256);
}

/* A listening socket on a free loopback port. */
static int
listen_tcp(struct sockaddr_in *at)
{
	socklen_t n = sizeof *at;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*at = (struct sockaddr_in){.sin_family = AF_INET};
	at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)at, n), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)at, &n), 0);
	return fd;
}

static void
test_socket_options(void **state)
{
	struct sockaddr_in at;
	int l = listen_tcp(&at), c = socket(AF_INET, SOCK_STREAM, 0), s, v;
	socklen_t n = sizeof v;
	char byte;

	(void)state;
	assert_int_equal(connect(c, (struct sockaddr *)&at, sizeof at), 0);
	s = accept(l, NULL, NULL);
	assert_true(s >= 0);
	assert_int_equal(os_sock_keepalive(c, 60, 10, 3), OK);
	assert_int_equal(getsockopt(c, SOL_SOCKET, SO_KEEPALIVE, &v, &n), 0);
	assert_int_equal(v, 1);
	assert_int_equal(os_sock_nodelay(c), OK);
	assert_int_equal(os_sock_unsent(c), 0);
	assert_int_equal(os_sock_reset_on_close(c), OK);
	assert_int_equal(close(c), 0);
	assert_int_equal(read(s, &byte, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(os_sock_nodelay(-1), ERR_IO);
	assert_int_equal(os_sock_unsent(-1), -1);
	(void)close(s);
	(void)close(l);
}

static void
test_port_holder(void **state)
{
	struct sockaddr_in at;
	int l = listen_tcp(&at);
	char who[64], pid[32];

	(void)state;
	(void)snprintf(pid, sizeof pid, "(pid %ld)", (long)getpid());
	os_proc_name("weir-holder");
	assert_true(os_sock_port_holder(ntohs(at.sin_port), who, sizeof who));
	assert_non_null(strstr(who, pid));
	assert_non_null(strstr(who, "weir-holder"));
	(void)close(l);
	assert_false(os_sock_port_holder(ntohs(at.sin_port), who, sizeof who));
}

static void
test_self(void **state)
{
	char path[64];
	struct stat a, b;

	(void)state;
	assert_int_equal(os_proc_self(path, sizeof path), OK);
	assert_int_equal(stat(path, &a), 0);
	assert_int_equal(stat("/proc/self/exe", &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	assert_int_equal(os_proc_self(path, 3), ERR_FULL);
}

/* The grandchild tells over the pipe that it lives, then waits for ever. */
static void
run_parent_and_child(int out)
{
	int ready[2];
	pid_t me, child;
	char byte;

	if (pipe(ready) != 0)
		_exit(1);
	me = getpid();
	if ((child = fork()) == 0) {
		bool ok = os_proc_signal_with_parent(SIGKILL, me);

		if (write(ready[1], ok ? "y" : "n", 1) != 1)
			_exit(1);
		(void)pause();
		_exit(1);
	}
	if (read(ready[0], &byte, 1) != 1 || write(out, &byte, 1) != 1)
		_exit(1);
	_exit(0);
}

static void
test_child_ends_with_its_parent(void **state)
{
	int p[2];
	pid_t parent;
	char byte = 0;

	(void)state;
	assert_int_equal(pipe(p), 0);
	if ((parent = fork()) == 0)
		run_parent_and_child(p[1]);
	(void)close(p[1]);
	assert_int_equal(read(p[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	/* End of file: the grandchild, the last writer, is gone. */
	assert_int_equal(read(p[0], &byte, 1), 0);
	(void)close(p[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_clocks),
	    cmocka_unit_test(test_random),
	    cmocka_unit_test(test_share),
	    cmocka_unit_test(test_descriptors),
	    cmocka_unit_test(test_resident_memory_follows_use),
	    cmocka_unit_test(test_socket_options),
	    cmocka_unit_test(test_port_holder),
	    cmocka_unit_test(test_self),
	    cmocka_unit_test(test_child_ends_with_its_parent),
	    cmocka_unit_test(test_file_limit_goes_up_not_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
