/*
 * Spans were checked by the reader, yet nothing here reads past their end,
 * whatever they hold.
 */
#include "json/value.h"
#include "json/reader.h"
#include <math.h>
#include <stdlib.h>

enum { REPLACEMENT = 0xfffd, LONG_S = 0x17f, KELVIN = 0x212a };

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The value of the \uXXXX at ${p}, ${left} bytes before the end, or -1. */
static int32_t
unit(const char *p, size_t left)
{
	int32_t v = 0;

	if (left < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		int d = hex(p[i]);

		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

/*
 * Decode the escape at ${p}, ${left} > 0 bytes before the end, into ${cp};
 * returns its length, 0 if it is none.
 */
static size_t
escape(const char *p, size_t left, int32_t *cp)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;
	int32_t low;

	if (left < 2)
		return 0;
	at = p[1] ? strchr(from, p[1]) : NULL;
	if (at) {
		*cp = to[at - from];
		return 2;
	}
	if ((*cp = unit(p, left)) < 0)
		return 0;
	if (*cp < 0xd800 || *cp > 0xdfff)
		return 6;
	low = *cp < 0xdc00 ? unit(p + 6, left - 6) : -1;
	if (low < 0xdc00 || low > 0xdfff) {
		*cp = REPLACEMENT;
		return 6;
	}
	*cp = 0x10000 + ((*cp - 0xd800) << 10) + (low - 0xdc00);
	return 12;
}

/* Write ${cp} as UTF-8 at ${out}, which has room for 4 bytes. */
static size_t
encode(char *out, int32_t cp)
{
	uint32_t u = (uint32_t)cp;
	size_t n = u < 0x80 ? 1 : u < 0x800 ? 2 : u < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t i = n - 1; i > 0; i--) {
		out[i] = (char)(0x80 | (u & 0x3f));
		u >>= 6;
	}
	out[0] = (char)(lead[n] | u);
	return n;
}

enum err
json_unescape(struct slice raw, char *out, size_t cap, size_t *n)
{
	size_t done = 0;

	while (raw.n > 0) {
		const char *bs = memchr(raw.p, '\\', raw.n);
		size_t run = bs ? (size_t)(bs - raw.p) : raw.n, len;
		char utf8[4];
		int32_t cp;

		if (run > cap - done)
			return ERR_FULL;
		if (run)
			memcpy(out + done, raw.p, run);
		done += run;
		raw = slice_from(raw, run);
		if (bs == NULL)
			break;
		if ((len = escape(raw.p, raw.n, &cp)) == 0)
			return ERR_SYNTAX;
		raw = slice_from(raw, len);
		len = encode(utf8, cp);
		if (len > cap - done)
			return ERR_FULL;
		memcpy(out + done, utf8, len);
		done += len;
	}
	*n = done;
	return OK;
}

/* As Go's encoding/json sees ${cp} where it looks for ASCII keys. */
static int32_t
fold(int32_t cp)
{
	if (cp >= 'A' && cp <= 'Z')
		return cp | 0x20;
	return cp == LONG_S ? 's' : cp == KELVIN ? 'k' : cp;
}

/* The character at ${raw}; returns its length, 0 if no ASCII comes of it. */
static size_t
character(struct slice raw, int32_t *cp)
{
	unsigned char c = (unsigned char)raw.p[0];

	if (c == '\\')
		return escape(raw.p, raw.n, cp);
	*cp = c;
	if (c < 0x80)
		return 1;
	if (raw.n >= 2 && memcmp(raw.p, "\xc5\xbf", 2) == 0) {
		*cp = LONG_S;
		return 2;
	}
	if (raw.n >= 3 && memcmp(raw.p, "\xe2\x84\xaa", 3) == 0) {
		*cp = KELVIN;
		return 3;
	}
	return 0;
}

enum json_match
json_key_match_slow(struct slice raw, struct slice want)
{
	if (slice_eq(raw, want))
		return JSON_EXACT;
	for (size_t i = 0; i < want.n; i++) {
		int32_t cp;
		size_t len = raw.n ? character(raw, &cp) : 0;

		if (len == 0 || fold(cp) != fold((unsigned char)want.p[i]))
			return JSON_NO;
		raw = slice_from(raw, len);
	}
	return raw.n == 0 ? JSON_FOLDED : JSON_NO;
}

enum err
json_i64(struct slice raw, int64_t *out)
{
	bool minus = raw.n > 0 && raw.p[0] == '-';
	uint64_t max = (uint64_t)INT64_MAX + minus, v;
	struct slice digits = slice_from(raw, minus);

	if (digits.n == 0)
		return ERR_SYNTAX;
	for (size_t i = 0; i < digits.n; i++)
		if (digits.p[i] < '0' || digits.p[i] > '9')
			return ERR_SYNTAX;
	if (!slice_u64(digits, max, &v))
		return ERR_RANGE;
	*out = minus ? (int64_t)(0 - v) : (int64_t)v;
	return OK;
}

enum err
json_f64(struct slice raw, double *out)
{
	struct json_reader r;
	char text[1001];
	double v;

	/* strtod takes more than JSON does. */
	json_reader_init(&r, raw, 1);
	if (json_next(&r) != JSON_NUMBER || r.n != raw.n)
		return ERR_SYNTAX;
	if (raw.n >= sizeof text)
		return ERR_RANGE;
	/* It wants a NUL, and the "C" locale, which weir never leaves. */
	memcpy(text, raw.p, raw.n);
	text[raw.n] = '\0';
	v = strtod(text, NULL);
	if (isinf(v))
		return ERR_RANGE;
	*out = v;
	return OK;
}
