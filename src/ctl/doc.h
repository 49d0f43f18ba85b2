/*
 * doc: members of the JSON that a running weir answers.
 *
 * A value is its span in the text.  What is absent, or is of another kind, is
 * as if it were 0, false or empty: an older weir may tell less.
 */
#pragma once
#include "base/buf.h"
#include "json/reader.h"

/* The value of ${key} in ${object}; empty if there is none. */
struct slice doc_get(struct slice object, const char *key);

/* Numbers and truths. */
int64_t doc_int(struct slice object, const char *key);
bool doc_bool(struct slice object, const char *key);

/* Is it there, and not null? */
bool doc_has(struct slice object, const char *key);

/*
 * Append a text for a terminal: bytes that it might obey become `?`.
 * ERR_FULL, ERR_NOMEM.
 */
MUST_CHECK enum err doc_add_text(
    struct slice object, const char *key, struct buf *out);

/* The same of the ${value} itself. */
MUST_CHECK enum err doc_add_value(struct slice value, struct buf *out);

/* Walk the ${array}: begin, then next until it is false. */
void doc_begin(struct json_reader *r, struct slice array);
bool doc_next(struct json_reader *r, struct slice *value);
