/*
 * chunk: where a text may be cut, and what the counts of its parts were.
 *
 * A chunk ends at the first safe place (kind.h, CUT_*) behind its least
 * length, so that a text that grows at its end keeps the chunks it had.
 */
#pragma once
#include "base/err.h"
#include "token/digest.h"

enum {
	CHUNK_LEAST = 2048, /* bytes */
	MEMO_WAYS = 2
};

/* The first chunk of ${text}, not empty; all of it if there is no cut. */
struct slice chunk_next(struct slice text, unsigned cuts);

/* What identifies a chunk: its bytes, its length and how it is counted. */
struct memo_key {
	struct digest digest;
	uint64_t n;
};

struct memo_set {
	struct {
		struct memo_key key; /* n 0: free */
		uint64_t count;
	} ways[MEMO_WAYS];
};

struct memo {
	struct memo_set *sets;
	size_t mask;
};

/* Room for about ${n} chunks.  ERR_NOMEM. */
MUST_CHECK enum err memo_init(struct memo *m, size_t n);

/* Free. */
void memo_fini(struct memo *m);

/* Forget all. */
void memo_clear(struct memo *m);

/* Is ${key} known?  Then ${count} is its count. */
bool memo_find(const struct memo *m, struct memo_key key, uint64_t *count);

/* Remember it; the older of those in its set is forgotten. */
void memo_add(struct memo *m, struct memo_key key, uint64_t count);
