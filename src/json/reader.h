/*
 * reader: a strict JSON pull reader (RFC 8259) that yields spans of its source.
 *
 *   {"model":"llama3.2","messages":[ ... ]}
 *   |  |        |          |       |
 *   |  KEY      STRING     KEY     ARRAY  ...  ARRAY_END  OBJECT_END  END
 *   OBJECT
 *
 * The text lies in memory, whole and contiguous, and stays there unchanged
 * while the reader is used.  Nothing is allocated, copied, unescaped or
 * recursed into.  A reader with a budget returns JSON_MORE when that is used
 * up, in the middle of a long string too, and goes on when it is called again
 * with a new one: a huge text never holds up its thread.
 *
 * Strict: grammar of numbers, literals and escapes, no control bytes in
 * strings, UTF-8 without overlong forms, surrogates or anything above
 * U+10FFFF, no byte order mark, nothing but white space behind the value, no
 * nesting past a limit.  A lone surrogate written as an escape ("\ud800") is
 * grammatical and accepted; json_unescape makes U+FFFD of it.  Equal keys are
 * accepted: whoever decides by a key must look for a second one.
 */
#pragma once
#include "base/slice.h"

enum { JSON_DEPTH_MAX = 512 };

enum json_kind {
	JSON_MORE, /* the budget is used up; call again with a new one */
	JSON_END,  /* the text was one valid value; stays */
	JSON_BAD,  /* it was not; json_reader_reason says why; stays */
	JSON_OBJECT,
	JSON_OBJECT_END,
	JSON_ARRAY,
	JSON_ARRAY_END,
	JSON_KEY,
	JSON_STRING,
	JSON_NUMBER,
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL
};

struct json_reader {
	/* For the caller to read, valid after each event. */
	size_t at;	/* offset of the event's span in the text */
	size_t n;	/* its length in bytes */
	unsigned depth; /* containers open behind the event; 0: top */
	bool too_deep;	/* BAD because of max_depth */

	/* Private. */
	uint8_t state;
	uint8_t phase;
	uint8_t skip_kind;
	bool in_object;
	unsigned max_depth;
	unsigned skip_depth;
	size_t skip_at;
	size_t begin; /* of a token that a budget cut */
	size_t pos;
	size_t end;
	struct slice text;
	const char *reason;
	uint64_t stack[JSON_DEPTH_MAX / 64]; /* a bit a level; 1: object */
};

/*
 * Start at the beginning of ${text}, which the reader keeps; no budget (all of
 * it).  At most ${max_depth} containers may be open at once, 1 to
 * JSON_DEPTH_MAX.
 */
void json_reader_init(
    struct json_reader *r, struct slice text, unsigned max_depth);

/*
 * From now on read ${bytes} bytes, then return JSON_MORE.  An escape, a UTF-8
 * sequence or a literal that was begun is finished: up to 5 bytes more.
 */
void json_reader_budget(struct json_reader *r, size_t bytes);

/*
 * The next event; its span is r->at, r->n: of a container the one bracket, of
 * keys and strings the raw bytes between the quotes (escapes as they stand), of
 * numbers and literals all of it.  r->depth counts a container from its OBJECT
 * or ARRAY on; its END has the depth outside of it.  Until JSON_END comes,
 * nothing is known about the text's validity behind the last event.
 */
enum json_kind json_next(struct json_reader *r);

/*
 * Like json_next, but a container is checked and passed over whole: the event
 * is JSON_OBJECT or JSON_ARRAY, its span the whole value with both brackets,
 * r->depth as before it.  The span of a string has its quotes here, so that a
 * value's span always is valid JSON itself.  Keys and ENDs are as json_next
 * gives them.  After JSON_MORE, call json_skip again, not json_next.
 */
enum json_kind json_skip(struct json_reader *r);

/*
 * Check and pass over the rest of the innermost open container, of which at
 * least the opening bracket was read: returns its OBJECT_END or ARRAY_END.
 * r->depth must not be 0.  After JSON_MORE, call json_leave again.
 */
enum json_kind json_leave(struct json_reader *r);

/* The span of the last event; valid as long as the text. */
static inline struct slice
json_span(const struct json_reader *r)
{
	return slice_of(r->text.p + r->at, r->n);
}

/* Offset of the next byte to read; after JSON_BAD, of the byte at fault. */
size_t json_reader_at(const struct json_reader *r);

/*
 * After JSON_BAD: what is wrong, as a static phrase without any of the text
 * that reads well before "at byte N".  Else "".
 */
const char *json_reader_reason(const struct json_reader *r);
