#include "token/text.h"
#include "token/simd.h"

size_t
text_sequence(const unsigned char *p, size_t n)
{
	unsigned a = p[0], b;

	if (a < 0x80)
		return 1;
	if (n < 2 || a < 0xc2 || a > 0xf4 || (p[1] & 0xc0) != 0x80)
		return 0;
	b = p[1];
	if (a < 0xe0)
		return 2;
	if (n < 3 || (p[2] & 0xc0) != 0x80)
		return 0;
	if (a < 0xf0)
		return a == 0xe0 && b < 0xa0 ? 0 : 3; /* surrogates pass */
	if (n < 4 || (p[3] & 0xc0) != 0x80)
		return 0;
	return (a == 0xf0 && b < 0x90) || (a == 0xf4 && b > 0x8f) ? 0 : 4;
}

bool
text_is_utf8(struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t i = 0, k;

	while (i < s.n) {
#if TOKEN_SIMD
		if (i + 16 <= s.n && simd_high(p + i) == 0) {
			i += 16;
			continue;
		}
#endif
		if (p[i] < 0x80) {
			i++;
			continue;
		}
		k = text_sequence(p + i, s.n - i);
		if (k == 0)
			return false;
		i += k;
	}
	return true;
}

size_t
text_repair(struct slice s, char *out)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n = 0, k;

	for (size_t i = 0; i < s.n; i += k) {
		k = text_sequence(p + i, s.n - i);
		if (out != NULL)
			memcpy(out + n, k == 0 ? "\xef\xbf\xbd" : s.p + i,
			    k == 0 ? 3 : k);
		n += k == 0 ? 3 : k;
		k += k == 0;
	}
	return n;
}
