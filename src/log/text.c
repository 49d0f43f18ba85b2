#include "log/text.h"
#include "base/utf8.h"

#define ONES 0x0101010101010101u
#define HIGHS 0x8080808080808080u

/*
 * Does any byte of ${w} need care: below 0x20, above 0x7e, '"' or '\\'?
 * Where a byte has its high bit, the answer is yes anyway, so that borrows
 * between bytes do no harm.
 */
static inline bool
needs_care(uint64_t w)
{
	uint64_t quote = w ^ (ONES * '"');
	uint64_t slash = w ^ (ONES * '\\');
	uint64_t del = w ^ (ONES * 0x7f);

	return ((w | (w - ONES * 0x20) | (quote - ONES) | (slash - ONES) |
		    (del - ONES)) &
		   HIGHS) != 0;
}

static char *
put_escape(char *out, unsigned c)
{
	static const char hex[] = "0123456789abcdef";
	static const char names[] = {['\b'] = 'b',
	    ['\t'] = 't',
	    ['\n'] = 'n',
	    ['\f'] = 'f',
	    ['\r'] = 'r'};

	*out++ = '\\';
	if (c == '"' || c == '\\') {
		*out++ = (char)c;
		return out;
	}
	if (c < sizeof names && names[c]) {
		*out++ = names[c];
		return out;
	}
	out = text_put_raw(out, "u00", 3);
	*out++ = hex[c >> 4 & 15];
	*out++ = hex[c & 15];
	return out;
}

/* One character of ${s}, which is not empty; its length goes to ${used}. */
static char *
put_one(char *out, struct slice s, size_t *used)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t len = utf8_len(s);

	*used = len ? len : 1;
	if (len == 0)
		return text_put_raw(out, "\xef\xbf\xbd", 3);
	if (len == 2 && p[0] == 0xc2 && p[1] < 0xa0)
		return put_escape(out, p[1]);
	if (len == 1 &&
	    (p[0] < 0x20 || p[0] == '"' || p[0] == '\\' || p[0] == 0x7f))
		return put_escape(out, p[0]);
	return text_put_raw(out, s.p, len);
}

char *
text_put(char *out, struct slice s)
{
	size_t used;

	while (s.n > 0) {
		uint64_t w = ONES * ' ';

		if (s.n >= sizeof w)
			memcpy(&w, s.p, sizeof w);
		else
			memcpy(&w, s.p, s.n);
		if (!needs_care(w)) {
			size_t n = s.n < sizeof w ? s.n : sizeof w;

			memcpy(out, &w, sizeof w);
			out += n;
			s = slice_from(s, n);
			continue;
		}
		out = put_one(out, s, &used);
		s = slice_from(s, used);
	}
	return out;
}

char *
text_put_u64(char *out, uint64_t v)
{
	char tmp[20];
	size_t at = sizeof tmp;

	do {
		tmp[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	return text_put_raw(out, tmp + at, sizeof tmp - at);
}

char *
text_put_i64(char *out, int64_t v)
{
	if (v >= 0)
		return text_put_u64(out, (uint64_t)v);
	*out++ = '-';
	return text_put_u64(out, 0 - (uint64_t)v);
}
