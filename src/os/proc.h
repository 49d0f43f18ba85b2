/*
 * proc: facts about this process and others.
 */
#pragma once
#include "base/buf.h"
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

/*
 * Open the program that runs, so that os_proc_become can run it again when its
 * file is gone or another.  -1: the system has no such thing.
 */
int os_proc_open_self(void);

/*
 * The path by which this program was called as ${word}, NUL-terminated and
 * absolute, with no link followed: what is there may be another program by
 * now.  ERR_NOT_FOUND, ERR_FULL.
 */
MUST_CHECK enum err os_proc_called(const char *word, char *out, size_t cap);

/*
 * Become the program behind ${fd}, with this environment; returns only if that
 * fails (errno).
 */
void os_proc_become(int fd, char *const *argv);

/*
 * Append the command line, or the environment, of ${pid}: words with a NUL
 * behind each.  ERR_IO where that is another user's, the process is gone or the
 * system has no /proc; ERR_FULL, ERR_NOMEM.
 */
MUST_CHECK enum err os_proc_args(pid_t pid, struct buf *out);
MUST_CHECK enum err os_proc_environ(pid_t pid, struct buf *out);

/*
 * The program file of ${pid}: its path (one that was replaced ends in
 * " (deleted)"), NUL-terminated, and a number that another file, or the same
 * written anew, does not have.  ERR_IO, ERR_FULL.
 */
MUST_CHECK enum err os_proc_program(
    pid_t pid, char *out, size_t cap, uint64_t *id);

/*
 * The children of ${pid}, at most ${cap}, to ${out}; returns how many.  Where
 * the kernel does not list them it reads all of /proc: a few milliseconds.
 */
size_t os_proc_children(pid_t pid, pid_t *out, size_t cap);

/*
 * When ${pid} (0: this process) began, in a unit of the system's own: with the
 * pid it names a process for good.  0: it is gone, or it cannot be told.
 */
uint64_t os_proc_began(pid_t pid);

/*
 * Call ${see} for each process (but for this one) whose environment, as it
 * began, has the variable ${name}; processes of other containers and of users
 * whose environment is hidden are left out.  Reads all of /proc.
 */
void os_proc_each_with(const char *name,
    void (*see)(void *ctx, pid_t pid, struct slice value), void *ctx);

/* What a process, and all below it, have done so far. */
struct os_progress {
	uint64_t cpu_ms;     /* of processors */
	uint64_t read_bytes; /* from files, disks, sockets */
	unsigned children;
	pid_t stopped;	   /* one that a signal has stopped; 0: none */
	bool in_disk_wait; /* one of them waits for a disk */
};

/*
 * Look at ${pid} and at most 64 below it.  ERR_IO: it is gone, or the system
 * does not tell.
 */
MUST_CHECK enum err os_proc_progress(pid_t pid, struct os_progress *out);

/*
 * Has ${pid}, or one of those below it, a graphics processor open?  True where
 * what they have open is hidden, as it is of another user's.
 */
bool os_proc_uses_gpu(pid_t pid);
