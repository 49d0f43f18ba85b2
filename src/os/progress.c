/* Does a process do anything at all?  From /proc; elsewhere nothing is told. */
#include "os/proc.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ALL_MAX = 65, TEXT_MAX = 1024 };

/* The text of /proc/${pid}/${name}, NUL-terminated; false: none. */
static bool
read_text(pid_t pid, const char *name, char out[TEXT_MAX])
{
	char path[64];
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, name);
	if ((f = fopen(path, "re")) == NULL)
		return false;
	n = fread(out, 1, TEXT_MAX - 1, f);
	(void)fclose(f);
	out[n] = 0;
	return n > 0;
}

/* Bytes that went through read(), and from disks; 0 where it is not shown. */
static uint64_t
bytes_read(pid_t pid)
{
	static const char *const names[] = {"rchar: ", "read_bytes: "};
	char text[TEXT_MAX];
	uint64_t sum = 0;

	if (!read_text(pid, "io", text))
		return 0;
	for (size_t i = 0; i < 2; i++) {
		const char *at = strstr(text, names[i]);

		if (at != NULL)
			sum += strtoull(at + strlen(names[i]), NULL, 10);
	}
	return sum;
}

/* proc(5): PID (NAME) STATE PPID ... UTIME STIME, the 14th and 15th. */
static bool
add(pid_t pid, struct os_progress *out)
{
	unsigned long long user, system;
	char stat[TEXT_MAX], state;
	const char *at;

	if (!read_text(pid, "stat", stat) || (at = strrchr(stat, ')')) == NULL)
		return false;
	if (sscanf(at + 1,
		" %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &state,
		&user, &system) != 3)
		return false;
	if (state == 'T')
		out->stopped = pid;
	out->in_disk_wait = out->in_disk_wait || state == 'D';
	out->cpu_ms += (user + system) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
	out->read_bytes += bytes_read(pid);
	return true;
}

/* ${pid} and those below it, level by level; returns how many. */
static size_t
find_all(pid_t pid, pid_t all[ALL_MAX])
{
	size_t n = 1;

	all[0] = pid;
	for (size_t i = 0; i < n; i++)
		n += os_proc_children(all[i], all + n, ALL_MAX - n);
	return n;
}

enum err
os_proc_progress(pid_t pid, struct os_progress *out)
{
	pid_t all[ALL_MAX];
	size_t n = find_all(pid, all);

	*out = (struct os_progress){0};
	if (!add(pid, out))
		return ERR_IO;
	for (size_t i = 1; i < n; i++)
		out->children += add(all[i], out);
	return OK;
}

/* Is one of its open files a graphics device?  If they are hidden, it may. */
static bool
has_gpu(pid_t pid)
{
	char path[64], link[64];
	struct dirent *e;
	bool found = false;
	DIR *d;

	(void)snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
	if ((d = opendir(path)) == NULL)
		return errno == EACCES;
	while (!found && (e = readdir(d)) != NULL) {
		ssize_t n =
		    readlinkat(dirfd(d), e->d_name, link, sizeof link - 1);

		if (n <= 0)
			continue;
		link[n] = 0;
		found = strncmp(link, "/dev/nvidia", 11) == 0 ||
		    strncmp(link, "/dev/dri/", 9) == 0 ||
		    strncmp(link, "/dev/kfd", 8) == 0;
	}
	(void)closedir(d);
	return found;
}

bool
os_proc_uses_gpu(pid_t pid)
{
	pid_t all[ALL_MAX];
	size_t n = find_all(pid, all);

	for (size_t i = 0; i < n; i++)
		if (has_gpu(all[i]))
			return true;
	return false;
}

enum err
os_proc_program(pid_t pid, char *out, size_t cap, uint64_t *id)
{
	char path[64];
	struct stat st;
	ssize_t n;

	(void)snprintf(path, sizeof path, "/proc/%ld/exe", (long)pid);
	n = readlink(path, out, cap);
	if (n < 0 || stat(path, &st) != 0)
		return ERR_IO;
	if ((size_t)n >= cap)
		return ERR_FULL;
	out[n] = 0;
	/* Only that they differ matters; odd factors keep them apart. */
	*id = (uint64_t)st.st_ino * UINT64_C(0x9e3779b97f4a7c15) ^
	    (uint64_t)st.st_dev * UINT64_C(0xff51afd7ed558ccd) ^
	    ((uint64_t)st.st_mtim.tv_sec * 1000000007 +
		(uint64_t)st.st_mtim.tv_nsec) ^
	    (uint64_t)st.st_size;
	return OK;
}
