/* What systemd's files say of a unit's environment. */
#include "os/unit.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/weir-unit-XXXXXX";

static void
write_unit(const char *name, const char *text)
{
	char command[400], path[300];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s", root, name);
	(void)snprintf(
	    command, sizeof command, "mkdir -p \"$(dirname %s)\"", path);
	assert_int_equal(system(command), 0);
	assert_non_null(f = fopen(path, "w"));
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int
make(void **state)
{
	(void)state;
	return mkdtemp(root) == NULL;
}

static int
drop(void **state)
{
	char command[100];

	(void)state;
	(void)snprintf(command, sizeof command, "rm -r %s", root);
	return system(command);
}

/* The words, with | behind each. */
static void
check(const char *unit, const char *want)
{
	struct buf b;

	buf_init(&b, 4096);
	assert_int_equal(buf_add_str(&b, "before"), OK);
	assert_int_equal(buf_add_char(&b, 0), OK);
	assert_int_equal(os_unit_environ(root, unit, &b), OK);
	for (size_t i = 0; i < b.n; i++)
		if (b.p[i] == 0)
			b.p[i] = '|';
	assert_int_equal(buf_add_char(&b, 0), OK);
	assert_memory_equal(b.p, "before|", 7);
	assert_string_equal(b.p + 7, want);
	buf_fini(&b);
}

static void
test_words(void **state)
{
	(void)state;
	write_unit("etc/systemd/system/a.service",
	    "[Unit]\nEnvironment=NOT=this\n[Service]\n"
	    "# Environment=NOR=this\n"
	    "Environment=\"PATH=/a b:/c\" A=1  'B=x y'\n"
	    "Environment = C=\"d e\"f\\ g\n"
	    "ExecStart=/bin/a Environment=X=1\n"
	    "Environment=A=2\n");
	check("a.service", "PATH=/a b:/c|B=x y|C=d ef g|A=2|");
}

/* By their names, whatever folder; /etc hides what is called the same. */
static void
test_dropins(void **state)
{
	(void)state;
	write_unit("usr/lib/systemd/system/b.service",
	    "[Service]\nEnvironment=A=1 B=1\n");
	write_unit("usr/lib/systemd/system/b.service.d/50-b.conf",
	    "[Service]\nEnvironment=A=hidden\n");
	write_unit("etc/systemd/system/b.service.d/50-b.conf",
	    "[Service]\nEnvironment=A=2\n");
	write_unit("run/systemd/system/b.service.d/10-a.conf",
	    "[Service]\nEnvironment=\nEnvironment=C=3\n");
	write_unit("etc/systemd/system/b.service.d/README",
	    "[Service]\n"
	    "Environment=D=4");
	check("b.service", "C=3|A=2|");
}

static void
test_none(void **state)
{
	char unit[100];
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	assert_int_equal(
	    os_unit_environ(root, "none.service", &b), ERR_NOT_FOUND);
	/* Our own is not hidden. */
	assert_int_equal(os_unit_environ_of(getpid(), &b), OK);
	assert_true(b.n > 0);
	assert_int_equal(os_unit_of(1 << 30, unit, sizeof unit), ERR_NOT_FOUND);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_dropins),
	    cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, make, drop);
}
