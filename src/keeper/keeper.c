#include "keeper/keeper.h"
#include "keeper/inside.h"
#include "keeper/signal.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/service.h"
#include "os/spawn.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	FILES_WANTED = 65536,
	WHY_MAX = 16 * 1024,
	KILL_AFTER_US = 2 * 1000 * 1000,  /* the grace is over, and so long */
	QUIT_WITHIN_US = 1 * 1000 * 1000, /* after a second signal */
	END_WITHIN_US = 1 * 1000 * 1000,  /* after it closed its link */
	ENGINES_US = 10 * 1000 * 1000,	  /* engines may take to end */
	US_PER_S = 1000 * 1000,
};

void
keeper_log(struct keeper *k, enum event_id id, const struct event_arg *args,
    size_t n_args)
{
	char line[EVENT_LINE_MAX];
	size_t n;

	if (k->child.pid == 0)
		return;
	n = event_format(line, os_wall_us(), id, args, n_args);
	(void)!keeper_link_log_line(&k->child.link, slice_of(line, n));
}

void
keeper_say(struct keeper *k, enum event_id id, const struct event_arg *args,
    size_t n_args)
{
	event_print(id, args, n_args);
	keeper_log(k, id, args, n_args);
}

void
keeper_fill_start(struct keeper *k)
{
	k->start.link_fd = -1;
	k->start.state_fd = k->state_fd;
	k->start.metrics_fd = k->metrics_fd;
	k->start.config_fd = k->setup.config_fd;
	memcpy(k->start.config, k->setup.path, sizeof k->start.config);
	listener_set_put(&k->listeners, NULL, &k->start);
	crew_ports(&k->crew, k->setup.conf, &k->start.ports);
	gates_list(k, k->start.live, &k->start.n_live);
}

void
keeper_announce(struct keeper *k)
{
	struct buf where;

	if (k->is_announced)
		return;
	k->is_announced = true;
	buf_init(&where, 1024);
	listener_set_print(&k->listeners, &where);
	keeper_say(k, EVENT_STARTED,
	    EVENT_ARGS(event_str("version", WEIR_VERSION),
		event_slice("listen", buf_slice(&where)),
		event_str("config",
		    k->setup.path[0] ? k->setup.path : "none (defaults)")));
	buf_fini(&where);
}

/* --- the gate --- */

static void
start_gate(struct keeper *k, int64_t now_us)
{
	keeper_fill_start(k);
	if (child_start(&k->child, &k->start, now_us) == OK)
		crew_tell_all(&k->crew, now_us);
}

/* --- engines --- */

/* Whoever lost its parent came to us; those we know are not touched. */
static void
collect_orphans(struct keeper *k)
{
	pid_t pid;

	while ((pid = os_child_any_ended()) != 0 && !gates_have(k, pid) &&
	    pid != k->reexec.pid && !crew_has(&k->crew, pid)) {
		const char *unit = crew_asked(&k->crew, pid);
		int status = 0;

		(void)waitpid(pid, &status, WNOHANG);
		if (unit != NULL && WIFEXITED(status) &&
		    WEXITSTATUS(status) == CREW_LEFT_ALONE)
			keeper_say(k, EVENT_UNIT_STOPPED,
			    EVENT_ARGS(event_str("unit", unit)));
		else if (unit != NULL && status != 0)
			keeper_say(k, EVENT_UNIT_REFUSED,
			    EVENT_ARGS(event_str("unit", unit),
				event_num("status", WEXITSTATUS(status))));
	}
}

/* A gate that never served and ended by itself: it has said why. */
static bool
is_hopeless(const struct keeper *k, const struct child_end *end)
{
	return !k->child.was_ever_ready && end->is_exit && end->status != 0;
}

/* Nobody needs them any more; when they are gone all is done. */
static void
stop_engines(struct keeper *k, int64_t now_us)
{
	k->is_stopping = true;
	crew_stop(&k->crew, now_us, ENGINES_US);
	k->is_done = crew_is_gone(&k->crew);
}

static void
on_gate_end(struct keeper *k, const struct child_end *end, int64_t now_us)
{
	int64_t silent_us = k->child.silent_us;

	forward_cancel(k);
	gates_tell_gone(k, k->child.generation);
	if (k->heir.pid != 0 && !k->is_stopping) {
		/* It was to follow anyhow. */
		gates_follow(k, now_us);
		return;
	}
	if (is_hopeless(k, end) && !k->is_stopping) {
		(void)fprintf(stderr, "weir: the gate could not start (%s)\n",
		    end->reason);
		k->status = 1;
	}
	if (k->is_stopping || k->status != 0) {
		stop_engines(k, now_us);
		return;
	}
	reload_cancel(k, "the gate died while it reloaded");
	if (end->delay_us == 0)
		start_gate(k, now_us);
	/* Said behind the start, so that the new gate logs it. */
	if (silent_us > 0)
		keeper_log(k, EVENT_GATE_HUNG,
		    EVENT_ARGS(event_num("silent_s", silent_us / US_PER_S)));
	if (end->delay_us == 0)
		keeper_say(k, EVENT_GATE_DIED,
		    EVENT_ARGS(event_str("reason", end->reason)));
	else
		keeper_say(k, EVENT_GATE_SLOW_START,
		    EVENT_ARGS(event_str("reason", end->reason),
			event_num("delay_ms", end->delay_us / 1000)));
}

