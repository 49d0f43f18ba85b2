/*
 * acceptor: takes connections off a listening socket.
 *
 * Without descriptors or memory it rests for a while; whoever wants to connect
 * waits in the kernel meanwhile.
 */
#pragma once
#include "base/err.h"
#include "loop/loop.h"
#include <sys/socket.h>

struct acceptor {
	uv_poll_t poll;
	int fd; /* -1: none */
	struct timer rest;
	/* A connection came: ${fd} is the owner's now; ${from} who it is. */
	void (*on_conn)(
	    struct acceptor *a, int fd, const struct sockaddr *from);
	void (*on_closed)(struct acceptor *a); /* may be NULL */
};

/*
 * Listen on ${fd}, a bound socket, which is the acceptor's now, failed or not;
 * connections get the options that all of ours have.  on_conn and on_closed
 * must be set.  ERR_IO: nothing more will come of it, on_closed neither.
 */
MUST_CHECK enum err acceptor_open(
    struct acceptor *a, struct loop *l, int fd, int backlog);

/* Take no more; close the descriptor.  on_closed follows. */
void acceptor_close(struct acceptor *a);
