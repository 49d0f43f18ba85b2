/* From a file to the struct: fields, defaults, files, references. */
#include "conf/conf.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define HEX "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define SECONDS INT64_C(1000000)

static struct conf_problems problems;

static struct conf *
must_parse(const char *yaml)
{
	struct conf *c;

	if (conf_parse(slice_str(yaml), "f", &c, &problems) != OK)
		fail_msg("%s", problems.errors[0].text);
	return c;
}

/* The numbers of the issue and of DESIGN.md 5 and 8. */
static void
defaults_hold_without_a_file(void **state)
{
	struct conf *c = conf_default();

	assert_int_equal(c->listen.n, 1);
	assert_true(slice_is(c->listen.v[0].text, "127.0.0.1:11435"));
	assert_int_equal(c->listen.v[0].family, CONF_IPV4);
	assert_memory_equal(c->listen.v[0].addr, "\x7f\0\0\1", 4);
	assert_int_equal(c->listen.v[0].port, 11435);
	assert_int_equal(c->state.n, 0);
	assert_string_equal(c->state.p, "");
	assert_int_equal(c->anonymous, CONF_ACCESS_ALLOW);
	assert_false(c->dry_run);
	assert_string_equal(c->log_path.p, "-");
	assert_int_equal(c->log_rotate, 64 << 20);
	assert_int_equal(c->log_files, 8);
	assert_int_equal(c->log_address, CONF_ADDRESS_NET);
	assert_int_equal(c->queue_length, 8192);
	assert_int_equal(c->queue_bodies, 256 << 20);
	assert_true(c->queue_wait_us == 600 * SECONDS);
	assert_int_equal(c->limits_head, 16384);
	assert_int_equal(c->limits_fields, 100);
	assert_int_equal(c->limits_target, 8192);
	assert_int_equal(c->limits_body, 64 << 20);
	assert_int_equal(c->limits_body_total, 512 << 20);
	assert_int_equal(c->limits_body_rate, 1024);
	assert_true(c->limits_body_time_us == 300 * SECONDS);
	assert_true(c->limits_head_time_us == 10 * SECONDS);
	assert_true(c->limits_idle_us == 75 * SECONDS);
	assert_int_equal(c->limits_connections, 10000);
	assert_int_equal(c->limits_connections_per_address, 512);
	assert_int_equal(c->limits_listing.count, 20);
	assert_true(c->limits_listing.period_ns == 1000 * SECONDS);
	assert_int_equal(c->n_engines, 0);
	assert_int_equal(c->n_callers, 0);
	assert_int_equal(c->n_models, 0);
	assert_non_null(c->anonymous_caller);
	assert_true(slice_is(c->anonymous_caller->name, "anonymous"));
	assert_int_equal(c->anonymous_caller->rate.count, 0);
	conf_drop(c);
}

static void
empty_files_are_the_defaults(void **state)
{
	static const char *const yamls[] = {"", "\n", "# only a comment\n",
	    "---\n", "null\n", "~", "{}", "\xef\xbb\xbf", "engines:\n",
	    "limits:\nlog: ~\ncallers: []\nmodels: {}\n",
	    "limits: {body: null}\nstate: ~\nlisten: null\n"};

	for (size_t i = 0; i < sizeof yamls / sizeof yamls[0]; i++) {
		struct conf *c = must_parse(yamls[i]);

		assert_int_equal(c->limits_body, 64 << 20);
		assert_int_equal(c->listen.n, 1);
		assert_int_equal(c->n_engines + c->n_callers + c->n_models, 0);
		conf_drop(c);
	}
}

