/* The manual has all that a user may meet by name. */
#include "conf/option.h"
#include "ctl/manual.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct buf page;

static int
print_page(void **state)
{
	buf_init(&page, 1 << 20);
	if (ctl_man_print(&page) != OK)
		return -1;
	return 0;
}

static int
free_page(void **state)
{
	buf_fini(&page);
	return 0;
}

/* The line of the page that holds just this, in the page's own writing. */
static void
has_term(const char *prefix, const char *name)
{
	char want[256];
	size_t n = (size_t)snprintf(want, sizeof want, "\n\\fB%s", prefix);

	for (; *name; name++) {
		if (*name == '-')
			want[n++] = '\\';
		want[n++] = *name;
	}
	(void)snprintf(want + n, sizeof want - n, "\\fR");
	if (!slice_has(buf_slice(&page), slice_str(want)))
		fail_msg("not in the manual: %s", want);
}

static void
every_option_is_explained(void **state)
{
	static const char *const prefix[] = {[CONF_TABLE_MAIN] = "",
	    [CONF_TABLE_ENGINE] = "engines[].",
	    [CONF_TABLE_CALLER] = "callers[].",
	    [CONF_TABLE_MODEL] = "models.NAME.",
	    [CONF_TABLE_ALERT] = "alerts[]."};

	for (unsigned i = 0; i < CONF_TABLE_COUNT; i++) {
		const struct conf_table *t = conf_table_get(i);

		for (size_t k = t->is_map; k < t->n; k++)
			has_term(prefix[i], t->v[k].path);
	}
}

static void
every_error_is_explained(void **state)
{
	for (unsigned i = 1; i < ERR_COUNT; i++)
		if (err_get(i)->status > 0)
			has_term("", err_get(i)->code);
}

static void
every_name_is_explained(void **state)
{
	static const char *const names[] = {
#define LOG_FIELD(member, key, kind, help) key,
#include "facts/log_fields.def"
#undef LOG_FIELD
#define EVENT(nm, level, code, text, help) code,
#include "facts/events.def"
#undef EVENT
#define METRIC(nm, kind, name, labels, help) name,
#include "facts/metrics.def"
#undef METRIC
#define EDIT(nm, name, help) name,
#include "facts/edits.def"
#undef EDIT
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		has_term("", names[i]);
	for (unsigned i = 0; i < CTL_COUNT; i++)
		if (!ctl_fact_get(i)->is_hidden)
			has_term("", ctl_fact_get(i)->words);
}

/* A line that begins with a dot is a macro of man(7) that we use. */
static void
the_page_is_sound(void **state)
{
	struct slice rest = buf_slice(&page);

	assert_true(slice_starts(rest, (struct slice)SLICE(".TH WEIR 1 ")));
	while (rest.n > 0) {
		struct slice line = slice_cut(&rest, '\n');

		assert_true(line.n > 0);
		if (line.p[0] == '\'')
			fail_msg("%.*s", SLICE_ARG(line));
		if (line.p[0] != '.')
			continue;
		line = slice_to(line, 3);
		if (!slice_is(line, ".TP") && !slice_is(line, ".SH") &&
		    !slice_is(line, ".SS") && !slice_is(line, ".TH") &&
		    !slice_is(line, ".br"))
			fail_msg("%.*s", SLICE_ARG(line));
	}
}

static void
help_lists_the_commands(void **state)
{
	struct buf help, line;

	buf_init(&help, 1 << 16);
	buf_init(&line, 256);
	assert_int_equal(ctl_help_print(&help), OK);
	for (unsigned i = 0; i < CTL_COUNT; i++) {
		const struct ctl_fact *k = ctl_fact_get(i);

		buf_clear(&line);
		assert_int_equal(buf_printf(&line, "\n  %s ", k->words), OK);
		assert_int_equal(slice_has(buf_slice(&help), buf_slice(&line)),
		    !k->is_hidden);
	}
	buf_fini(&line);
	buf_fini(&help);
}

static void
each_command_has_help(void **state)
{
	for (unsigned i = 0; i < CTL_COUNT; i++) {
		const struct ctl_fact *k = ctl_fact_get(i);
		struct buf help;
		struct slice rest;

		buf_init(&help, 1 << 16);
		assert_int_equal(ctl_help_command(i, &help), OK);
		assert_true(slice_has(buf_slice(&help), slice_str(k->help)));
		assert_true(slice_has(
		    buf_slice(&help), (struct slice)SLICE("-h, --help")));
		rest = buf_slice(&help);
		while (rest.n > 0)
			assert_true(slice_cut(&rest, '\n').n <= 80);
		buf_fini(&help);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_option_is_explained),
	    cmocka_unit_test(every_error_is_explained),
	    cmocka_unit_test(every_name_is_explained),
	    cmocka_unit_test(the_page_is_sound),
	    cmocka_unit_test(help_lists_the_commands),
	    cmocka_unit_test(each_command_has_help),
	};

	return cmocka_run_group_tests(tests, print_page, free_page);
}
