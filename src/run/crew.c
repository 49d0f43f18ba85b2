#include "run/crew.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/proc.h"
#include "os/spawn.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	GRACE_US = 10 * 1000 * 1000,
	ASK_AGAIN_US = 60 * 1000 * 1000,
	LOOK_MS = 10,
};

void
crew_init(struct crew *c, const char *state,
    bool (*tell)(void *ctx, const struct engine_news *news), void *ctx)
{
	*c = (struct crew){0};
	if (state[0] != 0)
		(void)snprintf(
		    c->folder, sizeof c->folder, "%s/engines", state);
	(void)snprintf(c->mark, sizeof c->mark, "%ld.%llu", (long)getpid(),
	    (unsigned long long)os_proc_began(0));
	c->world = (struct run_world){
	    .folder = c->folder, .mark = c->mark, .tell = tell, .ctx = ctx};
}

/* --- ports --- */

static void
set_port(struct engine_ports *p, struct slice name, uint16_t port)
{
	size_t i = 0;

	while (i < p->n && !slice_is(name, p->v[i].name))
		i++;
	if (i == ENGINES_RUN_MAX)
		return;
	if (i == p->n)
		p->n++;
	(void)snprintf(p->v[i].name, sizeof p->v[i].name, "%.*s",
	    SLICE_ARG(slice_to(name, ENGINE_NAME_MAX - 1)));
	p->v[i].port = port;
}

static bool
wants_port(const struct conf_engine *e)
{
	return e->run.n > 0 && e->url.text.n == 0;
}

void
crew_ports(struct crew *c, const struct conf *conf, struct engine_ports *out)
{
	out->n = 0;
	for (size_t i = 0; i < conf->n_engines; i++) {
		const struct conf_engine *e = &conf->engines[i];
		uint16_t port = engine_ports_find(&c->ports, e->name);

		if (wants_port(e))
			set_port(out, e->name, port ? port : door_free_port());
	}
	c->ports = *out;
}

/* --- by difference --- */

static struct run *
find(struct crew *c, struct slice name)
{
	for (size_t i = 0; i < c->n; i++)
		if (slice_is(name, c->runs[i]->name) &&
		    !c->runs[i]->is_unwanted)
			return c->runs[i];
	return NULL;
}

static const struct conf_engine *
find_conf(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_engines; i++)
		if (slice_is(conf->engines[i].name, name))
			return &conf->engines[i];
	return NULL;
}

static void
complain(const struct conf_engine *e)
{
	(void)fprintf(stderr,
	    "weir: the engine %.*s cannot be started: its "
	    "command or environment is too large\n",
	    SLICE_ARG(e->name));
}

static void
add(struct crew *c, const struct conf_engine *e)
{
	struct run *r = calloc(1, sizeof *r);

	if (r == NULL)
		return;
	if (c->n == ENGINES_RUN_MAX ||
	    run_init(r, &c->world, c->conf, e,
		engine_ports_find(&c->ports, e->name)) != OK) {
		complain(e);
		free(r);
		return;
	}
	c->runs[c->n++] = r;
}

struct run *
crew_adopt(struct crew *c, const char *name)
{
	const struct conf_engine *e = find_conf(c->conf, name);
	struct run *r = calloc(1, sizeof *r);

	if (r == NULL || c->n == ENGINES_RUN_MAX ||
	    run_adopt(r, &c->world, c->conf, e && e->run.n > 0 ? e : NULL, name,
		engine_ports_find(&c->ports, slice_str(name))) != OK) {
		free(r);
		return NULL;
	}
	c->runs[c->n++] = r;
	return r;
}

static void
stop_missing(struct crew *c, int64_t now_us)
{
	for (size_t i = 0; i < c->n; i++) {
		struct run *r = c->runs[i];
		const struct conf_engine *e = find_conf(c->conf, r->name);

		if (!r->is_unwanted && (e == NULL || e->run.n == 0))
			run_stop(r, now_us, GRACE_US);
	}
}

void
crew_update(struct crew *c, const struct conf *conf, int64_t now_us)
{
	const struct conf *old = c->conf;

	c->conf = conf_hold(conf);
	conf_drop(old);
	stop_missing(c, now_us);
	for (size_t i = 0; i < conf->n_engines; i++) {
		const struct conf_engine *e = &conf->engines[i];
		struct run *r = find(c, e->name);

		if (e->run.n == 0)
			continue;
		if (c->folder[0] != 0)
			(void)!file_make_dir(c->folder, 0700);
		if (r == NULL)
			add(c, e);
		else if (run_change(r, conf, e,
			     engine_ports_find(&c->ports, e->name),
			     now_us) != OK)
			complain(e);
	}
}

/* --- turns --- */

/* The port that we chose is somebody else's by now: another one. */
static void
move_away(struct crew *c, struct run *r, int64_t now_us)
{
	const struct conf_engine *e = find_conf(c->conf, r->name);
	uint16_t port = door_free_port();

	if (e == NULL || port == 0)
		return;
	set_port(&c->ports, e->name, port);
	r->phase = ENGINE_IS_WAITING;
	if (run_change(r, c->conf, e, port, now_us) != OK)
		complain(e);
}

