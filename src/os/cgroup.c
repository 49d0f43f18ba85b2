#include "os/cgroup.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROOM = 256 * 1024 };

/* Where the hierarchies are mounted, by custom. */
#define V1_ROOT "/sys/fs/cgroup/memory"
#define V2_ROOT "/sys/fs/cgroup"

/* The text of ${dir}/${name} in ${out}, NUL-terminated; false: none. */
static bool
read_text(const char *dir, const char *name, char *out, size_t cap)
{
	char path[600];
	ssize_t n, at = 0;
	int fd;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return false;
	while (at < (ssize_t)cap - 1 &&
	    (n = read(fd, out + at, cap - 1 - (size_t)at)) > 0)
		at += n;
	(void)close(fd);
	out[at] = 0;
	return true;
}

/* This process's group in the line of /proc/self/cgroup with ${mark}. */
static bool
find_own(const char *mark, char *out, size_t cap)
{
	char text[4096], *line, *rest = text;

	if (!read_text("/proc/self", "cgroup", text, sizeof text))
		return false;
	while ((line = strsep(&rest, "\n")) != NULL) {
		char *at = strstr(line, mark);

		if (at == NULL)
			continue;
		at += strlen(mark);
		/* The root itself is "/". */
		(void)snprintf(out, cap, "%s", strcmp(at, "/") ? at : "");
		return true;
	}
	return false;
}

static bool
try_make(
    struct os_cgroup *c, const char *root, const char *own, const char *name)
{
	char procs[600];
	int n = snprintf(c->path, sizeof c->path, "%s%s/%s", root, own, name);

	if (n < 0 || (size_t)n >= sizeof c->path)
		return false;
	if (mkdir(c->path, 0755) != 0 && errno != EEXIST)
		return false;
	(void)snprintf(procs, sizeof procs, "%s/cgroup.procs", c->path);
	if (access(procs, W_OK) == 0)
		return true;
	(void)rmdir(c->path);
	return false;
}

enum err
os_cgroup_make(struct os_cgroup *c, const char *name)
{
	char own[400];

	*c = (struct os_cgroup){.is_v1 = true};
	if (find_own(":memory:", own, sizeof own) &&
	    try_make(c, V1_ROOT, own, name))
		return OK;
	c->is_v1 = false;
	if (find_own("0::", own, sizeof own) && try_make(c, V2_ROOT, own, name))
		return OK;
	c->path[0] = 0;
	return ERR_IO;
}

/* Is it ${prefix}PID-..., and that process gone? */
static bool
is_orphan(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);
	char *end;
	long pid;

	if (strncmp(name, prefix, n) != 0)
		return false;
	pid = strtol(name + n, &end, 10);
	return pid > 0 && *end == '-' && kill((pid_t)pid, 0) != 0 &&
	    errno == ESRCH;
}

void
os_cgroup_sweep(const struct os_cgroup *c, const char *prefix)
{
	const char *slash = strrchr(c->path, '/');
	char parent[sizeof c->path];
	struct dirent *entry;
	DIR *dir;

	if (slash == NULL)
		return;
	(void)snprintf(
	    parent, sizeof parent, "%.*s", (int)(slash - c->path), c->path);
	if ((dir = opendir(parent)) == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		if (is_orphan(entry->d_name, prefix))
			(void)unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
	(void)closedir(dir);
}

void
os_cgroup_enter(const struct os_cgroup *c)
{
	char path[600];
	int fd;

	if (c->path[0] == 0)
		return;
	(void)snprintf(path, sizeof path, "%s/cgroup.procs", c->path);
	if ((fd = open(path, O_WRONLY | O_CLOEXEC)) < 0)
		return;
	/* 0 is whoever writes. */
	(void)!write(fd, "0", 1);
	(void)close(fd);
}

size_t
os_cgroup_kill(const struct os_cgroup *c, int signal)
{
	char *text, *line, *rest;
	size_t n = 0;

	if (c->path[0] == 0 || (text = malloc(ROOM)) == NULL)
		return 0;
	if (!read_text(c->path, "cgroup.procs", text, ROOM))
		text[0] = 0;
	rest = text;
	while ((line = strsep(&rest, "\n")) != NULL) {
		long pid = strtol(line, NULL, 10);

		if (pid <= 1)
			continue;
		n++;
		if (signal != 0)
			(void)kill((pid_t)pid, signal);
	}
	free(text);
	return n;
}

int64_t
os_cgroup_oom_kills(const struct os_cgroup *c)
{
	char text[4096], *at;

	if (c->path[0] == 0 ||
	    !read_text(c->path,
		c->is_v1 ? "memory.oom_control" : "memory.events", text,
		sizeof text) ||
	    (at = strstr(text, "oom_kill ")) == NULL)
		return -1;
	return strtoll(at + strlen("oom_kill "), NULL, 10);
}

void
os_cgroup_remove(struct os_cgroup *c)
{
	if (c->path[0] != 0)
		(void)rmdir(c->path);
	c->path[0] = 0;
}