static void
hear_gate(struct keeper *k, int64_t now_us)
{
	struct report r;

	while (k->child.pid != 0 &&
	    keeper_link_next(&k->child.link, &r) != REPORT_NONE) {
		switch (r.kind) {
		case REPORT_READY:
			k->child.is_ready = k->child.was_ever_ready = true;
			keeper_announce(k);
			if (k->reexec.phase == REEXEC_HEIR)
				reexec_done(k);
			keeper_log(k, EVENT_GATE_STARTED,
			    EVENT_ARGS(event_num("pid", k->child.pid)));
			break;
		case REPORT_RELOADED:
			reload_answered(k, r.seq, r.ok, r.text, now_us);
			break;
		case REPORT_ANSWER:
			forward_answered(k, &r);
			break;
		case REPORT_WISH:
			crew_wish(&k->crew, r.engine, r.wish, now_us);
			break;
		case REPORT_LOST:
			/* It is ending, or out of its mind: see to its end. */
			os_fd_close(&k->child.link.channel.fd);
			child_kill_at(&k->child, now_us + END_WITHIN_US);
			return;
		case REPORT_WELL:
			k->service.is_well = true;
			break;
		case REPORT_DRAINED:
		case REPORT_NONE:
			break;
		}
	}
}

/* --- orders from outside --- */

static void
stop(struct keeper *k, bool at_once, int64_t now_us)
{
	enum err e;

	reload_cancel(k, "weir is being stopped");
	reexec_cancel(k);
	os_service_tell("STOPPING=1");
	gates_stop(k, at_once, now_us);
	/* Whoever connects from now on is refused, and not left to wait. */
	listener_set_close(&k->listeners);
	if (at_once)
		crew_stop(&k->crew, now_us, QUIT_WITHIN_US);
	if (k->child.pid == 0) {
		stop_engines(k, now_us);
		return;
	}
	if (at_once) {
		e = keeper_link_quit(&k->child.link);
		child_kill_at(&k->child, now_us + QUIT_WITHIN_US);
	} else {
		e = keeper_link_drain(&k->child.link, k->opts->grace_us);
		child_kill_at(
		    &k->child, now_us + k->opts->grace_us + KILL_AFTER_US);
	}
	k->is_stopping = true;
	if (e != OK)
		child_kill_at(&k->child, now_us);
}

static void
take_signals(struct keeper *k, int64_t now_us)
{
	struct signals s = signals_take();

	if (s.reload > 0) {
		if (k->child.pid != 0)
			(void)!keeper_link_reopen_log(&k->child.link);
		reload_begin(k, 0, now_us);
	}
	if (s.reexec > 0)
		reexec_begin(k, 0, now_us);
	for (unsigned i = 0; i < s.stop && !k->is_done; i++)
		stop(k, k->is_stopping, now_us);
}

static void
answer_ping(struct keeper *k, uint32_t client)
{
	struct buf b;

	buf_init(&b, 256);
	(void)!buf_printf(&b,
	    "weir %s, pid %ld; gate %s, pid %ld, generation %llu\n",
	    WEIR_VERSION, (long)getpid(),
	    k->child.is_ready ? "ready" : "not ready", (long)k->child.pid,
	    (unsigned long long)k->child.generation);
	control_answer(&k->control, client, true, buf_slice(&b));
	buf_fini(&b);
}

static void
take_commands(struct keeper *k, int64_t now_us)
{
	struct control_request r;

	while (control_next(&k->control, now_us, &r)) {
		if (slice_is(r.command, "reload"))
			reload_begin(k, r.client, now_us);
		else if (slice_is(r.command, "reexec"))
			reexec_begin(k, r.client, now_us);
		else if (slice_is(r.command, "ping"))
			answer_ping(k, r.client);
		else
			forward_begin(k, r.client, r.command, now_us);
	}
}

/* --- the loop --- */

static int64_t
sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When something is to be done even if nothing happens. */
static int64_t
next_deadline(const struct keeper *k)
{
	int64_t at = sooner(control_deadline(&k->control), forward_deadline(k));

	at = sooner(at, crew_deadline(&k->crew));
	at = sooner(at, gates_deadline(k));
	at = sooner(at, service_deadline(k));
	at = sooner(at, reexec_deadline(k));
	at = sooner(at, watch_deadline(k));
	if (k->child.pid == 0)
		at = sooner(
		    at, k->is_stopping ? INT64_MAX : k->child.start_at_us);
	else
		at = sooner(at, k->child.kill_at_us);
	if (k->reload.is_pending)
		at = sooner(at, k->reload.deadline_us);
	return at;
}

