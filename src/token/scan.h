/*
 * scan: how texts are cut into words; the pieces that the splitters share.
 *
 * The regular expressions of the pre-tokenizers, by hand.  All functions take
 * well-formed text (counter_pad) with COUNT_PAD readable bytes behind it, and
 * stop at ${end}.  They are inlined: which letters count and so on is known
 * when they are compiled.
 */
#pragma once
#include "token/bpe.h"

#define SCAN_INLINE static inline __attribute__((always_inline))

/* The class of the character at ${p}, and its length. */
SCAN_INLINE unsigned
scan_class(const uint8_t *classes, const unsigned char *p, size_t *n)
{
	uint32_t c = *p;

	if (c < 0x80) {
		*n = 1;
	} else if (c < 0xe0) {
		*n = 2;
		c = (c & 0x1f) << 6 | (p[1] & 0x3f);
	} else if (c < 0xf0) {
		*n = 3;
		c = (c & 0x0f) << 12 | (p[1] & 0x3fU) << 6 | (p[2] & 0x3f);
	} else {
		*n = 4;
		c = (c & 0x07) << 18 | (p[1] & 0x3fU) << 12 |
		    (p[2] & 0x3fU) << 6 | (p[3] & 0x3f);
	}
	return classes[c];
}

/* The end of the run of characters of one of the classes ${wanted}. */
SCAN_INLINE const unsigned char *
scan_run(const uint8_t *classes, const unsigned char *p,
    const unsigned char *end, unsigned wanted)
{
	size_t n;

	while (p < end && scan_class(classes, p, &n) & wanted)
		p += n;
	return p;
}

/* The end of the run of characters of none of the classes ${stop}. */
SCAN_INLINE const unsigned char *
scan_until(const uint8_t *classes, const unsigned char *p,
    const unsigned char *end, unsigned stop)
{
	size_t n;

	while (p < end && !(scan_class(classes, p, &n) & stop))
		p += n;
	return p;
}

/* The end of the run of letters (or what ${wanted} says, letters among it). */
SCAN_INLINE const unsigned char *
scan_letters(const uint8_t *classes, const unsigned char *p,
    const unsigned char *end, unsigned wanted)
{
	for (;;) {
		size_t n;
#if TOKEN_SIMD
		unsigned k =
		    (unsigned)__builtin_ctz(~simd_letters(p) | 0x10000);

		p += k;
		if (p >= end)
			return end;
		if (k == 16)
			continue;
#endif
		if (p >= end)
			return end;
		if (!(scan_class(classes, p, &n) & wanted))
			return p;
		p += n;
	}
}

/* Is it one of the ASCII letters, of which only the case may differ? */
SCAN_INLINE bool
scan_is(unsigned char c, char lower, bool any_case)
{
	return (any_case ? c | 0x20 : c) == (unsigned char)lower;
}

/* The length of 's 't 'm 'd 're 've 'll at ${p}, which is a "'"; 0: none. */
SCAN_INLINE size_t
scan_contraction(
    const unsigned char *p, const unsigned char *end, bool any_case)
{
	unsigned char a, b;

	if (end - p < 2)
		return 0;
	a = any_case ? p[1] | 0x20 : p[1];
	if (a == 's' || a == 't' || a == 'm' || a == 'd')
		return 2;
	if (end - p < 3)
		return 0;
	b = any_case ? p[2] | 0x20 : p[2];
	if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') ||
	    (a == 'l' && b == 'l'))
		return 3;
	return 0;
}

/*
 * The end of what `\s*[\r\n]+|\s+(?!\S)|\s+` matches at ${p}, which is white
 * space; without ${lines} the first of the three is left out.
 */
SCAN_INLINE const unsigned char *
scan_space(const uint8_t *classes, const unsigned char *p,
    const unsigned char *end, bool lines)
{
	const unsigned char *from = p, *last = p, *line = NULL;
	size_t n;

	while (p < end && scan_class(classes, p, &n) & UCAT_SPACE) {
#if TOKEN_SIMD
		/* Indented code has long runs of spaces. */
		if (*p == ' ') {
			unsigned k = (unsigned)__builtin_ctz(
			    ~simd_equal(p, ' ') | 0x10000);

			p = end - p < (long)k ? end : p + k;
			last = p - 1;
			continue;
		}
#endif
		last = p;
		if (lines && (*p == '\n' || *p == '\r'))
			line = p + 1;
		p += n;
	}
	if (line != NULL)
		return line;
	return p < end && last > from ? last : p;
}

/* Behind the line ends (and slashes) at ${p}. */
SCAN_INLINE const unsigned char *
scan_line_ends(const unsigned char *p, const unsigned char *end, bool slashes)
{
	while (p < end && (*p == '\n' || *p == '\r' || (slashes && *p == '/')))
		p++;
	return p;
}
