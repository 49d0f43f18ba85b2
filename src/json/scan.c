/*
 * Most bytes of a request are text inside of strings, so this is where its
 * time goes.  Sixteen bytes are looked at together.  UTF-8 is checked without
 * decoding: each byte is compared with the three before it, which says whether
 * it must be a continuation byte, and with the few pairs of bytes that would
 * be overlong, surrogates or too large.  That costs the same for every script.
 * The exact place of a fault is left to the byte-wise loop.
 */
#include "json/scan.h"
#include "json/simd.h"

int
json_utf8(const char *p, size_t left)
{
	const unsigned char *u = (const unsigned char *)p;
	unsigned lo = 0x80, hi = 0xbf;
	int want;

	if (u[0] < 0x80)
		return 1;
	if (u[0] < 0xc2 || u[0] > 0xf4)
		return -1;
	want = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	if (u[0] == 0xe0)
		lo = 0xa0; /* below: overlong */
	else if (u[0] == 0xed)
		hi = 0x9f; /* above: surrogates */
	else if (u[0] == 0xf0)
		lo = 0x90; /* below: overlong */
	else if (u[0] == 0xf4)
		hi = 0x8f; /* above: past U+10FFFF */
	for (int i = 1; i < want; i++) {
		if ((size_t)i >= left || u[i] < lo || u[i] > hi)
			return -i;
		lo = 0x80;
		hi = 0xbf;
	}
	return want;
}

size_t
json_scan_bytes(struct slice text, size_t at, size_t end)
{
	while (at < end) {
		unsigned char c = (unsigned char)text.p[at];
		int n = 1;

		if (c < 0x20 || c == '"' || c == '\\')
			return at;
		if (c >= 0x80 && (n = json_utf8(text.p + at, text.n - at)) < 0)
			return at;
		at += (size_t)n;
	}
	return at;
}

#if JSON_SIMD

/* Lanes that end a run whatever stands before them. */
static inline vec
specials(vec v)
{
	return vec_or(vec_le(v, vec_all(0x1f)),
	    vec_or(vec_eq(v, vec_all('"')), vec_eq(v, vec_all('\\'))));
}

/* Lanes where the sixteen bytes ${v} at ${p} are not UTF-8. */
static inline vec
faults(vec v, const char *p)
{
	vec b1 = vec_load(p - 1), b2 = vec_load(p - 2), b3 = vec_load(p - 3);
	vec none = vec_eq(vec_or(vec_or(vec_excess(b1, vec_all(0xbf)),
				     vec_excess(b2, vec_all(0xdf))),
			      vec_excess(b3, vec_all(0xef))),
	    vec_all(0));
	vec is = vec_lt_signed(v, vec_all(0xc0));
	vec below_a0 = vec_lt_signed(v, vec_all(0xa0));
	vec below_90 = vec_lt_signed(v, vec_all(0x90));
	vec bad;

	/* A continuation byte where there must be none, or none where one. */
	bad = vec_eq(none, is);
	/* 0xc0, 0xc1 and 0xf5 to 0xff stand nowhere. */
	bad = vec_or(bad, vec_eq(vec_and(v, vec_all(0xfe)), vec_all(0xc0)));
	bad = vec_or(bad, vec_le(vec_all(0xf5), v));
	/* The pairs of table 3-7 that narrow the second byte. */
	bad = vec_or(bad, vec_and(vec_eq(b1, vec_all(0xe0)), below_a0));
	bad = vec_or(bad, vec_without(below_a0, vec_eq(b1, vec_all(0xed))));
	bad = vec_or(bad, vec_and(vec_eq(b1, vec_all(0xf0)), below_90));
	return vec_or(bad, vec_without(below_90, vec_eq(b1, vec_all(0xf4))));
}

/* Are the 64 bytes at ${p} ASCII without specials? */
static inline bool
is_plain64(const char *p)
{
	vec a = vec_load(p), b = vec_load(p + 16);
	vec c = vec_load(p + 32), d = vec_load(p + 48);
	vec stop = vec_or(
	    vec_or(specials(a), specials(b)), vec_or(specials(c), specials(d)));
	vec high = vec_or(vec_or(a, b), vec_or(c, d));

	return vec_mask(vec_or(stop, high)) == 0;
}

/* Where the character that ends at or goes on behind ${p} goes on, begins. */
static const char *
boundary(const char *p)
{
	for (int back = 1; back <= 3; back++) {
		unsigned char c = (unsigned char)p[-back];
		int want = c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

		if (want > back)
			return p - back;
		if (c < 0x80 || want)
			break;
	}
	return p;
}

size_t
json_scan(struct slice text, size_t at, size_t end)
{
	const char *p, *last;
	uint64_t tail = 0; /* is the byte before p not ASCII? */

	/* The check looks three bytes back. */
	if (at < 3) {
		at = json_scan_bytes(text, at, end < 3 ? end : 3);
		if (at < 3)
			return at;
	}
	if (end < at + 16)
		return json_scan_bytes(text, at, end);
	last = text.p + end - 16;
	for (p = text.p + at; p <= last; p += 16) {
		vec v = vec_load(p);
		uint64_t stop = vec_mask(specials(v));
		uint64_t high = vec_mask(v);

		if (high | tail) {
			uint64_t bad = vec_mask(faults(v, p));

			/* Lowest set bit: a fault comes before any special. */
			if (bad & ((stop & (0 - stop)) * 2 - 1))
				break;
		}
		if (stop)
			return (size_t)(p - text.p) +
			    (size_t)__builtin_ctzll(stop) / VEC_BITS;
		tail = high >> (16 * VEC_BITS - 1);
		while (tail == 0 && last - p >= 64 && is_plain64(p + 16))
			p += 64;
	}
	return json_scan_bytes(text, (size_t)(boundary(p) - text.p), end);
}

#else

size_t
json_scan(struct slice text, size_t at, size_t end)
{
	return json_scan_bytes(text, at, end);
}

#endif
