/*
 * Another program takes over, in the same process:
 *
 *   trial: the new program is run beside this one and asked whether it can
 *          read what will be handed over, the configuration with it
 *   exec:  pid, sockets, engines and gates stay; the old gate serves on
 *   heir:  the new program starts a gate of its own; when it is ready, the old
 *          one leaves.  If that fails: exec back, and nothing has happened
 *
 * So there is no moment in which nobody serves, and none from which there is
 * no way back.
 */
#include "keeper/inside.h"
#include "keeper/signal.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/proc.h"
#include "os/spawn.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	TRIAL_US = 10 * 1000 * 1000,
	WAITING_US = 10 * 1000 * 1000,
	HEIR_US = 20 * 1000 * 1000,
	LOOK_US = 5 * 1000,
};

/* --- the ends --- */

static void
answer(struct keeper *k, bool ok, struct slice text)
{
	struct reexec *r = &k->reexec;

	control_answer(&k->control, r->client, ok, text);
	r->client = 0;
	r->phase = REEXEC_NONE;
	r->deadline_us = INT64_MAX;
}

static void
refuse(struct keeper *k, struct slice why)
{
	struct buf text;

	why = slice_trim(why);
	keeper_say(
	    k, EVENT_REEXEC_FAILED, EVENT_ARGS(event_slice("reason", why)));
	buf_init(&text, CONTROL_ANSWER_MAX);
	(void)!buf_printf(&text,
	    "%.*s\nNothing has changed; weir %s serves on.\n", SLICE_ARG(why),
	    WEIR_VERSION);
	answer(k, false, buf_slice(&text));
	buf_fini(&text);
}

static void
refuse_errno(struct keeper *k, const char *what)
{
	char why[sizeof k->reexec.program + 128];

	(void)snprintf(why, sizeof why, "%s %s: %s", what, k->reexec.program,
	    strerror(errno));
	refuse(k, slice_str(why));
}

/* --- the trial --- */

static void
end_trial(struct keeper *k)
{
	struct reexec *r = &k->reexec;

	if (r->pid != 0) {
		os_kill_group(r->pid, SIGKILL);
		(void)waitpid(r->pid, NULL, 0);
	}
	r->pid = 0;
	os_fd_close(&r->said_fd);
}

/* ${fd} and the configuration are open in the child, and nowhere else. */
static enum err
spawn(struct keeper *k, int fd, int out)
{
	static char word[] = "heir";
	struct reexec *r = &k->reexec;
	char *argv[] = {r->program, word, NULL}, number[16];
	struct os_spawn s = {.argv = argv, .out_fd = out};
	int why_fd = -1;
	enum err e;

	(void)snprintf(number, sizeof number, "%d", fd);
	if (setenv(KEEPER_HANDOVER_ENV, number, 1) != 0)
		return ERR_NOMEM;
	s.env = os_environ();
	e = os_spawn(&s, &r->pid, &why_fd);
	(void)unsetenv(KEEPER_HANDOVER_ENV);
	os_fd_close(&why_fd);
	return e;
}

static enum err
begin_trial(struct keeper *k)
{
	struct reexec *r = &k->reexec;
	int ends[2], fd;
	enum err e;

	if (os_fd_pipe(ends) != OK)
		return ERR_IO;
	os_fd_nonblock(ends[1], false);
	e = handover_write(k, NULL, &fd);
	if (e == OK) {
		e = spawn(k, fd, ends[1]);
		handover_undo(k);
		os_fd_close(&fd);
	}
	os_fd_close(&ends[1]);
	r->said_fd = ends[0];
	return e;
}

void
reexec_begin(struct keeper *k, uint32_t client, int64_t now_us)
{
	struct reexec *r = &k->reexec;

	if (r->phase != REEXEC_NONE) {
		control_answer(&k->control, client, false,
		    slice_str("weir is being re-executed already.\n"));
		return;
	}
	r->client = client;
	buf_clear(&r->said);
	if (k->opts->argv == NULL || k->is_stopping || !k->child.is_ready)
		refuse(k, slice_str("the gate is not serving"));
	else if (k->n_outgoing >= GATES_MAX - 2)
		refuse(k,
		    slice_str("earlier gates still finish their requests; try "
			      "again later"));
	else if (os_proc_called(
		     k->opts->argv[0], r->program, sizeof r->program) != OK)
		refuse(k, slice_str("the program cannot be found any more"));
	else if (begin_trial(k) != OK)
		refuse_errno(k, "cannot run");
	else {
		r->phase = REEXEC_TRYING;
		r->deadline_us = now_us + TRIAL_US;
	}
}

static void
read_said(struct reexec *r)
{
	char part[1024];
	ssize_t n;

	while (r->said_fd >= 0 && (n = read(r->said_fd, part, sizeof part)) > 0)
		(void)!buf_add(&r->said, slice_of(part, (size_t)n));
}

/* Is ${line} the last of what it said? */
static bool
ends_with(struct slice said, const char *line)
{
	said = slice_trim(said);
	return said.n >= strlen(line) &&
	    slice_is(slice_from(said, said.n - strlen(line)), line);
}

static void
turn_trial(struct keeper *k, int64_t now_us)
{
	struct reexec *r = &k->reexec;
	struct buf why;
	bool ok;

	read_said(r);
	if (!os_child_has_ended(r->pid) && now_us < r->deadline_us)
		return;
	ok = os_child_has_ended(r->pid);
	read_said(r);
	end_trial(k);
	if (ok && ends_with(buf_slice(&r->said), KEEPER_HEIR_OK)) {
		r->phase = REEXEC_WAITING;
		r->deadline_us = now_us + WAITING_US;
		return;
	}
	buf_init(&why, REEXEC_SAID_MAX + sizeof r->program + 128);
	(void)!buf_printf(&why, "%s cannot take over: %s\n%.*s", r->program,
	    !ok ? "it does not answer" : "it is broken, no weir, or refuses",
	    SLICE_ARG(buf_slice(&r->said)));
	refuse(k, buf_slice(&why));
	buf_fini(&why);
}

