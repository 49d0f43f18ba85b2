/* Sets of listening sockets: what stays, what opens, what closes. */
#include "keeper/listener.h"
#include "os/fd.h"
#include "os/proc.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct listener_set none, one, two;
static struct gate_start out;
static struct buf why;
static char path[64], path_text[80];

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
	one.n = two.n = 0;
	one.last_id = two.last_id = 0;
	return 0;
}

static int
tear_down(void **state)
{
	const int64_t *fds = *state;

	assert_int_equal(count_fds(), *fds);
	assert_int_equal(access(path, F_OK), -1);
	return 0;
}

static struct conf_listen
v4(const char *text, uint16_t port)
{
	return (struct conf_listen){.family = CONF_IPV4,
	    .addr = {127, 0, 0, 1},
	    .port = port,
	    .text = slice_str(text)};
}

static struct conf_listen
v6(const char *text, uint16_t port)
{
	return (struct conf_listen){.family = CONF_IPV6,
	    .addr = {[15] = 1},
	    .port = port,
	    .text = slice_str(text)};
}

static struct conf_listen
at_path(void)
{
	return (struct conf_listen){.family = CONF_UNIX,
	    .path = slice_str(path),
	    .text = slice_str(path_text)};
}

static enum err
make(struct listener_set *next, const struct listener_set *now,
    const struct conf_listen *v, size_t n)
{
	struct conf_listens want = {v, n};

	return listener_set_make(next, now, &want, &why);
}

/* Is there IPv6 on this machine's loopback? */
static bool
has_v6(void)
{
	struct sockaddr_in6 at = {.sin6_family = AF_INET6};
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool ok;

	at.sin6_addr.s6_addr[15] = 1;
	ok = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
	os_fd_close(&fd);
	return ok;
}

static void
test_all_kinds(void **state)
{
	struct conf_listen v[] = {
	    v4("127.0.0.1:0", 0), at_path(), v6("[::1]:0", 0)};
	size_t n = has_v6() ? 3 : 2;
	char want[200];

	(void)state;
	assert_int_equal(make(&one, &none, v, n), OK);
	assert_int_equal(one.n, n);
	for (size_t i = 0; i < n; i++) {
		struct gate_listener *l = &one.v[i].gate;
		int yes = 0;
		socklen_t len = sizeof yes;

		assert_int_equal(l->id, i + 1);
		assert_int_equal(
		    getsockopt(l->fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len),
		    0);
		assert_int_equal(yes, 1);
		assert_true(fcntl(l->fd, F_GETFD) & FD_CLOEXEC);
		assert_true(fcntl(l->fd, F_GETFL) & O_NONBLOCK);
	}
	/* Port 0 is shown as the one that it became. */
	assert_memory_equal(one.v[0].gate.address, "127.0.0.1:", 10);
	assert_true(atoi(one.v[0].gate.address + 10) > 0);
	assert_string_equal(one.v[1].gate.address, path_text);
	one.n = 2;
	listener_set_print(&one, &why);
	(void)snprintf(want, sizeof want, "http://%s, %s",
	    one.v[0].gate.address, path_text);
	assert_true(slice_is(buf_slice(&why), want));
	one.n = n;
	listener_set_close(&one);
}

static void
test_what_stays_is_the_same_socket(void **state)
{
	struct conf_listen v[] = {v4("127.0.0.1:0", 0), at_path()};
	int fd;

	(void)state;
	assert_int_equal(make(&one, &none, v, 1), OK);
	fd = one.v[0].gate.fd;
	assert_int_equal(make(&two, &one, v, 2), OK);
	assert_int_equal(two.v[0].gate.fd, fd);
	assert_int_equal(two.v[0].gate.id, 1);
	assert_int_equal(two.v[1].gate.id, 2);
	listener_set_put(&two, &one, &out);
	assert_int_equal(out.n_listeners, 2);
	assert_int_equal(out.listeners[0].fd, -1);
	assert_int_equal(out.listeners[1].fd, two.v[1].gate.fd);
	listener_set_put(&two, NULL, &out);
	assert_int_equal(out.listeners[0].fd, fd);
	/* On to the second: nothing of it is closed. */
	listener_set_close_missing(&one, &two);
	assert_true(fcntl(fd, F_GETFD) >= 0);
	/* And to one without the first; ids are never used again. */
	assert_int_equal(make(&one, &two, v + 1, 1), OK);
	listener_set_close_missing(&two, &one);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(make(&two, &one, v, 2), OK);
	assert_int_equal(two.v[0].gate.id, 3);
	listener_set_close(&two);
}

/* One of three cannot be had: the new one is closed, the old ones stay. */
static void
test_failure_changes_nothing(void **state)
{
	struct conf_listen v[] = {v4("127.0.0.1:0", 0), at_path(),
	    {.family = CONF_IPV4,
		.addr = {192, 0, 2, 1},
		.port = 9,
		.text = SLICE("192.0.2.1:9")}};

	(void)state;
	assert_int_equal(make(&one, &none, v, 1), OK);
	assert_int_equal(make(&two, &one, v, 3), ERR_IO);
	assert_true(slice_has(buf_slice(&why), slice_str("no such address")));
	assert_int_equal(access(path, F_OK), -1);
	assert_true(fcntl(one.v[0].gate.fd, F_GETFD) >= 0);
	listener_set_close(&one);
}

static void
test_taken_port(void **state)
{
	struct conf_listen first = v4("127.0.0.1:0", 0), second;
	char text[64];

	(void)state;
	assert_int_equal(make(&one, &none, &first, 1), OK);
	(void)snprintf(text, sizeof text, "127.0.0.1:%d",
	    atoi(one.v[0].gate.address + 10));
	second = v4(text, (uint16_t)atoi(text + 10));
	assert_int_equal(make(&two, &none, &second, 1), ERR_EXISTS);
	assert_true(slice_has(buf_slice(&why), slice_str("is taken by")));
	listener_set_close(&one);
	/* Free again at once, whatever connections lie about. */
	assert_int_equal(make(&two, &none, &second, 1), OK);
	listener_set_close(&two);
}

static void
test_twice_the_same_is_one(void **state)
{
	struct conf_listen v[] = {v4("127.0.0.1:0", 0), v4("127.0.0.1:0", 0)};

	(void)state;
	assert_int_equal(make(&one, &none, v, 2), OK);
	assert_int_equal(one.n, 1);
	listener_set_close(&one);
}

#define ALONE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ALONE(test_all_kinds),
	    ALONE(test_what_stays_is_the_same_socket),
	    ALONE(test_failure_changes_nothing),
	    ALONE(test_taken_port),
	    ALONE(test_twice_the_same_is_one),
	};
	int r;

	buf_init(&why, 4096);
	(void)snprintf(
	    path, sizeof path, "/tmp/weir-listener-%ld", (long)getpid());
	(void)snprintf(path_text, sizeof path_text, "unix:%s", path);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	buf_fini(&why);
	return r;
}
