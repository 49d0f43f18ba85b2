/*
 * sock: what libuv does not tell or set about sockets.
 */
#pragma once
#include "base/err.h"
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
