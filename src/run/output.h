/*
 * output: what an engine writes, drained from a pipe into a file, unread.
 *
 *   engine --pipe--> output --> NAME.log -> NAME.log.1    0600: it may hold
 *                          '--> the last bytes in memory         content
 *
 * An engine never waits for it: what a full disk does not take is dropped.
 */
#pragma once
#include "base/buf.h"
#include "ipc/engine_news.h"

struct output {
	char path[512]; /* "": no file */
	int file;	/* -1: not open */
	int64_t size;	/* of the file */
	int in;		/* the pipe; -1: none */
	size_t n;
	char tail[ENGINE_TAIL_MAX];
};

/* No pipe; the file will be ${path} (NULL: none). */
void output_init(struct output *o, const char *path);

/*
 * A new pipe; the end to write to is ${out}, the caller's.  ERR_IO.  The tail
 * is empty again, the file goes on.
 */
MUST_CHECK enum err output_open(struct output *o, int *out);

/* Go on with the pipe ${in} (-1: none), of which ${tail} was read last. */
void output_adopt(struct output *o, int in, struct slice tail);

/* Drain what is there, at most 1 MiB; never blocks on the engine. */
void output_drain(struct output *o);

/* Put a line of ours into the file, as printf does. */
void output_note(struct output *o, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Close the pipe and the file. */
void output_close(struct output *o);
