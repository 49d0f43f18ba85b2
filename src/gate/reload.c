/*
 * reload: a new configuration, or new keys, into the running gate.
 *
 * Everything that can fail is done before the first thing is changed, so that
 * a bad file leaves the old one in force whole.
 */
#include "gate/secret.h"
#include "gate/books.h"
#include "gate/gate.h"
#include "conf/diff.h"
#include "gate/solo.h"
#include "log/event.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/random.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { CONF_TEXT_MAX = (1 << 20) + 1 };

static bool
exists(const char *path)
{
	return access(path, F_OK) == 0;
}

struct conf_env
gate_conf_env(void)
{
	return (struct conf_env){.weir_config = getenv("WEIR_CONFIG"),
	    .home = getenv("HOME"),
	    .xdg_state_home = getenv("XDG_STATE_HOME"),
	    .xdg_runtime_dir = getenv("XDG_RUNTIME_DIR"),
	    .exists = exists,
	    .is_root = geteuid() == 0};
}

void
gate_state_file(
    const struct conf *conf, const char *name, char *out, size_t cap)
{
	struct conf_env env = gate_conf_env();
	struct buf b;

	out[0] = 0;
	buf_init(&b, cap - 1);
	if (conf_state_path(conf, &env, &b) == OK &&
	    buf_add_char(&b, '/') == OK && buf_add_str(&b, name) == OK) {
		memcpy(out, b.p, b.n);
		out[b.n] = 0;
	}
	buf_fini(&b);
}

static void
tell_warnings(struct gate *g, const struct keyfile *keys)
{
	struct slice rest = buf_slice(&keys->warnings);

	while (rest.n > 0) {
		struct slice line = slice_cut(&rest, '\n');

		if (line.n > 0)
			event_write(g->env.log, os_wall_us(),
			    EVENT_KEYS_WARNING,
			    EVENT_ARGS(event_slice("reason", line)));
	}
}

/* Keys that cannot be read now stay as they were. */
static void
load_keys(struct gate *g)
{
	struct keyfile keys;

	keyfile_init(&keys);
	if (g->keys_path[0] && keyfile_load(&keys, g->keys_path) != OK) {
		event_write(g->env.log, os_wall_us(), EVENT_KEYS_UNREADABLE,
		    EVENT_ARGS(event_str("reason", strerror(errno))));
		keyfile_fini(&keys);
		return;
	}
	tell_warnings(g, &keys);
	keyfile_fini(&g->keys);
	g->keys = keys;
	g->keys_watch.stamp = keys.stamp;
}

void
reload_callers(struct gate *g, const struct conf *conf)
{
	load_keys(g);
	caller_set_load(g->env.callers, conf, &g->keys);
}

static struct log_opts
log_opts_of(const struct conf *conf)
{
	return (struct log_opts){.path = conf->log_path.p,
	    .rotate_bytes = (int64_t)conf->log_rotate,
	    .files = (int)conf->log_files};
}

static enum err
open_log(struct gate *g, const struct conf *conf, struct buf *why)
{
	struct log_opts opts = log_opts_of(conf);
	enum err e;

	e = g->env.log ? log_change(g->env.log, &opts)
		       : log_open(&opts, &g->env.log);
	if (e != OK)
		(void)!buf_printf(why, "the log %s cannot be opened: %s",
		    opts.path, strerror(errno));
	return e;
}

/* Without a folder people have other names after each start. */
static void
set_secret(struct gate *g, const struct conf *conf)
{
	uint8_t secret[PEOPLE_SECRET_BYTES];
	char path[sizeof g->keys_path];

	gate_state_file(conf, SECRET_FILE, path, sizeof path);
	(void)secret_get(path, secret);
	people_set_secret(g->env.callers, secret);
}

/*
 * The text that the keeper has read and found good; in one process, the file.
 */
static enum err
load_conf(struct gate *g, struct conf **out, struct conf_problems *problems)
{
	const char *path = g->config[0] ? g->config : NULL;
	struct buf text;
	enum err e;

	if (g->config_fd < 0)
		return conf_load(path, out, problems);
	buf_init(&text, CONF_TEXT_MAX);
	e = gate_config_read(g->config_fd, &text);
	os_fd_close(&g->config_fd);
	if (e == OK)
		e = conf_parse(buf_slice(&text), path, out, problems);
	buf_fini(&text);
	return e;
}

/* Options that only a restart changes stay as they are, and that is told. */
static enum err
keep_what_stays(
    struct conf *fresh, const struct conf *running, struct buf *told)
{
	/* Large; the loop has one thread. */
	static struct conf_changes changes;

	conf_diff(running, fresh, &changes);
	for (size_t i = 0; i < changes.n && i < CONF_CHANGES_MAX; i++)
		if (changes.v[i].needs_restart)
			(void)!buf_printf(told,
			    "%s: keeps its value until weir is restarted.\n",
			    changes.v[i].path);
	return conf_keep_restart(fresh, running);
}

void
gate_apply_drains(struct gate *g)
{
	LIST_EACH (it, &g->env.engines.engines) {
		struct engine *e = LIST_OF(it, struct engine, node);

		if (marks_until(&g->drained, e->name, os_now_us()) != 0)
			engine_drain(e);
	}
}

enum err
reload_conf(struct gate *g, struct buf *why)
{
	const struct conf *old = g->env.conf;
	/* Large; the loop has one thread. */
	static struct conf_problems problems;
	struct conf *conf;
	enum err e;

	e = load_conf(g, &conf, &problems);
	if (e != OK)
		(void)!conf_problems_print(&problems, why);
	if (e == OK && old == NULL && g->crew != NULL)
		solo_place_engines(g, conf);
	if (e == OK && (e = runs_place(g, conf)) != OK)
		conf_drop(conf);
	if (e != OK)
		return e;
	if (old && (e = keep_what_stays(conf, old, why)) != OK) {
		conf_drop(conf);
		return e;
	}
	if (old == NULL) {
		if ((e = books_open(g, conf)) != OK) {
			conf_drop(conf);
			return e;
		}
		gate_state_file(
		    conf, CALLER_KEYFILE, g->keys_path, sizeof g->keys_path);
		g->env.callers = caller_set_new(g->env.cells);
		set_secret(g, conf);
		g->keys_watch.path = g->keys_path;
		keyfile_init(&g->keys);
	}
	if ((e = open_log(g, conf, why)) != OK) {
		conf_drop(conf);
		return e;
	}
	g->env.conf = conf;
	if (old == NULL) {
		struct hash_key seed;

		random_must_fill(&seed, sizeof seed);
		flow_env_init(&g->env, seed);
	}
	reload_callers(g, conf);
	flow_env_reload(&g->env);
	runs_reloaded(g, conf);
	gate_apply_drains(g);
	conf_drop(old);
	return OK;
}
