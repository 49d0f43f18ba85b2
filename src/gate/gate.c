#include "gate/books.h"
#include "gate/gate.h"
#include "gate/command.h"
#include "gate/counts.h"
#include "gate/disks.h"
#include "gate/engines.h"
#include "gate/solo.h"
#include "gate/summary.h"
#include "ipc/pulse.h"
#include "log/event.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/memory.h"
#include "os/proc.h"
#include "os/random.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	START_US = 10 * 1000000,
	KEYS_LOOK_US = 500 * 1000,
	LOG_FLUSH_US = 2 * 1000000,
	GRACE_US = 30 * 1000000,
	FDS_WANTED = 65536,
	HEAP_KEPT = 32 * 1024 * 1024,
	HEAP_BLOCK = 8 * 1024 * 1024,
};

static void
event(struct gate *g, enum event_id id, const struct event_arg *args, size_t n)
{
	event_write(g->env.log, os_wall_us(), id, args, n);
}

/* --- the end --- */

static void
on_idle(struct flow_env *env)
{
	loop_stop(env->loop);
}

static void
on_grace(struct timer *t)
{
	loop_stop(t->loop);
}

void
gate_drain(struct gate *g, int64_t grace_us)
{
	if (g->is_draining) {
		/* Asked twice: at once. */
		loop_stop(&g->loop);
		return;
	}
	g->is_draining = true;
	event(g, EVENT_STOPPING,
	    EVENT_ARGS(event_num("in_flight", (int64_t)g->env.n_flows),
		event_num("grace_s", grace_us / 1000000)));
	listener_close_all(g);
	timer_set(&g->grace, os_now_us() + grace_us);
	g->env.on_idle = on_idle;
	flow_env_drain(&g->env);
}

/* --- orders of the keeper --- */

static void
take_listeners(struct gate *g, const struct order *o)
{
	for (size_t i = 0; i < o->n_listeners; i++) {
		const struct gate_listener *l = &o->listeners[i];

		if (l->fd >= 0 && listener_find(g, l->id) == NULL &&
		    listener_open(g, l) != OK)
			continue;
	}
	LIST_EACH_SAFE (it, &g->listeners) {
		struct gate_listener_slot *s =
		    LIST_OF(it, struct gate_listener_slot, node);
		bool stays = false;

		for (size_t i = 0; i < o->n_listeners; i++)
			stays = stays || o->listeners[i].id == s->id;
		if (!stays)
			listener_close(s);
	}
}

/* The old configuration stays: what came with the new one is closed. */
static void
refuse_listeners(const struct order *o)
{
	for (size_t i = 0; i < o->n_listeners; i++) {
		int fd = o->listeners[i].fd;

		os_fd_close(&fd);
	}
}

static void
count_reload(struct gate *g, enum err e)
{
	struct slice result = slice_str(e == OK ? "ok" : "refused");

	series_add(metric_series(g->env.metrics, METRIC_RELOADS, &result), 1);
}

static void
reload(struct gate *g, const struct order *o)
{
	struct buf why;
	enum err e;

	buf_init(&why, 4096);
	memcpy(g->config, o->config, sizeof g->config);
	g->config_fd = o->config_fd;
	g->runs.ports = o->ports;
	e = reload_conf(g, &why);
	if (e == OK)
		take_listeners(g, o);
	else
		refuse_listeners(o);
	count_reload(g, e);
	if (g->has_link &&
	    gate_link_reloaded(&g->link, o->seq, e == OK, buf_slice(&why)) !=
		OK)
		g->link_lost = true;
	buf_fini(&why);
}

static void
do_command(struct gate *g, const struct order *o)
{
	struct buf answer;
	bool ok;

	buf_init(&answer, GATE_ANSWER_MAX);
	ok = command_run(g, o->line, &answer);
	if (gate_link_answer(&g->link, o->seq, ok, buf_slice(&answer)) != OK)
		g->link_lost = true;
	buf_fini(&answer);
}

