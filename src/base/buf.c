#include "base/buf.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUF_FIRST = 256 };

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void
buf_fini(struct buf *b)
{
	free(b->p);
	buf_init(b, b->max);
}

enum err
buf_reserve(struct buf *b, size_t extra)
{
	size_t cap = b->cap ? b->cap : BUF_FIRST;
	char *p;

	if (extra <= b->cap - b->n)
		return OK;
	if (extra > b->max || b->n > b->max - extra)
		return ERR_FULL;
	while (cap < b->n + extra)
		cap = cap > b->max / 2 ? b->max : cap * 2;
	if (cap > b->max)
		cap = b->max;
	p = realloc(b->p, cap);
	if (p == NULL)
		return ERR_NOMEM;
	b->p = p;
	b->cap = cap;
	return OK;
}

enum err
buf_add(struct buf *b, struct slice s)
{
	enum err e;

	if (s.n == 0)
		return OK;
	if ((e = buf_reserve(b, s.n)) != OK)
		return e;
	memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
	return OK;
}

enum err
buf_add_str(struct buf *b, const char *s)
{
	return buf_add(b, slice_str(s));
}

enum err
buf_add_char(struct buf *b, char c)
{
	return buf_add(b, slice_of(&c, 1));
}

size_t
fmt_u64(char *out, uint64_t v)
{
	char tmp[20];
	size_t n = 0;

	do {
		tmp[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	for (size_t i = 0; i < n; i++)
		out[i] = tmp[n - 1 - i];
	return n;
}

enum err
buf_add_u64(struct buf *b, uint64_t v)
{
	char tmp[20];

	return buf_add(b, slice_of(tmp, fmt_u64(tmp, v)));
}

enum err
buf_add_i64(struct buf *b, int64_t v)
{
	char tmp[21];
	size_t n = 0;
	uint64_t u = (uint64_t)v;

	if (v < 0) {
		tmp[n++] = '-';
		u = 0 - u;
	}
	n += fmt_u64(tmp + n, u);
	return buf_add(b, slice_of(tmp, n));
}

enum err
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	enum err e;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return ERR_RANGE;
	/* vsnprintf writes a NUL behind the text: room for it, not counted. */
	if ((e = buf_reserve(b, (size_t)n + 1)) != OK)
		return e;
	va_start(ap, fmt);
	(void)vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
	return OK;
}

void
buf_drop(struct buf *b, size_t n)
{
	if (n >= b->n) {
		b->n = 0;
		return;
	}
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}

enum err
buf_add_size(struct buf *b, int64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double v = (double)bytes;
	size_t i = 0;

	while (v >= 1024 && i < 4) {
		v /= 1024;
		i++;
	}
	return buf_printf(
	    b, i == 0 || v >= 100 ? "%.0f %s" : "%.1f %s", v, units[i]);
}
