#include "gate/runs.h"
#include "engine/cure.h"
#include "engine/life.h"
#include "gate/gate.h"
#include "log/event.h"
#include "os/clock.h"
#include "os/proc.h"
#include "run/crew.h"
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum {
	UNIT_DOWN_US = 60 * 1000 * 1000, /* systemd has given up by then */
	UNIT_AGAIN_US = 300 * 1000 * 1000,
};

/* Its place in the table; the last one is taken again where it is full. */
static size_t
place_of(struct runs *r, struct slice name)
{
	size_t i = 0;

	while (i < r->n && !slice_is(name, r->v[i].name))
		i++;
	if (i == ENGINES_RUN_MAX)
		return i - 1;
	if (i == r->n)
		r->n++;
	return i;
}

/* --- why it ended --- */

/* The words of the ends, for metrics. */
static const char *
end_word(const struct engine_news *n, const struct life_reason *reason)
{
	switch (n->end) {
	case ENGINE_END_MEMORY:
		return "memory";
	case ENGINE_END_NO_EXEC:
		return "program";
	case ENGINE_END_SIGNAL:
		return reason != NULL ? reason->word : "signal";
	default:
		return reason != NULL ? reason->word : "exit";
	}
}

static void
add_end(struct buf *out, const struct engine_news *n,
    const struct life_reason *reason)
{
	switch (n->end) {
	case ENGINE_END_MEMORY:
		(void)!buf_add_str(
		    out, "the system killed it because memory ran out");
		return;
	case ENGINE_END_NO_EXEC:
		(void)!buf_printf(out, "its program cannot be started: %s",
		    strerror(n->code));
		return;
	case ENGINE_END_SIGNAL:
		(void)!buf_printf(
		    out, "signal %d, %s", n->code, strsignal(n->code));
		break;
	case ENGINE_END_EXIT:
		(void)!buf_printf(out, "exit status %d", n->code);
		break;
	case ENGINE_END_NONE:
	case ENGINE_ENDS:
		break;
	}
	if (reason != NULL)
		(void)!buf_printf(out, "; %s", reason->text);
}

/* Was it the request's fault?  Not where somebody has ended the engine. */
static enum engine_blame
blame_of(const struct engine_news *n)
{
	if (n->end == ENGINE_END_MEMORY)
		return BLAME_REQUEST;
	if (n->end != ENGINE_END_SIGNAL)
		return BLAME_UNKNOWN;
	switch (n->code) {
	case SIGSEGV:
	case SIGABRT:
	case SIGBUS:
	case SIGILL:
	case SIGFPE:
		return BLAME_REQUEST;
	case SIGKILL:
	case SIGTERM:
	case SIGINT:
	case SIGHUP:
		return BLAME_NOBODY;
	default:
		return BLAME_UNKNOWN;
	}
}

/* --- events --- */

static void
event(struct gate *g, enum event_id id, const struct event_arg *args, size_t n)
{
	event_write(g->env.log, os_wall_us(), id, args, n);
}

static void
count(struct gate *g, enum metric_id id, struct slice name, const char *word)
{
	struct slice labels[2] = {name, slice_str(word)};

	series_add(metric_series(g->env.metrics, id, labels), 1);
}

static void
tell_end(struct gate *g, const struct engine_news *n, struct slice reason)
{
	struct event_arg name = event_str("engine", n->name);
	struct event_arg why = event_slice("reason", reason);

	if (n->phase == ENGINE_IS_LOOPING)
		event(g, EVENT_ENGINE_LOOPING,
		    EVENT_ARGS(name, why, event_num("exits", n->exits),
			event_num("restart_ms", n->delay_us / 1000)));
	else
		event(g, EVENT_ENGINE_ENDED,
		    EVENT_ARGS(name, why,
			event_num("ran_s", n->ran_us / 1000000),
			event_num("restart_ms", n->delay_us / 1000)));
}

/* What stands in the log; an end stands there with its reason. */
static void
tell(struct gate *g, const struct engine_news *n)
{
	struct event_arg name = event_str("engine", n->name);
	struct event_arg note = event_str("note", n->note);

	switch (n->phase) {
	case ENGINE_IS_RUNNING:
		event(g, EVENT_ENGINE_STARTED,
		    EVENT_ARGS(name, event_num("pid", n->pid)));
		if (n->note[0] != 0)
			event(g, EVENT_ENGINE_STORE, EVENT_ARGS(name, note));
		break;
	case ENGINE_IS_ELSEWHERE:
		event(g, EVENT_ENGINE_ELSEWHERE, EVENT_ARGS(name, note));
		break;
	case ENGINE_IS_SWEEPING:
		event(g, EVENT_ENGINE_LEFTOVERS, EVENT_ARGS(name, note));
		break;
	case ENGINE_IS_HELD:
		event(g, EVENT_ENGINE_HELD, EVENT_ARGS(name, note));
		break;
	case ENGINE_IS_STOPPED:
		event(g, EVENT_ENGINE_STOPPED, EVENT_ARGS(name));
		break;
	case ENGINE_IS_WAITING:
	case ENGINE_IS_LOOPING:
	case ENGINE_PHASES:
		break;
	}
}

