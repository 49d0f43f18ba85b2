#include "os/sock.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/sockios.h>
#endif

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
