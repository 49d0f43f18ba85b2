/* Which process is which caller's. */
#include "caller/process.h"
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* Paths as systemd, Docker, Podman and Kubernetes make them. */
static const struct {
	const char *group, *unit, *container;
} groups[] = {
    {"/", "", ""},
    {"/system.slice/agent-1.service", "agent-1.service", ""},
    {"/system.slice/a.slice/agent.service/sub", "agent.service", ""},
    {"/user.slice/user-1000.slice/session-2.scope", "session-2.scope", ""},
    {"/user.slice/user-1000.slice/user@1000.service/app.slice/agent.service",
	"user@1000.service/agent.service", ""},
    {"/user.slice/user-1000.slice/user@1000.service", "user@1000.service", ""},
    /* a service that names groups below its own has no more units */
    {"/system.slice/mine.service/agent-1.service", "mine.service", ""},
    {"/system.slice/docker-" ID ".scope", "docker-" ID ".scope", ID},
    {"/docker/" ID, "", ID},
    {"/docker/" ID "/nested", "", ID},
    {"/machine.slice/libpod-" ID ".scope/container", "libpod-" ID ".scope", ID},
    {"/kubepods.slice/kubepods-pod1.slice/cri-containerd-" ID ".scope",
	"cri-containerd-" ID ".scope", ID},
    {"/docker/" ID "0", "", ""},
    {"/docker/0123", "", ""},
};

static void
set_group(struct process *p, const char *group)
{
	(void)snprintf(p->group, sizeof p->group, "%s", group);
	process_read_group(p);
}

static void
test_groups(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
		struct process p = {0};

		set_group(&p, groups[i].group);
		assert_string_equal(p.unit, groups[i].unit);
		if (!slice_is(p.container, groups[i].container))
			fail_msg("%s", groups[i].group);
	}
}

static const struct {
	const char *what;
	const char *unit, *exe, *container;
	int64_t uid;
	bool is;
} rows[] = {
    {"nothing", "", "", "", CONF_AUTO, false},
    {"its unit", "agent-1.service", "", "", CONF_AUTO, true},
    {"a pattern", "agent-*.service", "", "", CONF_AUTO, true},
    {"a part of it", "agent-1", "", "", CONF_AUTO, false},
    {"another", "other-*.service", "", "", CONF_AUTO, false},
    {"its user", "", "", "", 1000, true},
    {"another user", "", "", "", 0, false},
    {"its program", "", "/usr/bin/agent", "", CONF_AUTO, true},
    {"another program", "", "/usr/bin/agen", "", CONF_AUTO, false},
    {"a container that it is not in", "", "", ID, CONF_AUTO, false},
    {"all that fits", "agent-*", "/usr/*", "", 1000, true},
    {"all but one", "agent-*", "/usr/*", "", 1001, false},
    {"all but another", "agent-*", "/opt/*", "", 1000, false},
};

static void
test_rows(void **state)
{
	struct process p = {.uid = 1000, .pid = 7, .exe = "/usr/bin/agent"};

	(void)state;
	set_group(&p, "/system.slice/agent-1.service");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct conf_caller row = {
		    .process_unit = slice_str(rows[i].unit),
		    .process_exe = slice_str(rows[i].exe),
		    .process_container = slice_str(rows[i].container),
		    .process_uid = rows[i].uid,
		};

		if (process_is(&p, &row) != rows[i].is)
			fail_msg("%s", rows[i].what);
	}
}

static void
test_what_is_not_known_fits_nothing(void **state)
{
	const struct process p = {.uid = 1000};
	const struct slice any = SLICE("*");
	const struct conf_caller unit = {
	    .process_unit = any, .process_uid = CONF_AUTO};
	const struct conf_caller exe = {
	    .process_exe = any, .process_uid = CONF_AUTO};
	const struct conf_caller container = {
	    .process_container = any, .process_uid = CONF_AUTO};

	(void)state;
	assert_false(process_is(&p, &unit));
	assert_false(process_is(&p, &exe));
	assert_false(process_is(&p, &container));
}

static void
test_containers(void **state)
{
	static const struct {
		const char *want;
		bool is;
	} cases[] = {
	    {ID, true},
	    {"0123456789ab", true},
	    {"0123456789a", false},
	    {"123456789abc", false},
	    {"0123*", true},
	    {"*", true},
	};
	struct process p = {.uid = 0};

	(void)state;
	set_group(&p, "/docker/" ID);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct conf_caller row = {
		    .process_container = slice_str(cases[i].want),
		    .process_uid = CONF_AUTO,
		};

		if (process_is(&p, &row) != cases[i].is)
			fail_msg("%s", cases[i].want);
	}
}

/* --- real sockets of this process --- */

static void
check_found(int fd)
{
	struct os_peer_memo memo = {{0}, 0};
	struct process p;
	char self[PROCESS_EXE_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	assert_true(n > 0);
	self[n] = 0;
	for (int again = 0; again < 2; again++) {
		assert_int_equal(process_find(&p, fd, PROCESS_ALL, &memo), OK);
		assert_int_equal(p.uid, getuid());
		assert_int_equal(p.pid, getpid());
		assert_string_equal(p.exe, self);
		assert_true(p.group[0] == '/');
	}
	assert_int_equal(process_find(&p, fd, PROCESS_UID, &memo), OK);
	assert_int_equal(p.uid, getuid());
}

static void
connect_over(int family, struct sockaddr *at, socklen_t n, const char *without)
{
	int listener = socket(family, SOCK_STREAM, 0), mine, theirs;
	struct os_peer_memo memo = {{0}, 0};
	struct process p;

	if (listener < 0 || bind(listener, at, n) != 0) {
		print_message("%s\n", without);
		skip();
	}
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, at, &n), 0);
	mine = socket(family, SOCK_STREAM, 0);
	assert_int_equal(connect(mine, at, n), 0);
	theirs = accept(listener, NULL, NULL);
	assert_true(theirs >= 0);
	check_found(theirs);
	/* A listener has no other end. */
	assert_int_equal(
	    process_find(&p, listener, PROCESS_ALL, &memo), ERR_NOT_FOUND);
	close(theirs);
	close(mine);
	close(listener);
}

static void
test_over_ipv4(void **state)
{
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	(void)state;
	connect_over(AF_INET, (struct sockaddr *)&in, sizeof in, "no IPv4");
}

static void
test_over_ipv6(void **state)
{
	struct sockaddr_in6 in6 = {
	    .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};

	(void)state;
	connect_over(AF_INET6, (struct sockaddr *)&in6, sizeof in6, "no IPv6");
}

static void
test_over_a_unix_socket(void **state)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	(void)state;
	(void)snprintf(un.sun_path, sizeof un.sun_path,
	    "/tmp/weir-process-%d.sock", (int)getpid());
	connect_over(AF_UNIX, (struct sockaddr *)&un, sizeof un, "no sockets");
	unlink(un.sun_path);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_groups),
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_what_is_not_known_fits_nothing),
	    cmocka_unit_test(test_containers),
	    cmocka_unit_test(test_over_ipv4),
	    cmocka_unit_test(test_over_ipv6),
	    cmocka_unit_test(test_over_a_unix_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
