#include "keeper/child.h"
#include "keeper/keeper.h"
#include "os/fd.h"
#include "os/proc.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	QUICK_US = 1000 * 1000,
	FIRST_PAUSE_US = 100 * 1000,
	LONGEST_PAUSE_US = 5 * 1000 * 1000,
};

void
child_init(struct child *c)
{
	*c = (struct child){.link.channel.fd = -1};
	c->link.channel.is_lost = true;
}

int64_t
child_pause_us(unsigned quick_deaths)
{
	int64_t us = FIRST_PAUSE_US;

	if (quick_deaths < 2)
		return 0;
	while (quick_deaths-- > 2 && us < LONGEST_PAUSE_US)
		us *= 2;
	return us < LONGEST_PAUSE_US ? us : LONGEST_PAUSE_US;
}

/*
 * In the child: become the gate.  Signals that a terminal or a service manager
 * sends to all processes are for the keeper.
 */
static _Noreturn void
become_gate(const char *program, int link)
{
	static char name[] = "weir", command[] = "gate";
	char *argv[] = {name, command, NULL};

	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGUSR2, SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL);
	if (link == GATE_LINK_FD)
		os_fd_cloexec(link, false);
	else if (dup2(link, GATE_LINK_FD) < 0)
		_exit(127);
	(void)execv(program, argv);
	_exit(127);
}

static enum err
make_process(struct child *c)
{
	char program[4096];
	int ends[2];
	pid_t pid;

	if (os_proc_self(program, sizeof program) != OK ||
	    os_fd_pair(ends) != OK)
		return ERR_IO;
	if ((pid = fork()) == 0)
		become_gate(program, ends[1]);
	os_fd_close(&ends[1]);
	if (pid < 0) {
		os_fd_close(&ends[0]);
		return ERR_IO;
	}
	c->pid = pid;
	channel_init(&c->link.channel, ends[0]);
	return OK;
}

enum err
child_start(struct child *c, struct gate_start *start, int64_t now_us)
{
	enum err e = make_process(c);

	c->started_us = now_us;
	c->kill_at_us = INT64_MAX;
	c->is_ready = false;
	c->silent_us = 0;
	if (e != OK) {
		c->start_at_us = now_us + child_pause_us(++c->quick_deaths + 1);
		return e;
	}
	start->generation = c->generation = ++c->last_generation;
	/* One that is dead already will be reaped. */
	(void)!keeper_link_start(&c->link, start);
	return OK;
}

static void
describe(int status, struct child_end *out)
{
	out->is_exit = WIFEXITED(status);
	out->status = out->is_exit ? WEXITSTATUS(status) : WTERMSIG(status);
	if (out->is_exit)
		(void)snprintf(out->reason, sizeof out->reason,
		    "exit status %d", out->status);
	else
		(void)snprintf(out->reason, sizeof out->reason, "signal %d, %s",
		    out->status, strsignal(out->status));
}

bool
child_reap(struct child *c, int64_t now_us, struct child_end *out)
{
	pid_t pid;
	int status;

	if (c->pid == 0)
		return false;
	do
		pid = waitpid(c->pid, &status, WNOHANG);
	while (pid < 0 && errno == EINTR);
	if (pid != c->pid)
		return false;
	describe(status, out);
	channel_fini(&c->link.channel);
	c->pid = 0;
	c->is_ready = false;
	c->quick_deaths =
	    now_us - c->started_us < QUICK_US ? c->quick_deaths + 1 : 0;
	out->delay_us = child_pause_us(c->quick_deaths);
	c->start_at_us = now_us + out->delay_us;
	return true;
}

void
child_kill_at(struct child *c, int64_t us)
{
	if (us < c->kill_at_us)
		c->kill_at_us = us;
}

void
child_kill_if_due(struct child *c, int64_t now_us)
{
	if (c->pid == 0 || now_us < c->kill_at_us)
		return;
	(void)kill(c->pid, SIGKILL);
	c->kill_at_us = INT64_MAX;
}

int
keeper_gate_child(void)
{
	struct gate_start start = {.state_fd = -1,
	    .metrics_fd = -1,
	    .config_fd = -1,
	    .link_fd = GATE_LINK_FD};

	if (fcntl(GATE_LINK_FD, F_GETFD) < 0) {
		(void)fprintf(stderr,
		    "weir: `weir gate` is started by `weir serve`, not by "
		    "hand\n");
		return 2;
	}
	os_fd_cloexec(GATE_LINK_FD, true);
	os_proc_name("weir-gate");
	return gate_main(&start);
}
