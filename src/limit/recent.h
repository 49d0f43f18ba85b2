/*
 * recent: how much in the last hour, by five minutes; 104 bytes a caller.
 */
#pragma once
#include <stdint.h>

enum { RECENT_PARTS = 12 };

/* All 0: nothing so far. */
struct recent {
	int64_t part; /* number of the newest one, since the clock's begin */
	uint64_t tok[RECENT_PARTS];
};

/* ${tok} tokens at ${now_us} (0 or later, never less than before). */
void recent_add(struct recent *r, uint64_t tok, int64_t now_us);

/* Tokens of the last 55 to 60 minutes. */
uint64_t recent_sum(const struct recent *r, int64_t now_us);
