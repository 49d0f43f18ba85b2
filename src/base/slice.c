#include "base/slice.h"

static unsigned char
lower(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 'A' && u <= 'Z' ? (unsigned char)(u | 0x20) : u;
}

/* Eight bytes at once; bytes of 128 and more are no letters. */
static inline uint64_t
lower8(const char *p)
{
	const uint64_t ones = 0x0101010101010101u, high = ones << 7;
	uint64_t v, low, past_a, past_z;

	memcpy(&v, p, sizeof v);
	low = v & ~high;
	past_a = low + ones * (0x80 - 'A');
	past_z = low + ones * (0x80 - 'Z' - 1);
	return v | ((past_a & ~past_z & ~v & high) >> 2);
}

bool
slice_same_nocase(const char *a, const char *b, size_t n)
{
	size_t i = 0;

	if (n >= 8) {
		for (; i + 8 <= n; i += 8)
			if (lower8(a + i) != lower8(b + i))
				return false;
		/* The last eight, some of them again. */
		return lower8(a + n - 8) == lower8(b + n - 8);
	}
	for (; i < n; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

bool
slice_starts(struct slice s, struct slice prefix)
{
	return s.n >= prefix.n && slice_eq(slice_to(s, prefix.n), prefix);
}

bool
slice_ends(struct slice s, struct slice suffix)
{
	return s.n >= suffix.n &&
	    slice_eq(slice_from(s, s.n - suffix.n), suffix);
}

size_t
slice_find(struct slice s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? (size_t)(at - s.p) : s.n;
}

size_t
slice_rfind(struct slice s, char c)
{
	const char *at = s.n ? memrchr(s.p, c, s.n) : NULL;

	return at ? (size_t)(at - s.p) : s.n;
}

bool
slice_has(struct slice s, struct slice needle)
{
	return needle.n == 0 ||
	    (s.n >= needle.n && memmem(s.p, s.n, needle.p, needle.n) != NULL);
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice
slice_trim(struct slice s)
{
	while (s.n && is_space(s.p[0]))
		s = slice_from(s, 1);
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct slice
slice_cut(struct slice *s, char sep)
{
	size_t at = slice_find(*s, sep);
	struct slice head = slice_to(*s, at);

	*s = at < s->n ? slice_from(*s, at + 1) : (struct slice){NULL, 0};
	return head;
}

bool
slice_u64(struct slice s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned d = (unsigned char)s.p[i] - (unsigned)'0';

		if (d > 9 || v > (UINT64_MAX - d) / 10)
			return false;
		v = v * 10 + d;
	}
	if (v > max)
		return false;
	*out = v;
	return true;
}

bool
slice_glob(struct slice pattern, struct slice s)
{
	size_t p = 0, i = 0, star = SIZE_MAX, mark = 0;

	/* Greedy with one remembered star: the last star takes the slack. */
	while (i < s.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			mark = i;
		} else if (p < pattern.n &&
		    (pattern.p[p] == '?' || pattern.p[p] == s.p[i])) {
			p++;
			i++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			i = ++mark;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}
