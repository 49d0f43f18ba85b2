#include "limit/recent.h"
#include <string.h>

static const int64_t part_us = INT64_C(300) * 1000000;

void
recent_add(struct recent *r, uint64_t tok, int64_t now_us)
{
	int64_t part = now_us / part_us;

	if (part - r->part >= RECENT_PARTS)
		memset(r->tok, 0, sizeof r->tok);
	else
		for (int64_t i = r->part + 1; i <= part; i++)
			r->tok[i % RECENT_PARTS] = 0;
	r->part = part;
	r->tok[part % RECENT_PARTS] += tok;
}

uint64_t
recent_sum(const struct recent *r, int64_t now_us)
{
	int64_t part = now_us / part_us;
	uint64_t sum = 0;

	for (int64_t i = part - RECENT_PARTS + 1; i <= part; i++)
		if (i >= 0 && i <= r->part && i > r->part - RECENT_PARTS)
			sum += r->tok[i % RECENT_PARTS];
	return sum;
}
