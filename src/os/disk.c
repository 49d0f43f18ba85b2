#include "os/disk.h"
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* Make ${path} the folder above it; false: there is none. */
static bool
go_up(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash == NULL || path[1] == '\0')
		return false;
	slash[slash == path ? 1 : 0] = '\0';
	return true;
}

enum err
os_disk_look(const char *path, struct os_disk *out)
{
	char at[PATH_MAX];
	struct statvfs v;
	struct stat st;
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof at) {
		errno = n == 0 ? ENOENT : ENAMETOOLONG;
		return ERR_IO;
	}
	memcpy(at, path, n + 1);
	while (stat(at, &st) != 0 || statvfs(at, &v) != 0)
		if ((errno != ENOENT && errno != ENOTDIR) || !go_up(at))
			return ERR_IO;
	*out = (struct os_disk){
	    .dev = (uint64_t)st.st_dev,
	    .size_bytes = (uint64_t)v.f_blocks * v.f_frsize,
	    .used_bytes = (uint64_t)(v.f_blocks - v.f_bfree) * v.f_frsize,
	    .free_bytes = (uint64_t)v.f_bavail * v.f_frsize,
	};
	return OK;
}

int
os_disk_permille(const struct os_disk *d)
{
	double all = (double)d->used_bytes + (double)d->free_bytes;

	return all > 0 ? (int)((double)d->used_bytes * 1000 / all) : 0;
}