static void
wait_for_something(struct keeper *k)
{
	struct pollfd p[4 + GATES_MAX + CONTROL_POLLS_MAX + ENGINES_RUN_MAX];
	int64_t at = next_deadline(k), ms = -1;
	nfds_t n = 0;

	if (at != INT64_MAX) {
		/* Rounded up, so as not to wake just before it is time. */
		ms = (at - os_now_us() + 999) / 1000;
		if (ms < 0)
			ms = 0;
	}
	p[n++] = (struct pollfd){k->signal_fd, POLLIN, 0};
	if (k->child.pid != 0 && k->child.link.channel.fd >= 0)
		p[n++] = (struct pollfd){k->child.link.channel.fd, POLLIN, 0};
	n += control_polls(&k->control, p + n);
	n += crew_polls(&k->crew, p + n);
	n += gates_polls(k, p + n);
	if (k->reexec.said_fd >= 0)
		p[n++] = (struct pollfd){k->reexec.said_fd, POLLIN, 0};
	(void)poll(p, n, (int)sooner(ms, 3600 * 1000));
}

static void
on_time(struct keeper *k, int64_t now_us)
{
	if (k->child.pid == 0 && !k->is_stopping &&
	    now_us >= k->child.start_at_us)
		start_gate(k, now_us);
	child_kill_if_due(&k->child, now_us);
	reload_on_time(k, now_us);
	forward_on_time(k, now_us);
}

static void
run(struct keeper *k)
{
	watch_begin(k, os_now_us());
	if (k->child.pid == 0)
		start_gate(k, os_now_us());
	else
		reexec_go_on(k, os_now_us());
	crew_update(&k->crew, k->setup.conf, os_now_us());
	while (!k->is_done) {
		struct child_end end;
		int64_t now_us;

		wait_for_something(k);
		now_us = os_now_us();
		take_signals(k, now_us);
		hear_gate(k, now_us);
		if (child_reap(&k->child, now_us, &end))
			on_gate_end(k, &end, now_us);
		gates_turn(k, now_us);
		crew_step(&k->crew, now_us);
		collect_orphans(k);
		if (k->is_stopping && gates_are_gone(k))
			stop_engines(k, now_us);
		take_commands(k, now_us);
		if (!k->is_done)
			on_time(k, now_us);
		watch_turn(k, now_us);
		service_turn(k, now_us);
		if (!k->is_done)
			reexec_turn(k, now_us);
	}
}

/* --- start and end --- */

static void
print_lines(struct slice text)
{
	while (text.n > 0) {
		struct slice line = slice_cut(&text, '\n');

		(void)fprintf(stderr, "weir: %.*s\n", SLICE_ARG(line));
	}
}

static int
run_in_one_process(struct keeper *k)
{
	keeper_announce(k);
	keeper_fill_start(k);
	k->start.generation = 1;
	k->status = gate_main(&k->start);
	/* The gate has closed the descriptors; the names are ours. */
	for (size_t i = 0; i < k->listeners.n; i++) {
		struct listener *l = &k->listeners.v[i];

		if (l->gate.is_unix)
			(void)unlink(l->unix_end.path);
	}
	k->listeners.n = 0;
	k->setup.config_fd = -1;
	k->state_fd = k->metrics_fd = -1;
	return k->status;
}

static void
run_with_gates(struct keeper *k, struct buf *why)
{
	if ((k->signal_fd = signals_catch()) < 0) {
		k->status = 1;
		return;
	}
	if (k->control.socket.fd < 0)
		keeper_open_control(k, why);
	if (k->crew.world.ctx == NULL)
		keeper_open_crew(k);
	run(k);
	watch_end(k);
	crew_fini(&k->crew);
	signals_release();
}

int
keeper_main(const struct keeper_opts *opts)
{
	struct keeper *k = calloc(1, sizeof *k);
	struct buf why;
	int status;

	if (k == NULL)
		return 1;
	k->opts = opts;
	k->setup.config_fd = k->reload.setup.config_fd = -1;
	k->state_fd = k->metrics_fd = -1;
	control_init(&k->control);
	child_init(&k->child);
	child_init(&k->heir);
	k->reexec.said_fd = k->reexec.old_fd = -1;
	buf_init(&k->reexec.said, REEXEC_SAID_MAX);
	buf_init(&why, WHY_MAX);
	(void)os_fd_raise_limit(FILES_WANTED);
	k->status = keeper_begin(k, &why) ? 0 : 1;
	/* Problems, or only warnings. */
	print_lines(buf_slice(&why));
	if (k->status == 0 && opts->one_process)
		(void)run_in_one_process(k);
	else if (k->status == 0)
		run_with_gates(k, &why);
	control_close(&k->control);
	listener_set_close(&k->listeners);
	setup_fini(&k->setup);
	os_fd_close(&k->state_fd);
	os_fd_close(&k->metrics_fd);
	os_fd_close(&k->reexec.old_fd);
	buf_fini(&k->reexec.said);
	buf_fini(&why);
	status = k->status;
	free(k);
	return status;
}
