/* See os/file.h.  Every path from failure leaves no temporary file behind. */
#include "os/file.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __APPLE__
#define MTIME(st) ((st).st_mtimespec)
#define CTIME(st) ((st).st_ctimespec)
#else
#define MTIME(st) ((st).st_mtim)
#define CTIME(st) ((st).st_ctim)
#endif

static int64_t
ns_of(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct file_stamp
stamp_of(const struct stat *st)
{
	return (struct file_stamp){
	    .dev = (uint64_t)st->st_dev,
	    .ino = (uint64_t)st->st_ino,
	    .size = (uint64_t)st->st_size,
	    .mtime_ns = ns_of(MTIME(*st)),
	    .ctime_ns = ns_of(CTIME(*st)),
	    .mode = (uint32_t)st->st_mode & 07777u,
	    .uid = (uint32_t)st->st_uid,
	};
}

struct file_stamp
file_stamp(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return (struct file_stamp){0};
	return stamp_of(&st);
}

bool
file_stamp_eq(const struct file_stamp *a, const struct file_stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	    a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns &&
	    a->mode == b->mode && a->uid == b->uid;
}

static enum err
read_all(int fd, struct buf *out)
{
	for (;;) {
		size_t room = out->max - out->n;
		ssize_t n;
		char more;
		enum err e;

		if (room == 0)
			return read(fd, &more, 1) == 0 ? OK : ERR_FULL;
		if ((e = buf_reserve(out, room < 4096 ? room : 4096)) != OK)
			return e;
		n = read(fd, out->p + out->n, out->cap - out->n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ERR_IO;
		if (n == 0)
			return OK;
		out->n += (size_t)n;
	}
}

enum err
file_read(const char *path, struct buf *out, struct file_stamp *stamp)
{
	struct stat st;
	enum err e;
	int kept;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
	if (fstat(fd, &st) != 0) {
		e = ERR_IO;
	} else if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		e = ERR_IO;
	} else {
		e = read_all(fd, out);
	}
	if (stamp != NULL && e == OK)
		*stamp = stamp_of(&st);
	kept = errno;
	close(fd);
	errno = kept;
	return e;
}

/* Split ${path} into the folder (into ${dir}) and the rest. */
static enum err
dir_of(const char *path, char dir[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);

	if (n >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return ERR_IO;
	}
	if (slash == NULL) {
		strcpy(dir, ".");
	} else if (n == 0) {
		strcpy(dir, "/");
	} else {
		memcpy(dir, path, n);
		dir[n] = '\0';
	}
	return OK;
}

static enum err
write_all(int fd, struct slice bytes)
{
	while (bytes.n > 0) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ERR_IO;
		bytes = slice_from(bytes, (size_t)n);
	}
	return OK;
}

/*
 * Root writes for a daemon that runs as somebody else: the file must stay
 * readable to that one.  Where we may not, it is our own file anyway.
 */
static void
keep_owner(int fd, const char *path, const char *dir)
{
	struct stat st;

	if (geteuid() != 0)
		return;
	if (stat(path, &st) == 0 || stat(dir, &st) == 0)
		(void)!fchown(fd, st.st_uid, st.st_gid);
}

static enum err
sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	int r;

	if (fd < 0)
		return ERR_IO;
	r = fsync(fd);
	close(fd);
	/* Some file systems cannot sync a folder; there is nothing better. */
	return r == 0 || errno == EINVAL ? OK : ERR_IO;
}

enum err
file_replace(const char *path, struct slice bytes, uint32_t mode)
{
	char dir[PATH_MAX], tmp[PATH_MAX];
	enum err e = dir_of(path, dir);
	int fd, kept;

	if (e != OK)
		return e;
	if (snprintf(tmp, sizeof tmp, "%s.XXXXXX", path) >= (int)sizeof tmp) {
		errno = ENAMETOOLONG;
		return ERR_IO;
	}
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return ERR_IO;
	keep_owner(fd, path, dir);
	e = fchmod(fd, (mode_t)mode) == 0 ? write_all(fd, bytes) : ERR_IO;
	if (e == OK && fsync(fd) != 0)
		e = ERR_IO;
	kept = errno;
	if (close(fd) != 0 && e == OK) {
		e = ERR_IO;
		kept = errno;
	}
	if (e == OK && rename(tmp, path) != 0) {
		e = ERR_IO;
		kept = errno;
	}
	if (e == OK)
		return sync_dir(dir);
	unlink(tmp);
	errno = kept;
	return e;
}

static bool
make_one(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return true;
	if (errno != EEXIST)
		return false;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return true;
	errno = ENOTDIR;
	return false;
}

enum err
file_make_dir(const char *path, uint32_t mode)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof part) {
		errno = n == 0 ? ENOENT : ENAMETOOLONG;
		return ERR_IO;
	}
	memcpy(part, path, n + 1);
	for (size_t i = 1; i < n; i++) {
		if (part[i] != '/' || part[i - 1] == '/')
			continue;
		part[i] = '\0';
		if (!make_one(part, 0755))
			return ERR_IO;
		part[i] = '/';
	}
	return make_one(part, (mode_t)mode) ? OK : ERR_IO;
}

int
file_lock_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	int r;

	if (fd < 0)
		return -1;
	do {
		r = flock(fd, LOCK_EX);
	} while (r != 0 && errno == EINTR);
	if (r == 0)
		return fd;
	close(fd);
	return -1;
}

void
file_unlock(int fd)
{
	close(fd);
}
