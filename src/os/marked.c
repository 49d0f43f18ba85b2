/*
 * Processes that are found again by a variable of their environment: all that
 * a program starts inherits it, whatever groups and parents it changes.
 */
#include "os/proc.h"
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	ENVIRON_MAX = 256 * 1024,
	STAT_MAX = 1024,
	BEGAN_FIELD = 22, /* of /proc/PID/stat, the first being 1 */
};

uint64_t
os_proc_began(pid_t pid)
{
	char path[64], stat[STAT_MAX];
	const char *p;
	size_t n;
	FILE *f;

	(void)snprintf(
	    path, sizeof path, "/proc/%ld/stat", (long)(pid ? pid : getpid()));
	if ((f = fopen(path, "re")) == NULL)
		return 0;
	n = fread(stat, 1, sizeof stat - 1, f);
	(void)fclose(f);
	stat[n] = 0;
	/* The second field, in brackets, may hold anything. */
	if ((p = strrchr(stat, ')')) == NULL)
		return 0;
	/* Who has ended and waits to be collected is gone. */
	if (p[1] == ' ' && (p[2] == 'Z' || p[2] == 'X'))
		return 0;
	for (int field = 2; field < BEGAN_FIELD && p != NULL; field++)
		p = strchr(p + 1, ' ');
	return p == NULL ? 0 : strtoull(p + 1, NULL, 10);
}

/* Is ${pid} of this process's own container? */
static bool
is_near(pid_t pid)
{
	char path[64];
	struct stat own, other;

	(void)snprintf(path, sizeof path, "/proc/%ld/ns/pid", (long)pid);
	return stat("/proc/self/ns/pid", &own) == 0 &&
	    stat(path, &other) == 0 && own.st_ino == other.st_ino;
}

/* The value of ${name} in ${env}; p is NULL if it is not there. */
static struct slice
find_value(struct slice env, const char *name)
{
	while (env.n > 0) {
		struct slice value = slice_cut(&env, 0);

		if (slice_is(slice_cut(&value, '='), name))
			return value;
	}
	return slice_of(NULL, 0);
}

void
os_proc_each_with(const char *name,
    void (*see)(void *ctx, pid_t pid, struct slice value), void *ctx)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	struct buf b;

	if (d == NULL)
		return;
	buf_init(&b, ENVIRON_MAX);
	while ((e = readdir(d)) != NULL) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		struct slice value;

		if (!isdigit((unsigned char)e->d_name[0]) || pid == getpid())
			continue;
		buf_clear(&b);
		/* A part of a long one will do. */
		(void)!os_proc_environ(pid, &b);
		value = find_value(buf_slice(&b), name);
		if (value.p != NULL && is_near(pid))
			see(ctx, pid, value);
	}
	buf_fini(&b);
	(void)closedir(d);
}