/* The words of DESIGN.md 8, all of them. */
static const char words[] =
    "listen: 127.0.0.1:11435\n"
    "state: /var/lib/weir\n"
    "control: /run/weir/ctl.sock\n"
    "anonymous: allow\n"
    "hosts: [gpubox.lan]\n"
    "origins: []\n"
    "trusted_proxies: []\n"
    "log: { path: \"-\", rotate: 64MiB, files: 8, address: net }\n"
    "dry_run: false\n"
    "engines:\n"
    "  - name: local\n"
    "    url: http://127.0.0.1:11434\n"
    "    kind: auto\n"
    "    slots: auto\n"
    "    key_file: null\n"
    "    connect: 2s\n"
    "    first_byte: 30min\n"
    "    between_bytes: 15min\n"
    "    env: { OLLAMA_NUM_PARALLEL: \"2\" }\n"
    "    run: ollama serve\n"
    "callers:\n"
    "  - name: agent-forum\n"
    "    key: sha256:" HEX "\n"
    "    from: [172.18.0.5]\n"
    "    process: { unit: \"agent-*.service\" }\n"
    "    user_header: null\n"
    "    rate: 10/min\n"
    "    burst: 5\n"
    "    over: refuse\n"
    "    tokens: 50k/hour\n"
    "    at_once: 2\n"
    "    waiting: 256\n"
    "    weight: 1\n"
    "    class: interactive\n"
    "    models: [llama3.2, \"qwen3*\"]\n"
    "    manage_models: false\n"
    "  - name: anonymous\n"
    "    rate: 10/min\n"
    "    burst: 5\n"
    "models:\n"
    "  llama3.2: { context: 8192, min_output: 256, num_ctx: ride, preload: "
    "true, pull: if-missing, keep_loaded: forever, overflow: refuse, aliases: "
    "[\"claude-haiku-*\"] }\n"
    "queue: { length: 8192, bodies: 256MiB, wait: 10min, hold: 10min, "
    "heartbeat: 20s }\n"
    "limits: { body: 64MiB, body_total: 512MiB, head: 16KiB, connections: "
    "10000, connections_per_address: 512 }\n"
    "disk: { alert: 80%, refuse_pulls: 90%, memory_logs: 95% }\n"
    "alerts: [ { webhook: \"https://...\", shape: slack }, { command: "
    "\"/usr/local/bin/page-me\" } ]\n";

static void
check_engine(const struct conf_engine *e)
{
	assert_string_equal(e->name.p, "local");
	assert_string_equal(e->url.text.p, "http://127.0.0.1:11434");
	assert_string_equal(e->url.host.p, "127.0.0.1");
	assert_true(slice_is(e->url.authority, "127.0.0.1:11434"));
	assert_int_equal(e->url.port, 11434);
	assert_int_equal(e->url.path.n, 0);
	assert_int_equal(e->kind, CONF_ENGINE_KIND_AUTO);
	assert_true(e->slots == CONF_AUTO);
	assert_string_equal(e->key_file.p, "");
	assert_true(e->connect_us == 2 * SECONDS);
	assert_true(e->first_byte_us == 1800 * SECONDS);
	assert_true(e->between_bytes_us == 900 * SECONDS);
	assert_string_equal(e->run.p, "ollama serve");
	assert_int_equal(e->env.n, 1);
	assert_string_equal(e->env.v[0].name.p, "OLLAMA_NUM_PARALLEL");
	assert_string_equal(e->env.v[0].value.p, "2");
}