static void
obey(struct gate *g, struct order *o)
{
	switch (o->kind) {
	case ORDER_RELOAD:
		reload(g, o);
		break;
	case ORDER_DRAIN:
		gate_drain(g, o->grace_us);
		break;
	case ORDER_RETIRE:
		handover_leave(g, o->grace_us);
		break;
	case ORDER_GONE:
		handover_gone(g, o->generation);
		break;
	case ORDER_QUIT:
		loop_stop(&g->loop);
		break;
	case ORDER_REOPEN_LOG:
		log_reopen(g->env.log);
		break;
	case ORDER_LOG_LINE:
		(void)log_write(g->env.log, o->line);
		break;
	case ORDER_LOST:
		g->link_lost = true;
		(void)uv_poll_stop(&g->link_poll);
		if (!g->is_draining)
			gate_drain(g, GRACE_US);
		break;
	case ORDER_COMMAND:
		do_command(g, o);
		break;
	case ORDER_ENGINE:
		runs_heard(g, &o->news);
		break;
	case ORDER_NONE:
		break;
	}
}

static void
on_link(uv_poll_t *poll, int status, int events)
{
	struct gate *g = poll->data;
	/* Large: a list of listeners; one order at a time is read. */
	static struct order order;

	(void)status;
	(void)events;
	while (!g->link_lost && gate_link_next(&g->link, &order) != ORDER_NONE)
		obey(g, &order);
}

/* --- signals: in one process, or sent past the keeper --- */

static void
on_signal(uv_signal_t *s, int number)
{
	struct gate *g = s->data;
	struct buf why;

	if (number == SIGTERM || number == SIGINT) {
		gate_drain(g, GRACE_US);
		return;
	}
	log_reopen(g->env.log);
	buf_init(&why, 4096);
	if (!g->has_link && reload_conf(g, &why) != OK)
		event(g, EVENT_RELOAD_REFUSED,
		    EVENT_ARGS(event_slice("reason", buf_slice(&why))));
	buf_fini(&why);
}

/* Behind a keeper they stay ignored, as it left them: it sends orders. */
static void catch (struct gate *g, uv_signal_t *s, int number)
{
	(void)uv_signal_init(&g->loop.uv, s);
	s->data = g;
	if (!g->has_link)
		(void)uv_signal_start(s, on_signal, number);
	uv_unref((uv_handle_t *)s);
}

/* --- small duties --- */

static void
on_keys_timer(struct timer *t)
{
	struct gate *g = (struct gate *)(void *)((char *)t -
	    offsetof(struct gate, keys_timer));

	pulse_beat(g->state.mem, g->generation);
	if (keyfile_changed(&g->keys_watch))
		reload_callers(g, g->env.conf);
	books_tell(g);
	counts_look(g);
	handover_tell_well(g);
	runs_look(g, os_now_us());
	summary_engines(g);
	disks_look(g, os_now_us());
	pulls_look(g, os_now_us());
	alerts_look(g, os_now_us());
	timer_set(&g->keys_timer, os_now_us() + KEYS_LOOK_US);
}

/* --- the start --- */

static enum err
map_state(struct gate *g, const struct gate_start *start)
{
	enum err e = state_map(&g->state, start->state_fd, os_now_us());
	size_t n;
	void *p;

	if (e != OK)
		return e;
	p = state_get(&g->state, STATE_COUNTERS, &n);
	e = counters_attach(&g->counters, p, n);
	if (e != OK && e != ERR_VERSION)
		return e;
	g->env.counters = &g->counters;
	p = state_get(&g->state, STATE_BLOCKED, &n);
	e = marks_attach(&g->blocked, p, n);
	/* Another version's: nobody is blocked, go on. */
	if (e == OK || e == ERR_VERSION) {
		p = state_get(&g->state, STATE_DRAINED, &n);
		e = marks_attach(&g->drained, p, n);
	}
	return e == ERR_VERSION ? OK : e;
}

static void
note_start(struct gate *g)
{
	counts_note_start(g);
	g->admin = (struct admin){.engines = &g->env.engines,
	    .metrics = g->env.metrics,
	    .disks = &g->disks,
	    .started_us = os_now_us()};
	g->env.own = admin_answer;
	g->env.own_ctx = &g->admin;
}

