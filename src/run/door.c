#include "run/door.h"
#include "os/fd.h"
#include "os/sock.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

enum { ASK_MS = 50 };

static void
set_local(struct door *d, struct slice path)
{
	if (path.n >= sizeof d->at.local.sun_path)
		return;
	d->at.local.sun_family = AF_UNIX;
	memcpy(d->at.local.sun_path, path.p, path.n);
	d->n = sizeof d->at.local;
}

void
door_init(struct door *d, const struct conf_url *url, uint16_t port)
{
	bool is_here = url->host.n == 0 || slice_is(url->host, "localhost");

	memset(d, 0, sizeof *d);
	if (url->path.n > 0) {
		set_local(d, url->path);
		return;
	}
	if (url->host.n > 0)
		port = url->port;
	if (is_here ||
	    inet_pton(AF_INET, url->host.p, &d->at.v4.sin_addr) == 1) {
		d->at.v4.sin_family = AF_INET;
		d->at.v4.sin_port = htons(port);
		if (is_here)
			d->at.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		d->n = sizeof d->at.v4;
	} else if (inet_pton(AF_INET6, url->host.p, &d->at.v6.sin6_addr) == 1) {
		d->at.v6.sin6_family = AF_INET6;
		d->at.v6.sin6_port = htons(port);
		d->n = sizeof d->at.v6;
	}
}

/* The errno of a connect, or that it takes too long. */
static int
try_connect(int fd, const struct door *d)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	socklen_t n = sizeof(int);
	int error;

	if (connect(fd, &d->at.any, d->n) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	if (poll(&p, 1, ASK_MS) != 1 ||
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
		return ETIMEDOUT;
	return error;
}

bool
door_is_answered(const struct door *d)
{
	int fd = d->n ? socket(d->at.any.sa_family, SOCK_STREAM, 0) : -1;
	int error;

	if (fd < 0)
		return false;
	os_fd_cloexec(fd, true);
	os_fd_nonblock(fd, true);
	error = try_connect(fd, d);
	os_fd_close(&fd);
	return error == 0;
}

void
door_holder(const struct door *d, char *out, size_t cap)
{
	uint16_t port = 0;

	if (d->at.any.sa_family == AF_INET)
		port = ntohs(d->at.v4.sin_port);
	if (d->at.any.sa_family == AF_INET6)
		port = ntohs(d->at.v6.sin6_port);
	if (port == 0 || !os_sock_port_holder(port, out, cap))
		(void)snprintf(out, cap, "another process");
}

uint16_t
door_free_port(void)
{
	struct door d = {.n = sizeof d.at.v4};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	d.at.v4.sin_family = AF_INET;
	d.at.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, &d.at.any, d.n) != 0 ||
	    getsockname(fd, &d.at.any, &d.n) != 0)
		d.at.v4.sin_port = 0;
	os_fd_close(&fd);
	return ntohs(d.at.v4.sin_port);
}
