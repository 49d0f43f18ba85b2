#include "keeper/signal.h"
#include "os/fd.h"
#include <errno.h>
#include <signal.h>
#include <unistd.h>

static const int caught[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGUSR2};
static int pipe_ends[2] = {-1, -1};

/* A full pipe has told enough. */
static void
on_signal(int number)
{
	int error = errno;
	char byte = (char)number;

	(void)!write(pipe_ends[1], &byte, 1);
	errno = error;
}

static void
set_all(void (*handler)(int))
{
	struct sigaction a = {.sa_handler = handler, .sa_flags = SA_RESTART};

	(void)sigemptyset(&a.sa_mask);
	for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
		(void)sigaction(caught[i], &a, NULL);
}

void
signals_hold(bool on)
{
	sigset_t s;

	(void)sigemptyset(&s);
	for (size_t i = 0; on && i < sizeof caught / sizeof *caught; i++)
		(void)sigaddset(&s, caught[i]);
	(void)sigprocmask(SIG_SETMASK, &s, NULL);
}

int
signals_catch(void)
{
	if (os_fd_pipe(pipe_ends) != OK)
		return -1;
	(void)signal(SIGPIPE, SIG_IGN);
	set_all(on_signal);
	signals_hold(false);
	return pipe_ends[0];
}

struct signals
signals_take(void)
{
	struct signals s = {0};
	char bytes[64];
	ssize_t n;

	while ((n = read(pipe_ends[0], bytes, sizeof bytes)) > 0)
		for (ssize_t i = 0; i < n; i++) {
			s.stop += bytes[i] == SIGTERM || bytes[i] == SIGINT;
			s.reload += bytes[i] == SIGHUP;
			s.reexec += bytes[i] == SIGUSR2;
			s.child = s.child || bytes[i] == SIGCHLD;
		}
	return s;
}

void
signals_release(void)
{
	/* Who ends already is not to be ended in another way. */
	set_all(SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL);
	os_fd_close(&pipe_ends[0]);
	os_fd_close(&pipe_ends[1]);
}
