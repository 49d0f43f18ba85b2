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

/*
 * Eight bytes at once.  `(w - lows) & ~w & highs` has the high bit of a byte
 * set where it is below the low; it may also err above the first such byte,
 * and TAB is no hit, so a word with a hit is looked at again byte by byte.
 */
size_t
http_ctl_find(struct slice s)
{
	const uint64_t ones = 0x0101010101010101u, highs = ones << 7;
	size_t i = 0;

	while (i + 8 <= s.n) {
		uint64_t w, del, hit;

		memcpy(&w, s.p + i, 8);
		del = w ^ (ones * 0x7f);
		hit = ((w - ones * 0x20) & ~w) | ((del - ones) & ~del);
		if (hit & highs)
			for (size_t k = i; k < i + 8; k++)
				if (is_ctl(s.p[k]))
					return k;
		i += 8;
	}
	while (i < s.n && !is_ctl(s.p[i]))
		i++;
	return i;
}
