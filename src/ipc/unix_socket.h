/*
 * unix_socket: a listening socket with a name in the file system.
 *
 * A name that an earlier process left behind is taken over; one behind which
 * somebody answers is not.
 */
#pragma once
#include "base/buf.h"
#include <sys/types.h>

enum { UNIX_SOCKET_PATH_MAX = 108 }; /* of struct sockaddr_un, NUL counted */

struct unix_socket {
	int fd;	   /* listening, not blocking, close-on-exec; -1: closed */
	dev_t dev; /* of the name that we made */
	ino_t ino;
	char path[UNIX_SOCKET_PATH_MAX];
};

/*
 * Listen at ${path} with the permissions ${mode}.  ERR_EXISTS: somebody
 * answers there, or it is no socket; ERR_IO; ERR_RANGE: the path is too long.
 * ${why} gets a sentence in each case.
 */
MUST_CHECK enum err unix_socket_open(
    struct unix_socket *s, const char *path, mode_t mode, struct buf *why);

/* Close it and, if it is still ours, take the name away. */
void unix_socket_close(struct unix_socket *s);

/*
 * Connect to ${path}; the descriptor goes to ${fd}.  ERR_CONNECT (nobody is
 * there, or not for us; errno says it), ERR_RANGE.
 */
MUST_CHECK enum err unix_socket_connect(const char *path, int *fd);
