/* Columns: aligned, to the right, cut, within the width. */
#include "ctl/grid.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

static struct grid g;
static struct buf out;

static void
start(const char *titles)
{
	grid_init(&g, titles);
	buf_init(&out, 1 << 20);
}

static void
expect(const char *want)
{
	assert_int_equal(grid_print(&g, &out), OK);
	assert_int_equal(buf_add_char(&out, '\0'), OK);
	assert_string_equal(out.p, want);
	grid_fini(&g);
	buf_fini(&out);
}

static void
add(const char *text)
{
	grid_add(&g, slice_str(text));
}

static void
test_columns(void **state)
{
	(void)state;
	start("NAME|>N|URL");
	add("gpu");
	add("17");
	add("a");
	add("longer");
	add("3");
	add("");
	expect("NAME     N  URL\n"
	       "gpu     17  a\n"
	       "longer   3\n");
}

static void
test_characters_not_bytes(void **state)
{
	(void)state;
	start("A|B");
	add("\xc3\xa9\xc3\xa9");
	add("x");
	expect("A   B\n\xc3\xa9\xc3\xa9  x\n");
}

static void
test_only_whole_rows(void **state)
{
	(void)state;
	start("A|B");
	add("1");
	add("2");
	add("3");
	expect("A  B\n1  2\n");
}

static void
test_too_wide(void **state)
{
	static char longer[301];
	struct slice rest;

	(void)state;
	memset(longer, 'x', 300);
	start("A|>B|C");
	add(longer);
	add("12345");
	add(longer);
	assert_int_equal(grid_print(&g, &out), OK);
	rest = buf_slice(&out);
	(void)slice_cut(&rest, '\n');
	assert_int_equal(slice_find(rest, '\n'), GRID_WIDTH);
	/* Numbers stay whole; what was cut shows it. */
	assert_true(slice_has(rest, slice_str("x~  12345  x")));
	assert_true(slice_has(rest, slice_str("x~\n")));
	grid_fini(&g);
	buf_fini(&out);
}

static void
test_too_many_rows(void **state)
{
	size_t lines = 0;

	(void)state;
	start("A|B");
	for (int i = 0; i < 3 * GRID_ROWS_MAX; i++)
		add("x");
	assert_int_equal(grid_print(&g, &out), OK);
	for (size_t i = 0; i < out.n; i++)
		lines += out.p[i] == '\n';
	assert_int_equal(lines, GRID_ROWS_MAX + 1);
	grid_fini(&g);
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_columns),
	    cmocka_unit_test(test_characters_not_bytes),
	    cmocka_unit_test(test_only_whole_rows),
	    cmocka_unit_test(test_too_wide),
	    cmocka_unit_test(test_too_many_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
