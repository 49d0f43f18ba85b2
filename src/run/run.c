#include "run/run.h"
#include "engine/store.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/proc.h"
#include "os/random.h"
#include "os/spawn.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define CGROUP "weir-" /* and PID-NAME */

enum {
	GRACE_US = 10 * 1000 * 1000, /* of a restart */
	HUNG_GRACE_US = 500 * 1000,
	SWEEP_US = 5 * 1000 * 1000, /* left-overs may end by themselves */
	SWEEP_LOOK_US = 100 * 1000,
	ELSEWHERE_LOOK_US = 1000 * 1000,
	/* Longer than other supervisors take to start theirs again. */
	FREE_US = 5 * 1000 * 1000,
	HELD_LOOK_US = 30 * 1000 * 1000,
	WEIGH_LOOK_US = 20 * 1000,
};

/* --- what is told --- */

/* What no gate heard stays news. */
static void
deliver(struct run *r)
{
	if (!r->world->tell(r->world->ctx, &r->last))
		return;
	r->last.tail = (struct slice){0};
	r->last.is_fresh = false;
}

static void
tell(struct run *r, enum engine_phase phase, int64_t now_us, const char *note)
{
	struct engine_news *n = &r->last;

	r->phase = phase;
	n->phase = phase;
	n->pid = r->pid;
	n->port = r->port;
	n->exits = backoff_ends(&r->backoff, now_us);
	n->delay_us =
	    r->pid || phase == ENGINE_IS_STOPPED ? 0 : r->start_at_us - now_us;
	(void)snprintf(n->note, sizeof n->note, "%s", note);
	n->is_fresh = true;
	deliver(r);
}

void
run_tell_again(struct run *r, int64_t now_us)
{
	if (r->pid == 0 && r->phase != ENGINE_IS_STOPPED)
		r->last.delay_us = r->start_at_us - now_us;
	deliver(r);
}

/* --- what is left of earlier ones --- */

static struct leftover_of
leftover_of(const struct run *r)
{
	return (struct leftover_of){.name = r->name,
	    .keeper = r->world->mark,
	    .folder = r->world->folder,
	    .cgroup = &r->cgroup};
}

static size_t
sweep(const struct run *r, int signal)
{
	struct leftover_of of = leftover_of(r);

	return leftover_end(&of, signal);
}

/* True: something is left; it is told to end, and looked at again soon. */
static bool
has_leftovers(struct run *r, int64_t now_us)
{
	bool is_first = r->sweep_until_us == 0;
	char note[ENGINE_NOTE_MAX];
	size_t n;

	n = sweep(
	    r, is_first || now_us < r->sweep_until_us ? SIGTERM : SIGKILL);
	if (n == 0) {
		r->sweep_until_us = 0;
		return false;
	}
	r->start_at_us = now_us + SWEEP_LOOK_US;
	if (!is_first)
		return true;
	r->sweep_until_us = now_us + SWEEP_US;
	(void)snprintf(note, sizeof note, "%zu", n);
	tell(r, ENGINE_IS_SWEEPING, now_us, note);
	return true;
}

/* --- may it be started? --- */

/* Whoever serves there already is left alone, and so is its supervisor. */
static bool
is_elsewhere(struct run *r, int64_t now_us)
{
	char who[128];

	if (!door_is_answered(&r->door)) {
		if (r->phase != ENGINE_IS_ELSEWHERE)
			return false;
		if (r->free_since_us == 0)
			r->free_since_us = now_us;
		r->start_at_us = now_us + ELSEWHERE_LOOK_US;
		return now_us - r->free_since_us < FREE_US;
	}
	r->free_since_us = 0;
	r->start_at_us = now_us + ELSEWHERE_LOOK_US;
	if (r->phase == ENGINE_IS_ELSEWHERE)
		return true;
	door_holder(&r->door, who, sizeof who);
	tell(r, ENGINE_IS_ELSEWHERE, now_us, who);
	return true;
}

