/*
 * proc: facts about this process and others.
 */
#pragma once
#include "base/err.h"
#include <sys/types.h>

/* What a process holds. */
struct os_usage {
	int64_t fds;	   /* open descriptors */
	int64_t rss_bytes; /* resident memory */
};

/* Read what ${pid} (0: this process) holds.  ERR_IO where it cannot be told. */
MUST_CHECK enum err os_proc_usage(pid_t pid, struct os_usage *out);

/* Show this process (its calling thread) as ${name}, 15 bytes, in listings. */
void os_proc_name(const char *name);

/*
 * Send this process ${signal} when its parent's thread that made it ends.
 * Must be called in the child; returns false if the system has no such thing
 * (then an end of a shared pipe must serve) or the parent is gone already.
 */
bool os_proc_signal_with_parent(int signal, pid_t parent);

/*
 * The path of the program that runs, NUL-terminated in ${out}.  Where the
 * system has one it is a link that stays good when the file is replaced.
 * ERR_IO, ERR_FULL.
 */
MUST_CHECK enum err os_proc_self(char *out, size_t cap);
