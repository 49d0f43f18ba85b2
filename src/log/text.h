/*
 * text: values into JSON, fast, for the room's own lines.
 *
 * Each put_ writes at ${out} and returns the place behind it; the caller has
 * made sure of the room: TEXT_GROWTH bytes for each byte of a text.
 */
#pragma once
#include "base/slice.h"

enum {
	TEXT_GROWTH = 6, /* "\u001f" */
	TEXT_SLACK = 8,	 /* text_put may scribble that far past its end */
};

/*
 * Write ${s} as the inside of a JSON string: quotes, backslashes and control
 * characters (C1 too) escaped, bytes that are not UTF-8 as U+FFFD.
 */
char *text_put(char *out, struct slice s);

/* Write ${v} in decimal, at most 20 bytes. */
char *text_put_u64(char *out, uint64_t v);

/* Write ${v} in decimal, at most 21 bytes. */
char *text_put_i64(char *out, int64_t v);

/* Copy ${n} bytes. */
static inline char *
text_put_raw(char *out, const char *p, size_t n)
{
	memcpy(out, p, n);
	return out + n;
}