/* --- the exec --- */

static bool
is_between_messages(const struct child *c)
{
	const struct channel *l = &c->link.channel;

	return l->n == l->handed && l->n_fds == l->handed_fds;
}

/* What is half done in this process would be lost. */
static bool
is_quiet(const struct keeper *k)
{
	bool ok = !k->reload.is_pending && k->child.is_ready &&
	    is_between_messages(&k->child);

	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		ok = ok && k->forwards[i].seq == 0;
	for (size_t i = 0; i < k->n_outgoing; i++)
		ok = ok && is_between_messages(&k->outgoing[i]);
	return ok;
}

/* A signal that came before they were held is not to be lost. */
static bool
has_signal(const struct keeper *k)
{
	struct pollfd p = {k->signal_fd, POLLIN, 0};

	return poll(&p, 1, 0) == 1;
}

/*
 * Become ${k->reexec.program}, or what is behind ${old_fd} (if not -1).
 * Returns only if that failed, with errno.
 */
static void
become(struct keeper *k, int old_fd, const char *why_back)
{
	char number[16];
	int fd, error = EIO;

	if (handover_write(k, why_back, &fd) != OK) {
		errno = error;
		return;
	}
	(void)snprintf(number, sizeof number, "%d", fd);
	if (setenv(KEEPER_HANDOVER_ENV, number, 1) == 0) {
		if (old_fd >= 0)
			os_proc_become(old_fd, k->opts->argv);
		else
			(void)execv(k->reexec.program, k->opts->argv);
		error = errno;
	}
	(void)unsetenv(KEEPER_HANDOVER_ENV);
	handover_undo(k);
	os_fd_close(&fd);
	errno = error;
}

static void
turn_waiting(struct keeper *k, int64_t now_us)
{
	struct reexec *r = &k->reexec;

	if (now_us >= r->deadline_us) {
		refuse(k, slice_str("there was no quiet moment"));
		return;
	}
	if (!is_quiet(k))
		return;
	signals_hold(true);
	if (!has_signal(k)) {
		r->old_fd = os_proc_open_self();
		become(k, -1, NULL);
		os_fd_close(&r->old_fd);
		refuse_errno(k, "cannot become");
	}
	signals_hold(false);
}

void
reexec_turn(struct keeper *k, int64_t now_us)
{
	if (k->reexec.phase == REEXEC_TRYING)
		turn_trial(k, now_us);
	if (k->reexec.phase == REEXEC_WAITING && !k->is_stopping)
		turn_waiting(k, now_us);
}

void
reexec_cancel(struct keeper *k)
{
	if (k->reexec.phase == REEXEC_NONE)
		return;
	end_trial(k);
	answer(k, false, slice_str("weir is being stopped.\n"));
}

int64_t
reexec_deadline(const struct keeper *k)
{
	switch (k->reexec.phase) {
	case REEXEC_TRYING:
		return k->reexec.deadline_us;
	case REEXEC_WAITING:
		return os_now_us() + LOOK_US;
	case REEXEC_HEIR:
	case REEXEC_NONE:
		break;
	}
	return INT64_MAX;
}

/* --- behind the exec --- */

void
reexec_go_on(struct keeper *k, int64_t now_us)
{
	struct reexec *r = &k->reexec;

	if (r->returned[0] != 0) {
		refuse(k, slice_str(r->returned));
		r->returned[0] = 0;
		return;
	}
	r->phase = REEXEC_HEIR;
	child_init(&k->heir);
	k->heir.last_generation = k->child.last_generation;
	keeper_fill_start(k);
	if (child_start(&k->heir, &k->start, now_us) != OK) {
		reexec_failed(k, "no process could be made");
		return;
	}
	child_kill_at(&k->heir, now_us + HEIR_US);
	/* The old one has been: this is no first start. */
	k->heir.was_ever_ready = true;
}

void
reexec_done(struct keeper *k)
{
	struct reexec *r = &k->reexec;
	char text[256];

	if (k->heir.pid != 0)
		gates_follow(k, os_now_us());
	k->child.kill_at_us = INT64_MAX;
	os_fd_close(&r->old_fd);
	keeper_say(k, EVENT_REEXECUTED,
	    EVENT_ARGS(event_str("version", WEIR_VERSION),
		event_str("old", r->old_version),
		event_num("pid", k->child.pid)));
	(void)snprintf(text, sizeof text,
	    "weir %s serves, in place of %s; pid %ld as before.\n",
	    WEIR_VERSION, r->old_version, (long)getpid());
	answer(k, true, slice_str(text));
}

void
reexec_failed(struct keeper *k, const char *reason)
{
	struct reexec *r = &k->reexec;
	char why[256];

	(void)snprintf(why, sizeof why,
	    "the gate of weir %s could not start (%s)", WEIR_VERSION, reason);
	gates_tell_gone(k, k->heir.generation);
	k->child.last_generation = k->heir.last_generation;
	child_init(&k->heir);
	if (r->old_fd >= 0 && k->child.pid != 0 && !k->is_stopping) {
		signals_hold(true);
		become(k, r->old_fd, why);
		signals_hold(false);
	}
	os_fd_close(&r->old_fd);
	refuse(k, slice_str(why));
}
