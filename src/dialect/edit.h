/*
 * edit: which splices a request needs before it goes to an engine.
 *
 * Bodies go on byte for byte but for these; each has a row in facts/edits.def
 * and its name in the log line.
 */
#pragma once
#include "dialect/inspect.h"
#include "json/edit.h"

enum edit {
#define EDIT(name, word, why) EDIT_##name,
#include "facts/edits.def"
#undef EDIT
	EDIT_COUNT
};

/* The word of ${e} in the log line. */
const char *edit_name(enum edit e);

/* What the manual says of ${e}. */
const char *edit_why(enum edit e);

struct edit_plan {
	struct json_edits splices;
	unsigned made; /* a bit for each enum edit */
	/* weir asked for the usage chunk: the caller must not see it. */
	bool strip_usage;
};

/*
 * Plan the edits for the request that ${in}, which is done, has read; its body
 * is kept by the plan.  ${allowed} has a bit for each edit that is switched on.
 * Fails only if the list is full, which is a fault of ours: ERR_INTERNAL.
 */
MUST_CHECK enum err edit_plan(
    struct edit_plan *p, const struct inspect *in, unsigned allowed);
