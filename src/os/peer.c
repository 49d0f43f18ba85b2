#include "os/peer.h"
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__linux__)
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

/* --- from the two addresses to the other socket's user and inode --- */

struct ask {
	struct nlmsghdr head;
	struct inet_diag_req_v2 body;
};

struct found {
	struct nlmsghdr head;
	struct inet_diag_msg body;
	char more[512];
};

/* Put ${sa} into ${port} and ${ip}; its family, mapped IPv4 as IPv4. */
static int
spread(const struct sockaddr_storage *sa, __be16 *port, __be32 ip[4])
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	memset(ip, 0, 16);
	if (sa->ss_family == AF_INET) {
		memcpy(&in, sa, sizeof in);
		*port = in.sin_port;
		memcpy(ip, &in.sin_addr, 4);
		return AF_INET;
	}
	memcpy(&in6, sa, sizeof in6);
	*port = in6.sin6_port;
	if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
		memcpy(ip, in6.sin6_addr.s6_addr + 12, 4);
		return AF_INET;
	}
	memcpy(ip, &in6.sin6_addr, 16);
	return AF_INET6;
}

static bool
query(const struct ask *ask, struct found *out)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	struct timeval most = {.tv_usec = 100000};
	ssize_t n = -1;

	if (fd < 0)
		return false;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
	if (send(fd, ask, sizeof *ask, 0) == (ssize_t)sizeof *ask)
		n = recv(fd, out, sizeof *out, 0);
	(void)close(fd);
	return n >= (ssize_t)offsetof(struct found, more) &&
	    out->head.nlmsg_type == SOCK_DIAG_BY_FAMILY;
}

/* The socket whose own address is ${theirs} and whose peer is ${ours}. */
static bool
find_socket(const struct sockaddr_storage *ours,
    const struct sockaddr_storage *theirs, struct os_peer *out, uint32_t *inode)
{
	struct ask ask = {
	    .head = {.nlmsg_len = sizeof ask,
		.nlmsg_type = SOCK_DIAG_BY_FAMILY,
		.nlmsg_flags = NLM_F_REQUEST},
	    .body = {.sdiag_protocol = IPPROTO_TCP,
		.idiag_states = UINT32_MAX,
		.id = {.idiag_cookie = {INET_DIAG_NOCOOKIE,
			   INET_DIAG_NOCOOKIE}}},
	};
	struct found found;

	ask.body.sdiag_family = (uint8_t)spread(
	    theirs, &ask.body.id.idiag_sport, ask.body.id.idiag_src);
	(void)spread(ours, &ask.body.id.idiag_dport, ask.body.id.idiag_dst);
	if (!query(&ask, &found))
		return false;
	*out = (struct os_peer){.uid = found.body.idiag_uid};
	*inode = found.body.idiag_inode;
	return *inode != 0;
}
#else
static bool
find_socket(const struct sockaddr_storage *ours,
    const struct sockaddr_storage *theirs, struct os_peer *out, uint32_t *inode)
{
	(void)ours, (void)theirs, (void)out, (void)inode;
	return false;
}
#endif

/* --- from an inode to the process --- */

/* Has the process in ${folder}, below /proc, the socket called ${link}? */
static bool
has_socket(int proc, const char *pid, const char *link)
{
	char path[300], to[64];
	struct dirent *d;
	bool has = false;
	DIR *dir;
	int fd;

	(void)snprintf(path, sizeof path, "%s/fd", pid);
	fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || (dir = fdopendir(fd)) == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return false;
	}
	while (!has && (d = readdir(dir)) != NULL) {
		ssize_t n = readlinkat(fd, d->d_name, to, sizeof to - 1);

		to[n > 0 ? n : 0] = 0;
		has = strcmp(to, link) == 0;
	}
	(void)closedir(dir);
	return has;
}

