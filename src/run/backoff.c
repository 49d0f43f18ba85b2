#include "run/backoff.h"

unsigned
backoff_ends(const struct backoff *b, int64_t now_us)
{
	unsigned kept = b->n < BACKOFF_LOOP ? b->n : BACKOFF_LOOP, n = 0;

	for (unsigned i = 0; i < kept; i++)
		n += now_us - b->ends_us[i] <= BACKOFF_WINDOW_US;
	return n;
}

int64_t
backoff_end(struct backoff *b, int64_t now_us, uint64_t random)
{
	b->ends_us[b->n++ % BACKOFF_LOOP] = now_us;
	if (backoff_ends(b, now_us) == BACKOFF_LOOP)
		b->is_looping = true;
	if (b->is_looping)
		return BACKOFF_MOST_US;
	b->bound_us = b->bound_us ? b->bound_us * 2 : BACKOFF_FIRST_US;
	if (b->bound_us > BACKOFF_MOST_US)
		b->bound_us = BACKOFF_MOST_US;
	return (int64_t)(random % (uint64_t)b->bound_us);
}
