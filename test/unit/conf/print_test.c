/* What is printed is read as the same; what changes is told. */
#include "conf/diff.h"
#include "conf/option.h"
#include "conf/value.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define HEX "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static struct conf_problems problems;
static struct conf_changes changes;

static struct conf *
must_parse(struct slice yaml)
{
	struct conf *c;

	if (conf_parse(yaml, "f", &c, &problems) != OK)
		fail_msg("%u:%u: %s\n%.*s", problems.errors[0].line,
		    problems.errors[0].column, problems.errors[0].text,
		    SLICE_ARG(yaml));
	return c;
}

/* Every kind of value, and texts that YAML could take for something else. */
static const char *const round_trips[] = {
    "",
    "listen: [127.0.0.1:0, \"[::1]:80\", unix:/a/b c]\n",
    "state: \"/with \\\"quotes\\\" and \\\\ and #\"\n",
    "hosts: [null_, \"null\", \"~\", \"true\", \"- a\", \"a: b\", \"a:\", "
    "\"[x]\", \"{y}\", \"*z\", \"&z\", \"!z\", \"%z\", \"@z\", \"a #b\", "
    "\"#b\", \" lead\", \"trail \", \"'\", \"?\", \"? x\", \"-\", \"--- a\", "
    "\"1e3\", \"0x1f\", \".inf\", \"12\", \"a,b\", \"|\", \">\", \"<<\", "
    "\"=\", \"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\", \"\\u00a0x\"]\n",
    "trusted_proxies: [10.0.0.0/8, 127.0.0.1, \"::1\", \"2001:db8::/32\"]\n",
    "limits: {body: 1, head: 1MiB, target: 1000, body_total: 1TiB, "
    "body_rate: 0, listing: none, body_time: 1500ms, idle: 90min}\n",
    "queue: {hold: 0, heartbeat: forever, retries: 3, wait: 1d}\n",
    "disk: {alert: 1%, memory_logs: 100%}\n",
    "log: {path: /var/log/weir.log, rotate: 1GB, files: 1, address: none}\n",
    "engines:\n- {name: a, url: 'http://h:1', env: {A: '', 'b c': ': #'}}\n"
    "- {name: b, url: 'unix:/x', kind: openai, slots: 3, unit: o.service}\n",
    "callers:\n- {name: a, keys: ['sha256:" HEX "'], rate: 5/day, "
    "tokens: {limit: 3k/month, strict: true}, weight: 3}\n"
    "- {name: anonymous, rate: 1/s, burst: 2, over: wait}\n"
    "- {name: b, from: [1.2.3.4], process: {uid: 7, exe: /bin/x}, "
    "class: batch, models: ['*'], manage_models: true}\n",
    "models: {a: {}, \"b:c d\": {preload: true}, \"null\": {context: 1}}\n",
    "alerts: [{webhook: 'https://a:1', shape: slack}, {command: /x}]\n",
};

static void
what_is_printed_is_read_as_the_same(void **state)
{
	for (size_t i = 0; i < sizeof round_trips / sizeof *round_trips; i++) {
		struct conf *a = must_parse(slice_str(round_trips[i])), *b;
		struct buf one, two;

		buf_init(&one, 1 << 20);
		buf_init(&two, 1 << 20);
		assert_int_equal(conf_print(a, &one), OK);
		b = must_parse(buf_slice(&one));
		conf_diff(a, b, &changes);
		if (changes.n > 0)
			print_error("%s: %s\n%.*s", round_trips[i],
			    changes.v[0].path, SLICE_ARG(buf_slice(&one)));
		assert_int_equal(changes.n, 0);
		assert_int_equal(conf_print(b, &two), OK);
		assert_true(slice_eq(buf_slice(&one), buf_slice(&two)));
		conf_drop(a);
		conf_drop(b);
		buf_fini(&one);
		buf_fini(&two);
	}
}

/* The texts of the round trip arrive as they were meant, twice. */
static void
odd_texts_are_kept(void **state)
{
	struct conf *c = must_parse(slice_str(round_trips[3])), *again;
	struct buf b;

	assert_int_equal(c->hosts.n, 34);
	assert_true(slice_is(c->hosts.v[1], "null"));
	assert_true(slice_is(c->hosts.v[2], "~"));
	assert_true(slice_is(c->hosts.v[16], " lead"));
	assert_true(slice_is(c->hosts.v[33], "\xc2\xa0x"));
	buf_init(&b, 1 << 16);
	assert_int_equal(conf_print(c, &b), OK);
	again = must_parse(buf_slice(&b));
	assert_int_equal(again->hosts.n, 34);
	for (size_t i = 0; i < 34; i++)
		assert_true(slice_eq(c->hosts.v[i], again->hosts.v[i]));
	conf_drop(c);
	conf_drop(again);
	buf_fini(&b);
}

