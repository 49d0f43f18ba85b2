/* The command line: what is understood, what is refused and how. */
#include "ctl/args.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum { WORDS_MAX = 8 };

struct good_case {
	const char *words[WORDS_MAX];
	enum ctl_command command;
	const char *config;
	bool is_single, wants_help;
	const char *operand;
};

static const struct good_case good[] = {
    {{NULL}, CTL_HELP, NULL, false, false, NULL},
    {{"help"}, CTL_HELP, NULL, false, false, NULL},
    {{"--help"}, CTL_HELP, NULL, false, false, NULL},
    {{"-h"}, CTL_HELP, NULL, false, false, NULL},
    {{"--version"}, CTL_VERSION, NULL, false, false, NULL},
    {{"-V"}, CTL_VERSION, NULL, false, false, NULL},
    {{"help", "serve"}, CTL_HELP, NULL, false, false, "serve"},
    {{"serve"}, CTL_SERVE, NULL, false, false, NULL},
    {{"serve", "-1"}, CTL_SERVE, NULL, true, false, NULL},
    {{"serve", "--single", "-c", "f"}, CTL_SERVE, "f", true, false, NULL},
    {{"serve", "-cf"}, CTL_SERVE, "f", false, false, NULL},
    {{"serve", "--config", "f"}, CTL_SERVE, "f", false, false, NULL},
    {{"serve", "--config=f=g"}, CTL_SERVE, "f=g", false, false, NULL},
    {{"serve", "-c", "a", "-c", "b"}, CTL_SERVE, "b", false, false, NULL},
    {{"serve", "-c", "-1"}, CTL_SERVE, "-1", false, false, NULL},
    {{"serve", "--help"}, CTL_SERVE, NULL, false, true, NULL},
    {{"key", "add", "-h"}, CTL_KEY_ADD, NULL, false, true, NULL},
    {{"key", "add", "app"}, CTL_KEY_ADD, NULL, false, false, "app"},
    {{"key", "add", "-c", "f", "app"}, CTL_KEY_ADD, "f", false, false, "app"},
    {{"key", "add", "app", "-c", "f"}, CTL_KEY_ADD, "f", false, false, "app"},
    {{"key", "add", "--", "-app"}, CTL_KEY_ADD, NULL, false, false, "-app"},
    {{"key", "list"}, CTL_KEY_LIST, NULL, false, false, NULL},
    {{"key", "revoke", "-"}, CTL_KEY_REVOKE, NULL, false, false, "-"},
    {{"status"}, CTL_STATUS, NULL, false, false, NULL},
    {{"cancel", "01ABC"}, CTL_CANCEL, NULL, false, false, "01ABC"},
    {{"block", "app", "--for", "1h"}, CTL_BLOCK, NULL, false, false, "app"},
    {{"block", "--for=1h", "app", "-cf"}, CTL_BLOCK, "f", false, false, "app"},
    {{"unblock", "app"}, CTL_UNBLOCK, NULL, false, false, "app"},
    {{"drain", "gpu"}, CTL_DRAIN, NULL, false, false, "gpu"},
    {{"resume", "gpu"}, CTL_RESUME, NULL, false, false, "gpu"},
    {{"gate"}, CTL_GATE, NULL, false, false, NULL},
    {{"man"}, CTL_MAN, NULL, false, false, NULL},
};

struct bad_case {
	const char *words[WORDS_MAX];
	const char *complaint;
};

