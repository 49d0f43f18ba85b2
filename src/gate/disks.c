#include "gate/disks.h"
#include "disk/report.h"
#include "engine/store.h"
#include "flow/space.h"
#include "log/event.h"
#include "os/clock.h"
#include "os/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MIB_SHIFT = 20, ENVIRON_MAX = 256 * 1024 };

/* --- where the models are --- */

/* The value of ${name} in ${words}, each with a NUL behind it. */
static const char *
find_variable(struct slice words, const char *name)
{
	size_t n = strlen(name);

	while (words.n > 0) {
		struct slice word = slice_cut(&words, '\0');

		if (words.p != NULL && word.n > n && word.p[n] == '=' &&
		    memcmp(word.p, name, n) == 0)
			return word.p + n + 1;
	}
	return NULL;
}

/* By its environment, or what its unit says of that; false: not told. */
static bool
read_store(pid_t pid, char *out, size_t cap)
{
	const char *store, *home;
	struct buf b;
	bool ok;

	buf_init(&b, ENVIRON_MAX);
	ok = os_unit_environ_of(pid, &b) == OK;
	store = ok ? find_variable(buf_slice(&b), "OLLAMA_MODELS") : NULL;
	home = ok ? find_variable(buf_slice(&b), "HOME") : NULL;
	if (store != NULL)
		(void)snprintf(out, cap, "%s", store);
	else if (home != NULL)
		(void)snprintf(out, cap, "%s/.ollama/models", home);
	buf_fini(&b);
	return store != NULL || home != NULL;
}

/* The store of a service, as far as it can be seen. */
static void
guess_store(char *out, size_t cap)
{
	for (const char *const *at = store_usual(); *at != NULL; at++)
		if (access(*at, F_OK) == 0) {
			(void)snprintf(out, cap, "%s", *at);
			return;
		}
}

/* Asked again only when another process serves there. */
static void
add_engine(struct gate *g, const struct engine *e)
{
	const struct disk_place *p = NULL;
	char path[DISK_PATH_MAX] = "";

	if (g->env.conf->disk_models.n > 0) {
		disk_guard_add(&g->disks, DISK_MODELS, e->name,
		    g->env.conf->disk_models.p);
		return;
	}
	if (e->kind != ENGINE_OLLAMA || !engine_is_loopback(e))
		return;
	p = disk_guard_place(&g->disks, DISK_MODELS, e->name);
	if (p != NULL && p->tag == e->pid)
		(void)snprintf(path, sizeof path, "%s", p->path);
	else if (e->pid <= 0 || !read_store(e->pid, path, sizeof path))
		guess_store(path, sizeof path);
	disk_guard_add(&g->disks, DISK_MODELS, e->name, path);
	disk_guard_tag(&g->disks, DISK_MODELS, e->name, e->pid);
}

static void
place(struct gate *g)
{
	const struct conf *c = g->env.conf;
	const char *tmp = getenv("TMPDIR");
	struct disk_guard *d = &g->disks;
	char state[GATE_PATH_MAX];

	d->marks = (struct disk_marks){{0, (int)c->disk_alert,
	    (int)c->disk_refuse_pulls, (int)c->disk_memory_logs}};
	d->every_us = c->disk_every_us;
	disk_guard_begin(d);
	LIST_EACH (it, &g->env.engines.engines)
		add_engine(g, LIST_OF(it, struct engine, node));
	if (!log_is_stdout(g->env.log))
		disk_guard_add(d, DISK_LOG, slice_of(NULL, 0), c->log_path.p);
	gate_state_file(c, "", state, sizeof state);
	disk_guard_add(d, DISK_STATE, slice_of(NULL, 0), state);
	disk_guard_add(d, DISK_TEMP, slice_of(NULL, 0),
	    tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp");
	disk_guard_end(d);
}

/* --- what follows --- */

static void
on_level(void *ctx, const struct disk *d, enum disk_level before)
{
	static const enum event_id ids[DISK_LEVELS] = {EVENT_DISK_WELL,
	    EVENT_DISK_FILLS, EVENT_DISK_REFUSES, EVENT_DISK_FULL};
	struct gate *g = ctx;
	int64_t mib = (int64_t)(d->last.free_bytes >> MIB_SHIFT);
	int64_t size = (int64_t)(d->last.size_bytes >> MIB_SHIFT);
	char full[DISK_TEXT_MAX];

	disk_full_text(disk_trend_full_s(&d->trend, os_now_us()), full);
	if (full[0] == '\0')
		(void)snprintf(full, sizeof full, "it does not grow steadily");
	event_write(g->env.log, os_wall_us(), ids[d->level],
	    EVENT_ARGS(event_str("holds", d->names),
		event_num("percent", d->permille / 10),
		event_num("free_mib", mib), event_num("size_mib", size),
		event_str("path", d->path), event_str("trend", full)));
	if (d->level > before)
		space_look(&g->env);
}

static void
on_hung(void *ctx, const struct disk_place *p)
{
	struct gate *g = ctx;

	event_write(g->env.log, os_wall_us(),
	    p->is_hung ? EVENT_DISK_HUNG : EVENT_DISK_ANSWERS,
	    EVENT_ARGS(event_str("holds", disk_kind_name(p->kind)),
		event_str("path", p->path)));
}

void
disks_look(struct gate *g, int64_t now_us)
{
	const struct disk *d;

	g->disks.on_level = on_level;
	g->disks.on_hung = on_hung;
	g->disks.ctx = g;
	g->env.disks = &g->disks;
	place(g);
	disk_guard_tick(&g->disks, now_us);
	if (now_us < g->disks.hurry_until_us)
		space_look(&g->env);
	d = disk_guard_find(&g->disks, DISK_LOG, slice_of(NULL, 0));
	log_hold(g->env.log, d != NULL && d->level == DISK_MEMORY);
}

void
disks_measure(struct gate *g)
{
	struct metrics *m = g->env.metrics;

	for (size_t i = 0; i < g->disks.n_places; i++) {
		const struct disk_place *p = &g->disks.places[i];
		const struct disk *d = disk_guard_of(&g->disks, p);
		struct slice labels[2] = {
		    slice_str(disk_kind_name(p->kind)), slice_str(p->path)};

		if (d == NULL)
			continue;
		series_set(metric_series(m, METRIC_DISK_FREE, labels),
		    (int64_t)d->last.free_bytes);
		series_set(metric_series(m, METRIC_DISK_USED, labels),
		    (int64_t)d->last.used_bytes);
		series_set(
		    metric_series(m, METRIC_DISK_LEVEL, labels), d->level);
	}
}
