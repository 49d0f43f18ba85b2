/*
 * buf: a growing run of bytes with a written maximum.
 *
 *   p          p+n            p+cap            max
 *   |<- bytes ->|<-- spare ---->|  grows up to  |
 *
 * Never NUL-terminated.  Growth doubles; past ${max} nothing is added and
 * ERR_FULL is returned.  Memory is the heap's.
 */
#pragma once
#include "base/err.h"

struct buf {
	char *p;
	size_t n;
	size_t cap;
	size_t max;
};

/* Start empty with at most ${max} bytes; allocates nothing. */
void buf_init(struct buf *b, size_t max);

/* Free the memory; ${b} is empty again and keeps its maximum. */
void buf_fini(struct buf *b);

/* Forget the bytes, keep the memory. */
static inline void
buf_clear(struct buf *b)
{
	b->n = 0;
}

/* The bytes, valid until the next change. */
static inline struct slice
buf_slice(const struct buf *b)
{
	return slice_of(b->p, b->n);
}

/* Make room for ${extra} more bytes.  ERR_FULL past max, ERR_NOMEM. */
MUST_CHECK enum err buf_reserve(struct buf *b, size_t extra);

/* Append a copy of ${s}.  ERR_FULL (nothing added), ERR_NOMEM. */
MUST_CHECK enum err buf_add(struct buf *b, struct slice s);

/* Append a NUL-terminated string. */
MUST_CHECK enum err buf_add_str(struct buf *b, const char *s);

/* Append one byte. */
MUST_CHECK enum err buf_add_char(struct buf *b, char c);

/* Append a decimal number. */
MUST_CHECK enum err buf_add_u64(struct buf *b, uint64_t v);
MUST_CHECK enum err buf_add_i64(struct buf *b, int64_t v);

/*
 * Append as printf does (boot, reports, errors; not the fast path).  Needs
 * room for one byte more than the text has.
 */
MUST_CHECK enum err buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Append a number of bytes for people: `1.5 GiB`, `512 MiB`, `17 B`. */
MUST_CHECK enum err buf_add_size(struct buf *b, int64_t bytes);

/* Drop the first ${n} bytes (at most all); the rest moves to the front. */
void buf_drop(struct buf *b, size_t n);

/*
 * Write ${v} in decimal at ${out}, which has room for 20 bytes; returns the
 * number of bytes written.
 */
size_t fmt_u64(char *out, uint64_t v);