/* --- what follows --- */

static void
explain(const struct engine_news *n, struct slice end, char *out, size_t cap)
{
	switch (n->phase) {
	case ENGINE_IS_WAITING:
		(void)snprintf(out, cap, "it ended (%.*s) and is started again",
		    SLICE_ARG(end));
		break;
	case ENGINE_IS_LOOPING:
		(void)snprintf(out, cap,
		    "it keeps ending, at last with: %.*s; it is tried every "
		    "30 s",
		    SLICE_ARG(end));
		break;
	case ENGINE_IS_SWEEPING:
		(void)snprintf(out, cap,
		    "what is left of an earlier run of it is being ended");
		break;
	case ENGINE_IS_HELD:
		(void)snprintf(out, cap, "%s", n->note);
		break;
	case ENGINE_IS_STOPPED:
		(void)snprintf(out, cap, "weir has stopped it");
		break;
	case ENGINE_IS_RUNNING:
	case ENGINE_IS_ELSEWHERE:
	case ENGINE_PHASES:
		out[0] = 0;
		break;
	}
}

/* Have the engine ${e} agree with what is known of its process. */
static void
apply(struct engine *e, const struct engine_news *n, const char *why,
    bool is_fresh)
{
	if (n->phase == ENGINE_IS_ELSEWHERE)
		return;
	if (n->phase != ENGINE_IS_RUNNING)
		life_ended(e, why, n->phase == ENGINE_IS_LOOPING);
	else if (is_fresh)
		life_started(e, n->pid, n->port);
	else
		life_runs(e, n->pid, n->port);
}

void
runs_heard(struct gate *g, const struct engine_news *n)
{
	struct slice name = slice_str(n->name);
	struct engine *e = engine_set_find(&g->env.engines, name);
	size_t i = place_of(&g->runs, name);
	bool is_end = n->pid == 0 && n->end != ENGINE_END_NONE &&
	    (n->phase == ENGINE_IS_WAITING || n->phase == ENGINE_IS_LOOPING);
	bool is_same = g->runs.v[i].phase == n->phase && n->pid != 0 &&
	    g->runs.v[i].pid == n->pid;
	const struct life_reason *reason = is_end ? life_read(n->tail) : NULL;
	struct buf end;

	buf_init(&end, ENGINE_LIFE_MAX);
	if (is_end)
		add_end(&end, n, reason);
	g->runs.v[i] = *n;
	g->runs.v[i].tail = (struct slice){0};
	explain(n, buf_slice(&end), g->runs.why[i], ENGINE_LIFE_MAX);
	if (n->is_fresh && is_end) {
		tell_end(g, n, buf_slice(&end));
		count(g, METRIC_ENGINE_EXITS, name, end_word(n, reason));
	} else if (n->is_fresh && !is_same) {
		tell(g, n);
	}
	if (n->is_fresh && !is_same && n->phase == ENGINE_IS_RUNNING)
		count(g, METRIC_ENGINE_STARTS, name, "");
	if (e != NULL && n->is_fresh && is_end)
		life_blame(e, blame_of(n));
	if (e != NULL && !is_same)
		apply(e, n, g->runs.why[i], n->is_fresh);
	buf_fini(&end);
}

void
runs_reloaded(struct gate *g, const struct conf *conf)
{
	for (size_t i = 0; i < g->runs.n; i++) {
		struct engine *e = engine_set_find(
		    &g->env.engines, slice_str(g->runs.v[i].name));

		if (e != NULL && g->runs.v[i].phase != ENGINE_IS_STOPPED)
			apply(e, &g->runs.v[i], g->runs.why[i], false);
	}
	if (g->crew != NULL)
		crew_update(g->crew, conf, os_now_us());
}

enum err
runs_place(struct gate *g, struct conf *conf)
{
	enum err err = OK;

	if (g->crew != NULL)
		crew_ports(g->crew, conf, &g->runs.ports);
	for (size_t i = 0; i < conf->n_engines && err == OK; i++) {
		const struct conf_engine *e = &conf->engines[i];
		uint16_t port = engine_ports_find(&g->runs.ports, e->name);

		if (e->run.n > 0 && e->url.text.n == 0 && port != 0)
			err = conf_engine_listens(conf, i, port);
	}
	return err;
}

