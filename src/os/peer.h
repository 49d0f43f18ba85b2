/*
 * peer: which process is at the other end of a connection on this machine.
 *
 *   unix socket   SO_PEERCRED: who connected
 *   loopback      sock_diag: the other socket's user and inode -> /proc/.../fd
 *
 * A socket that several processes share (a fork) is the first one's that is
 * found.  Sources: sock_diag(7), proc(5), cgroups(7).
 */
#pragma once
#include "os/sock.h"

/* Processes that were found before are looked at first; all 0 is empty. */
struct os_peer_memo {
	pid_t pids[16];
	unsigned next;
};

/*
 * The process at the other end of the TCP or unix socket ${fd}, which was
 * accepted.  Without ${memo} the pid is not looked for (0).  A pid is 0 too
 * where it cannot be seen: another user's, without the right to.  Looking for
 * a process that is not in ${memo} reads all of /proc/.../fd of that user.
 * ERR_NOT_FOUND: it is not on this machine, or the system does not tell.
 */
MUST_CHECK enum err os_peer_find(
    int fd, struct os_peer *out, struct os_peer_memo *memo);

/* The program's path of ${pid}, NUL-terminated.  ERR_IO, ERR_FULL. */
MUST_CHECK enum err os_peer_exe(pid_t pid, char *out, size_t cap);

/*
 * The control group of ${pid} that systemd or a container's engine gave it, a
 * path such as /system.slice/a.service, NUL-terminated.  ERR_IO, ERR_FULL.
 */
MUST_CHECK enum err os_peer_group(pid_t pid, char *out, size_t cap);
