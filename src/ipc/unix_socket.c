#include "ipc/unix_socket.h"
#include "os/fd.h"
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

static bool
make_address(struct sockaddr_un *at, const char *path)
{
	size_t n = strlen(path);

	*at = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (n == 0 || n >= sizeof at->sun_path)
		return false;
	memcpy(at->sun_path, path, n + 1);
	return true;
}

/* Like printf into ${why}, which is only for people: full is no matter. */
#define SAY(why, ...) ((void)!buf_printf(why, __VA_ARGS__))

enum err
unix_socket_connect(const char *path, int *fd)
{
	struct sockaddr_un at;
	int f, error;

	if (!make_address(&at, path))
		return ERR_RANGE;
	if ((f = socket(AF_UNIX, SOCK_STREAM, 0)) < 0)
		return ERR_CONNECT;
	os_fd_cloexec(f, true);
	if (connect(f, (const struct sockaddr *)&at, sizeof at) == 0) {
		*fd = f;
		return OK;
	}
	error = errno;
	(void)close(f);
	errno = error;
	return ERR_CONNECT;
}

/* Make ${path} free, if what is there is a socket that nobody serves. */
static enum err
clear_path(const char *path, struct buf *why)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) != 0)
		return OK; /* nothing there, or bind will say what */
	if (!S_ISSOCK(st.st_mode)) {
		SAY(why, "%s is there and is not a socket; move it away", path);
		return ERR_EXISTS;
	}
	if (unix_socket_connect(path, &fd) == OK) {
		(void)close(fd);
		SAY(why,
		    "another process serves %s; stop it, or choose another "
		    "path",
		    path);
		return ERR_EXISTS;
	}
	if (errno != ECONNREFUSED || unlink(path) != 0) {
		SAY(why, "%s cannot be replaced: %s", path, strerror(errno));
		return ERR_IO;
	}
	return OK;
}

/* Bind with the permissions from the first moment on. */
static bool
bind_and_listen(int fd, const struct sockaddr_un *at, mode_t mode)
{
	mode_t old = umask(0777 & ~mode);
	int r = bind(fd, (const struct sockaddr *)at, sizeof *at);

	(void)umask(old);
	return r == 0 && chmod(at->sun_path, mode) == 0 &&
	    listen(fd, BACKLOG) == 0;
}

enum err
unix_socket_open(
    struct unix_socket *s, const char *path, mode_t mode, struct buf *why)
{
	struct sockaddr_un at;
	struct stat st;
	enum err e;

	*s = (struct unix_socket){.fd = -1};
	if (!make_address(&at, path)) {
		SAY(why, "the path %s is longer than %zu bytes", path,
		    sizeof at.sun_path - 1);
		return ERR_RANGE;
	}
	if ((e = clear_path(path, why)) != OK)
		return e;
	if ((s->fd = socket(AF_UNIX, SOCK_STREAM, 0)) < 0 ||
	    !bind_and_listen(s->fd, &at, mode) || lstat(path, &st) != 0) {
		SAY(why, "cannot listen on %s: %s", path, strerror(errno));
		os_fd_close(&s->fd);
		return ERR_IO;
	}
	os_fd_cloexec(s->fd, true);
	os_fd_nonblock(s->fd, true);
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	memcpy(s->path, path, strlen(path) + 1);
	return OK;
}

void
unix_socket_close(struct unix_socket *s)
{
	struct stat st;

	if (s->fd >= 0 && lstat(s->path, &st) == 0 && st.st_dev == s->dev &&
	    st.st_ino == s->ino)
		(void)unlink(s->path);
	os_fd_close(&s->fd);
}