static bool
is_of(int proc, const char *pid, uid_t uid)
{
	struct stat st;

	/* What may not be traced belongs to root here. */
	return pid[0] >= '1' && pid[0] <= '9' &&
	    fstatat(proc, pid, &st, 0) == 0 &&
	    (st.st_uid == uid || st.st_uid == 0);
}

static pid_t
search(DIR *dir, uid_t uid, const char *link)
{
	struct dirent *d;

	while ((d = readdir(dir)) != NULL)
		if (is_of(dirfd(dir), d->d_name, uid) &&
		    has_socket(dirfd(dir), d->d_name, link))
			return (pid_t)strtol(d->d_name, NULL, 10);
	return 0;
}

static pid_t
find_pid(uid_t uid, uint32_t inode, struct os_peer_memo *memo)
{
	DIR *dir = opendir("/proc");
	char link[40], pid[20];
	pid_t found = 0;

	if (dir == NULL)
		return 0;
	(void)snprintf(link, sizeof link, "socket:[%u]", inode);
	for (size_t i = 0;
	     found == 0 && i < sizeof memo->pids / sizeof *memo->pids; i++) {
		(void)snprintf(pid, sizeof pid, "%d", (int)memo->pids[i]);
		if (memo->pids[i] && has_socket(dirfd(dir), pid, link))
			found = memo->pids[i];
	}
	if (found == 0 && (found = search(dir, uid, link)) != 0)
		memo->pids[memo->next++ %
		    (sizeof memo->pids / sizeof *memo->pids)] = found;
	(void)closedir(dir);
	return found;
}

enum err
os_peer_find(int fd, struct os_peer *out, struct os_peer_memo *memo)
{
	struct sockaddr_storage ours = {0}, theirs = {0};
	socklen_t n = sizeof ours, m = sizeof theirs;
	uint32_t inode;

	if (getsockname(fd, (struct sockaddr *)(void *)&ours, &n) != 0 ||
	    getpeername(fd, (struct sockaddr *)(void *)&theirs, &m) != 0)
		return ERR_NOT_FOUND;
	if (ours.ss_family == AF_UNIX)
		return os_sock_peer(fd, out) == OK ? OK : ERR_NOT_FOUND;
	if (!find_socket(&ours, &theirs, out, &inode))
		return ERR_NOT_FOUND;
	if (memo)
		out->pid = find_pid(out->uid, inode, memo);
	return OK;
}

/* --- facts about a process --- */

enum err
os_peer_exe(pid_t pid, char *out, size_t cap)
{
	char path[40];
	ssize_t n;

	(void)snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
	n = readlink(path, out, cap);
	if (n < 0)
		return ERR_IO;
	if ((size_t)n >= cap)
		return ERR_FULL;
	out[n] = 0;
	return OK;
}

/*
 * The path in ${line} of /proc/PID/cgroup, "number:controllers:path", if it is
 * one that systemd keeps; NULL: it is another's.  A path may hold colons.
 */
static const char *
group_path(const char *line)
{
	const char *kept = strchr(line, ':'), *path;
	size_t n;

	if (kept == NULL || (path = strchr(++kept, ':')) == NULL)
		return NULL;
	n = (size_t)(path - kept);
	if (n != 0 &&
	    !(n == strlen("name=systemd") && !memcmp(kept, "name=systemd", n)))
		return NULL;
	/* On the old hierarchy the new one's is the root. */
	return strcmp(++path, "/") == 0 ? NULL : path;
}

enum err
os_peer_group(pid_t pid, char *out, size_t cap)
{
	char path[40], line[4096];
	const char *found = NULL;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
	if ((f = fopen(path, "re")) == NULL)
		return ERR_IO;
	while (!found && fgets(line, sizeof line, f) != NULL) {
		line[strcspn(line, "\n")] = 0;
		found = group_path(line);
	}
	(void)fclose(f);
	if (!found)
		found = "/";
	if (strlen(found) >= cap)
		return ERR_FULL;
	memcpy(out, found, strlen(found) + 1);
	return OK;
}
