/*
 * loglin: counts of values in log-linear buckets.
 *
 * Values below 32 have a bucket each; above, every power of two is cut into
 * 32 equal buckets, so a bucket is never wider than 1/32 of its values.
 * Source: G. Tene, HdrHistogram; here with 5 bits and 36-bit values.
 */
#pragma once
#include <stdint.h>

enum {
	LOGLIN_BITS = 5,
	LOGLIN_VALUE_BITS = 36, /* 19 hours in microseconds; more counts so */
	LOGLIN_BUCKETS = (LOGLIN_VALUE_BITS - LOGLIN_BITS + 1) << LOGLIN_BITS,
};

struct loglin {
	uint64_t n;	/* values counted */
	uint64_t total; /* their sum */
	uint64_t bucket[LOGLIN_BUCKETS];
};

/* The bucket of ${v}. */
static inline unsigned
loglin_index(uint64_t v)
{
	unsigned shift;

	if (v < 1u << LOGLIN_BITS)
		return (unsigned)v;
	if (v >> LOGLIN_VALUE_BITS)
		return LOGLIN_BUCKETS - 1;
	shift = 63 - (unsigned)__builtin_clzll(v) - LOGLIN_BITS;
	return ((shift + 1) << LOGLIN_BITS) +
	    (unsigned)((v >> shift) - (1u << LOGLIN_BITS));
}

/* The largest value of bucket ${index}. */
uint64_t loglin_top(unsigned index);

/* Count ${v}. */
static inline void
loglin_add(struct loglin *h, uint64_t v)
{
	h->n++;
	h->total += v;
	h->bucket[loglin_index(v)]++;
}

/*
 * Add what ${h} has counted, which another process may be writing; it may have
 * been killed in the middle: only what is in a bucket is a value.
 */
void loglin_merge(struct loglin *sum, const struct loglin *h);

/*
 * The top of the bucket that holds the value below or at which ${permille} of
 * all are; 0 without values.
 */
uint64_t loglin_quantile(const struct loglin *h, int permille);
