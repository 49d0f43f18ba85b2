/*
 * backlog: bytes from one thread that must not wait to one that may.
 *
 *   head                     fill
 *   [written..put] -> [...] -> [..put     ]      blocks of 64 KiB
 *
 * A line never spans two blocks.  The putting thread fills the last block and
 * publishes its length; it takes the mutex only to append a block.  The
 * taking thread writes from the first.
 */
#pragma once
#include "base/slice.h"
#include <pthread.h>
#include <stdatomic.h>

enum {
	BACKLOG_BLOCK_BYTES = 64 * 1024 - 64, /* with its head: 64 KiB */
	BACKLOG_SPARE = 4,		      /* empty blocks kept */
};

struct block {
	struct block *next;
	_Atomic size_t put; /* bytes filled, by the putting thread */
	size_t written;	    /* bytes taken, by the taking thread */
	char data[BACKLOG_BLOCK_BYTES];
};

struct backlog {
	pthread_mutex_t mutex; /* the fields down to max_blocks */
	struct block *head, *fill;
	struct block *spare;
	size_t n_spare;
	size_t n_blocks; /* in the line, spare ones not counted */
	size_t max_blocks;
};

/* Start with at most ${max_bytes} (two blocks at least).  False: no memory. */
bool backlog_init(struct backlog *q, size_t max_bytes);

/* Give all memory back. */
void backlog_fini(struct backlog *q);

/*
 * Append ${line} and a newline; the putting thread only.  False if there is
 * no room.  *${pressing} becomes true when half of the memory or more is in
 * use (told once a block).
 */
bool backlog_put(struct backlog *q, struct slice line, bool *pressing);

/* The first bytes that were not taken yet; empty if all were. */
struct slice backlog_peek(struct backlog *q);

/* ${n} bytes of the last peek are done with. */
void backlog_take(struct backlog *q, size_t n);

/* The last ${n} bytes taken, in one block, must be taken again. */
void backlog_untake(struct backlog *q, size_t n);

/* Was all taken?  Any thread. */
bool backlog_is_empty(struct backlog *q);
