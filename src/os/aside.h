/*
 * aside: a piece of work in a copy of this process, because it reads what is
 * not to be trusted here, or may take long.  It ends with its answer, a byte.
 */
#pragma once
#include "base/err.h"
#include <sys/types.h>

enum {
	OS_ASIDE_LATER = -1,  /* not yet */
	OS_ASIDE_FAILED = -2, /* it ended without an answer */
};

struct os_aside {
	pid_t pid; /* 0: none is under way */
	int fd;
};

/*
 * Run ${work} there, for ${seconds} at most; its answer is from 0 to 255.  It
 * must not touch descriptors of this process, nor wait for its threads.
 * ERR_IO: no process could be made.
 */
MUST_CHECK enum err os_aside_start(
    struct os_aside *a, int (*work)(void *ctx), void *ctx, unsigned seconds);

/* Its answer, once; or OS_ASIDE_LATER, OS_ASIDE_FAILED.  Does not wait. */
int os_aside_result(struct os_aside *a);

/* End it; nothing where none is under way. */
void os_aside_stop(struct os_aside *a);
