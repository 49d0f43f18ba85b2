/*
 * Who listens on a port: /proc/net/tcp names the socket's inode, and the
 * process that has it open shows it as a link in /proc/PID/fd.
 */
#include "os/proc.h"
#include "os/sock.h"
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	TCP_LISTEN_STATE = 0x0a,
	PATH_ROOM = 300,
	PID_ROOM = 32,
	NAME_ROOM = 64,
	NAMED_MAX = 32
};

/* The inode of a listening socket with ${port} in ${path}, and its user. */
static unsigned long
find_inode(const char *path, uint16_t port, uid_t *uid)
{
	char line[512];
	unsigned long inode = 0;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return 0;
	while (inode == 0 && fgets(line, sizeof line, f) != NULL) {
		unsigned p, state, user;
		unsigned long i;

		if (sscanf(line,
			" %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x "
			"%*[^ ] %*[^ ] %*[^ ] %u %*u %lu",
			&p, &state, &user, &i) == 4 &&
		    state == TCP_LISTEN_STATE && p == port) {
			inode = i;
			*uid = (uid_t)user;
		}
	}
	(void)fclose(f);
	return inode;
}

static unsigned long
find_socket(uint16_t port, uid_t *uid)
{
	unsigned long inode = find_inode("/proc/net/tcp", port, uid);

	return inode != 0 ? inode : find_inode("/proc/net/tcp6", port, uid);
}

/* Does process ${pid} (text) have an open link that reads ${want}? */
static bool
has_link(const char *pid, const char *want)
{
	char path[PATH_ROOM], link[64];
	struct dirent *e;
	bool found = false;
	DIR *d;

	(void)snprintf(path, sizeof path, "/proc/%s/fd", pid);
	if ((d = opendir(path)) == NULL)
		return false;
	while (!found && (e = readdir(d)) != NULL) {
		ssize_t n =
		    readlinkat(dirfd(d), e->d_name, link, sizeof link - 1);

		if (n > 0) {
			link[n] = 0;
			found = strcmp(link, want) == 0;
		}
	}
	(void)closedir(d);
	return found;
}

/* The name of process ${pid} (text) in listings; as it was: none. */
static void
read_name(const char *pid, char name[NAME_ROOM])
{
	char path[PATH_ROOM];
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%s/comm", pid);
	if ((f = fopen(path, "re")) == NULL)
		return;
	if (fgets(name, NAME_ROOM, f) != NULL)
		name[strcspn(name, "\n")] = 0;
	(void)fclose(f);
}

static void
describe(const char *pid, char *out, size_t cap)
{
	char name[NAME_ROOM] = "a process";

	read_name(pid, name);
	(void)snprintf(out, cap, "%s (pid %s)", name, pid);
}

/* The process that listens on ${port}, its id as text; false: none seen. */
static bool
find_holder(uint16_t port, char *pid, size_t cap)
{
	uid_t uid = 0;
	char want[64];
	unsigned long inode = find_socket(port, &uid);
	struct dirent *e;
	bool found = false;
	DIR *d;

	if (inode == 0 || (d = opendir("/proc")) == NULL)
		return false;
	(void)snprintf(want, sizeof want, "socket:[%lu]", inode);
	while (!found && (e = readdir(d)) != NULL)
		if (isdigit((unsigned char)e->d_name[0]) &&
		    has_link(e->d_name, want)) {
			(void)snprintf(pid, cap, "%.31s", e->d_name);
			found = true;
		}
	(void)closedir(d);
	return found;
}

bool
os_sock_port_holder(uint16_t port, char *out, size_t cap)
{
	char pid[PID_ROOM];

	if (!find_holder(port, pid, sizeof pid))
		return false;
	describe(pid, out, cap);
	return true;
}

pid_t
os_sock_port_pid(uint16_t port)
{
	char pid[PID_ROOM];

	if (!find_holder(port, pid, sizeof pid))
		return 0;
	return (pid_t)strtol(pid, NULL, 10);
}

/* Is ${pid} (text) a process of ${uid} that is called ${name}? */
static bool
is_named(const char *pid, uid_t uid, const char *name)
{
	char path[PATH_ROOM], is[NAME_ROOM] = "";
	struct stat st;

	(void)snprintf(path, sizeof path, "/proc/%s", pid);
	if (stat(path, &st) != 0 || st.st_uid != uid)
		return false;
	read_name(pid, is);
	return strcmp(is, name) == 0;
}

pid_t
os_sock_port_pid_named(uint16_t port, const char *name)
{
	pid_t all[NAMED_MAX], child[NAMED_MAX], first = 0;
	uint64_t began = 0;
	struct dirent *e;
	size_t n = 0, n_children = 0;
	uid_t uid = 0;
	DIR *d;

	if (find_socket(port, &uid) == 0 || (d = opendir("/proc")) == NULL)
		return 0;
	while (n < NAMED_MAX && (e = readdir(d)) != NULL)
		if (isdigit((unsigned char)e->d_name[0]) &&
		    is_named(e->d_name, uid, name))
			all[n++] = (pid_t)strtol(e->d_name, NULL, 10);
	(void)closedir(d);
	for (size_t i = 0; i < n; i++) {
		uint64_t at = os_proc_began(all[i]);

		if (at == 0 || (first != 0 && at >= began))
			continue;
		began = at;
		first = all[i];
	}
	/* Those that it started itself may be called the same; no others. */
	if (first != 0)
		n_children = os_proc_children(first, child, NAMED_MAX);
	for (size_t i = 0; i < n && first != 0; i++) {
		bool is_its = all[i] == first;

		for (size_t k = 0; k < n_children; k++)
			is_its = is_its || child[k] == all[i];
		if (!is_its)
			first = 0;
	}
	return first;
}
