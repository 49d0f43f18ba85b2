/*
 * share: memory that outlives the process that writes it.
 *
 * The keeper makes it, holds the descriptor and hands it to each gate, which
 * maps it.  Its size is fixed for life (sealed where the system can), so that
 * no holder can pull the ground away under another.
 */
#pragma once
#include "base/err.h"

/*
 * Make ${bytes} of zeroed shared memory (rounded up to pages by the system,
 * taken only where touched) and give its descriptor, close-on-exec, in
 * ${fd}.  ${name} is for people (/proc/PID/fd).  ERR_IO.
 */
MUST_CHECK enum err os_share_new(const char *name, size_t bytes, int *fd);

/*
 * Map all of ${fd}, readable and writable, at *${p}.  ERR_VERSION if it is
 * smaller than ${bytes}, ERR_IO.  The caller unmaps; ${fd} may be closed.
 */
MUST_CHECK enum err os_share_map(int fd, size_t bytes, void **p);

/* Undo os_share_map. */
void os_share_unmap(void *p, size_t bytes);
