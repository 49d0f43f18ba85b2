/* Which store an Ollama finds its models in. */
#include "engine/store.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], own[96], a[96], b[96];

static void
run(const char *fmt, const char *path)
{
	char command[512];

	(void)snprintf(command, sizeof command, fmt, path);
	assert_int_equal(system(command), 0);
}

static int
set_up(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/weir-store-XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0755), 0);
	(void)snprintf(own, sizeof own, "%s/own", dir);
	(void)snprintf(a, sizeof a, "%s/a", dir);
	(void)snprintf(b, sizeof b, "%s/b", dir);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	run("chmod -R u+rwx %s", dir);
	run("rm -r %s", dir);
	return 0;
}

static void
fill(const char *root)
{
	run("d=%s/manifests/registry.ollama.ai/library/tiny; mkdir -p $d; "
	    "echo x > $d/latest",
	    root);
}

static void
choose(const char *want, enum store_is is)
{
	const char *const others[] = {a, b, NULL};
	char out[96];

	assert_int_equal(store_choose(own, others, out, sizeof out), is);
	assert_string_equal(out, want);
}

static void
test_choose(void **state)
{
	(void)state;
	/* Nothing anywhere: a new machine. */
	choose(own, STORE_ABSENT);
	/* What an Ollama without models leaves is no full store. */
	run("mkdir -p %s/blobs", own);
	run("mkdir -p %s/manifests/registry.ollama.ai/library", a);
	choose(own, STORE_ABSENT);
	assert_int_equal(store_look(a), STORE_ABSENT);
	fill(b);
	choose(b, STORE_FULL);
	fill(a);
	choose(a, STORE_FULL);
	/* Its own goes first. */
	fill(own);
	choose(own, STORE_FULL);
}

static void
test_hidden(void **state)
{
	(void)state;
	fill(a);
	assert_int_equal(chmod(a, 0), 0);
	/* Root may look anywhere; somebody else has to try. */
	if (geteuid() == 0 && seteuid(65534) != 0)
		skip();
	choose(a, STORE_HIDDEN);
	assert_int_equal(seteuid(getuid()), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_choose, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_hidden, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
