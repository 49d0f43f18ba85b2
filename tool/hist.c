/* See hist.h. */
#include "tool/hist.h"

/* Bucket of ${ns}: the value itself below 128, then 128 per doubling. */
static unsigned
bucket_of(uint64_t ns)
{
	unsigned shift, index;

	if (ns < HIST_SUB)
		return (unsigned)ns;
	shift = 63u - (unsigned)__builtin_clzll(ns) - 7u;
	index = (shift + 1) * HIST_SUB + (unsigned)(ns >> shift) - HIST_SUB;
	return index < HIST_BUCKETS ? index : HIST_BUCKETS - 1;
}

/* The largest value of bucket ${index}. */
static uint64_t
bucket_top(unsigned index)
{
	unsigned shift = index / HIST_SUB;

	if (shift < 1)
		return index;
	return ((uint64_t)(index % HIST_SUB + HIST_SUB + 1) << (shift - 1)) - 1;
}

void
hist_add(struct hist *h, int64_t ns)
{
	if (ns < 0)
		ns = 0;
	h->count++;
	h->sum_ns += (uint64_t)ns;
	if (ns > h->max_ns)
		h->max_ns = ns;
	h->bucket[bucket_of((uint64_t)ns)]++;
}

double
hist_quantile_us(const struct hist *h, double q)
{
	uint64_t want = (uint64_t)(q * (double)h->count + 0.999999);
	uint64_t seen = 0;
	double max_us = (double)h->max_ns / 1000.0;

	if (want < 1)
		want = 1;
	for (unsigned i = 0; i < HIST_BUCKETS && h->count; i++) {
		seen += h->bucket[i];
		if (seen >= want) {
			double us = (double)bucket_top(i) / 1000.0;
			return us < max_us ? us : max_us;
		}
	}
	return 0;
}

void
hist_print(const struct hist *h, const char *name, FILE *out)
{
	double mean =
	    h->count ? (double)h->sum_ns / (double)h->count / 1000.0 : 0;

	fprintf(out,
	    "\"%s\":{\"count\":%llu,\"mean\":%.1f,\"p50\":%.1f,\"p90\":%.1f,"
	    "\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}",
	    name, (unsigned long long)h->count, mean, hist_quantile_us(h, 0.5),
	    hist_quantile_us(h, 0.9), hist_quantile_us(h, 0.99),
	    hist_quantile_us(h, 0.999), (double)h->max_ns / 1000.0);
}
