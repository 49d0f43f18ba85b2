/* Groups of processes that are gone are taken away, and no others. */
#include "os/cgroup.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static pid_t
gone(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

static bool
is_there(const struct os_cgroup *c)
{
	return access(c->path, F_OK) == 0;
}

static void
test_sweep(void **state)
{
	/* Another prefix than weir's own: it runs beside this. */
	static const struct {
		const char *before, *behind;
	} shapes[] = {
	    {"weirtest-", "-e"}, {"weirtest-", ""}, {"weirother-", "-e"}};
	enum { ALIVE, DEAD, N = 3 };
	struct os_cgroup c[2][N];
	long pids[2];

	(void)state;
	pids[ALIVE] = getpid();
	pids[DEAD] = gone();
	for (int who = ALIVE; who <= DEAD; who++)
		for (int i = 0; i < N; i++) {
			char name[64];

			(void)snprintf(name, sizeof name, "%s%ld%s",
			    shapes[i].before, pids[who], shapes[i].behind);
			if (os_cgroup_make(&c[who][i], name) != OK)
				skip();
		}
	os_cgroup_sweep(&c[ALIVE][0], "weirtest-");
	for (int who = ALIVE; who <= DEAD; who++)
		for (int i = 0; i < N; i++) {
			assert_int_equal(
			    is_there(&c[who][i]), who == ALIVE || i > 0);
			os_cgroup_remove(&c[who][i]);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_sweep)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
