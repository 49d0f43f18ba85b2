/*
 * spawn: programs of others as children: started apart from this process, and
 * ended with all that they started.
 */
#pragma once
#include "os/cgroup.h"
#include <sys/types.h>

struct os_spawn {
	char *const *argv; /* the program is looked for in env's PATH */
	char *const *env;
	int out_fd; /* becomes its standard output and error */
	const struct os_cgroup *cgroup; /* it is put there, NULL: nowhere */
	bool ends_with_parent; /* SIGTERM when this process ends (Linux) */
};

/*
 * Start a program in a session and process group of its own, with nothing to
 * read and no signal ignored.  *${why_fd} gets a descriptor for
 * os_spawn_error.  ERR_IO: no process could be made.
 */
MUST_CHECK enum err os_spawn(const struct os_spawn *s, pid_t *pid, int *why_fd);

/*
 * Once the process behind ${why_fd} has ended: the errno because of which it
 * never became the program; 0: it did.
 */
int os_spawn_error(int why_fd);

/* The environment of this process, ended by NULL. */
char *const *os_environ(void);

/* Children whose parent ends become ours (Linux), so that we collect them. */
void os_adopt_orphans(void);

/* Send ${signal} to ${pid}, which os_spawn started, and to its group. */
void os_kill_group(pid_t pid, int signal);

/* Has the child ${pid} ended?  It stays to be collected. */
bool os_child_has_ended(pid_t pid);

/* A child that has ended, whichever; 0: none has.  It stays, too. */
pid_t os_child_any_ended(void);

/* Did the kernel kill ${pid} for want of memory, by its log?  Slow. */
bool os_oom_has_killed(pid_t pid);
