/*
 * arena: memory that lives and dies together, with a written maximum.
 *
 * Allocations are bumped out of chunks and never freed one by one.  A request
 * has one arena; when the request ends, so does all it allocated.  Memory is
 * not cleared.  The first chunk is kept by arena_reset for the next request.
 */
#pragma once
#include "base/err.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *head; /* the chunk being filled; others behind */
	size_t used;		  /* in head */
	size_t total;		  /* in all chunks, headers included */
	size_t max;
};

/* Start empty; at most ${max} bytes in all chunks.  Allocates nothing. */
void arena_init(struct arena *a, size_t max);

/* Free all. */
void arena_fini(struct arena *a);

/* Forget all allocations; keep one chunk of the usual size. */
void arena_reset(struct arena *a);

/*
 * ${n} bytes, aligned for any type, valid until arena_reset or arena_fini.
 * NULL past the maximum or when memory ran out.
 */
void *arena_alloc(struct arena *a, size_t n) MUST_CHECK;

/* A copy of ${s} in the arena; its p is NULL if that failed (and n is 0). */
struct slice arena_copy(struct arena *a, struct slice s);
