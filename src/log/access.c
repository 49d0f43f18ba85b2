/*
 * The table's rows become a straight run of code: each field knows its key
 * and kind at compile time, each begins with a comma, and the first comma is
 * turned into the opening brace.
 */
#include "log/access.h"
#include "log/text.h"
#include "base/utf8.h"

/* A key with all that surrounds it, as a literal of known length. */
#define KEY_TEXT(key) ",\"" key "\":\""
#define KEY_BARE(key) ",\"" key "\":"
#define PUT(out, lit) text_put_raw(out, lit, sizeof(lit) - 1)

static inline char *
put_quoted(char *out, struct slice s)
{
	out = text_put(out, utf8_cut(s, ACCESS_TEXT_MAX));
	*out++ = '"';
	return out;
}

static inline char *
put_code(char *out, enum err e)
{
	*out++ = '"';
	return put_quoted(out, slice_str(err_get(e)->code));
}

static char *
put_names(char *out, const struct access_names *names)
{
	*out++ = '[';
	for (size_t i = 0; i < names->n; i++) {
		if (i > 0)
			*out++ = ',';
		*out++ = '"';
		out = put_quoted(out, slice_str(names->name[i]));
	}
	*out++ = ']';
	return out;
}

#define FIELD_TIME(member, key)                                                \
	out = PUT(out, KEY_TEXT(key));                                         \
	stamp_put(stamp, a->member, out);                                      \
	out += STAMP_LEN;                                                      \
	*out++ = '"';
#define FIELD_TEXT(member, key)                                                \
	if (a->member.n > 0)                                                   \
		out = put_quoted(PUT(out, KEY_TEXT(key)), a->member);
#define FIELD_FLAG(member, key)                                                \
	if (a->member > 0)                                                     \
		out = PUT(out, KEY_BARE(key) "true");                          \
	else if (a->member == 0)                                               \
		out = PUT(out, KEY_BARE(key) "false");
#define FIELD_COUNT(member, key)                                               \
	if (a->member >= 0)                                                    \
		out = text_put_u64(                                            \
		    PUT(out, KEY_BARE(key)), (uint64_t)a->member);
#define FIELD_MS(member, key)                                                  \
	if (a->member >= 0)                                                    \
		out = text_put_u64(PUT(out, KEY_BARE(key)),                    \
		    ((uint64_t)a->member + 500) / 1000);
#define FIELD_CODE(member, key)                                                \
	if (a->member == OK)                                                   \
		out = PUT(out, KEY_BARE(key) "null");                          \
	else                                                                   \
		out = put_code(PUT(out, KEY_BARE(key)), a->member);
#define FIELD_CODE2(member, key)                                               \
	if (a->member != OK)                                                   \
		out = put_code(PUT(out, KEY_BARE(key)), a->member);
#define FIELD_NAMES(member, key)                                               \
	if (a->member.n > 0)                                                   \
		out = put_names(PUT(out, KEY_BARE(key)), &a->member);

size_t
access_format(const struct access *a, struct stamp *stamp, char *start)
{
	char *out = start;

#define LOG_FIELD(member, key, kind, help) FIELD_##kind(member, key)
#include "facts/log_fields.def"
#undef LOG_FIELD
	*start = '{';
	*out++ = '}';
	return (size_t)(out - start);
}

/*
 * The longest line: every text at its maximum and all of it escaped, every
 * number at its longest.  A new field that would not fit does not compile.
 */
#define LONGEST_TEXT (ACCESS_TEXT_MAX * TEXT_GROWTH + 4)
#define LONGEST_TIME (STAMP_LEN + 2)
#define LONGEST_FLAG 5
#define LONGEST_COUNT 20
#define LONGEST_MS 20
#define LONGEST_CODE 64
#define LONGEST_CODE2 64
#define LONGEST_NAMES (8 * 64 + 2)
enum {
	LONGEST_LINE = 2 + TEXT_SLACK
#define LOG_FIELD(member, key, kind, help)                                     \
	+sizeof(KEY_TEXT(key)) + LONGEST_##kind
#include "facts/log_fields.def"
#undef LOG_FIELD
};
_Static_assert((int)LONGEST_LINE <= (int)ACCESS_LINE_MAX, "line too long");

void
access_init(struct access *a)
{
#define UNKNOWN_TIME 0
#define UNKNOWN_TEXT                                                           \
	(struct slice)                                                         \
	{                                                                      \
		NULL, 0                                                        \
	}
#define UNKNOWN_FLAG -1
#define UNKNOWN_COUNT -1
#define UNKNOWN_MS -1
#define UNKNOWN_CODE OK
#define UNKNOWN_CODE2 OK
#define UNKNOWN_NAMES                                                          \
	(struct access_names)                                                  \
	{                                                                      \
		.n = 0                                                         \
	}
#define LOG_FIELD(member, key, kind, help) a->member = UNKNOWN_##kind;
#include "facts/log_fields.def"
#undef LOG_FIELD
}