/* As above for values that are more than a text. */
static void
odd_values_are_kept(void **state)
{
	struct conf *c = must_parse(slice_str(round_trips[10])), *again;
	const struct conf_caller *a;
	struct buf b;

	buf_init(&b, 1 << 16);
	assert_int_equal(conf_print(c, &b), OK);
	conf_drop(c);
	again = must_parse(buf_slice(&b));
	a = again->callers;
	assert_int_equal(again->n_callers, 3);
	assert_int_equal(a[0].keys.v[0].sha256[1], 0x86);
	assert_int_equal(a[0].rate.count, 5);
	assert_true(a[0].rate.period_ns == INT64_C(86400000000000));
	assert_int_equal(a[0].tokens.limit, 3000);
	assert_true(a[0].tokens.strict);
	assert_int_equal(a[1].over, CONF_OVER_WAIT);
	assert_int_equal(a[2].from.v[0].addr[12], 1);
	assert_int_equal(a[2].from.v[0].bits, 128);
	assert_int_equal(a[2].process_uid, 7);
	assert_int_equal(a[2].class, CONF_CLASS_BATCH);
	assert_true(slice_is(a[2].models.v[0], "*"));
	assert_true(a[2].manage_models);
	conf_drop(again);
	buf_fini(&b);
}

static void
the_effective_configuration_is_printed(void **state)
{
	struct conf *c = must_parse(slice_str(
	    "listen: 127.0.0.1:80\n"
	    "dry_run: true\n"
	    "callers:\n"
	    "- {name: a, key: 'sha256:" HEX "', rate: 60/min, weight: 2}\n"
	    "models: {m: {}}\n"));
	static const char want[] = "listen: [127.0.0.1:80]\n"
				   "ready: listening\n"
				   "watchdog: 30s\n"
				   "anonymous: allow\n"
				   "dry_run: true\n"
				   "log:\n"
				   "  path: \"-\"\n"
				   "  rotate: 64MiB\n"
				   "  files: 8\n"
				   "  address: net\n"
				   "queue:\n"
				   "  length: 8192\n"
				   "  bodies: 256MiB\n"
				   "  wait: 10min\n"
				   "  hold: 10min\n"
				   "  heartbeat: 20s\n"
				   "  retries: auto\n"
				   "limits:\n"
				   "  head: 16KiB\n"
				   "  fields: 100\n"
				   "  target: 8KiB\n"
				   "  body: 64MiB\n"
				   "  body_total: 512MiB\n"
				   "  body_rate: 1KiB\n"
				   "  body_time: 5min\n"
				   "  head_time: 10s\n"
				   "  idle: 75s\n"
				   "  stall: 1min\n"
				   "  connections: 10000\n"
				   "  connections_per_address: 512\n"
				   "  listing: 20/s\n"
				   "disk:\n"
				   "  alert: 80%\n"
				   "  refuse_pulls: 90%\n"
				   "  memory_logs: 95%\n"
				   "  every: 10s\n"
				   "memory:\n"
				   "  guard: refuse\n"
				   "  limit: 0\n"
				   "  pressure: 10%\n"
				   "edits:\n"
				   "  include_usage: true\n"
				   "  aliases: true\n"
				   "  num_ctx: true\n"
				   "  load_options: true\n"
				   "  keep_alive: true\n"
				   "  truncate: true\n"
				   "  output: true\n"
				   "  shift: true\n"
				   "callers:\n"
				   "  - name: a\n"
				   "    keys: [sha256:" HEX "]\n"
				   "    process:\n"
				   "      uid: auto\n"
				   "    rate: 60/min\n"
				   "    burst: 0\n"
				   "    over: refuse\n"
				   "    tokens: none\n"
				   "    at_once: auto\n"
				   "    waiting: 256\n"
				   "    weight: 2\n"
				   "    class: auto\n"
				   "    manage_models: false\n"
				   "models:\n"
				   "  m:\n"
				   "    context: auto\n"
				   "    min_output: 256\n"
				   "    num_ctx: ride\n"
				   "    preload: false\n"
				   "    pull: never\n"
				   "    keep_loaded: 0\n"
				   "    overflow: refuse\n";
	struct buf b;

	buf_init(&b, 1 << 16);
	assert_int_equal(conf_print(c, &b), OK);
	assert_int_equal(buf_add_char(&b, '\0'), OK);
	assert_string_equal(b.p, want);
	buf_fini(&b);

	/* A small buffer is an error, never half a configuration. */
	buf_init(&b, 100);
	assert_int_equal(conf_print(c, &b), ERR_FULL);
	buf_fini(&b);
	conf_drop(c);
}

struct change_case {
	const char *before, *after;
	const char *told; /* one word a change: + added, - removed, ! restart */
};

