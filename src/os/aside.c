#include "os/aside.h"
#include "os/fd.h"
#include "os/proc.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child; a signal of the keeper's is not to end in its handlers. */
static _Noreturn void
answer(int (*work)(void *ctx), void *ctx, unsigned seconds, int fd)
{
	static const int ours[] = {SIGTERM, SIGINT, SIGHUP, SIGALRM, SIGCHLD};
	sigset_t none;
	unsigned char byte;

	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		(void)signal(ours[i], SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)alarm(seconds);
	byte = (unsigned char)work(ctx);
	_exit(write(fd, &byte, 1) == 1 ? 0 : 1);
}

enum err
os_aside_start(
    struct os_aside *a, int (*work)(void *ctx), void *ctx, unsigned seconds)
{
	sigset_t all, before;
	int ends[2];

	os_aside_stop(a);
	if (os_fd_pipe(ends) != OK)
		return ERR_IO;
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	if ((a->pid = fork()) == 0)
		answer(work, ctx, seconds, ends[1]);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	os_fd_close(&ends[1]);
	if (a->pid < 0) {
		a->pid = 0;
		os_fd_close(&ends[0]);
		return ERR_IO;
	}
	a->fd = ends[0];
	(void)fcntl(a->fd, F_SETFL, O_NONBLOCK);
	return OK;
}

int
os_aside_result(struct os_aside *a)
{
	unsigned char byte;
	ssize_t n;

	if (a->pid == 0)
		return OS_ASIDE_FAILED;
	n = read(a->fd, &byte, 1);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return OS_ASIDE_LATER;
	os_aside_stop(a);
	return n == 1 ? byte : OS_ASIDE_FAILED;
}

void
os_aside_stop(struct os_aside *a)
{
	if (a->pid == 0)
		return;
	(void)kill(a->pid, SIGKILL);
	/* Whoever collects all children may have been first. */
	(void)waitpid(a->pid, NULL, 0);
	os_fd_close(&a->fd);
	a->pid = 0;
}
