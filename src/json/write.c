/*
 * Runs of plain text are found by the reader's scanner and copied whole;
 * only what it stops at is looked at.
 */
#include "json/write.h"
#include "json/scan.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Append what the quote, backslash, control or ill-formed byte ${c} becomes. */
static enum err
escaped(struct buf *b, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";
	char u[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};

	switch (c) {
	case '"':
		return buf_add_str(b, "\\\"");
	case '\\':
		return buf_add_str(b, "\\\\");
	case '\n':
		return buf_add_str(b, "\\n");
	case '\r':
		return buf_add_str(b, "\\r");
	case '\t':
		return buf_add_str(b, "\\t");
	case '\b':
		return buf_add_str(b, "\\b");
	case '\f':
		return buf_add_str(b, "\\f");
	default:
		return buf_add(b, slice_of(u, sizeof u));
	}
}

/* Append the text of ${s}, escaped. */
static enum err
content(struct buf *b, struct slice s)
{
	while (s.n > 0) {
		size_t run = json_scan(s, 0, s.n), cut = 1;
		enum err e = buf_add(b, slice_to(s, run));

		if (e != OK)
			return e;
		s = slice_from(s, run);
		if (s.n == 0)
			break;
		if (s.p[0] & 0x80) {
			cut = (size_t)-json_utf8(s.p, s.n);
			e = buf_add_str(b, "\xef\xbf\xbd");
		} else {
			e = escaped(b, (unsigned char)s.p[0]);
		}
		if (e != OK)
			return e;
		s = slice_from(s, cut);
	}
	return OK;
}

enum err
json_write_string(struct buf *b, struct slice s)
{
	enum err e;

	/* Mostly nothing is escaped: one growth, if any. */
	if ((e = buf_reserve(b, s.n + 2)) != OK)
		return e;
	if ((e = buf_add_char(b, '"')) != OK || (e = content(b, s)) != OK)
		return e;
	return buf_add_char(b, '"');
}

enum err
json_write_key(struct buf *b, struct slice key)
{
	enum err e = json_write_string(b, key);

	return e == OK ? buf_add_char(b, ':') : e;
}

void
json_writer_init(struct json_writer *w, struct buf *b)
{
	*w = (struct json_writer){.b = b};
}

/* What stands before a value; is the writer still good? */
static bool
lead(struct json_writer *w, const char *key)
{
	if (w->err == OK && w->comma)
		w->err = buf_add_char(w->b, ',');
	if (w->err == OK && key)
		w->err = json_write_key(w->b, slice_str(key));
	w->comma = true;
	return w->err == OK;
}

void
json_key(struct json_writer *w, struct slice key)
{
	if (lead(w, NULL))
		w->err = json_write_key(w->b, key);
	w->comma = false;
}

static void
begin(struct json_writer *w, const char *key, char bracket)
{
	if (lead(w, key))
		w->err = buf_add_char(w->b, bracket);
	w->depth++;
	w->comma = false;
}

static void
end(struct json_writer *w, char bracket)
{
	assert(w->depth > 0);
	w->depth--;
	if (w->err == OK)
		w->err = buf_add_char(w->b, bracket);
	w->comma = true;
}

void
json_object_begin(struct json_writer *w, const char *key)
{
	begin(w, key, '{');
}

void
json_object_end(struct json_writer *w)
{
	end(w, '}');
}

void
json_array_begin(struct json_writer *w, const char *key)
{
	begin(w, key, '[');
}

void
json_array_end(struct json_writer *w)
{
	end(w, ']');
}

void
json_str(struct json_writer *w, const char *key, struct slice val)
{
	if (lead(w, key))
		w->err = json_write_string(w->b, val);
}

void
json_int(struct json_writer *w, const char *key, int64_t val)
{
	if (lead(w, key))
		w->err = buf_add_i64(w->b, val);
}

void
json_raw(struct json_writer *w, const char *key, struct slice val)
{
	if (lead(w, key))
		w->err = buf_add(w->b, val);
}

void
json_bool(struct json_writer *w, const char *key, bool val)
{
	json_raw(w, key, slice_str(val ? "true" : "false"));
}

void
json_null(struct json_writer *w, const char *key)
{
	json_raw(w, key, slice_str("null"));
}

void
json_double(struct json_writer *w, const char *key, double val)
{
	char text[32];

	if (!isfinite(val)) {
		json_null(w, key);
		return;
	}
	(void)snprintf(text, sizeof text, "%.15g", val);
	if (strtod(text, NULL) < val || strtod(text, NULL) > val)
		(void)snprintf(text, sizeof text, "%.17g", val);
	json_raw(w, key, slice_str(text));
}
