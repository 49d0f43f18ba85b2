/*
 * slice: a borrowed run of bytes, (pointer, length), never NUL-terminated.
 *
 * The one string type of the project.  A slice owns nothing: whoever hands one
 * out says how long it stays valid.  The empty slice may have a NULL pointer.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *p;
	size_t n;
};

/* A slice of a string literal, usable in initialisers. */
#define SLICE(lit)                                                             \
	{                                                                      \
		(lit), sizeof(lit) - 1                                         \
	}

/* For printf: "%.*s", SLICE_ARG(s).  Lengths past INT_MAX are cut. */
#define SLICE_ARG(s) (int)((s).n > 0x7fffffff ? 0x7fffffff : (s).n), (s).p

/* The slice of ${n} bytes at ${p}. */
static inline struct slice
slice_of(const char *p, size_t n)
{
	return (struct slice){p, n};
}

/* The slice of a NUL-terminated string; NULL gives the empty slice. */
static inline struct slice
slice_str(const char *s)
{
	return (struct slice){s, s ? strlen(s) : 0};
}

/* Same bytes? */
static inline bool
slice_eq(struct slice a, struct slice b)
{
	if (a.n != b.n || a.n == 0)
		return a.n == b.n;
	return memcmp(a.p, b.p, a.n) == 0;
}

/* Same bytes as the NUL-terminated ${s}? */
static inline bool
slice_is(struct slice a, const char *s)
{
	return slice_eq(a, slice_str(s));
}

/* The part of ${s} from ${from} on; empty if ${from} is past its end. */
static inline struct slice
slice_from(struct slice s, size_t from)
{
	if (from > s.n)
		from = s.n;
	/* NULL + 0 is undefined. */
	return from ? (struct slice){s.p + from, s.n - from} : s;
}

/* The first ${n} bytes of ${s}, or all of it. */
static inline struct slice
slice_to(struct slice s, size_t n)
{
	return (struct slice){s.p, n < s.n ? n : s.n};
}

/* The part of slice_eq_nocase behind its fast refusals; not for callers. */
bool slice_same_nocase(const char *a, const char *b, size_t n);

/* Same bytes when ASCII letters are compared without case? */
static inline bool
slice_eq_nocase(struct slice a, struct slice b)
{
	/* Nearly all that differ do so here; letters differ by 0x20 only. */
	return a.n == b.n &&
	    (a.n == 0 ||
		(((a.p[0] ^ b.p[0]) & 0xdf) == 0 &&
		    slice_same_nocase(a.p, b.p, a.n)));
}

/* Does ${s} begin with ${prefix}? */
bool slice_starts(struct slice s, struct slice prefix);

/* Does ${s} end with ${suffix}? */
bool slice_ends(struct slice s, struct slice suffix);

/* Index of the first ${c} in ${s}, or ${s}.n if there is none. */
size_t slice_find(struct slice s, char c);

/* Index of the last ${c} in ${s}, or ${s}.n if there is none. */
size_t slice_rfind(struct slice s, char c);

/* Does ${needle} occur in ${s}?  The empty needle always does. */
bool slice_has(struct slice s, struct slice needle);

/* ${s} without spaces, tabs, CR and LF at both ends. */
struct slice slice_trim(struct slice s);

/*
 * Cut ${s} at the first ${sep}: return what is before it and leave in ${s}
 * what is behind it.  Without ${sep} all of ${s} is returned and ${s} is
 * empty with a NULL pointer.
 */
struct slice slice_cut(struct slice *s, char sep);

/*
 * Read all of ${s} as an unsigned decimal number into ${out}.  False (and
 * ${out} untouched) if it is empty, has any other byte or is above ${max}.
 */
bool slice_u64(struct slice s, uint64_t max, uint64_t *out);

/*
 * Does ${s} match the glob ${pattern}?  `*` is any run of bytes, `?` one
 * byte; nothing else is special.  At most |s| x |pattern| steps.
 */
bool slice_glob(struct slice pattern, struct slice s);
