#include "log/sink.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	/*
	 * What a pipe that polls as writable takes without blocking, and
	 * without mixing it with what others write there.
	 */
	PIPE_CHUNK = 4096,
	SUFFIX_ROOM = 16,
};

/* Does the file at ${path} end inside a line? */
static bool
ends_torn(const char *path, int64_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char last = '\n';

	if (fd < 0)
		return false;
	if (pread(fd, &last, 1, (off_t)size - 1) != 1)
		last = '\n';
	(void)close(fd);
	return last != '\n';
}

/* Look at s->fd, just opened. */
static enum err
inspect(struct sink *s)
{
	struct stat st;

	if (fstat(s->fd, &st) != 0)
		return ERR_IO;
	s->is_regular = S_ISREG(st.st_mode);
	s->size = s->is_regular ? (int64_t)st.st_size : 0;
	s->torn = 0;
	if (s->path != NULL && s->size > 0 && ends_torn(s->path, s->size) &&
	    write(s->fd, "\n", 1) == 1)
		s->size++;
	return OK;
}

/*
 * Not blocking, for a FIFO without a reader; files do not mind.  Only the
 * owner and the group read: names of callers are nobody else's business.
 */
static int
open_file(const char *path)
{
	return open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
	    0640);
}

bool
sink_is_full(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

enum err
sink_open(struct sink *s, const char *path, int64_t rotate_bytes, int files)
{
	*s = (struct sink){
	    .fd = STDOUT_FILENO, .rotate_bytes = rotate_bytes, .files = files};
	if (strcmp(path, "-") != 0) {
		if ((s->path = strdup(path)) == NULL)
			return ERR_NOMEM;
		s->fd = open_file(path);
		if (s->fd < 0 && !sink_is_full(errno))
			goto undo_path;
	}
	/* A full disk keeps nobody from starting: lines wait until it opens. */
	if (s->fd < 0) {
		s->error = errno;
		s->is_regular = true;
		return OK;
	}
	if (inspect(s) != OK)
		goto undo_fd;
	return OK;
undo_fd:
	if (s->path != NULL)
		(void)close(s->fd);
undo_path:
	free(s->path);
	s->path = NULL;
	return ERR_IO;
}

/* Take the unfinished line off the end of the file, if it is one. */
static size_t
cut_torn(struct sink *s)
{
	size_t torn = s->torn;

	/* If others wrote there too it stays; the next open ends the line. */
	if (torn > 0 && s->is_regular && s->path != NULL &&
	    lseek(s->fd, 0, SEEK_END) == (off_t)s->size) {
		int r = ftruncate(s->fd, (off_t)(s->size - (int64_t)torn));

		(void)r;
	}
	s->torn = 0;
	return torn;
}

void
sink_close(struct sink *s)
{
	(void)cut_torn(s);
	if (s->path != NULL && s->fd >= 0)
		(void)close(s->fd);
	free(s->path);
	*s = (struct sink){.fd = -1};
}

enum err
sink_reopen(struct sink *s, size_t *back)
{
	int fd;

	*back = 0;
	if (s->path == NULL)
		return OK;
	if ((fd = open_file(s->path)) < 0) {
		s->error = errno;
		return ERR_IO;
	}
	*back = cut_torn(s);
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = fd;
	return inspect(s);
}

/* Is the file at the path still the one that is open? */
static bool
is_ours(const struct sink *s)
{
	struct stat a, b;

	return fstat(s->fd, &a) == 0 && stat(s->path, &b) == 0 &&
	    a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/*
 * path -> path.1 -> path.2 ...; the last is replaced.  If another process has
 * rotated already (an outgoing gate shares the file), only open the new one.
 * Where renaming fails the file goes on growing, and it is tried again after
 * as many bytes.
 */
static void
rotate(struct sink *s)
{
	size_t room = strlen(s->path) + SUFFIX_ROOM, back;
	char *from = malloc(room), *to = malloc(room);

	if (from == NULL || to == NULL)
		goto undo_names;
	if (is_ours(s)) {
		for (int i = s->files; i > 1; i--) {
			(void)snprintf(from, room, "%s.%d", s->path, i - 1);
			(void)snprintf(to, room, "%s.%d", s->path, i);
			(void)rename(from, to);
		}
		(void)snprintf(to, room, "%s.1", s->path);
		if ((s->files > 0 ? rename(s->path, to) : unlink(s->path)) != 0)
			goto undo_names;
	}
	if (sink_reopen(s, &back) == OK)
		goto free_names;
undo_names:
	s->size = 0;
free_names:
	free(from);
	free(to);
}

/*
 * The number of bytes of the whole lines at ${p} that fit in ${room}, but at
 * least of one line.
 */
static size_t
whole_lines(const char *p, size_t n, size_t room)
{
	const char *end = NULL;

	if (n <= room)
		return n;
	for (size_t i = room; i > 0 && end == NULL; i--)
		if (p[i - 1] == '\n')
			end = p + i;
	if (end == NULL)
		end = (const char *)memchr(p, '\n', n) + 1;
	return (size_t)(end - p);
}

/* How much of ${p} to write now; rotates before, if that is due. */
static size_t
choose_chunk(struct sink *s, const char *p, size_t n)
{
	size_t line = (size_t)((const char *)memchr(p, '\n', n) + 1 - p);
	int64_t room;

	if (s->torn > 0) {
		n = line;
	} else if (s->is_regular && s->rotate_bytes > 0 && s->path) {
		room = s->rotate_bytes - s->size;
		if (s->size > 0 && (int64_t)line > room) {
			rotate(s);
			room = s->rotate_bytes - s->size;
		}
		n = whole_lines(p, n, room > 0 ? (size_t)room : 0);
	}
	if (!s->is_regular) {
		n = whole_lines(p, n, PIPE_CHUNK);
		n = n < PIPE_CHUNK ? n : PIPE_CHUNK;
	}
	return n;
}

/* Remember where the last ${n} bytes, written from ${p}, ended. */
static void
note_written(struct sink *s, const char *p, size_t n)
{
	size_t i = n;

	while (i > 0 && p[i - 1] != '\n')
		i--;
	s->torn = i > 0 ? n - i : s->torn + n;
	s->size += (int64_t)n;
}

enum err
sink_write(struct sink *s, const char *p, size_t n, size_t *done)
{
	struct pollfd ready = {.events = POLLOUT};
	size_t back;
	ssize_t r;

	*done = 0;
	if (s->fd < 0 && sink_reopen(s, &back) != OK)
		return ERR_IO;
	n = choose_chunk(s, p, n);
	ready.fd = s->fd;
	if (!s->is_regular && poll(&ready, 1, 0) != 1)
		return ERR_TIMEOUT;
	r = write(s->fd, p, n);
	if (r < 0 && errno == EINTR)
		return OK;
	if (r < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return ERR_FULL;
	if (r <= 0) {
		s->error = r < 0 ? errno : EIO;
		return ERR_IO;
	}
	note_written(s, p, (size_t)r);
	*done = (size_t)r;
	return OK;
}