void
crew_step(struct crew *c, int64_t now_us)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->n; i++) {
		struct run *r = c->runs[i];

		run_step(r, now_us);
		if (r->phase == ENGINE_IS_ELSEWHERE && r->port != 0)
			move_away(c, r, now_us);
		if (run_is_gone(r)) {
			run_fini(r);
			free(r);
		} else {
			c->runs[kept++] = r;
		}
	}
	c->n = kept;
}

size_t
crew_polls(const struct crew *c, struct pollfd *out)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		if (c->runs[i]->out.in >= 0)
			out[n++] =
			    (struct pollfd){c->runs[i]->out.in, POLLIN, 0};
	return n;
}

int64_t
crew_deadline(const struct crew *c)
{
	int64_t at_us = INT64_MAX;

	for (size_t i = 0; i < c->n; i++)
		if (run_deadline(c->runs[i]) < at_us)
			at_us = run_deadline(c->runs[i]);
	return at_us;
}

bool
crew_has(const struct crew *c, pid_t pid)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->runs[i]->pid == pid)
			return true;
	return false;
}

void
crew_tell_all(struct crew *c, int64_t now_us)
{
	for (size_t i = 0; i < c->n; i++)
		run_tell_again(c->runs[i], now_us);
}

/* --- wishes --- */

/* What is known of asking for ${unit}; the oldest makes room.  */
static struct crew_asked *
get_asked(struct crew *c, const char *unit)
{
	struct crew_asked *oldest = &c->asked[0];

	for (size_t i = 0; i < ENGINES_RUN_MAX; i++) {
		if (strcmp(c->asked[i].unit, unit) == 0)
			return &c->asked[i];
		if (c->asked[i].at_us < oldest->at_us)
			oldest = &c->asked[i];
	}
	*oldest = (struct crew_asked){0};
	(void)snprintf(oldest->unit, sizeof oldest->unit, "%s", unit);
	/* Who was re-executed only knows that it asked for one. */
	if (!c->has_asked)
		oldest->at_us = c->asked_us;
	return oldest;
}

/*
 * systemd's engine: asked, not done; what comes of it the probes show.  Who
 * stopped the unit wanted it stopped.
 */
static void
ask_systemd(struct crew *c, const struct conf_engine *e, int64_t now_us)
{
	static char program[] = "sh", flag[] = "-c";
	static char script[] =
	    "s=$(systemctl show --property=ActiveState --value -- \"$1\")\n"
	    "[ \"$s\" != inactive ] || exit \"$2\"\n"
	    "exec systemctl --no-ask-password --no-block restart -- \"$1\"";
	char unit[300], left[8];
	char *argv[] = {program, flag, script, program, unit, left, NULL};
	struct os_spawn s = {
	    .argv = argv, .env = os_environ(), .out_fd = STDERR_FILENO};
	struct crew_asked *asked;
	int why_fd;

	(void)snprintf(unit, sizeof unit, "%.*s", SLICE_ARG(e->unit));
	(void)snprintf(left, sizeof left, "%d", CREW_LEFT_ALONE);
	asked = get_asked(c, unit);
	if (asked->at_us != 0 && now_us - asked->at_us < ASK_AGAIN_US)
		return;
	asked->at_us = c->asked_us = now_us;
	c->has_asked = true;
	/* Collected as any orphan is. */
	if (os_spawn(&s, &asked->pid, &why_fd) == OK)
		os_fd_close(&why_fd);
}

const char *
crew_asked(const struct crew *c, pid_t pid)
{
	for (size_t i = 0; i < ENGINES_RUN_MAX; i++)
		if (c->asked[i].pid == pid && pid != 0)
			return c->asked[i].unit;
	return NULL;
}

void
crew_wish(
    struct crew *c, const char *name, enum engine_wish wish, int64_t now_us)
{
	struct run *r = find(c, slice_str(name));
	const struct conf_engine *e =
	    c->conf != NULL ? find_conf(c->conf, name) : NULL;

	if (r != NULL && wish == ENGINE_IS_PROVED)
		run_proved(r, now_us);
	else if (r != NULL && wish == ENGINE_RESTART)
		run_end_hung(r, now_us);
	else if (e != NULL && e->unit.n > 0 && wish == ENGINE_RESTART)
		ask_systemd(c, e, now_us);
}

/* --- the end --- */

void
crew_stop(struct crew *c, int64_t now_us, int64_t grace_us)
{
	for (size_t i = 0; i < c->n; i++)
		run_stop(c->runs[i], now_us, grace_us);
}

bool
crew_is_gone(const struct crew *c)
{
	return c->n == 0;
}

void
crew_end(struct crew *c, int64_t grace_us)
{
	int64_t now_us = os_now_us(), end_us = now_us + grace_us + 1000000;

	crew_stop(c, now_us, grace_us);
	crew_step(c, now_us);
	while (!crew_is_gone(c) && os_now_us() < end_us) {
		(void)poll(NULL, 0, LOOK_MS);
		crew_step(c, os_now_us());
	}
}

void
crew_fini(struct crew *c)
{
	for (size_t i = 0; i < c->n; i++) {
		run_fini(c->runs[i]);
		free(c->runs[i]);
	}
	c->n = 0;
	conf_drop(c->conf);
	c->conf = NULL;
}
