#include "limit/outputs.h"

enum { PARTS_BITS = 2, PARTS = 1 << PARTS_BITS };

/* Below PARTS all values share the first bucket. */
static unsigned
bucket_of(uint64_t v)
{
	unsigned shift, i;

	if (v < PARTS)
		return 0;
	shift = 63 - (unsigned)__builtin_clzll(v) - PARTS_BITS;
	i = shift * PARTS + (unsigned)(v >> shift) - PARTS;
	return i < OUTPUTS_BUCKETS ? i : OUTPUTS_BUCKETS - 1;
}

/* The largest value of bucket ${i}. */
static int64_t
top_of(unsigned i)
{
	return (((int64_t)(i % PARTS) + PARTS + 1) << (i / PARTS)) - 1;
}

void
outputs_add(struct outputs *o, uint64_t tok)
{
	uint8_t *count = &o->count[bucket_of(tok)];

	if (*count == UINT8_MAX)
		for (unsigned i = 0; i < OUTPUTS_BUCKETS; i++)
			o->count[i] /= 2;
	++*count;
}

int64_t
outputs_quantile(const struct outputs *o, int percent)
{
	unsigned n = 0, want, seen = 0, i = 0;

	for (unsigned k = 0; k < OUTPUTS_BUCKETS; k++)
		n += o->count[k];
	if (n < OUTPUTS_LEAST)
		return -1;
	want = (n * (unsigned)percent + 99) / 100;
	while ((seen += o->count[i]) < want)
		i++;
	return top_of(i);
}
