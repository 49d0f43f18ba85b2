#include "metric/loglin.h"

uint64_t
loglin_top(unsigned index)
{
	unsigned shift, part = index & ((1u << LOGLIN_BITS) - 1);

	if (index < 1u << LOGLIN_BITS)
		return index;
	shift = (index >> LOGLIN_BITS) - 1;
	return ((uint64_t)(part + (1u << LOGLIN_BITS) + 1) << shift) - 1;
}

uint64_t
loglin_quantile(const struct loglin *h, int permille)
{
	uint64_t want = (h->n * (uint64_t)permille + 999) / 1000, seen = 0;

	if (h->n == 0)
		return 0;
	if (want == 0)
		want = 1;
	for (unsigned i = 0; i < LOGLIN_BUCKETS; i++)
		if ((seen += h->bucket[i]) >= want)
			return loglin_top(i);
	return loglin_top(LOGLIN_BUCKETS - 1);
}

static uint64_t
peek(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

void
loglin_merge(struct loglin *sum, const struct loglin *h)
{
	sum->total += peek(&h->total);
	for (unsigned i = 0; i < LOGLIN_BUCKETS; i++) {
		uint64_t n = peek(&h->bucket[i]);

		sum->n += n;
		sum->bucket[i] += n;
	}
}
