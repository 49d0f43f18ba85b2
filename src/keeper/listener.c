#include "keeper/listener.h"
#include "keeper/given.h"
#include "os/fd.h"
#include "os/sock.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BACKLOG = 4096, /* the system's own bound may be lower */
	UNIX_MODE = 0660,
};

#define SAY(why, ...) ((void)!buf_printf(why, __VA_ARGS__))

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t
make_address(const struct conf_listen *want, union address *at)
{
	memset(at, 0, sizeof *at);
	if (want->family == CONF_IPV4) {
		at->v4.sin_family = AF_INET;
		at->v4.sin_port = htons(want->port);
		memcpy(&at->v4.sin_addr, want->addr, 4);
		return sizeof at->v4;
	}
	at->v6.sin6_family = AF_INET6;
	at->v6.sin6_port = htons(want->port);
	memcpy(&at->v6.sin6_addr, want->addr, 16);
	return sizeof at->v6;
}

/* Why bind or listen failed, and the cure. */
static void
explain(const struct conf_listen *want, int error, struct buf *why)
{
	char who[64];

	SAY(why, "cannot listen on %.*s: ", SLICE_ARG(want->text));
	switch (error) {
	case EADDRINUSE:
		if (os_sock_port_holder(want->port, who, sizeof who))
			SAY(why, "port %u is taken by %s; stop it, or choose ",
			    want->port, who);
		else
			SAY(why,
			    "port %u is taken by another process; stop it, or "
			    "choose ",
			    want->port);
		SAY(why, "another port in `listen`");
		break;
	case EACCES:
		SAY(why,
		    "port %u is for root only; choose one from 1024 on in "
		    "`listen`",
		    want->port);
		break;
	case EADDRNOTAVAIL:
		SAY(why, "this machine has no such address; correct `listen`");
		break;
	default:
		SAY(why, "%s", strerror(error));
	}
}

/* The port that the system chose, if it did. */
static uint16_t
bound_port(int fd, uint16_t asked)
{
	union address at;
	socklen_t n = sizeof at;

	if (asked != 0 || getsockname(fd, &at.any, &n) != 0)
		return asked;
	return ntohs(
	    at.any.sa_family == AF_INET ? at.v4.sin_port : at.v6.sin6_port);
}

static bool
set_options(int fd, bool is_v6)
{
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
		return false;
	/* [::] is IPv6 alone, so that 0.0.0.0 may stand beside it. */
	return !is_v6 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0;
}

static enum err
open_tcp(struct listener *l, const struct conf_listen *want, struct buf *why)
{
	union address at;
	socklen_t n = make_address(want, &at);
	int fd = socket(at.any.sa_family, SOCK_STREAM, 0);
	int error;

	if (fd < 0 || !set_options(fd, want->family == CONF_IPV6) ||
	    bind(fd, &at.any, n) != 0 || listen(fd, BACKLOG) != 0) {
		error = errno;
		explain(want, error, why);
		os_fd_close(&fd);
		return error == EADDRINUSE ? ERR_EXISTS : ERR_IO;
	}
	os_fd_cloexec(fd, true);
	os_fd_nonblock(fd, true);
	l->gate.fd = fd;
	if (want->port == 0) {
		struct slice host =
		    slice_to(want->text, slice_rfind(want->text, ':'));

		(void)snprintf(l->gate.address, sizeof l->gate.address,
		    "%.*s:%u", SLICE_ARG(host), bound_port(fd, 0));
	}
	return OK;
}

static enum err
open_one(struct listener *l, const struct conf_listen *want, struct buf *why)
{
	enum err e;

	*l = (struct listener){.gate.fd = -1, .unix_end.fd = -1};
	if (want->text.n >= sizeof l->key) {
		SAY(why, "the address %.*s is too long", SLICE_ARG(want->text));
		return ERR_RANGE;
	}
	memcpy(l->key, want->text.p, want->text.n);
	memcpy(l->gate.address, l->key, sizeof l->key);
	l->gate.is_unix = want->family == CONF_UNIX;
	/* Its name is the service manager's to take away. */
	if ((l->gate.fd = given_take(want)) >= 0) {
		l->unix_end.fd = l->gate.is_unix ? l->gate.fd : -1;
		return OK;
	}
	if (want->family != CONF_UNIX)
		return open_tcp(l, want, why);
	e = unix_socket_open(&l->unix_end, want->path.p, UNIX_MODE, why);
	l->gate.fd = l->unix_end.fd;
	return e;
}

static void
close_one(struct listener *l)
{
	if (l->gate.is_unix)
		unix_socket_close(&l->unix_end);
	else
		os_fd_close(&l->gate.fd);
	l->gate.fd = -1;
}

static const struct listener *
find_key(const struct listener_set *s, struct slice key)
{
	for (size_t i = 0; i < s->n; i++)
		if (slice_is(key, s->v[i].key))
			return &s->v[i];
	return NULL;
}

static bool
has_id(const struct listener_set *s, uint32_t id)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].gate.id == id)
			return true;
	return false;
}

enum err
listener_set_make(struct listener_set *next, const struct listener_set *now,
    const struct conf_listens *want, struct buf *why)
{
	enum err e = OK;

	next->n = 0;
	next->last_id = now->last_id;
	for (size_t i = 0; i < want->n && e == OK; i++) {
		const struct listener *old = find_key(now, want->v[i].text);
		struct listener *l = &next->v[next->n];

		if (find_key(next, want->v[i].text) != NULL)
			continue;
		if (next->n == GATE_LISTENERS_MAX) {
			SAY(why, "more than %d addresses in `listen`",
			    GATE_LISTENERS_MAX);
			e = ERR_RANGE;
		} else if (old != NULL) {
			*l = *old;
			next->n++;
		} else if ((e = open_one(l, &want->v[i], why)) == OK) {
			l->gate.id = ++next->last_id;
			next->n++;
		}
	}
	if (e != OK)
		listener_set_close_missing(next, now);
	return e;
}

void
listener_set_close_missing(struct listener_set *a, const struct listener_set *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (!has_id(b, a->v[i].gate.id))
			close_one(&a->v[i]);
}

void
listener_set_close(struct listener_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		close_one(&s->v[i]);
	s->n = 0;
}

void
listener_set_put(const struct listener_set *s, const struct listener_set *known,
    struct gate_start *out)
{
	out->n_listeners = s->n;
	for (size_t i = 0; i < s->n; i++) {
		out->listeners[i] = s->v[i].gate;
		if (known != NULL && has_id(known, s->v[i].gate.id))
			out->listeners[i].fd = -1;
	}
}

void
listener_set_print(const struct listener_set *s, struct buf *out)
{
	for (size_t i = 0; i < s->n; i++)
		SAY(out, "%s%s%s", i > 0 ? ", " : "",
		    s->v[i].gate.is_unix ? "" : "http://",
		    s->v[i].gate.address);
}
