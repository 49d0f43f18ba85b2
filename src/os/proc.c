#include "os/proc.h"
#include "os/spawn.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

static int64_t
count_fds(pid_t pid)
{
	char path[64];
	struct dirent *e;
	int64_t n = 0;
	DIR *d;

	(void)snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
	if ((d = opendir(path)) == NULL)
		return -1;
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	(void)closedir(d);
	/* The folder itself was open while it was read. */
	return pid == getpid() ? n - 1 : n;
}

static int64_t
read_rss(pid_t pid)
{
	char path[64];
	long pages = -1;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
	if ((f = fopen(path, "re")) == NULL)
		return -1;
	if (fscanf(f, "%*d %ld", &pages) != 1)
		pages = -1;
	(void)fclose(f);
	return pages < 0 ? -1 : (int64_t)pages * sysconf(_SC_PAGESIZE);
}

enum err
os_proc_usage(pid_t pid, struct os_usage *out)
{
	if (pid == 0)
		pid = getpid();
	out->fds = count_fds(pid);
	out->rss_bytes = read_rss(pid);
	return out->fds < 0 || out->rss_bytes < 0 ? ERR_IO : OK;
}

void
os_proc_name(const char *name)
{
#ifdef __linux__
	(void)prctl(PR_SET_NAME, name);
#else
	(void)pthread_setname_np(name);
#endif
}

bool
os_proc_signal_with_parent(int signal, pid_t parent)
{
#ifdef __linux__
	/* Asked after the call, so that a death in between is seen too. */
	return prctl(PR_SET_PDEATHSIG, signal) == 0 && getppid() == parent;
#else
	(void)signal;
	(void)parent;
	return false;
#endif
}

enum err
os_proc_self(char *out, size_t cap)
{
#ifdef __APPLE__
	uint32_t n = (uint32_t)cap;

	return _NSGetExecutablePath(out, &n) == 0 ? OK : ERR_FULL;
#else
	static const char path[] = "/proc/self/exe";

	if (cap < sizeof path)
		return ERR_FULL;
	memcpy(out, path, sizeof path);
	return access(path, X_OK) == 0 ? OK : ERR_IO;
#endif
}

int
os_proc_open_self(void)
{
	char path[4096];

	if (os_proc_self(path, sizeof path) != OK)
		return -1;
	return open(path, O_RDONLY | O_CLOEXEC);
}

void
os_proc_become(int fd, char *const *argv)
{
#ifdef __linux__
	(void)fexecve(fd, argv, os_environ());
#else
	(void)fd;
	(void)argv;
	errno = ENOSYS;
#endif
}

static enum err
join(char *out, size_t cap, struct slice folder, const char *name)
{
	int n = snprintf(out, cap, "%.*s/%s", SLICE_ARG(folder), name);

	return n < 0 || (size_t)n >= cap ? ERR_FULL : OK;
}

enum err
os_proc_called(const char *word, char *out, size_t cap)
{
	struct slice path = slice_str(getenv("PATH") ? getenv("PATH") : "");
	char here[4096];

	if (word[0] == '/')
		return join(out, cap, slice_of("", 0), word + 1);
	if (strchr(word, '/') != NULL)
		return getcwd(here, sizeof here) != NULL
		    ? join(out, cap, slice_str(here), word)
		    : ERR_NOT_FOUND;
	while (path.n > 0) {
		struct slice folder = slice_cut(&path, ':');

		if (folder.n > 0 && folder.p[0] == '/' &&
		    join(out, cap, folder, word) == OK &&
		    access(out, X_OK) == 0)
			return OK;
	}
	return ERR_NOT_FOUND;
}