/*
 * Which store an Ollama shall use: "OLLAMA_MODELS=..." in ${out}, "" where it
 * finds the right one by itself.  True: it must not be started.
 */
static bool
is_held(struct run *r, char *out, size_t cap, int64_t now_us)
{
	const char *home = recipe_env(&r->recipe, "HOME");
	char own[4200], found[4300], note[ENGINE_NOTE_MAX];

	out[0] = 0;
	if (!r->is_ollama || home == NULL ||
	    recipe_env(&r->recipe, "OLLAMA_MODELS") != NULL)
		return false;
	(void)snprintf(own, sizeof own, "%s/.ollama/models", home);
	if (store_choose(own, store_usual(), found, sizeof found) !=
	    STORE_HIDDEN) {
		if (strcmp(own, found) != 0)
			(void)snprintf(out, cap, "OLLAMA_MODELS=%s", found);
		return false;
	}
	r->start_at_us = now_us + HELD_LOOK_US;
	if (r->phase == ENGINE_IS_HELD)
		return true;
	(void)snprintf(note, sizeof note,
	    "the models may be in %.80s, which this user may not read; run "
	    "weir as their owner, or set OLLAMA_MODELS in env",
	    found);
	tell(r, ENGINE_IS_HELD, now_us, note);
	return true;
}

/* --- start --- */

/* ${env} with what else it needs behind it; the caller frees the array. */
static char **
with_more(const struct run *r, char *store)
{
	char *const *env = r->recipe.env;
	size_t n = 0;
	char **v;

	while (env[n] != NULL)
		n++;
	if ((v = calloc(n + 3, sizeof *v)) == NULL)
		return NULL;
	memcpy(v, env, n * sizeof *v);
	if (store[0] != 0)
		v[n++] = store;
	v[n] = weighing_env(&r->weighing);
	return v;
}

static enum err
make_process(struct run *r, char *store)
{
	struct os_spawn s = {.argv = r->recipe.argv,
	    .cgroup = &r->cgroup,
	    .ends_with_parent = true};
	char **env = with_more(r, store), name[128];
	enum err e = env != NULL ? OK : ERR_NOMEM;

	if (e == OK)
		e = output_open(&r->out, &s.out_fd);
	if (e != OK)
		goto free_env;
	(void)snprintf(
	    name, sizeof name, CGROUP "%ld-%s", (long)getpid(), r->name);
	if (r->cgroup.path[0] == 0 && os_cgroup_make(&r->cgroup, name) == OK)
		os_cgroup_sweep(&r->cgroup, CGROUP);
	r->oom_kills = os_cgroup_oom_kills(&r->cgroup);
	s.env = env;
	e = os_spawn(&s, &r->pid, &r->why_fd);
	os_fd_close(&s.out_fd);
free_env:
	free((void *)env);
	return e;
}

static void
start(struct run *r, int64_t now_us)
{
	char store[4400];

	if (!weighing_is_over(&r->weighing)) {
		r->start_at_us = now_us + WEIGH_LOOK_US;
		return;
	}
	if (has_leftovers(r, now_us) || is_elsewhere(r, now_us) ||
	    is_held(r, store, sizeof store, now_us))
		return;
	if (make_process(r, store) != OK) {
		r->start_at_us = now_us + BACKOFF_FIRST_US;
		return;
	}
	r->started_us = now_us;
	r->proved_us = 0;
	r->last.tail = (struct slice){0};
	r->kill_at_us = INT64_MAX;
	r->is_restart = false;
	output_note(&r->out, "--- weir: started, pid %ld\n", (long)r->pid);
	tell(r, ENGINE_IS_RUNNING, now_us, store);
}

/* --- end --- */

static bool
is_well(const struct run *r, int64_t now_us)
{
	return r->proved_us != 0 && now_us - r->started_us >= BACKOFF_WELL_US;
}

