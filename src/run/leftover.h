/*
 * leftover: what is still there of an engine whose first process is gone: of
 * this keeper's, or of one that died.
 *
 * All processes of an engine carry a mark in their environment, which what
 * they start inherits, whatever groups and parents it changes:
 *
 *   WEIR_ENGINE=NAME@KEEPER@FOLDER     KEEPER: its pid and when it began
 */
#pragma once
#include "os/cgroup.h"

struct leftover_of {
	const char *name, *keeper, *folder;
	const struct os_cgroup *cgroup; /* of this keeper's */
};

enum { LEFTOVER_MARK_MAX = 1200 };

/* The mark of ${of}, NUL-terminated. */
void leftover_mark(const struct leftover_of *of, char out[LEFTOVER_MARK_MAX]);

/*
 * Send ${signal} to all that is left of it; returns how many processes there
 * were.  What another keeper runs that still lives is not ours, even under the
 * same name.  Reads all of /proc.
 */
size_t leftover_end(const struct leftover_of *of, int signal);
