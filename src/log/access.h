/*
 * access: the one line that each request leaves in the log.
 *
 * Its fields, their order and kinds are facts/log_fields.def.
 */
#pragma once
#include "base/err.h"
#include "log/stamp.h"

/* Static strings, for a list. */
struct access_names {
	const char *name[8];
	size_t n;
};

#define LOG_TYPE_TIME int64_t
#define LOG_TYPE_TEXT struct slice
#define LOG_TYPE_FLAG int
#define LOG_TYPE_COUNT int64_t
#define LOG_TYPE_MS int64_t
#define LOG_TYPE_CODE enum err
#define LOG_TYPE_CODE2 enum err
#define LOG_TYPE_NAMES struct access_names

struct access {
#define LOG_FIELD(member, key, kind, help) LOG_TYPE_##kind member;
#include "facts/log_fields.def"
#undef LOG_FIELD
};

enum {
	ACCESS_TEXT_MAX = 256, /* of one text, before escaping; then cut */
	ACCESS_LINE_MAX = 16 * 1024, /* of one line, whatever is in it */
};

/* Everything unknown, nothing wrong. */
void access_init(struct access *a);

/*
 * Write ${a} as one JSON object, no newline, at ${out}, which has room for
 * ACCESS_LINE_MAX bytes; returns how many were written.  ${stamp} is the
 * caller's cache of the time's text.
 */
size_t access_format(const struct access *a, struct stamp *stamp, char *out);
