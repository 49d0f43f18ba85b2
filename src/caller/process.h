/*
 * process: a caller's own process, where it is on this machine.
 *
 *   /user.slice/user-1000.slice/user@1000.service/app.slice/agent.service
 *                               '-------------- unit ------------- ... '
 *
 * A user can name units of his own as he likes, and so can a service the
 * groups below its own: the unit is the first one of the path, for a user's
 * own ones with their user's before it: user@1000.service/agent.service.
 */
#pragma once
#include "conf/conf.h"
#include "os/peer.h"

enum { PROCESS_EXE_MAX = 512, PROCESS_GROUP_MAX = 1024 };

struct process {
	uid_t uid;
	pid_t pid;		       /* 0: not known, as what follows */
	char exe[PROCESS_EXE_MAX];     /* empty: not known */
	char group[PROCESS_GROUP_MAX]; /* the control group's path */
	char unit[PROCESS_GROUP_MAX];  /* empty: none */
	struct slice container;	       /* 64 hexadecimal digits of group */
};

/* What rows ask for. */
enum process_need { PROCESS_NONE, PROCESS_UID, PROCESS_ALL };

/* What ${row} wants to know of a process. */
enum process_need process_needs(const struct conf_caller *row);

/*
 * Find the process at the other end of ${fd}, an accepted connection of this
 * machine.  ERR_NOT_FOUND: nobody can tell.
 */
MUST_CHECK enum err process_find(struct process *p, int fd,
    enum process_need need, struct os_peer_memo *memo);

/* Set unit and container by p->group. */
void process_read_group(struct process *p);

/* Is it the one that ${row} names, which names one? */
bool process_is(const struct process *p, const struct conf_caller *row);
