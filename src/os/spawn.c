#include "os/spawn.h"
#include "os/fd.h"
#include "os/proc.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#ifdef __APPLE__
#include <crt_externs.h>
#define environ (*_NSGetEnviron())
#endif

/* What our own handlers and ignored signals would be to it. */
static const int reset[] = {
    SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGPIPE, SIGUSR1, SIGUSR2, SIGQUIT};

/* In the child. */
static _Noreturn void
become(const struct os_spawn *s, int why_fd, pid_t parent)
{
	int null = open("/dev/null", O_RDWR), error;
	sigset_t none;

	(void)setsid();
	if (s->cgroup != NULL)
		os_cgroup_enter(s->cgroup);
	for (size_t i = 0; i < sizeof reset / sizeof *reset; i++)
		(void)signal(reset[i], SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (s->ends_with_parent &&
	    !os_proc_signal_with_parent(SIGTERM, parent) && getppid() != parent)
		_exit(127);
	if (null < 0 || dup2(null, 0) < 0 || dup2(s->out_fd, 1) < 0 ||
	    dup2(s->out_fd, 2) < 0)
		_exit(127);
	if (null > 2)
		(void)close(null);
	environ = (char **)(uintptr_t)s->env;
	(void)execvp(s->argv[0], s->argv);
	error = errno;
	(void)!write(why_fd, &error, sizeof error);
	_exit(127);
}

enum err
os_spawn(const struct os_spawn *s, pid_t *pid, int *why_fd)
{
	pid_t parent = getpid();
	sigset_t all, before;
	int ends[2];

	*why_fd = -1;
	if (os_fd_pipe(ends) != OK)
		return ERR_IO;
	/* No handler of ours runs in the child: it waits until they are gone. */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	if ((*pid = fork()) == 0)
		become(s, ends[1], parent);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	os_fd_close(&ends[1]);
	if (*pid < 0) {
		*pid = 0;
		os_fd_close(&ends[0]);
		return ERR_IO;
	}
	*why_fd = ends[0];
	return OK;
}

char *const *
os_environ(void)
{
	return environ;
}

int
os_spawn_error(int why_fd)
{
	int error = 0;

	return read(why_fd, &error, sizeof error) == sizeof error ? error : 0;
}

void
os_adopt_orphans(void)
{
#ifdef __linux__
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
#endif
}

void
os_kill_group(pid_t pid, int signal)
{
	/* Before it has become the leader of its group it is alone. */
	if (kill(-pid, signal) != 0)
		(void)kill(pid, signal);
}

bool
os_child_has_ended(pid_t pid)
{
	siginfo_t i = {0};

	return waitid(P_PID, (id_t)pid, &i, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    i.si_pid == pid;
}

pid_t
os_child_any_ended(void)
{
	siginfo_t i = {0};

	if (waitid(P_ALL, 0, &i, WEXITED | WNOHANG | WNOWAIT) != 0)
		return 0;
	return i.si_pid;
}

/*
 * Each read of /dev/kmsg is one record, oldest first:
 * "3,1234,567890,-;Memory cgroup out of memory: Killed process 71 (ollama) ..."
 */
bool
os_oom_has_killed(pid_t pid)
{
	char record[8192], want[64];
	bool found = false;
	ssize_t n;
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return false;
	(void)snprintf(want, sizeof want, "Killed process %ld ", (long)pid);
	for (;;) {
		n = read(fd, record, sizeof record - 1);
		/* EPIPE: records were overwritten meanwhile; go on. */
		if (n < 0 && errno != EPIPE && errno != EINTR)
			break;
		if (n == 0)
			break;
		if (n < 0)
			continue;
		record[n] = 0;
		if (strstr(record, want) != NULL)
			found = true;
	}
	(void)close(fd);
	return found;
}
