/*
 * child: the gate as a process: start it, notice its end, start another.
 *
 * A gate that dies is followed by another at once; only if gates die within
 * a second of their start, one after the other, is there a pause before the
 * next: 0, 0.1, 0.2, 0.4 ... 5 s.
 */
#pragma once
#include "ipc/keeper_link.h"
#include <sys/types.h>

struct child {
	pid_t pid; /* 0: none runs */
	struct keeper_link link;
	int64_t started_us;
	int64_t start_at_us;	  /* of the next, while none runs */
	int64_t kill_at_us;	  /* of this one; INT64_MAX: never */
	int64_t silent_us;	  /* it is ended for it; 0: it is not */
	uint64_t generation;	  /* of the last started */
	uint64_t last_generation; /* the next is one more */
	unsigned quick_deaths;
	bool is_ready, was_ever_ready;
};

/* How a process ended. */
struct child_end {
	bool is_exit;	  /* by itself, with status; else by a signal */
	int status;	  /* or the signal's number */
	char reason[64];  /* for people: "signal 9, Killed" */
	int64_t delay_us; /* pause before the next is to be started */
};

/* None yet; the first may start at once. */
void child_init(struct child *c);

/*
 * Start a gate and send it ${start}, whose generation is set here.  ERR_IO:
 * no process could be made, or it is dead already; try again at start_at_us.
 */
MUST_CHECK enum err child_start(
    struct child *c, struct gate_start *start, int64_t now_us);

/* Has it ended?  Then ${out} says how, and start_at_us is set. */
bool child_reap(struct child *c, int64_t now_us, struct child_end *out);

/* If it has not ended at ${us}, it is to be killed; the soonest counts. */
void child_kill_at(struct child *c, int64_t us);

/* Kill it if the moment has come; child_reap sees it later. */
void child_kill_if_due(struct child *c, int64_t now_us);

/* The pause before the gate that follows ${quick_deaths} in a row. */
int64_t child_pause_us(unsigned quick_deaths);
