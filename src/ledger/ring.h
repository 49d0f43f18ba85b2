/*
 * ring: records from one thread that must not wait to one that may.
 *
 *   |....[n|record][n|record][n|record].......|     a power of two of bytes
 *        ^ taken                       ^ put
 *
 * A record lies in one piece; where it would not, the rest of the memory is
 * skipped.  Neither side locks, blocks or allocates.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	char *mem;
	size_t bytes;
	/* --- the putting thread's --- */
	_Alignas(64) _Atomic size_t put; /* bytes ever put, skipped ones too */
	size_t taken_seen;		 /* of taken, as last looked at */
	size_t begun;			 /* of the record being filled */
	/* --- the taking thread's --- */
	_Alignas(64) _Atomic size_t taken;
};

enum { RING_BYTES_LEAST = 4096, RING_RECORD_MAX = 1024 };

/* Start empty with ${bytes} (a power of two).  False: no memory. */
bool ring_init(struct ring *r, size_t bytes);

/* Give the memory back. */
void ring_fini(struct ring *r);

/*
 * Room for a record of ${n} bytes (at most RING_RECORD_MAX), aligned to 8, or
 * NULL: the ring is full.  The putting thread only.
 */
void *ring_begin(struct ring *r, size_t n);

/*
 * The record of ring_begin is filled: let the other side have it.  Returns the
 * bytes in use.
 */
size_t ring_commit(struct ring *r);

/* The oldest record, NULL if there is none.  The taking thread only. */
const void *ring_peek(struct ring *r);

/* The record of the last peek is done with. */
void ring_take(struct ring *r);
