#include "os/service.h"
#include "os/fd.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST_FD = 3, FDS_MAX = 64 };

void
os_service_tell(const char *lines)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	size_t n = path != NULL ? strlen(path) : 0;
	int fd;

	if (n < 2 || n > sizeof at.sun_path || strchr("/@", path[0]) == NULL)
		return;
	memcpy(at.sun_path, path, n);
	if (path[0] == '@')
		at.sun_path[0] = 0; /* a name of Linux's own */
	if ((fd = socket(AF_UNIX, SOCK_DGRAM, 0)) < 0)
		return;
	os_fd_cloexec(fd, true);
	os_fd_nonblock(fd, true);
	(void)sendto(fd, lines, strlen(lines), 0, (struct sockaddr *)&at,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	(void)close(fd);
}

/* The number in the environment's ${name}, at most ${max}; 0. */
static uint64_t
number_of(const char *name, uint64_t max)
{
	const char *text = getenv(name);
	uint64_t n = 0;

	return text != NULL && slice_u64(slice_str(text), max, &n) ? n : 0;
}

int64_t
os_service_watchdog_us(void)
{
	uint64_t pid = number_of("WATCHDOG_PID", INT32_MAX);

	if (pid != 0 && pid != (uint64_t)getpid())
		return 0;
	return (int64_t)number_of("WATCHDOG_USEC", INT64_MAX / 2);
}

size_t
os_service_sockets(int *first)
{
	uint64_t n = number_of("LISTEN_FDS", FDS_MAX);
	bool is_ours = number_of("LISTEN_PID", INT32_MAX) == (uint64_t)getpid();

	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	*first = FIRST_FD;
	if (!is_ours)
		return 0;
	for (uint64_t i = 0; i < n; i++) {
		if (fcntl(FIRST_FD + (int)i, F_GETFD) < 0)
			return i;
		os_fd_cloexec(FIRST_FD + (int)i, true);
		os_fd_nonblock(FIRST_FD + (int)i, true);
	}
	return n;
}

bool
os_service_is_launchd(void)
{
#ifdef __APPLE__
	return true;
#else
	return false;
#endif
}
