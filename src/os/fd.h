/*
 * fd: descriptors and their flags.
 */
#pragma once
#include "base/err.h"

/* Close ${fd} in programs that this one becomes, or keep it open there. */
void os_fd_cloexec(int fd, bool on);

/* Reads and writes on ${fd} return at once, or wait. */
void os_fd_nonblock(int fd, bool on);

/* Close *${fd} if it is open, and make it -1. */
void os_fd_close(int *fd);

/* A pipe, both ends close-on-exec and not blocking.  ERR_IO. */
MUST_CHECK enum err os_fd_pipe(int ends[2]);

/* A pair of connected stream sockets, close-on-exec.  ERR_IO. */
MUST_CHECK enum err os_fd_pair(int ends[2]);

/*
 * Raise this process's limit of open descriptors as far as it may go (at
 * most ${want}) and return the limit now in force.
 */
uint64_t os_fd_raise_limit(uint64_t want);
