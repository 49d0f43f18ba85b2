/*
 * Who listens on a port: /proc/net/tcp names the socket's inode, and the
 * process that has it open shows it as a link in /proc/PID/fd.
 */
#include "os/sock.h"
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TCP_LISTEN_STATE = 0x0a, PATH_ROOM = 300, PID_ROOM = 32 };

/* The inode of a listening socket with ${port} in ${path}; 0: none. */
static unsigned long
find_inode(const char *path, uint16_t port)
{
	char line[512];
	unsigned long inode = 0;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return 0;
	while (inode == 0 && fgets(line, sizeof line, f) != NULL) {
		unsigned p, state;
		unsigned long i;

		if (sscanf(line,
			" %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x "
			"%*[^ ] %*[^ ] %*[^ ] %*u %*u %lu",
			&p, &state, &i) == 3 &&
		    state == TCP_LISTEN_STATE && p == port)
			inode = i;
	}
	(void)fclose(f);
	return inode;
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

static void
describe(const char *pid, char *out, size_t cap)
{
	char path[PATH_ROOM], name[64] = "a process";
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%s/comm", pid);
	if ((f = fopen(path, "re")) != NULL) {
		if (fgets(name, sizeof name, f) != NULL)
			name[strcspn(name, "\n")] = 0;
		(void)fclose(f);
	}
	(void)snprintf(out, cap, "%s (pid %s)", name, pid);
}

/* The process that listens on ${port}, its id as text; false: none seen. */
static bool
find_holder(uint16_t port, char *pid, size_t cap)
{
	char want[64];
	unsigned long inode = find_inode("/proc/net/tcp", port);
	struct dirent *e;
	bool found = false;
	DIR *d;

	if (inode == 0)
		inode = find_inode("/proc/net/tcp6", port);
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
