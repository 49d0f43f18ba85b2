/*
 * write: JSON into a buffer.
 *
 *   struct json_writer w = {&b};
 *
 *   json_object_begin(&w, NULL);
 *   json_str(&w, "model", model);
 *   json_array_begin(&w, "tokens");
 *   json_int(&w, NULL, 17);
 *   json_array_end(&w);
 *   json_object_end(&w);
 *   return w.err;
 *
 * The writer keeps the commas.  Its first error sticks and turns all further
 * calls into nothing, so that only the end is checked.  ${key} is the member's
 * name in an object, NULL in an array, at the top, or behind json_key.
 */
#pragma once
#include "base/buf.h"

struct json_writer {
	struct buf *b;	/* kept, never freed */
	enum err err;	/* OK, ERR_FULL or ERR_NOMEM */
	unsigned depth; /* containers open */
	bool comma;	/* one is due before the next member */
};

/*
 * Append ${s} as a JSON string, with quotes.  Quotes, backslashes and control
 * characters are escaped, ill-formed UTF-8 becomes U+FFFD (one for each maximal
 * part, as Unicode 3.9 recommends), all else is copied.  ERR_FULL, ERR_NOMEM;
 * part of it may then have been appended.
 */
MUST_CHECK enum err json_write_string(struct buf *b, struct slice s);

/* The same with a colon behind it. */
MUST_CHECK enum err json_write_key(struct buf *b, struct slice key);

/* Start writing at the end of ${b}. */
void json_writer_init(struct json_writer *w, struct buf *b);

/* A member's name that is no literal; its value follows with a NULL key. */
void json_key(struct json_writer *w, struct slice key);

/* Open and close; each begin wants its end. */
void json_object_begin(struct json_writer *w, const char *key);
void json_object_end(struct json_writer *w);
void json_array_begin(struct json_writer *w, const char *key);
void json_array_end(struct json_writer *w);

/* One scalar value each. */
void json_str(struct json_writer *w, const char *key, struct slice val);
void json_int(struct json_writer *w, const char *key, int64_t val);
void json_bool(struct json_writer *w, const char *key, bool val);
void json_null(struct json_writer *w, const char *key);

/* A double with 15 digits, or 17 if it needs them; null if not finite. */
void json_double(struct json_writer *w, const char *key, double val);

/* A value that is valid JSON already, as it is. */
void json_raw(struct json_writer *w, const char *key, struct slice val);
