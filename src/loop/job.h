/*
 * job: pure work on a helper thread, so that the loop never stalls.
 *
 *   loop: job_start -> helper thread: work -> loop: done
 *
 * One thread a loop, begun with the first job; jobs run one at a time, in
 * order, and none can be taken back: who starts one keeps what it works on
 * until done, whatever happens meanwhile.
 */
#pragma once
#include "base/list.h"
#include "loop/loop.h"

struct job {
	struct list node;
	void (*work)(struct job *j); /* on the helper thread */
	void (*done)(struct job *j); /* on the loop's; may free the job */
};

/*
 * Have ${j}, whose functions are set, worked on.  ERR_NOMEM: there is no
 * thread to be had; nothing will be called.
 */
MUST_CHECK enum err job_start(struct loop *l, struct job *j);

/*
 * The loop ends: wait for the job under way, call done of all that were
 * started (those that did not begin without their work).  No job after this.
 */
void job_stop(struct loop *l);

/* Jobs of ${l} that are not done. */
size_t job_count(const struct loop *l);