static void
explain(struct run *r, int status, int error)
{
	struct engine_news *n = &r->last;
	int64_t oom = os_cgroup_oom_kills(&r->cgroup);
	bool is_kill = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;

	if (error != 0) {
		n->end = ENGINE_END_NO_EXEC;
		n->code = error;
	} else if (WIFEXITED(status)) {
		n->end = ENGINE_END_EXIT;
		n->code = WEXITSTATUS(status);
	} else if (is_kill &&
	    (oom < 0 ? os_oom_has_killed(r->pid) : oom > r->oom_kills)) {
		n->end = ENGINE_END_MEMORY;
		n->code = SIGKILL;
	} else {
		n->end = ENGINE_END_SIGNAL;
		n->code = WTERMSIG(status);
	}
	n->ran_us = os_now_us() - r->started_us;
	n->tail = slice_of(r->out.tail, r->out.n);
}

static void
on_end(struct run *r, int64_t now_us)
{
	int status = 0, error = os_spawn_error(r->why_fd);
	enum engine_phase next = ENGINE_IS_WAITING;
	uint64_t random;

	/* Its id is its group's as long as it is not collected. */
	os_kill_group(r->pid, SIGKILL);
	(void)waitpid(r->pid, &status, 0);
	output_drain(&r->out);
	explain(r, status, error);
	output_note(&r->out, "--- weir: pid %ld ended\n", (long)r->pid);
	if (is_well(r, now_us))
		r->backoff = (struct backoff){0};
	r->pid = 0;
	os_fd_close(&r->why_fd);
	r->start_at_us = now_us;
	if (r->is_unwanted) {
		next = ENGINE_IS_STOPPED;
	} else if (!r->is_restart) {
		random_must_fill(&random, sizeof random);
		r->start_at_us += backoff_end(&r->backoff, now_us, random);
		if (r->backoff.is_looping)
			next = ENGINE_IS_LOOPING;
	}
	tell(r, next, now_us, "");
	(void)sweep(r, SIGKILL);
}

/* --- from outside --- */

void
run_step(struct run *r, int64_t now_us)
{
	output_drain(&r->out);
	if (r->pid != 0 && os_child_has_ended(r->pid))
		on_end(r, now_us);
	if (r->pid == 0) {
		if (!r->is_unwanted && now_us >= r->start_at_us)
			start(r, now_us);
		return;
	}
	if (now_us >= r->kill_at_us) {
		r->kill_at_us = INT64_MAX;
		os_kill_group(r->pid, SIGKILL);
	}
	if (r->backoff.n > 0 && is_well(r, now_us)) {
		r->backoff = (struct backoff){0};
		tell(r, ENGINE_IS_RUNNING, now_us, "");
	}
}

int64_t
run_deadline(const struct run *r)
{
	int64_t at_us = r->kill_at_us;

	if (r->pid == 0)
		return r->is_unwanted ? INT64_MAX : r->start_at_us;
	if (r->backoff.n > 0 && r->proved_us != 0 &&
	    r->started_us + BACKOFF_WELL_US < at_us)
		at_us = r->started_us + BACKOFF_WELL_US;
	return at_us;
}

void
run_proved(struct run *r, int64_t now_us)
{
	if (r->proved_us == 0)
		r->proved_us = now_us;
}

static void
ask_to_end(struct run *r, int64_t now_us, int64_t grace_us)
{
	if (now_us + grace_us < r->kill_at_us)
		r->kill_at_us = now_us + grace_us;
	os_kill_group(r->pid, SIGTERM);
	/* One that is stopped would never hear it. */
	os_kill_group(r->pid, SIGCONT);
}

void
run_end_hung(struct run *r, int64_t now_us)
{
	if (r->pid != 0)
		ask_to_end(r, now_us, HUNG_GRACE_US);
}