static const struct change_case change_cases[] = {
    {"", "", ""},
    {"", "dry_run: false\nqueue: {wait: 600s}\n", ""},
    {"", "dry_run: true\n", "dry_run "},
    {"", "state: /s\ncontrol: /c\n", "!state !control "},
    {"listen: 127.0.0.1:1\n", "listen: [127.0.0.1:1, 127.0.0.1:2]\n",
	"listen "},
    {"limits: {body: 1MiB}\n", "limits: {head: 1KiB}\n",
	"limits.head limits.body "},
    {"engines: [{name: a, url: 'unix:/a'}]\n",
	"engines: [{name: a, url: 'unix:/b'}, {name: c, url: 'unix:/c'}]\n",
	"engines.a.url +engines.c "},
    {"engines: [{name: a, url: 'unix:/a'}, {name: b, url: 'unix:/b'}]\n",
	"engines: [{name: b, url: 'unix:/b'}]\n", "-engines.a "},
    {"callers: [{name: a}, {name: b, rate: 1/s}]\n",
	"callers: [{name: b, rate: 2/s}, {name: a}]\n", "callers.b.rate "},
    {"callers: [{name: a, key: 'sha256:" HEX "'}]\n", "callers: [{name: a}]\n",
	"callers.a.keys "},
    {"models: {a: {preload: true}}\n", "models: {b: {preload: true}}\n",
	"-models.a +models.b "},
    {"alerts: [{command: /a}]\n", "alerts: [{command: /b}, {command: /c}]\n",
	"alerts.1.command +alerts.2 "},
};

static void
changes_are_told(void **state)
{
	for (size_t i = 0; i < sizeof change_cases / sizeof *change_cases;
	     i++) {
		const struct change_case *t = &change_cases[i];
		struct conf *a = must_parse(slice_str(t->before));
		struct conf *b = must_parse(slice_str(t->after));
		size_t n_restart = 0;
		struct buf told;

		conf_diff(a, b, &changes);
		buf_init(&told, 4096);
		for (size_t k = 0; k < changes.n; k++) {
			const struct conf_change *v = &changes.v[k];

			n_restart += v->needs_restart;
			assert_int_equal(buf_printf(&told, "%s%s%s ",
					     v->needs_restart ? "!" : "",
					     v->kind == CONF_ADDED	   ? "+"
						 : v->kind == CONF_REMOVED ? "-"
									   : "",
					     v->path),
			    OK);
		}
		assert_int_equal(buf_add_char(&told, '\0'), OK);
		assert_string_equal(told.p, t->told);
		assert_int_equal(n_restart, changes.n_restart);
		buf_fini(&told);
		conf_drop(a);
		conf_drop(b);
	}
}

static void
many_changes_are_counted(void **state)
{
	struct conf *a = conf_default(), *b;
	struct buf yaml;

	buf_init(&yaml, 1 << 16);
	assert_int_equal(buf_add_str(&yaml, "callers:\n"), OK);
	for (int i = 0; i < 100; i++)
		assert_int_equal(buf_printf(&yaml, "- name: c%d\n", i), OK);
	b = must_parse(buf_slice(&yaml));
	conf_diff(a, b, &changes);
	assert_int_equal(changes.n, 100);
	assert_string_equal(
	    changes.v[CONF_CHANGES_MAX - 1].path, "callers.c63");
	conf_drop(a);
	conf_drop(b);
	buf_fini(&yaml);
}

static void
what_needs_a_restart_is_kept(void **state)
{
	struct conf *running = must_parse(
	    slice_str("state: /old\ncontrol: /old.sock\ndry_run: false\n"));
	struct conf *fresh =
	    must_parse(slice_str("state: /new\ndry_run: true\n"));

	assert_int_equal(conf_keep_restart(fresh, running), OK);
	conf_drop(running); /* what was kept is a copy */
	assert_string_equal(fresh->state.p, "/old");
	assert_string_equal(fresh->control.p, "/old.sock");
	assert_true(fresh->dry_run);
	conf_drop(fresh);
}

/* Rules that the rows of facts/options.def must hold to. */
static void
rows_are_sound(void **state)
{
	for (unsigned i = 0; i < CONF_TABLE_COUNT; i++) {
		const struct conf_table *t = conf_table_get(i);

		assert_in_range(t->n, 1, 64);
		assert_int_equal(t->name[0] == '\0', i == CONF_TABLE_MAIN);
		for (size_t k = 0; k < t->n; k++) {
			const struct conf_option *o = &t->v[k];
			size_t n = strlen(o->help);

			assert_true(o->path[0] != '\0' && n > 0 && n <= 80);
			assert_true(o->help[n - 1] != '.');
			assert_true(o->min <= o->max);
			assert_true(strlen(conf_kind_wants(o->kind)) > 0);
			if (o->needs_restart)
				assert_int_equal(o->kind, CONF_KIND_PATH);
			for (size_t m = 0; m < k; m++)
				assert_string_not_equal(o->path, t->v[m].path);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_printed_is_read_as_the_same),
	    cmocka_unit_test(odd_texts_are_kept),
	    cmocka_unit_test(odd_values_are_kept),
	    cmocka_unit_test(the_effective_configuration_is_printed),
	    cmocka_unit_test(changes_are_told),
	    cmocka_unit_test(many_changes_are_counted),
	    cmocka_unit_test(what_needs_a_restart_is_kept),
	    cmocka_unit_test(rows_are_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
