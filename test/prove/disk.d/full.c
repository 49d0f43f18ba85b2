/*
 * full: makes the N-th write below a folder, and all behind it, fail as on a
 * full disk; loaded by LD_PRELOAD.
 *
 *   FULL_DIR   the folder
 *   FULL_PAGE  a file of three int64_t, shared with whoever proves: which kind
 *              of call (0: none), how many of it still pass, how many failed
 *
 * The first write that fails is a short one, as the kernel does it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NONE, WRITE, OPEN, SYNC, RENAME, CUT, MKDIR };

struct page {
	_Atomic int64_t kind, pass, failed;
};

static struct page *
page(void)
{
	static struct page *p;
	int fd;

	if (p == NULL && getenv("FULL_PAGE") != NULL) {
		fd = (int)syscall(
		    SYS_openat, AT_FDCWD, getenv("FULL_PAGE"), O_RDWR);
		p = mmap(
		    NULL, sizeof *p, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		(void)close(fd);
	}
	return p;
}

static int
is_below(const char *path)
{
	const char *dir = getenv("FULL_DIR");

	return dir != NULL && path != NULL &&
	    strncmp(path, dir, strlen(dir)) == 0;
}

static int
is_fd_below(int fd)
{
	char link[64], path[4096];
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	if (n < 0)
		return 0;
	path[n] = 0;
	return is_below(path);
}

/* 0: passes; 1: the first that fails; 2: fails. */
static int
fails(int kind)
{
	struct page *p = page();
	int64_t left;

	if (p == NULL || atomic_load(&p->kind) != kind)
		return 0;
	left = atomic_fetch_sub(&p->pass, 1);
	if (left > 0)
		return 0;
	atomic_fetch_add(&p->failed, 1);
	errno = ENOSPC;
	return left == 0 ? 1 : 2;
}

#define NEXT(type, name) ((type)dlsym(RTLD_NEXT, name))

ssize_t
write(int fd, const void *b, size_t n)
{
	typedef ssize_t fn(int, const void *, size_t);
	int f = page() && atomic_load(&page()->kind) == WRITE && n > 0 &&
		is_fd_below(fd)
	    ? fails(WRITE)
	    : 0;

	if (f == 2 || (f == 1 && n < 2)) {
		errno = ENOSPC;
		return -1;
	}
	return NEXT(fn *, "write")(fd, b, f ? n / 2 : n);
}

static ssize_t
any_pwrite(const char *name, int fd, const void *b, size_t n, off_t at)
{
	typedef ssize_t fn(int, const void *, size_t, off_t);
	int f = page() && atomic_load(&page()->kind) == WRITE && is_fd_below(fd)
	    ? fails(WRITE)
	    : 0;

	if (f == 2 || (f == 1 && n < 2)) {
		errno = ENOSPC;
		return -1;
	}
	return NEXT(fn *, name)(fd, b, f ? n / 2 : n, at);
}

ssize_t
pwrite(int fd, const void *b, size_t n, off_t at)
{
	return any_pwrite("pwrite", fd, b, n, at);
}

ssize_t
pwrite64(int fd, const void *b, size_t n, off_t at)
{
	return any_pwrite("pwrite64", fd, b, n, at);
}

static int
any_open(const char *name, const char *path, int flags, va_list args)
{
	typedef int fn(const char *, int, ...);
	mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;

	if ((flags & O_CREAT) && is_below(path) && access(path, F_OK) != 0 &&
	    fails(OPEN))
		return -1;
	return NEXT(fn *, name)(path, flags, mode);
}

int
open(const char *path, int flags, ...)
{
	va_list args;
	int r;

	va_start(args, flags);
	r = any_open("open", path, flags, args);
	va_end(args);
	return r;
}

int
open64(const char *path, int flags, ...)
{
	va_list args;
	int r;

	va_start(args, flags);
	r = any_open("open64", path, flags, args);
	va_end(args);
	return r;
}

static int
any_mkostemp(const char *name, char *path, int flags)
{
	typedef int fn(char *, int);

	if (is_below(path) && fails(OPEN))
		return -1;
	return NEXT(fn *, name)(path, flags);
}

int
mkostemp(char *path, int flags)
{
	return any_mkostemp("mkostemp", path, flags);
}

int
mkostemp64(char *path, int flags)
{
	return any_mkostemp("mkostemp64", path, flags);
}

#define ON_FD(name, k)                                                         \
	int name(int fd)                                                       \
	{                                                                      \
		typedef int fn(int);                                           \
		if (page() && atomic_load(&page()->kind) == k &&               \
		    is_fd_below(fd) && fails(k))                               \
			return -1;                                             \
		return NEXT(fn *, #name)(fd);                                  \
	}
ON_FD(fsync, SYNC)
ON_FD(fdatasync, SYNC)

#define ON_CUT(name)                                                           \
	int name(int fd, off_t n)                                              \
	{                                                                      \
		typedef int fn(int, off_t);                                    \
		if (page() && atomic_load(&page()->kind) == CUT &&             \
		    is_fd_below(fd) && fails(CUT))                             \
			return -1;                                             \
		return NEXT(fn *, #name)(fd, n);                               \
	}
ON_CUT(ftruncate)
ON_CUT(ftruncate64)

int
rename(const char *from, const char *to)
{
	typedef int fn(const char *, const char *);

	if (is_below(to) && fails(RENAME))
		return -1;
	return NEXT(fn *, "rename")(from, to);
}

int
mkdir(const char *path, mode_t mode)
{
	typedef int fn(const char *, mode_t);

	if (is_below(path) && access(path, F_OK) != 0 && fails(MKDIR))
		return -1;
	return NEXT(fn *, "mkdir")(path, mode);
}
