/*
 * Runs of one class, found without reading the whole text: a run of N bytes
 * that begins behind P covers the byte at P + N.  So go there, and back from
 * there as far as the class stays the same; where it ends, P is.
 */
#include "token/kind.h"
#include "token/scan.h"

/* Classes that a regular expression runs through in one loop. */
static unsigned
loop_of(unsigned class)
{
	if (class & (UCAT_LETTER | UCAT_MARK))
		return 1;
	if (class & UCAT_NUMBER)
		return 2;
	return class & UCAT_SPACE ? 3 : 4;
}

/*
 * The loop of the character that the byte ${at} belongs to, and where it
 * begins.  What is no UTF-8 is of the fourth.
 */
static unsigned
loop_at(struct slice s, size_t *at)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t from = *at, n;
	uint8_t pad[4] = {0};

	while (from > 0 && *at - from < 3 && (p[from] & 0xc0) == 0x80)
		from--;
	if ((p[from] & 0xc0) == 0x80 || p[from] >= 0xf5)
		return 4;
	memcpy(pad, p + from, s.n - from < 4 ? s.n - from : 4);
	for (size_t i = 1; i < 4; i++) /* so that nothing is out of bounds */
		pad[i] = (uint8_t)((pad[i] & 0x3f) | 0x80);
	if (pad[0] == 0xf4 && pad[1] > 0x8f)
		return 4;
	*at = from;
	return loop_of(scan_class(ucat_table(), pad, &n));
}

bool
count_is_poison(const struct vocab *v, struct slice text, size_t limit)
{
	size_t begin = 0;

	if (limit == 0)
		limit = v->poison_run;
	if (limit == 0)
		return false;
	while (text.n - begin >= limit) {
		size_t at = begin + limit - 1, last;
		unsigned loop = loop_at(text, &at);

		/* back to the first byte of the run, or to begin */
		for (last = at; last > begin;) {
			size_t before = last - 1;

			if (loop_at(text, &before) != loop)
				break;
			last = before;
		}
		if (last <= begin)
			return true;
		begin = last;
	}
	return false;
}