static enum err
start(struct gate *g, const struct gate_start *s)
{
	struct hash_key id_seed;
	struct buf why;
	enum err e;

	random_must_fill(&id_seed, sizeof id_seed);
	(void)os_fd_raise_limit(FDS_WANTED);
	os_memory_keep(HEAP_KEPT, HEAP_BLOCK);
	list_init(&g->listeners);
	memcpy(g->config, s->config, sizeof g->config);
	g->config_fd = s->config_fd;
	g->runs.ports = s->ports;
	buf_init(&why, 4096);
	if ((e = loop_init(&g->loop)) != OK || (e = map_state(g, s)) != OK ||
	    (e = handover_begin(g, s)) != OK)
		goto tell;
	g->env.loop = &g->loop;
	g->env.blocked = &g->blocked;
	counts_begin(g, s->metrics_fd);
	id_init(&g->env.ids, id_seed);
	timer_init(&g->keys_timer, &g->loop, on_keys_timer);
	timer_init(&g->grace, &g->loop, on_grace);
	if (!g->has_link)
		solo_begin_engines(g);
	if ((e = reload_conf(g, &why)) != OK)
		goto tell;
	note_start(g);
	g->env.engines.tally = &g->tally;
	engines_hear(g);
	g->env.on_spent = alerts_spent;
	g->env.spent_ctx = g;
	for (size_t i = 0; i < s->n_listeners; i++)
		if ((e = listener_open(g, &s->listeners[i])) != OK)
			goto tell;
	disks_look(g, os_now_us());
	timer_set(&g->keys_timer, os_now_us() + KEYS_LOOK_US);
	buf_fini(&why);
	return OK;
tell:
	(void)fprintf(stderr, "weir: the gate cannot start: %.*s\n",
	    SLICE_ARG(why.n ? buf_slice(&why) : slice_str(err_get(e)->cause)));
	buf_fini(&why);
	return e;
}

static void
begin_link(struct gate *g)
{
	(void)uv_poll_init(&g->loop.uv, &g->link_poll, g->link.fd);
	g->link_poll.data = g;
	(void)uv_poll_start(
	    &g->link_poll, UV_READABLE | UV_DISCONNECT, on_link);
	pulse_beat(g->state.mem, g->generation);
	if (gate_link_ready(&g->link) != OK)
		g->link_lost = true;
}

/* Close all that is open and let the loop see it closed. */
static void
finish(struct gate *g)
{
	listener_close_all(g);
	pulls_end(g);
	flow_env_fini(&g->env);
	timer_stop(&g->keys_timer);
	timer_stop(&g->grace);
	uv_close((uv_handle_t *)&g->on_term, NULL);
	uv_close((uv_handle_t *)&g->on_int, NULL);
	uv_close((uv_handle_t *)&g->on_hup, NULL);
	if (g->has_link)
		uv_close((uv_handle_t *)&g->link_poll, NULL);
	solo_close(g);
	for (int i = 0; i < 100; i++)
		(void)uv_run(&g->loop.uv, UV_RUN_NOWAIT);
	handover_end(g);
	counts_look(g);
	books_close(g, LOG_FLUSH_US);
	alerts_close(g, LOG_FLUSH_US);
	event(g, EVENT_STOPPED, EVENT_NO_ARGS);
	if (g->has_link && !g->link_lost)
		(void)!gate_link_drained(&g->link);
	(void)log_close(g->env.log, LOG_FLUSH_US);
	if (g->has_link)
		gate_link_close(&g->link);
	flow_env_free(&g->env);
	caller_set_free(g->env.callers);
	disk_guard_fini(&g->disks);
	keyfile_fini(&g->keys);
	counts_end(g);
	conf_drop(g->env.conf);
	(void)loop_fini(&g->loop);
	state_unmap(&g->state);
}

static int
serve(struct gate *g, const struct gate_start *s)
{
	(void)signal(SIGPIPE, SIG_IGN);
	if (start(g, s) != OK)
		return 1;
	catch (g, &g->on_term, SIGTERM);
	catch (g, &g->on_int, SIGINT);
	catch (g, &g->on_hup, SIGHUP);
	if (g->has_link)
		begin_link(g);
	else
		solo_open(g);
	summary_rules(g);
	loop_run(&g->loop);
	solo_end_engines(g);
	finish(g);
	return 0;
}

int
gate_main(const struct gate_start *s)
{
	struct gate *g = calloc(1, sizeof *g);
	struct gate_start from_keeper;
	int status = 1;
	enum err e;

	if (g == NULL)
		return 1;
	if (s->link_fd < 0) {
		status = serve(g, s);
	} else if ((e = gate_link_open(
			&g->link, s->link_fd, START_US, &from_keeper)) == OK) {
		g->has_link = true;
		status = serve(g, &from_keeper);
	} else {
		(void)fprintf(stderr,
		    "weir: gate: no keeper speaks on its link (%s); use "
		    "`weir serve`\n",
		    err_get(e)->code);
	}
	free(g);
	return status;
}
