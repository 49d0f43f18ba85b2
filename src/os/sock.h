/*
 * sock: what libuv does not tell or set about sockets.
 */
#pragma once
#include "base/err.h"
#include "base/slice.h"
#include <sys/socket.h>
#include <sys/types.h>

/* Who is at the other end of a unix socket. */
struct os_peer {
	uid_t uid;
	gid_t gid;
	pid_t pid; /* 0: the system does not tell */
};

/* The process that connected (or made the pair) of ${fd}.  ERR_IO. */
MUST_CHECK enum err os_sock_peer(int fd, struct os_peer *out);

/*
 * Probe the peer of a TCP socket after ${idle_s} seconds of silence, every
 * ${every_s}, and drop it after ${probes} unanswered ones (or as near to that
 * as the system comes).  ERR_IO.
 */
MUST_CHECK enum err os_sock_keepalive(
    int fd, int idle_s, int every_s, int probes);

/* Send small writes of a TCP socket at once.  ERR_IO. */
MUST_CHECK enum err os_sock_nodelay(int fd);

/*
 * The next close of ${fd} resets the connection and throws away what was not
 * sent.  ERR_IO.
 */
MUST_CHECK enum err os_sock_reset_on_close(int fd);

/* Bytes written to ${fd} that the peer has not acknowledged; -1: unknown. */
int64_t os_sock_unsent(int fd);

/*
 * The name and id of a process that listens on TCP ${port}, "nginx (pid 71)",
 * NUL-terminated in ${out} of ${cap} bytes.  False if it cannot be told (not
 * there, another user's, or not this system's custom).  Reads /proc: slow.
 */
bool os_sock_port_holder(uint16_t port, char *out, size_t cap);

/* The id of that process; 0 if it cannot be told.  Slow, too. */
pid_t os_sock_port_pid(uint16_t port);

/*
 * The same by other signs, where another user's process hides what it has open:
 * the one process of the socket's user that is called ${name} and was not
 * started by another such.  0: none, or several.  Slow, too.
 */
pid_t os_sock_port_pid_named(uint16_t port, const char *name);

/*
 * Does anybody listen on TCP ${port} at an address that other machines may
 * reach?  ${root} is put before /proc: "" but for tests.
 */
bool os_sock_port_is_public(const char *root, uint16_t port);

enum {
	OS_SOCK_LATER = -1,  /* nothing now */
	OS_SOCK_BROKEN = -2, /* it ended with an error */
};

/*
 * Read at most ${n} > 0 bytes to ${p} without waiting.  How many came, 0 at
 * the end of the stream, OS_SOCK_LATER or OS_SOCK_BROKEN.
 */
ssize_t os_sock_recv(int fd, char *p, size_t n);

/*
 * Write the ${n} <= OS_SOCK_SLICES slices, not all empty, in order, without
 * waiting and without a signal.  How many bytes went, which may be fewer,
 * OS_SOCK_LATER or OS_SOCK_BROKEN.
 */
enum { OS_SOCK_SLICES = 256 };
ssize_t os_sock_send(int fd, const struct slice *s, unsigned n);

/*
 * Take the next connection of the listening ${fd}; ${from} is who it is.  Its
 * descriptor does not wait and is close-on-exec.  OS_SOCK_LATER: there is
 * none; OS_SOCK_BROKEN: it is gone again, or there are no descriptors (errno
 * is set).
 */
int os_sock_accept(int fd, struct sockaddr_storage *from);

/* A new stream socket, that does not wait and is close-on-exec; -1. */
int os_sock_stream(int family);

/*
 * Begin to connect ${fd} to ${to} of ${n} bytes.  It is writable when that is
 * over; os_sock_has_error tells how it went.  ERR_CONNECT: it failed at once.
 */
MUST_CHECK enum err os_sock_connect(
    int fd, const struct sockaddr *to, socklen_t n);

/* Did an error happen to ${fd}?  Asking forgets it. */
bool os_sock_has_error(int fd);

/* Send the end of the stream; reading goes on. */
void os_sock_end(int fd);

/*
 * Set what all our TCP connections have: small writes go at once, and a peer
 * that vanished (a sleeping laptop) is found.  On a listening socket: for all
 * that come from it.  Nothing happens to other sockets.
 */
void os_sock_set_usual(int fd);
