#include "os/sock.h"
#include "os/fd.h"
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/sockios.h>
#endif

#ifndef MSG_NOSIGNAL /* there SIGPIPE must be ignored */
#define MSG_NOSIGNAL 0
#endif

/* What sendmsg gets is an array of slices as it is. */
_Static_assert(sizeof(struct iovec) == sizeof(struct slice) &&
	offsetof(struct iovec, iov_base) == offsetof(struct slice, p) &&
	offsetof(struct iovec, iov_len) == offsetof(struct slice, n),
    "a slice is an iovec");

enum {
	/* Up to here one copy is cheaper than a message of several parts. */
	GATHER_MAX = 4096,
};

static bool
set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

enum err
os_sock_peer(int fd, struct os_peer *out)
{
#ifdef __linux__
	struct ucred c;
	socklen_t n = sizeof c;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) != 0)
		return ERR_IO;
	*out = (struct os_peer){.uid = c.uid, .gid = c.gid, .pid = c.pid};
	return OK;
#else
	*out = (struct os_peer){0};
	return getpeereid(fd, &out->uid, &out->gid) == 0 ? OK : ERR_IO;
#endif
}

enum err
os_sock_keepalive(int fd, int idle_s, int every_s, int probes)
{
#ifdef __linux__
	int idle = TCP_KEEPIDLE;
#else
	int idle = TCP_KEEPALIVE;
#endif

	if (!set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1) ||
	    !set_int(fd, IPPROTO_TCP, idle, idle_s) ||
	    !set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, every_s) ||
	    !set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, probes))
		return ERR_IO;
	return OK;
}

enum err
os_sock_nodelay(int fd)
{
	return set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1) ? OK : ERR_IO;
}

enum err
os_sock_reset_on_close(int fd)
{
	struct linger l = {.l_onoff = 1};

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l) != 0)
		return ERR_IO;
	return OK;
}

int64_t
os_sock_unsent(int fd)
{
	int n;
#ifdef __linux__
	return ioctl(fd, SIOCOUTQ, &n) == 0 ? n : -1;
#else
	socklen_t size = sizeof n;

	return getsockopt(fd, SOL_SOCKET, SO_NWRITE, &n, &size) == 0 ? n : -1;
#endif
}

static bool
is_later(int e)
{
	return e == EAGAIN || e == EWOULDBLOCK || e == EINTR;
}

ssize_t
os_sock_recv(int fd, char *p, size_t n)
{
	ssize_t got = recv(fd, p, n, MSG_DONTWAIT);

	if (got >= 0)
		return got;
	return is_later(errno) ? OS_SOCK_LATER : OS_SOCK_BROKEN;
}

/* All of ${s} in one piece at ${out}, if it fits there; its length, or 0. */
static size_t
gather(char *out, const struct slice *s, unsigned n)
{
	size_t at = 0;

	for (unsigned i = 0; i < n; i++) {
		if (s[i].n > GATHER_MAX - at)
			return 0;
		if (s[i].n > 0)
			memcpy(out + at, s[i].p, s[i].n);
		at += s[i].n;
	}
	return at;
}

ssize_t
os_sock_send(int fd, const struct slice *s, unsigned n)
{
	const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
	char text[GATHER_MAX];
	size_t bytes = 0;
	ssize_t done;

	assert(n > 0 && n <= OS_SOCK_SLICES);
	if (n > 1)
		bytes = gather(text, s, n);
	if (n == 1) {
		done = send(fd, s->p, s->n, flags);
	} else if (bytes > 0) {
		done = send(fd, text, bytes, flags);
	} else {
		struct msghdr m = {
		    .msg_iov = (struct iovec *)(uintptr_t)s, .msg_iovlen = n};

		done = sendmsg(fd, &m, flags);
	}
	if (done >= 0)
		return done;
	return is_later(errno) || errno == ENOBUFS ? OS_SOCK_LATER
						   : OS_SOCK_BROKEN;
}

int
os_sock_accept(int fd, struct sockaddr_storage *from)
{
	socklen_t n = sizeof *from;
	int conn;

#ifdef SOCK_NONBLOCK
	conn = accept4(
	    fd, (struct sockaddr *)from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
	conn = accept(fd, (struct sockaddr *)from, &n);
	if (conn >= 0) {
		os_fd_cloexec(conn, true);
		os_fd_nonblock(conn, true);
	}
#endif
	if (conn >= 0)
		return conn;
	return is_later(errno) ? OS_SOCK_LATER : OS_SOCK_BROKEN;
}

int
os_sock_stream(int family)
{
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0)
		return -1;
	os_fd_cloexec(fd, true);
	os_fd_nonblock(fd, true);
	return fd;
}

enum err
os_sock_connect(int fd, const struct sockaddr *to, socklen_t n)
{
	if (connect(fd, to, n) == 0 || errno == EINPROGRESS || errno == EINTR)
		return OK;
	return ERR_CONNECT;
}

bool
os_sock_has_error(int fd)
{
	int e = 0;
	socklen_t n = sizeof e;

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n) != 0 || e != 0;
}

void
os_sock_end(int fd)
{
	(void)shutdown(fd, SHUT_WR);
}

void
os_sock_set_usual(int fd)
{
	enum { IDLE_S = 60, EVERY_S = 1, PROBES = 10 };

	if (os_sock_nodelay(fd) == OK)
		(void)!os_sock_keepalive(fd, IDLE_S, EVERY_S, PROBES);
}
