/*
 * thread: threads beside the loop, and how they are woken and ended.
 *
 *   one thread: puts work where the worker finds it; os_worker_poke
 *   the worker: takes all there is, rests a tick, takes again; only when
 *               a whole tick brought nothing it sleeps until it is woken
 *
 * So a busy worker costs nobody a system call, and an idle one sleeps.
 */
#pragma once
#include "base/err.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Begin ${run} with ${arg} as a thread that no signal of the process
 * interrupts; ${attr} as of pthread_create, NULL: the usual.  ERR_IO (errno).
 */
MUST_CHECK enum err os_thread_start(pthread_t *out, const pthread_attr_t *attr,
    void *(*run)(void *), void *arg);

struct os_worker {
	_Atomic bool asleep;  /* it waits for a byte on wake */
	_Atomic bool closing; /* asked to finish what is there and end */
	_Atomic bool abandon; /* asked to end, finished or not */
	int wake[2];	      /* 0: the worker's end, 1: the others' */
	pthread_t thread;
};

/*
 * Begin ${run} with ${arg} as a worker.  It must call os_worker_over last.
 * ERR_IO (errno): no thread or no descriptors can be had.
 */
MUST_CHECK enum err os_worker_start(
    struct os_worker *w, void *(*run)(void *), void *arg);

/* End its rest, or the next.  Any thread; never blocks. */
void os_worker_wake(struct os_worker *w);

/* There is work now: wake it if it sleeps.  Any thread; never blocks. */
void os_worker_poke(struct os_worker *w);

/*
 * Ask it to finish and wait up to ${wait_us}, then ask it to end at once, and
 * wait a moment more.  False: it hangs in the system and is left behind with
 * all that it may touch; else the thread is gone.
 */
MUST_CHECK bool os_worker_end(struct os_worker *w, int64_t wait_us);

/* --- the worker's own calls --- */

/*
 * Rest for at most ${us} (negative: for ever), until woken, or until ${fd}
 * (-1: none) can be written to.
 */
void os_worker_rest(struct os_worker *w, int64_t us, int fd);

/*
 * Sleep for at most ${us} (negative: for ever) until poked, unless
 * ${has_work} says of ${arg} that there is something to do, or it is closing.
 */
void os_worker_sleep(
    struct os_worker *w, int64_t us, bool (*has_work)(void *), void *arg);

/* The worker's last call: whoever waits for its end sees it. */
void os_worker_over(struct os_worker *w);
