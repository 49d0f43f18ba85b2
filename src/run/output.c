#include "run/output.h"
#include "os/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	ROTATE_BYTES = 16 * 1024 * 1024,
	AT_ONCE = 1024 * 1024,
	PART = 32 * 1024,
};

void
output_init(struct output *o, const char *path)
{
	*o = (struct output){.file = -1, .in = -1};
	if (path != NULL && strlen(path) + 3 < sizeof o->path)
		memcpy(o->path, path, strlen(path) + 1);
}

static void
open_file(struct output *o)
{
	struct stat st;

	if (o->file >= 0 || o->path[0] == 0)
		return;
	o->file = open(o->path,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	o->size = o->file >= 0 && fstat(o->file, &st) == 0 ? st.st_size : 0;
}

static void
rotate(struct output *o)
{
	char old[sizeof o->path];

	(void)snprintf(old, sizeof old, "%.*s.1", (int)sizeof old - 3, o->path);
	os_fd_close(&o->file);
	(void)rename(o->path, old);
	open_file(o);
}

static void
put(struct output *o, const char *p, size_t n)
{
	if (o->file >= 0 && o->size >= ROTATE_BYTES)
		rotate(o);
	if (o->file >= 0 && write(o->file, p, n) > 0)
		o->size += (int64_t)n;
}

static void
keep_tail(struct output *o, const char *p, size_t n)
{
	size_t keep;

	if (n > sizeof o->tail) {
		p += n - sizeof o->tail;
		n = sizeof o->tail;
	}
	keep = sizeof o->tail - n < o->n ? sizeof o->tail - n : o->n;
	memmove(o->tail, o->tail + o->n - keep, keep);
	memcpy(o->tail + keep, p, n);
	o->n = keep + n;
}

enum err
output_open(struct output *o, int *out)
{
	int ends[2];

	os_fd_close(&o->in);
	o->n = 0;
	if (os_fd_pipe(ends) != OK)
		return ERR_IO;
	/* Writers may wait: losing lines is not theirs to choose. */
	os_fd_nonblock(ends[1], false);
	o->in = ends[0];
	*out = ends[1];
	open_file(o);
	return OK;
}

void
output_adopt(struct output *o, int in, struct slice tail)
{
	o->in = in;
	o->n = slice_to(tail, sizeof o->tail).n;
	if (o->n > 0)
		memcpy(o->tail, tail.p, o->n);
	if (in < 0)
		return;
	os_fd_cloexec(in, true);
	open_file(o);
}

void
output_drain(struct output *o)
{
	char part[PART];
	ssize_t n, all = 0;

	while (o->in >= 0 && all < AT_ONCE) {
		n = read(o->in, part, sizeof part);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n <= 0) {
			os_fd_close(&o->in);
			return;
		}
		all += n;
		put(o, part, (size_t)n);
		keep_tail(o, part, (size_t)n);
	}
}

void
output_note(struct output *o, const char *fmt, ...)
{
	char line[512];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	if (n > 0)
		put(o, line, (size_t)n < sizeof line ? (size_t)n : sizeof line);
}

void
output_close(struct output *o)
{
	os_fd_close(&o->in);
	os_fd_close(&o->file);
}
