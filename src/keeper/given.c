#include "keeper/given.h"
#include "ipc/gate_start.h"
#include "os/fd.h"
#include "os/service.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Of a keeper there is one. */
static int given[GATE_LISTENERS_MAX];
static size_t n_given;

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un local;
};

void
given_begin(void)
{
	int first;
	size_t n = os_service_sockets(&first);

	for (n_given = 0; n_given < n && n_given < GATE_LISTENERS_MAX;
	     n_given++)
		given[n_given] = first + (int)n_given;
}

static bool
is_at(int fd, const struct conf_listen *want)
{
	union address at = {.any.sa_family = AF_UNSPEC};
	socklen_t n = sizeof at;
	int listens = 0;
	socklen_t size = sizeof listens;

	if (fd < 0 || getsockname(fd, &at.any, &n) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 ||
	    listens == 0)
		return false;
	switch (at.any.sa_family) {
	case AF_INET:
		return want->family == CONF_IPV4 &&
		    ntohs(at.v4.sin_port) == want->port &&
		    memcmp(&at.v4.sin_addr, want->addr, 4) == 0;
	case AF_INET6:
		return want->family == CONF_IPV6 &&
		    ntohs(at.v6.sin6_port) == want->port &&
		    memcmp(&at.v6.sin6_addr, want->addr, 16) == 0;
	case AF_UNIX:
		return want->family == CONF_UNIX &&
		    strcmp(at.local.sun_path, want->path.p) == 0;
	default:
		return false;
	}
}

int
given_take(const struct conf_listen *want)
{
	for (size_t i = 0; i < n_given; i++) {
		int fd = given[i];

		if (!is_at(fd, want))
			continue;
		given[i] = -1;
		return fd;
	}
	return -1;
}

void
given_end(struct buf *why)
{
	size_t n = 0;

	for (size_t i = 0; i < n_given; i++) {
		n += given[i] >= 0;
		os_fd_close(&given[i]);
	}
	n_given = 0;
	if (n > 0)
		(void)!buf_printf(why,
		    "%zu of the sockets that the service manager opened are "
		    "not in `listen`: nobody answers there\n",
		    n);
}
