/*
 * Runs of characters that are mapped alike, kept in the program as text and
 * unpacked once.  A character is looked up by bisection: ASCII has ways of its
 * own, and the words of others are remembered by those who ask.
 */
#include "token/ufold.h"
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include "token/ufold_runs.h"

enum {
	RUNS_MAX = 2048,
	SYLLABLE_FIRST = 0xac00, /* Hangul: made of parts by arithmetic */
	SYLLABLE_LAST = 0xd7a3,
	LEADING = 0x1100,
	PER_LEADING = 588
};

struct run {
	uint32_t from, to; /* both of them within */
	uint32_t target;
	uint16_t step; /* only each second character, or each */
	uint16_t rise; /* of the targets, for each step */
};

struct map {
	struct run runs[RUNS_MAX];
	size_t n;
};

static struct map first, lower;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint32_t
number(const char **p)
{
	uint32_t n = 0;

	for (; **p >= 'a' || (**p >= '0' && **p <= '9'); (*p)++)
		n = n * 32 +
		    (uint32_t)(**p >= 'a' ? **p - 'a' + 10 : **p - '0');
	return n;
}

static void
unpack(struct map *m, const char *p)
{
	uint32_t at = 0;

	while (*p != '\0') {
		struct run *r = &m->runs[m->n++];
		char kind;
		uint32_t n;

		assert(m->n < RUNS_MAX);
		r->from = at + number(&p);
		kind = *p++;
		n = number(&p);
		assert(*p == 'T');
		p++;
		r->target = number(&p);
		assert(*p == '.');
		p++;
		r->step = kind == 'E' ? 2 : 1;
		r->rise = kind == 'C' ? 0 : r->step;
		r->to = at = r->from + (n - 1) * r->step;
	}
}

static void
unpack_all(void)
{
	unpack(&first, first_runs);
	unpack(&lower, lower_runs);
}

void
ufold_init(void)
{
	(void)pthread_once(&once, unpack_all);
}

static uint32_t
find(const struct map *m, uint32_t c)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct run *r = &m->runs[middle];

		if (c > r->to) {
			low = middle + 1;
		} else if (c < r->from) {
			high = middle;
		} else {
			uint32_t i = (c - r->from) / r->step;

			return (c - r->from) % r->step == 0
			    ? r->target + i * r->rise
			    : c;
		}
	}
	return c;
}

uint32_t
ufold_first(uint32_t c)
{
	if (c >= SYLLABLE_FIRST && c <= SYLLABLE_LAST)
		return LEADING + (c - SYLLABLE_FIRST) / PER_LEADING;
	return find(&first, c);
}

uint32_t
ufold_lower(uint32_t c)
{
	return find(&lower, c);
}
