/*
 * edit: a few splices over a text that is otherwise sent as it came.
 *
 *   text    {"model":"alias", ......................, "stream":true}
 *   edits            |-----|                                       ^
 *   slices  |-------||new--||-------------------------------------||,|add||}
 *
 * The list is short and ordered; spans never overlap.  The result is a list of
 * slices for writev: what lies between edits is the caller's own memory.  Text
 * and replacements are kept, not copied: they must outlive the edits.
 */
#pragma once
#include "base/err.h"

enum {
	JSON_EDITS_MAX = 16,
	/* Most slices that a full list can make. */
	JSON_EDITS_SLICES_MAX = 3 * JSON_EDITS_MAX + 1
};

struct json_edit {
	size_t at;	  /* offset in the text */
	size_t n_old;	  /* bytes of the text that go; 0: an insertion */
	bool comma;	  /* put a comma before the replacement */
	struct slice new; /* what comes in their place; may be empty */
};

struct json_edits {
	struct slice text;
	unsigned n;
	struct json_edit list[JSON_EDITS_MAX]; /* by place */
};

/* Start with no edits over ${text}, which is kept. */
void json_edits_init(struct json_edits *e, struct slice text);

/*
 * Put ${new}, which is kept, in the place of the ${n_old} bytes at ${at}.
 * Insertions at one place stand in the order in which they were added, before
 * a replacement that begins there.  ERR_FULL past JSON_EDITS_MAX, ERR_RANGE
 * outside of the text, ERR_EXISTS where it overlaps another edit; nothing is
 * then added.
 */
MUST_CHECK enum err json_edits_add(
    struct json_edits *e, size_t at, size_t n_old, struct slice new);

/*
 * Add ${member}, which is `"key":value` and kept, as the last member of the
 * object whose span (brackets included, as json_skip gives it) is the ${n}
 * bytes at ${at}; with a comma unless the object is empty and got no member
 * yet.  Last, because parsers that accept equal keys take the last one.
 * Errors as json_edits_add; ERR_SYNTAX if the span is no object's.
 */
MUST_CHECK enum err json_edits_add_member(
    struct json_edits *e, size_t at, size_t n, struct slice member);

/* Length of the result in bytes. */
size_t json_edits_total(const struct json_edits *e);

/*
 * The result as slices in ${out}, none of them empty; returns how many, at
 * most JSON_EDITS_SLICES_MAX, which is the room that ${out} must have.
 */
size_t json_edits_slices(const struct json_edits *e, struct slice *out);
