#include "os/fd.h"
#include <assert.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void
set_flag(int fd, int get, int set, int flag, bool on)
{
	int flags = fcntl(fd, get);

	assert(flags >= 0);
	flags = on ? flags | flag : flags & ~flag;
	flags = fcntl(fd, set, flags);
	assert(flags >= 0);
}

void
os_fd_cloexec(int fd, bool on)
{
	set_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on);
}

void
os_fd_nonblock(int fd, bool on)
{
	set_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, on);
}

void
os_fd_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

enum err
os_fd_pipe(int ends[2])
{
	if (pipe(ends) != 0)
		return ERR_IO;
	for (int i = 0; i < 2; i++) {
		os_fd_cloexec(ends[i], true);
		os_fd_nonblock(ends[i], true);
	}
	return OK;
}

enum err
os_fd_pair(int ends[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		return ERR_IO;
	os_fd_cloexec(ends[0], true);
	os_fd_cloexec(ends[1], true);
	return OK;
}

uint64_t
os_fd_raise_limit(uint64_t want)
{
	struct rlimit r;
	rlim_t had;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return 0;
	had = r.rlim_cur;
	if (had == RLIM_INFINITY || had >= want)
		return had;
	r.rlim_cur = r.rlim_max == RLIM_INFINITY || r.rlim_max > want
	    ? (rlim_t)want
	    : r.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &r) == 0 ? r.rlim_cur : had;
}
