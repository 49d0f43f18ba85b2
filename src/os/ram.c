#include "os/ram.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TEXT_MAX = 8192, PATH_ROOM = 1024, DEPTH_MAX = 32 };

/* A limit beyond this is none: version 1 writes a huge number for it. */
#define NO_LIMIT (INT64_C(1) << 60)

/* The text of ${root}${dir}/${name}, NUL-terminated; false: none. */
static bool
read_text(
    const char *root, const char *dir, const char *name, char out[TEXT_MAX])
{
	char path[PATH_ROOM];
	ssize_t n, at = 0;
	int fd, len = snprintf(path, sizeof path, "%s%s/%s", root, dir, name);

	out[0] = 0;
	if (len < 0 || (size_t)len >= sizeof path ||
	    (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return false;
	while (at < TEXT_MAX - 1 &&
	    (n = read(fd, out + at, (size_t)(TEXT_MAX - 1 - at))) > 0)
		at += n;
	(void)close(fd);
	out[at] = 0;
	return at > 0;
}

/* The number behind ${key} at the begin of a line; ${other} without one. */
static int64_t
number_of(const char *text, const char *key, int64_t other)
{
	size_t n = strlen(key);

	for (const char *at = text; at != NULL; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, key, n) == 0 &&
		    (at[n] == ' ' || at[n] == ':' || at[n] == '\t'))
			return strtoll(at + n + 1, NULL, 10);
	}
	return other;
}

static int64_t
number_in(const char *root, const char *dir, const char *name, int64_t other)
{
	char text[TEXT_MAX];

	/* "max" is no number: no limit. */
	if (!read_text(root, dir, name, text) || text[0] < '0' || text[0] > '9')
		return other;
	return strtoll(text, NULL, 10);
}

/* Of "full avg10=12.34 avg60=...": 1234. */
static int32_t
read_stalled(const char *root, const char *dir, const char *name)
{
	char text[TEXT_MAX];
	const char *at;

	if (!read_text(root, dir, name, text) ||
	    (at = strstr(text, "full avg10=")) == NULL)
		return -1;
	return (int32_t)(strtod(at + strlen("full avg10="), NULL) * 100);
}

static bool
look_at_machine(const char *root, struct os_ram *out)
{
	char text[TEXT_MAX];
	int64_t total, available;

	if (!read_text(root, "/proc", "meminfo", text))
		return false;
	total = number_of(text, "MemTotal", -1);
	available = number_of(text, "MemAvailable", -1);
	if (total < 0 || available < 0)
		return false;
	out->total_bytes = total * 1024;
	out->free_bytes = available * 1024;
	out->stalled = read_stalled(root, "/proc/pressure", "memory");
	if (read_text(root, "/proc", "vmstat", text))
		out->oom_kills = number_of(text, "oom_kill", -1);
	return true;
}

/* --- groups --- */

static void
apply(struct os_ram *out, int64_t limit, int64_t used, int64_t idle)
{
	int64_t left = limit - (used > idle ? used - idle : 0);

	if (limit < 0 || limit >= NO_LIMIT || used < 0)
		return;
	if (left < 0)
		left = 0;
	if (limit < out->total_bytes) {
		out->total_bytes = limit;
		out->is_limited = true;
	}
	if (left < out->free_bytes) {
		out->free_bytes = left;
		out->is_limited = true;
	}
}

static void
look_at_v2(const char *root, const char *dir, bool is_own, struct os_ram *out)
{
	char text[TEXT_MAX];
	int64_t limit = number_in(root, dir, "memory.max", NO_LIMIT);
	int64_t idle = 0, stalled;

	if (read_text(root, dir, "memory.stat", text))
		idle = number_of(text, "inactive_file", 0);
	apply(out, limit, number_in(root, dir, "memory.current", -1), idle);
	/* From here on: those who have a limit, and the process's own. */
	if (!is_own && limit >= NO_LIMIT)
		return;
	stalled = read_stalled(root, dir, "memory.pressure");
	if (stalled > out->stalled)
		out->stalled = (int32_t)stalled;
	if (limit < NO_LIMIT && read_text(root, dir, "memory.events", text))
		out->oom_kills = number_of(text, "oom_kill", -1);
}

static void
look_at_v1(const char *root, const char *dir, struct os_ram *out)
{
	char text[TEXT_MAX];
	int64_t limit = number_in(root, dir, "memory.limit_in_bytes", NO_LIMIT);
	int64_t idle = 0;

	if (read_text(root, dir, "memory.stat", text))
		idle = number_of(text, "total_inactive_file", 0);
	apply(out, limit, number_in(root, dir, "memory.usage_in_bytes", -1),
	    idle);
	if (limit >= NO_LIMIT ||
	    !read_text(root, dir, "memory.oom_control", text))
		return;
	out->is_out = out->is_out || number_of(text, "under_oom", 0) > 0;
	out->oom_kills = number_of(text, "oom_kill", out->oom_kills);
}

/* The group in the line of /proc/PID/cgroup that has ${mark}. */
static bool
find_group(const char *text, const char *mark, char *out, size_t cap)
{
	const char *at = strstr(text, mark);
	size_t n;

	if (at == NULL)
		return false;
	at += strlen(mark);
	n = strcspn(at, "\n");
	if (n >= cap || at[0] != '/')
		return false;
	memcpy(out, at, n);
	out[n] = 0;
	return true;
}

/* ${base}${group} and all above it, up to ${base}. */
static void
climb(const char *root, const char *base, char *group, bool is_v2,
    struct os_ram *out)
{
	char dir[PATH_ROOM];
	bool is_own = true;

	for (unsigned i = 0; i < DEPTH_MAX; i++) {
		size_t n = strlen(group);

		while (n > 0 && group[n - 1] == '/')
			group[--n] = 0;
		(void)snprintf(dir, sizeof dir, "%s%s", base, group);
		if (is_v2)
			look_at_v2(root, dir, is_own, out);
		else
			look_at_v1(root, dir, out);
		if (n == 0)
			break;
		*strrchr(group, '/') = 0;
		is_own = false;
	}
}

enum err
os_ram_look(const char *root, pid_t pid, struct os_ram *out)
{
	char text[TEXT_MAX], group[512], dir[64];

	*out = (struct os_ram){.stalled = -1, .oom_kills = -1};
	if (!look_at_machine(root, out))
		return ERR_IO;
	if (pid == 0)
		(void)snprintf(dir, sizeof dir, "/proc/self");
	else
		(void)snprintf(dir, sizeof dir, "/proc/%ld", (long)pid);
	if (!read_text(root, dir, "cgroup", text))
		return OK;
	if (find_group(text, ":memory:", group, sizeof group))
		climb(root, "/sys/fs/cgroup/memory", group, false, out);
	if (find_group(text, "0::", group, sizeof group))
		climb(root, "/sys/fs/cgroup", group, true, out);
	return OK;
}