void
runs_wish(struct gate *g, struct slice name, enum engine_wish wish)
{
	char text[ENGINE_NAME_MAX];

	(void)snprintf(text, sizeof text, "%.*s",
	    SLICE_ARG(slice_to(name, sizeof text - 1)));
	if (g->crew != NULL)
		crew_wish(g->crew, text, wish, os_now_us());
	else if (g->has_link && !g->link_lost &&
	    gate_link_wish(&g->link, wish, name) != OK)
		g->link_lost = true;
}

/* A unit of systemd's that is down for good. */
static void
look_at_unit(
    struct gate *g, const struct conf_engine *ce, size_t i, int64_t now_us)
{
	struct engine *e =
	    ce->unit.n > 0 ? engine_set_find(&g->env.engines, ce->name) : NULL;

	if (e == NULL || e->state != ENGINE_DOWN ||
	    e->why == ERR_ENGINE_LOADING || e->why == ERR_ENGINE_KEY ||
	    now_us - e->since_us < UNIT_DOWN_US ||
	    (g->runs.asked_us[i] != 0 &&
		now_us - g->runs.asked_us[i] < UNIT_AGAIN_US))
		return;
	g->runs.asked_us[i] = now_us;
	event(g, EVENT_ENGINE_UNIT,
	    EVENT_ARGS(
		event_slice("engine", e->name), event_slice("unit", ce->unit)));
	runs_wish(g, e->name, ENGINE_RESTART);
}

/* What is done about it, cure.h decides. */
static void
look_for_hang(struct gate *g, struct engine *e, int64_t now_us)
{
	enum hang_is is;
	pid_t pid = 0;

	if (cure_is_busy(e)) {
		cure_look(e, now_us);
		return;
	}
	if ((is = hang_look(e, now_us, &pid)) == HANG_NONE)
		return;
	event(g, EVENT_ENGINE_HUNG,
	    EVENT_ARGS(event_slice("engine", e->name), event_num("pid", pid),
		event_str("reason",
		    is == HANG_STOPPED
			? "it was stopped by a signal"
			: "it does nothing about the requests that it has"),
		event_num("in_flight", e->in_use)));
	cure_begin(e, is, pid);
}

void
runs_proved(struct gate *g, const struct engine *e)
{
	char path[PATH_MAX];
	uint64_t id;
	size_t i;

	if (e->run_pid <= 0 ||
	    os_proc_program(e->run_pid, path, sizeof path, &id) != OK)
		return;
	i = place_of(&g->runs, e->name);
	if (g->runs.program[i] != 0 && g->runs.program[i] != id)
		event(g, EVENT_ENGINE_PROGRAM,
		    EVENT_ARGS(event_slice("engine", e->name),
			event_num("pid", e->run_pid), event_str("path", path)));
	g->runs.program[i] = id;
}

void
runs_cured(
    void *ctx, struct engine *e, unsigned step, unsigned result, pid_t pid)
{
	static const enum event_id ids[] = {
	    [CURE_BEGINS] = EVENT_ENGINE_CURE,
	    [CURE_HELPED] = EVENT_ENGINE_CURED,
	    [CURE_FAILED] = EVENT_ENGINE_UNCURED,
	};

	event(ctx, ids[result],
	    EVENT_ARGS(event_slice("engine", e->name),
		event_str("step", cure_name((enum cure_step)step)),
		event_num("pid", pid)));
	if (step == CURE_RESTART && result == CURE_BEGINS)
		runs_wish(ctx, e->name, ENGINE_RESTART);
}

void
runs_look(struct gate *g, int64_t now_us)
{
	const struct conf *conf = g->env.conf;

	for (size_t i = 0; i < conf->n_engines && i < ENGINES_RUN_MAX; i++)
		look_at_unit(g, &conf->engines[i], i, now_us);
	LIST_EACH (it, &g->env.engines.engines)
		look_for_hang(g, LIST_OF(it, struct engine, node), now_us);
}

static const char *const phase_names[ENGINE_PHASES] = {
    [ENGINE_IS_STOPPED] = "stopped",
    [ENGINE_IS_RUNNING] = "running",
    [ENGINE_IS_WAITING] = "waiting",
    [ENGINE_IS_LOOPING] = "crash_loop",
    [ENGINE_IS_ELSEWHERE] = "elsewhere",
    [ENGINE_IS_SWEEPING] = "sweeping",
    [ENGINE_IS_HELD] = "held",
};

void
runs_write(const struct gate *g, struct slice name, struct json_writer *w)
{
	for (size_t i = 0; i < g->runs.n; i++) {
		const struct engine_news *n = &g->runs.v[i];

		if (!slice_is(name, n->name))
			continue;
		json_object_begin(w, "process");
		json_str(w, "phase", slice_str(phase_names[n->phase]));
		if (n->pid != 0)
			json_int(w, "pid", n->pid);
		json_int(w, "exits", n->exits);
		json_object_end(w);
	}
}