static const struct bad_case bad[] = {
    {{"chek"}, "weir: no command `chek`; did you mean `check`?\n"},
    {{"srve"}, "weir: no command `srve`; did you mean `serve`?\n"},
    {{"xyzzy"}, "weir: no command `xyzzy`; `weir help` lists them\n"},
    {{""}, "weir: no command ``; `weir help` lists them\n"},
    {{"-x"}, "weir: no command `-x`; `weir help` lists them\n"},
    {{"gat"}, "weir: no command `gat`; `weir help` lists them\n"},
    {{"key"}, "weir: `key` wants a word more: add, list, revoke\n"},
    {{"key", "-c", "f"}, "weir: `key` wants a word more: add, list, revoke\n"},
    {{"key", "lst"}, "weir: no command `key lst`; did you mean `key list`?\n"},
    {{"key", "add"}, "weir key add: wants NAME\n"},
    {{"key", "add", "a", "b"},
	"weir key add: too many words; see `weir key add --help`\n"},
    {{"key", "add", "a", "b", "c", "d"},
	"weir key add: too many words; see `weir key add --help`\n"},
    {{"serve", "f"}, "weir serve: too many words; see `weir serve --help`\n"},
    {{"serve", "-c"}, "weir serve: `-c` wants FILE\n"},
    {{"serve", "--config"}, "weir serve: `--config` wants FILE\n"},
    {{"serve", "--confg", "f"},
	"weir serve: no flag `--confg`; did you mean `--config`?\n"},
    {{"serve", "--sinlge"},
	"weir serve: no flag `--sinlge`; did you mean `--single`?\n"},
    {{"serve", "-x"}, "weir serve: no flag `-x`; see `weir serve --help`\n"},
    {{"serve", "-1x"}, "weir serve: no flag `-1x`; see `weir serve --help`\n"},
    {{"check", "-1"}, "weir check: no flag `-1`; see `weir check --help`\n"},
    {{"check", "--confgi=f"},
	"weir check: no flag `--confgi=f`; did you mean `--config`?\n"},
    {{"blok", "x"}, "weir: no command `blok`; did you mean `block`?\n"},
    {{"block"}, "weir block: wants CALLER\n"},
    {{"block", "a", "--for"}, "weir block: `--for` wants DURATION\n"},
    {{"cancel"}, "weir cancel: wants ID\n"},
    {{"drain"}, "weir drain: wants ENGINE\n"},
    {{"status", "--josn"},
	"weir status: no flag `--josn`; did you mean `--json`?\n"},
    {{"version", "--hlep"},
	"weir version: no flag `--hlep`; did you mean `--help`?\n"},
};

static enum err
parse(const char *const *words, struct ctl_args *out, struct buf *complaint)
{
	const char *argv[WORDS_MAX + 1] = {"weir"};
	int argc = 1;

	while (argc <= WORDS_MAX && words[argc - 1]) {
		argv[argc] = words[argc - 1];
		argc++;
	}
	return ctl_args_parse(argc, (char **)argv, out, complaint);
}

static void
commands_are_understood(void **state)
{
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		const struct good_case *g = &good[i];
		struct ctl_args a;
		struct buf complaint;

		buf_init(&complaint, 4096);
		assert_int_equal(parse(g->words, &a, &complaint), OK);
		assert_int_equal(complaint.n, 0);
		assert_int_equal(a.command, g->command);
		assert_int_equal(a.single != NULL, g->is_single);
		assert_int_equal(a.wants_help, g->wants_help);
		assert_int_equal(a.n_operands, g->operand != NULL);
		if (g->operand != NULL)
			assert_string_equal(a.operands[0], g->operand);
		assert_int_equal(a.config != NULL, g->config != NULL);
		if (g->config != NULL)
			assert_string_equal(a.config, g->config);
		buf_fini(&complaint);
	}
}

static void
mistakes_are_explained(void **state)
{
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct ctl_args a;
		struct buf complaint;

		buf_init(&complaint, 4096);
		assert_int_equal(
		    parse(bad[i].words, &a, &complaint), ERR_SYNTAX);
		assert_int_equal(buf_add_char(&complaint, '\0'), OK);
		assert_string_equal(complaint.p, bad[i].complaint);
		buf_fini(&complaint);
	}
}

static void
no_words_at_all_are_help(void **state)
{
	struct buf complaint;
	struct ctl_args a;

	buf_init(&complaint, 64);
	assert_int_equal(ctl_args_parse(0, NULL, &a, &complaint), OK);
	assert_int_equal(a.command, CTL_HELP);
	buf_fini(&complaint);
}

static void
flags_keep_their_values(void **state)
{
	const char *const words[] = {
	    "block", "-f", "30s", "app", "--json", NULL};
	struct buf complaint;
	struct ctl_args a;

	buf_init(&complaint, 64);
	assert_int_equal(parse(words, &a, &complaint), OK);
	assert_string_equal(a.length, "30s");
	assert_non_null(a.json);
	assert_null(a.config);
	buf_fini(&complaint);
}

static void
rows_are_sound(void **state)
{
	size_t n;
	const struct ctl_flag *f = ctl_flags(&n);

	for (unsigned i = 0; i < CTL_COUNT; i++) {
		const struct ctl_fact *k = ctl_fact_get(i);

		assert_true(k->words[0] && k->help[0]);
		assert_true(k->least <= k->most);
		assert_true(k->most <= CTL_OPERANDS_MAX);
		assert_int_equal(k->most > 0, k->operands[0] != '\0');
	}
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			assert_false(f[i].command == f[j].command &&
			    (f[i].letter == f[j].letter ||
				strcmp(f[i].word, f[j].word) == 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(commands_are_understood),
	    cmocka_unit_test(mistakes_are_explained),
	    cmocka_unit_test(no_words_at_all_are_help),
	    cmocka_unit_test(flags_keep_their_values),
	    cmocka_unit_test(rows_are_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
