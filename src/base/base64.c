#include "base/base64.h"

/* Six bits, or -1. */
static int
sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* ${s} without what fills it up to whole groups of four. */
static struct slice
cut_padding(struct slice s)
{
	for (int i = 0; i < 2 && s.n > 0 && s.p[s.n - 1] == '='; i++)
		s.n--;
	return s;
}

bool
base64_decode(struct slice s, char *out, size_t max, size_t *n)
{
	uint32_t bits = 0;

	*n = 0;
	s = cut_padding(s);
	if (s.n % 4 == 1 || s.n / 4 * 3 + (s.n % 4 + 1) / 2 > max)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		int v = sextet(s.p[i]);

		if (v < 0)
			return false;
		bits = bits << 6 | (uint32_t)v;
		/* The group's first letter alone makes no byte. */
		if (i % 4 != 0)
			out[(*n)++] = (char)(bits >> (6 - i % 4 * 2) & 0xff);
	}
	return true;
}
