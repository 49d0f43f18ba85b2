#include "base/utf8.h"

size_t
utf8_len(struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = s.n == 0 ? 0
	    : p[0] < 0x80     ? 1
	    : p[0] < 0xc2     ? 0
	    : p[0] < 0xe0     ? 2
	    : p[0] < 0xf0     ? 3
	    : p[0] < 0xf5     ? 4
			      : 0;
	uint32_t c;

	if (len < 2)
		return len;
	if (len > s.n)
		return 0;
	c = p[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	return len;
}

struct slice
utf8_cut(struct slice s, size_t max)
{
	if (s.n <= max)
		return s;
	s.n = max;
	/* Bytes 10xxxxxx continue a character; step back to its first. */
	while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xc0) == 0x80 &&
	    max - s.n < 4)
		s.n--;
	return s;
}
