/*
 * What other processes show of themselves in /proc.  Elsewhere nothing is told.
 */
#include "os/proc.h"
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { READ_BYTES = 16 * 1024, STAT_MAX = 1024 };

static enum err
read_all(pid_t pid, const char *name, struct buf *out)
{
	char path[64];
	enum err e = OK;
	int fd;

	(void)snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, name);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return ERR_IO;
	while (e == OK && (e = buf_reserve(out, READ_BYTES)) == OK) {
		ssize_t n = read(fd, out->p + out->n, out->cap - out->n);

		if (n < 0)
			e = ERR_IO;
		if (n <= 0)
			break;
		out->n += (size_t)n;
	}
	(void)close(fd);
	return e;
}

enum err
os_proc_args(pid_t pid, struct buf *out)
{
	return read_all(pid, "cmdline", out);
}

enum err
os_proc_environ(pid_t pid, struct buf *out)
{
	return read_all(pid, "environ", out);
}

/* The parent of the process of this folder; 0: it is gone. */
static pid_t
parent_of(const char *pid)
{
	char path[300], stat[STAT_MAX];
	const char *p;
	long parent = 0;
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%s/stat", pid);
	if ((f = fopen(path, "re")) == NULL)
		return 0;
	n = fread(stat, 1, sizeof stat - 1, f);
	(void)fclose(f);
	stat[n] = 0;
	/* The name, in brackets, may hold anything: what counts is behind. */
	if ((p = strrchr(stat, ')')) == NULL ||
	    sscanf(p + 1, " %*c %ld", &parent) != 1)
		return 0;
	return (pid_t)parent;
}

/* By reading of everybody who its parent is. */
static size_t
search_children(pid_t pid, pid_t *out, size_t cap)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	size_t n = 0;

	if (d == NULL)
		return 0;
	while (n < cap && (e = readdir(d)) != NULL)
		if (isdigit((unsigned char)e->d_name[0]) &&
		    parent_of(e->d_name) == pid)
			out[n++] = (pid_t)strtol(e->d_name, NULL, 10);
	(void)closedir(d);
	return n;
}

/* Append what the thread ${tid} of ${pid} has started; false: not told. */
static bool
list_children(pid_t pid, const char *tid, pid_t *out, size_t cap, size_t *n)
{
	char path[128];
	long child;
	FILE *f;

	(void)snprintf(
	    path, sizeof path, "/proc/%ld/task/%.20s/children", (long)pid, tid);
	if ((f = fopen(path, "re")) == NULL)
		return false;
	while (*n < cap && fscanf(f, "%ld", &child) == 1)
		out[(*n)++] = (pid_t)child;
	(void)fclose(f);
	return true;
}

size_t
os_proc_children(pid_t pid, pid_t *out, size_t cap)
{
	char path[64];
	struct dirent *e;
	bool told = false;
	size_t n = 0;
	DIR *d;

	(void)snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
	if ((d = opendir(path)) == NULL)
		return 0;
	while ((e = readdir(d)) != NULL)
		if (isdigit((unsigned char)e->d_name[0]) &&
		    list_children(pid, e->d_name, out, cap, &n))
			told = true;
	(void)closedir(d);
	return told ? n : search_children(pid, out, cap);
}