/* Its end is ours, and no fault of its own. */
static void
restart(struct run *r, int64_t now_us)
{
	r->start_at_us = now_us;
	if (r->pid == 0)
		return;
	r->is_restart = true;
	ask_to_end(r, now_us, GRACE_US);
}

void
run_stop(struct run *r, int64_t now_us, int64_t grace_us)
{
	r->is_unwanted = true;
	if (r->pid != 0)
		ask_to_end(r, now_us, grace_us);
	else if (r->phase != ENGINE_IS_STOPPED)
		tell(r, ENGINE_IS_STOPPED, now_us, "");
}

bool
run_is_gone(const struct run *r)
{
	return r->is_unwanted && r->pid == 0;
}

/* --- what it is --- */

static enum err
make_recipe(struct recipe *out, const struct run *r, const struct conf *conf,
    const struct conf_engine *e, uint16_t port)
{
	struct leftover_of of_run = leftover_of(r);
	char mark[LEFTOVER_MARK_MAX];
	struct recipe_of of = {.conf = conf,
	    .engine = e,
	    .port = port,
	    .mark = mark,
	    .home = r->world->folder[0] ? r->world->folder : NULL,
	    .around = os_environ()};

	leftover_mark(&of_run, mark);
	return recipe_make(out, &of);
}

enum err
run_adopt(struct run *r, const struct run_world *world, const struct conf *conf,
    const struct conf_engine *e, const char *name, uint16_t port)
{
	char path[1200];
	enum err err;

	*r = (struct run){.world = world,
	    .why_fd = -1,
	    .port = port,
	    .kill_at_us = INT64_MAX,
	    .is_ollama = e != NULL && recipe_is_ollama(e)};
	(void)snprintf(r->name, sizeof r->name, "%s", name);
	memcpy(r->last.name, r->name, sizeof r->last.name);
	(void)snprintf(path, sizeof path, "%s/%s.log", world->folder, r->name);
	output_init(&r->out, world->folder[0] ? path : NULL);
	if (e == NULL)
		return OK;
	door_init(&r->door, &e->url, port);
	if ((err = make_recipe(&r->recipe, r, conf, e, port)) != OK)
		recipe_fini(&r->recipe);
	else
		weighing_begin(&r->weighing, conf, e, &r->recipe);
	return err;
}

enum err
run_init(struct run *r, const struct run_world *world, const struct conf *conf,
    const struct conf_engine *e, uint16_t port)
{
	char name[ENGINE_NAME_MAX];

	(void)snprintf(
	    name, sizeof name, "%.*s", SLICE_ARG(slice_to(e->name, 64)));
	return run_adopt(r, world, conf, e, name, port);
}

enum err
run_change(struct run *r, const struct conf *conf, const struct conf_engine *e,
    uint16_t port, int64_t now_us)
{
	struct recipe fresh;
	enum err err = make_recipe(&fresh, r, conf, e, port);
	bool is_same;

	if (err != OK) {
		recipe_fini(&fresh);
		return err;
	}
	is_same = recipe_eq(&fresh, &r->recipe);
	recipe_fini(&r->recipe);
	r->recipe = fresh;
	r->port = port;
	r->is_ollama = recipe_is_ollama(e);
	door_init(&r->door, &e->url, port);
	weighing_begin(&r->weighing, conf, e, &r->recipe);
	if (!is_same) {
		r->backoff = (struct backoff){0};
		restart(r, now_us);
	}
	return OK;
}

void
run_fini(struct run *r)
{
	int status;

	if (r->pid != 0) {
		os_kill_group(r->pid, SIGKILL);
		(void)waitpid(r->pid, &status, 0);
	}
	/* Left-overs that were still given time have none any more. */
	if (r->pid != 0 || r->sweep_until_us != 0)
		(void)sweep(r, SIGKILL);
	weighing_fini(&r->weighing);
	os_fd_close(&r->why_fd);
	output_close(&r->out);
	os_cgroup_remove(&r->cgroup);
	recipe_fini(&r->recipe);
}