static void
check_caller(const struct conf_caller *a)
{
	assert_string_equal(a->name.p, "agent-forum");
	assert_int_equal(a->keys.n, 1);
	assert_int_equal(a->keys.v[0].sha256[0], 0x9f);
	assert_int_equal(a->keys.v[0].sha256[31], 0x08);
	assert_int_equal(a->from.n, 1);
	assert_memory_equal(
	    a->from.v[0].addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xac\x12\0\5", 16);
	assert_int_equal(a->from.v[0].bits, 128);
	assert_string_equal(a->process_unit.p, "agent-*.service");
	assert_true(a->process_uid == CONF_AUTO);
	assert_int_equal(a->user_header.n, 0);
	assert_int_equal(a->rate.count, 10);
	assert_true(a->rate.period_ns == 60000 * SECONDS);
	assert_int_equal(a->burst, 5);
	assert_int_equal(a->over, CONF_OVER_REFUSE);
	assert_int_equal(a->tokens.limit, 50000);
	assert_true(a->tokens.period_ns == 3600000 * SECONDS);
	assert_false(a->tokens.strict);
	assert_int_equal(a->at_once, 2);
	assert_int_equal(a->waiting, 256);
	assert_int_equal(a->weight, 1);
	assert_int_equal(a->class, CONF_CLASS_INTERACTIVE);
	assert_int_equal(a->models.n, 2);
	assert_true(slice_is(a->models.v[0], "llama3.2"));
	assert_true(slice_is(a->models.v[1], "qwen3*"));
	assert_false(a->manage_models);
}

static void
check_model(const struct conf_model *m)
{
	assert_string_equal(m->name.p, "llama3.2");
	assert_int_equal(m->context, 8192);
	assert_int_equal(m->min_output, 256);
	assert_true(m->preload);
	assert_int_equal(m->pull, CONF_PULL_IF_MISSING);
	assert_true(m->keep_loaded_us == CONF_FOREVER);
	assert_int_equal(m->aliases.n, 1);
	assert_true(slice_is(m->aliases.v[0], "claude-haiku-*"));
}

static void
all_words_are_known(void **state)
{
	struct conf *c = must_parse(words);

	assert_string_equal(c->state.p, "/var/lib/weir");
	assert_string_equal(c->control.p, "/run/weir/ctl.sock");
	assert_int_equal(c->hosts.n, 1);
	assert_true(slice_is(c->hosts.v[0], "gpubox.lan"));
	assert_int_equal(c->origins.n, 0);
	assert_int_equal(c->n_engines, 1);
	check_engine(&c->engines[0]);
	assert_int_equal(c->n_callers, 2);
	check_caller(&c->callers[0]);
	assert_ptr_equal(c->anonymous_caller, &c->callers[1]);
	assert_int_equal(c->anonymous_caller->rate.count, 10);
	assert_int_equal(c->n_models, 1);
	check_model(&c->models[0]);
	assert_true(c->queue_hold_us == 600 * SECONDS);
	assert_true(c->queue_heartbeat_us == 20 * SECONDS);
	assert_int_equal(c->disk_refuse_pulls, 90);
	assert_int_equal(c->n_alerts, 2);
	assert_int_equal(c->alerts[0].shape, CONF_SHAPE_SLACK);
	assert_string_equal(c->alerts[1].command.p, "/usr/local/bin/page-me");
	assert_int_equal(problems.n_warnings, 0);
	assert_int_equal(problems.n_errors, 0);
	conf_drop(c);
}

/* Other ways to write the same, and what the example does not show. */
static void
values_have_forms(void **state)
{
	struct conf *c =
	    must_parse("listen: [localhost:0, \"[::1]:81\", unix:/run/w.sock]\n"
		       "\"dry_run\": \"true\"\n"
		       "limits: {body: \"1024\", body_rate: 0, listing: none}\n"
		       "engines:\n"
		       "- {name: a, url: \"unix:/run/e.sock\", slots: 4,\n"
		       "   kind: llama-server, first_byte: forever}\n"
		       "- {name: b, url: \"http://[fd00::1]:8080/\"}\n"
		       "callers:\n"
		       "- name: a\n"
		       "  keys: []\n"
		       "  tokens: { limit: 2M/month, strict: true }\n"
		       "  process: { uid: 0 }\n"
		       "models:\n"
		       "  \"hf.co/x/y:Q4_K_M\":\n");

	assert_int_equal(c->listen.n, 3);
	assert_int_equal(c->listen.v[1].family, CONF_IPV6);
	assert_int_equal(c->listen.v[1].addr[15], 1);
	assert_int_equal(c->listen.v[2].family, CONF_UNIX);
	assert_string_equal(c->listen.v[2].path.p, "/run/w.sock");
	assert_true(c->dry_run);
	assert_int_equal(c->limits_body, 1024);
	assert_int_equal(c->limits_body_rate, 0);
	assert_int_equal(c->limits_listing.count, 0);
	assert_string_equal(c->engines[0].url.path.p, "/run/e.sock");
	assert_int_equal(c->engines[0].url.host.n, 0);
	assert_int_equal(c->engines[0].kind, CONF_ENGINE_KIND_LLAMA_SERVER);
	assert_int_equal(c->engines[0].slots, 4);
	assert_true(c->engines[0].first_byte_us == CONF_FOREVER);
	assert_string_equal(c->engines[1].url.host.p, "fd00::1");
	assert_string_equal(c->engines[1].url.text.p, "http://[fd00::1]:8080");
	assert_true(slice_is(c->engines[1].url.authority, "[fd00::1]:8080"));
	assert_int_equal(c->callers[0].keys.n, 0);
	assert_int_equal(c->callers[0].tokens.limit, 2000000);
	assert_true(c->callers[0].tokens.strict);
	assert_int_equal(c->callers[0].process_uid, 0);
	assert_int_equal(c->n_models, 1);
	assert_string_equal(c->models[0].name.p, "hf.co/x/y:Q4_K_M");
	conf_drop(c);
}

static void
references_are_counted(void **state)
{
	struct conf *c = conf_default();
	const struct conf *held = conf_hold(c);

	assert_ptr_equal(held, c);
	conf_drop(c);
	assert_int_equal(held->limits_fields, 100);
	conf_drop(held);
	conf_drop(NULL);
}

/* Thousands of callers, and keys, are no problem. */
static void
many_callers_are_read(void **state)
{
	struct conf *c;
	struct buf b;

	buf_init(&b, 1 << 20);
	assert_int_equal(buf_add_str(&b, "callers:\n"), OK);
	for (int i = 0; i < 4096; i++)
		assert_int_equal(
		    buf_printf(&b, "- {name: c%d, key: \"sha256:%064x\"}\n", i,
			(unsigned)i),
		    OK);
	assert_int_equal(conf_parse(buf_slice(&b), "f", &c, &problems), OK);
	assert_int_equal(c->n_callers, 4096);
	assert_string_equal(c->callers[4095].name.p, "c4095");
	assert_int_equal(c->callers[4095].keys.v[0].sha256[31], 0xff);
	conf_drop(c);
	buf_fini(&b);
}

static const char *only;

static bool
exists(const char *path)
{
	return only != NULL && strcmp(path, only) == 0;
}

static void
files_are_sought_in_order(void **state)
{
	struct conf_env env = {.exists = exists};

	only = NULL;
	assert_null(conf_find(&env, NULL));
	only = "/etc/weir/weir.yaml";
	assert_string_equal(conf_find(&env, NULL), only);
	only = "./weir.yaml";
	assert_string_equal(conf_find(&env, NULL), only);
	env.weir_config = "";
	assert_string_equal(conf_find(&env, NULL), only);
	env.weir_config = "/absent";
	assert_string_equal(conf_find(&env, NULL), "/absent");
	assert_string_equal(conf_find(&env, "mine"), "mine");
}

typedef enum err path_fn(
    const struct conf *, const struct conf_env *, struct buf *);

static void
check_path(path_fn *fn, const struct conf *c, const struct conf_env *env,
    const char *want)
{
	struct buf b;
	enum err e;

	buf_init(&b, 4096);
	e = fn(c, env, &b);
	assert_int_equal(e, want ? OK : ERR_NOT_FOUND);
	if (want != NULL)
		assert_true(slice_is(buf_slice(&b), want));
	buf_fini(&b);
}

static void
own_files_have_places(void **state)
{
	struct conf *d = conf_default();
	struct conf *c = must_parse("state: /s\ncontrol: /c\n");
	struct conf *s = must_parse("state: /s\n");
	struct conf_env none = {.exists = exists};
	struct conf_env home = {.exists = exists, .home = "/h"};
	struct conf_env xdg = {.exists = exists,
	    .home = "/h",
	    .xdg_state_home = "/x",
	    .xdg_runtime_dir = "/r"};
	struct conf_env root = {
	    .exists = exists, .home = "/root", .is_root = true};

	check_path(conf_state_path, d, &none, NULL);
	check_path(conf_state_path, d, &home, "/h/.local/state/weir");
	check_path(conf_state_path, d, &xdg, "/x/weir");
	check_path(conf_state_path, d, &root, "/var/lib/weir");
	check_path(conf_state_path, c, &root, "/s");
	check_path(conf_control_path, d, &none, NULL);
	check_path(conf_control_path, s, &none, "/s/ctl.sock");
	check_path(
	    conf_control_path, d, &home, "/h/.local/state/weir/ctl.sock");
	check_path(conf_control_path, d, &xdg, "/r/weir/ctl.sock");
	check_path(conf_control_path, d, &root, "/run/weir/ctl.sock");
	check_path(conf_control_path, c, &root, "/c");
	conf_drop(d);
	conf_drop(c);
	conf_drop(s);
}

static void
files_are_loaded(void **state)
{
	char path[] = "/tmp/weir-conf-XXXXXX";
	int fd = mkstemp(path);
	struct conf *c;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "dry_run: true\n", 14), 14);
	assert_int_equal(conf_load(path, &c, &problems), OK);
	assert_true(c->dry_run);
	conf_drop(c);
	assert_int_equal(write(fd, "x: 1\n", 5), 5);
	assert_int_equal(conf_load(path, &c, &problems), ERR_SYNTAX);
	assert_string_equal(problems.file, path);
	assert_int_equal(problems.errors[0].line, 2);
	assert_int_equal(ftruncate(fd, 3 << 20), 0);
	assert_int_equal(conf_load(path, &c, &problems), ERR_SYNTAX);
	assert_string_equal(
	    problems.errors[0].text, "the file is larger than 1 MiB");
	(void)close(fd);
	(void)unlink(path);

	assert_int_equal(conf_load(path, &c, &problems), ERR_IO);
	assert_null(c);
	assert_string_equal(problems.errors[0].text,
	    "cannot be read: No such file or directory");
	assert_int_equal(conf_load("/tmp", &c, &problems), ERR_IO);
	assert_string_equal(
	    problems.errors[0].text, "cannot be read: Is a directory");
	assert_int_equal(conf_load(NULL, &c, &problems), OK);
	conf_drop(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults_hold_without_a_file),
	    cmocka_unit_test(empty_files_are_the_defaults),
	    cmocka_unit_test(all_words_are_known),
	    cmocka_unit_test(values_have_forms),
	    cmocka_unit_test(references_are_counted),
	    cmocka_unit_test(many_callers_are_read),
	    cmocka_unit_test(files_are_sought_in_order),
	    cmocka_unit_test(own_files_have_places),
	    cmocka_unit_test(files_are_loaded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
