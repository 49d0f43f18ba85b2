#include "os/share.h"
#include "os/fd.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A descriptor of nameless memory, size 0; -1 if the system refuses. */
static int
open_nameless(const char *name)
{
#ifdef __linux__
	return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
#else
	char path[32];
	int fd;

	(void)name;
	(void)snprintf(path, sizeof path, "/weir-%ld", (long)getpid());
	fd = shm_open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd >= 0) {
		(void)shm_unlink(path);
		os_fd_cloexec(fd, true);
	}
	return fd;
#endif
}

static int
seal_size(int fd)
{
#ifdef __linux__
	return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
#else
	(void)fd;
	return 0;
#endif
}

enum err
os_share_new(const char *name, size_t bytes, int *fd)
{
	int f = open_nameless(name);

	if (f < 0)
		return ERR_IO;
	if (ftruncate(f, (off_t)bytes) != 0 || seal_size(f) != 0) {
		(void)close(f);
		return ERR_IO;
	}
	*fd = f;
	return OK;
}

enum err
os_share_map(int fd, size_t bytes, void **p)
{
	struct stat st;
	void *at;

	if (fstat(fd, &st) != 0)
		return ERR_IO;
	if (st.st_size < 0 || (uint64_t)st.st_size < bytes)
		return ERR_VERSION;
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return ERR_IO;
	*p = at;
	return OK;
}

void
os_share_unmap(void *p, size_t bytes)
{
	(void)munmap(p, bytes);
}
