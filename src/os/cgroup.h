/*
 * cgroup: a control group of our own for one child and all that it starts,
 * where the system has them and lets us.
 *
 * Made beside this process, in the hierarchy that counts memory (version 1) or
 * in the only one (version 2); no limits are set, those above hold.
 */
#pragma once
#include "base/err.h"
#include <sys/types.h>

struct os_cgroup {
	char path[512]; /* "": there is none */
	bool is_v1;
};

/*
 * Make, or find, the group ${name} below that of this process.  ERR_IO: there
 * are none here, or they are not ours to make.
 */
MUST_CHECK enum err os_cgroup_make(struct os_cgroup *c, const char *name);

/*
 * Take the empty groups beside ${c} away that are called ${prefix}PID-... of
 * processes that are gone: killed, they could not.
 */
void os_cgroup_sweep(const struct os_cgroup *c, const char *prefix);

/* Move this process into it; for a child that is about to be a program. */
void os_cgroup_enter(const struct os_cgroup *c);

/* Send all processes in it ${signal}; returns how many there were. */
size_t os_cgroup_kill(const struct os_cgroup *c, int signal);

/* Processes in it that were killed for want of memory so far; -1: unknown. */
int64_t os_cgroup_oom_kills(const struct os_cgroup *c);

/* Take it away, if it is empty. */
void os_cgroup_remove(struct os_cgroup *c);
