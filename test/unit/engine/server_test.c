/* Whose processes are looked at, and may be ended: real ones. */
#include "engine/server.h"
#include "os/clock.h"
#include "os/peer.h"
#include "os/proc.h"
#include <signal.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define WAIT_US INT64_C(20000000)

static char folder[] = "/tmp/weir-server-XXXXXX";

/* A copy of ${program} that is called ${name}. */
static void
copy(const char *program, const char *name)
{
	char line[300];

	(void)snprintf(line, sizeof line,
	    "cp \"$(readlink -f $(command -v %s))\" %s/%s", program, folder,
	    name);
	assert_int_equal(system(line), 0);
}

/* A server called ${name} that has started ${n} programs called ${child}. */
struct family {
	pid_t server;
	struct engine e;
};

/* How many children of ${pid} have become ${child} by now. */
static int
count_children(pid_t pid, const char *child)
{
	pid_t all[4];
	size_t n = os_proc_children(pid, all, 4);
	char exe[300];
	int found = 0;

	for (size_t i = 0; i < n; i++)
		found += os_peer_exe(all[i], exe, sizeof exe) == OK &&
		    strstr(exe, child) != NULL;
	return found;
}

static void
start(struct family *f, const char *name, const char *child, int n)
{
	int64_t until_us = os_now_us() + WAIT_US;
	char path[100], script[300] = "", one[100];

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	(void)snprintf(one, sizeof one, "%s/%s 60 & ", folder, child);
	for (int i = 0; i < n; i++)
		strcat(script, one);
	strcat(script, "wait");
	f->server = fork();
	assert_true(f->server >= 0);
	if (f->server == 0) {
		(void)setsid();
		/* Whoever reads this program's output is not to wait. */
		(void)!freopen("/dev/null", "w", stdout);
		(void)!freopen("/dev/null", "w", stderr);
		(void)execl(path, path, "-c", script, (char *)NULL);
		_exit(1);
	}
	f->e = (struct engine){.kind = ENGINE_OLLAMA, .pid = f->server};
	while (count_children(f->server, child) != n) {
		assert_true(os_now_us() < until_us);
		(void)usleep(10000);
	}
}

static void
end(struct family *f)
{
	(void)kill(-f->server, SIGKILL);
	assert_int_equal(waitpid(f->server, NULL, 0), f->server);
}

static void
test_an_ollama(void **state)
{
	struct family f;
	size_t n;
	pid_t runner;

	(void)state;
	start(&f, "ollama", "llama-server", 1);
	assert_int_equal(server_find(&f.e), f.server);
	runner = server_runner(f.server, &n);
	assert_true(runner > 0 && runner != f.server);
	assert_true(server_has_runner(f.server, runner));
	/* It is nobody else's. */
	assert_false(server_has_runner(getpid(), runner));
	assert_false(server_has_runner(f.server, f.server));
	end(&f);
}

static void
test_several(void **state)
{
	struct family f;
	size_t n;

	(void)state;
	start(&f, "ollama", "llama-server", 2);
	assert_int_equal(server_runner(f.server, &n), 0);
	end(&f);
}

/* Children of other names are no runners. */
static void
test_others(void **state)
{
	struct family f;
	size_t n;

	(void)state;
	start(&f, "ollama", "editor", 1);
	assert_int_equal(server_runner(f.server, &n), 0);
	assert_int_equal(n, 0);
	end(&f);
}

/* A program that holds the port and has runners of its own is left alone. */
static void
test_somebody_else(void **state)
{
	struct family f;

	(void)state;
	start(&f, "proxy", "llama-server", 1);
	assert_int_equal(server_find(&f.e), 0);
	/* Unless weir has started it, itself or behind a shell. */
	f.e.run_pid = f.server;
	assert_int_equal(server_find(&f.e), f.server);
	f.e.run_pid = getpid();
	assert_int_equal(server_find(&f.e), getpid());
	f.e.kind = ENGINE_LLAMA;
	f.e.run_pid = 0;
	assert_int_equal(server_find(&f.e), 0);
	end(&f);
}

static int
make_folder(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	copy("sh", "ollama");
	copy("sh", "proxy");
	copy("sleep", "llama-server");
	copy("sleep", "editor");
	return 0;
}

static int
remove_folder(void **state)
{
	char line[100];

	(void)state;
	(void)snprintf(line, sizeof line, "rm -r %s", folder);
	return system(line);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_an_ollama),
	    cmocka_unit_test(test_several),
	    cmocka_unit_test(test_others),
	    cmocka_unit_test(test_somebody_else),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
