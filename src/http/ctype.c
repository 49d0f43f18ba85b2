#include "http/ctype.h"

enum {
	T = HTTP_TOKEN,
	U = HTTP_TARGET,
	H = HTTP_HOST,
	TU = T | U,
	TUH = T | U | H,
	UH = U | H
};

static const unsigned char classes[256] = {
    ['!'] = TUH,	 /* sub-delims, also tchar */
    ['#'] = T,		 /* would begin a fragment */
    ['$'] = TUH,	 /* sub-delims */
    ['%'] = TUH,	 /* pct-encoded */
    ['&'] = TUH,	 /* sub-delims */
    ['\''] = TUH,	 /* sub-delims */
    ['('] = UH,		 /* sub-delims, no tchar */
    [')'] = UH,		 /* sub-delims, no tchar */
    ['*'] = TUH,	 /* sub-delims */
    ['+'] = TUH,	 /* sub-delims */
    [','] = U,		 /* sub-delims; separates hosts */
    ['-'] = TUH,	 /* unreserved */
    ['.'] = TUH,	 /* unreserved */
    ['/'] = U,		 /* path */
    ['0' ... '9'] = TUH, /* unreserved */
    [':'] = UH,		 /* port, IPv6 */
    [';'] = UH,		 /* sub-delims */
    ['='] = UH,		 /* sub-delims */
    ['?'] = U,		 /* query */
    ['@'] = U,		 /* pchar; userinfo in a host is not ours */
    ['A' ... 'Z'] = TUH, /* unreserved */
    ['['] = UH,		 /* IP-literal */
    [']'] = UH,		 /* IP-literal */
    ['^'] = T,		 /* tchar only */
    ['_'] = TUH,	 /* unreserved */
    ['`'] = T,		 /* tchar only */
    ['a' ... 'z'] = TUH, /* unreserved */
    ['|'] = T,		 /* tchar only */
    ['~'] = TUH,	 /* unreserved */
};

bool
http_is(int class, char c)
{
	return (classes[(unsigned char)c] & class) != 0;
}

size_t
http_span(int class, struct slice s)
{
	size_t i = 0;

	while (i < s.n && (classes[(unsigned char)s.p[i]] & class))
		i++;
	return i;
}

bool
http_are(int class, struct slice s)
{
	return http_span(class, s) == s.n;
}

static bool
is_ctl(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

static const uint64_t ones = 0x0101010101010101u;

/*
 * The high bit of each byte of ${w} that is below 128 and stays so when ${add},
 * at most 127, is added.  Sums of seven bits stay in their byte: it is exact.
 */
static uint64_t
no_carry(uint64_t w, unsigned add)
{
	return ~(((w & (ones * 0x7f)) + ones * add) | w) & (ones << 7);
}

/* Which byte in memory has the lowest high bit set in ${mask}? */
static size_t
first_byte(uint64_t mask)
{
	return (size_t)(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		       ? __builtin_ctzll(mask)
		       : __builtin_clzll(mask)) /
	    8;
}

size_t
http_ctl_find(struct slice s)
{
	size_t i = 0;

	for (; i + 8 <= s.n; i += 8) {
		uint64_t w, hit;

		memcpy(&w, s.p + i, 8);
		/* below 32, or 127 */
		hit = no_carry(w, 0x60) | no_carry(w ^ (ones * 0x7f), 0x7f);
		if (hit == 0)
			continue;
		hit &= ~no_carry(w ^ (ones * '\t'), 0x7f);
		if (hit)
			return i + first_byte(hit);
	}
	while (i < s.n && !is_ctl(s.p[i]))
		i++;
	return i;
}
