/*
 * outputs: how long a caller's answers are, in 56 bytes.
 *
 * Counts in log-linear buckets (each power of two cut in four, so a bucket is
 * never wider than a quarter of its values).  When a bucket is full all are
 * halved, so the last few hundred answers weigh most.  It may lie in memory
 * that outlives the process; any bytes are a valid state.
 */
#pragma once
#include <stdint.h>

enum {
	OUTPUTS_BUCKETS = 56, /* up to 65535 tokens; more counts as so many */
	OUTPUTS_LEAST = 20,   /* answers before a quantile is told */
};

struct outputs {
	uint8_t count[OUTPUTS_BUCKETS];
};

/* Count an answer of ${tok} tokens. */
void outputs_add(struct outputs *o, uint64_t tok);

/*
 * The length below or at which ${percent} of the answers were, rounded up to
 * its bucket's end; -1 while there were fewer than OUTPUTS_LEAST.
 */
int64_t outputs_quantile(const struct outputs *o, int percent);
