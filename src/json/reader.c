/*
 * One state says what may come next; a token that a budget cut in two is a
 * state of its own.  The open containers are a stack of bits.  Short things
 * that cannot hold up anybody (literals, escapes) are read whole.
 */
#include "json/reader.h"
#include "json/scan.h"
#include <assert.h>

enum state {
	VALUE,	    /* a value must come */
	FIRST_ITEM, /* behind '[': a value or ']' */
	FIRST_KEY,  /* behind '{': a key or '}' */
	NEXT_KEY,   /* behind ',' in an object */
	COLON,	    /* behind a key */
	AFTER,	    /* behind a value: ',' or an end */
	/* From here on something is begun or over. */
	IN_KEY,
	IN_STRING,
	IN_NUMBER,
	BAD
};

/* How far a number is; 0 is for "no number". */
enum phase {
	N_NONE,
	N_MINUS, /* behind '-' */
	N_ZERO,	 /* behind a leading 0 */
	N_INT,
	N_DOT, /* behind '.' */
	N_FRAC,
	N_E, /* behind 'e' */
	N_SIGN,
	N_EXP,
	N_PHASES
};

enum { ESCAPE_U = 6 };

/* r->skip_kind, besides JSON_OBJECT and JSON_ARRAY. */
enum { NO_SKIP = 0, LEAVING = 1 };

static enum json_kind
bad(struct json_reader *r, size_t at, const char *reason)
{
	r->state = BAD;
	r->pos = r->at = at;
	r->n = 0;
	r->reason = reason;
	return JSON_BAD;
}

void
json_reader_init(struct json_reader *r, struct slice text, unsigned max_depth)
{
	assert(max_depth >= 1 && max_depth <= JSON_DEPTH_MAX);
	*r = (struct json_reader){
	    .text = text,
	    .end = text.n,
	    .max_depth = max_depth,
	    .state = VALUE,
	    .skip_kind = NO_SKIP,
	    .reason = "",
	};
}

void
json_reader_budget(struct json_reader *r, size_t bytes)
{
	/* A finished token may lie behind the old end. */
	r->end = bytes < r->text.n - r->pos ? r->pos + bytes : r->text.n;
}

size_t
json_reader_at(const struct json_reader *r)
{
	return r->pos;
}

const char *
json_reader_reason(const struct json_reader *r)
{
	return r->reason;
}

/* Nothing to read: for now, at the end, or too early. */
static enum json_kind
run_out(struct json_reader *r)
{
	r->at = r->pos;
	r->n = 0;
	if (r->pos < r->text.n)
		return JSON_MORE;
	if (r->state == AFTER && r->depth == 0)
		return JSON_END;
	if (r->state == IN_KEY || r->state == IN_STRING)
		return bad(r, r->pos, "it ends inside of a string");
	return bad(r, r->pos, "it ends before the value is complete");
}

static enum json_kind
enter(struct json_reader *r, bool object)
{
	uint64_t bit = (uint64_t)1 << (r->depth % 64);
	uint64_t *word;

	if (r->depth >= r->max_depth) {
		r->too_deep = true;
		return bad(r, r->pos, "it is nested too deep");
	}
	word = &r->stack[r->depth / 64];
	*word = object ? *word | bit : *word & ~bit;
	r->depth++;
	r->in_object = object;
	r->state = object ? FIRST_KEY : FIRST_ITEM;
	r->at = r->pos++;
	r->n = 1;
	return object ? JSON_OBJECT : JSON_ARRAY;
}

static enum json_kind
finish(struct json_reader *r)
{
	bool object = r->in_object;
	unsigned up;

	r->depth--;
	if (r->depth > 0) {
		up = r->depth - 1;
		r->in_object = r->stack[up / 64] >> (up % 64) & 1;
	}
	r->state = AFTER;
	r->at = r->pos++;
	r->n = 1;
	return object ? JSON_OBJECT_END : JSON_ARRAY_END;
}

/*
 * The length of the escape at ${p}, ${left} > 0 bytes before the end of the
 * text; 0 if it is none.
 */
static size_t
escape(const char *p, size_t left)
{
	if (left < 2)
		return 0;
	switch (p[1]) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return 2;
	case 'u':
		break;
	default:
		return 0;
	}
	if (left < ESCAPE_U)
		return 0;
	for (int i = 2; i < ESCAPE_U; i++) {
		unsigned char c = (unsigned char)p[i];

		if ((unsigned)c - '0' > 9 && ((unsigned)c | 0x20) - 'a' > 5)
			return 0;
	}
	return ESCAPE_U;
}

/* Go on in a key or string whose content began at r->begin. */
static enum json_kind
string(struct json_reader *r)
{
	size_t begin = r->begin, pos = r->pos, n;

	for (;;) {
		pos = json_scan(r->text, pos, r->end);
		if (pos >= r->end) {
			r->pos = pos;
			return run_out(r);
		}
		if (r->text.p[pos] == '"')
			break;
		if (r->text.p[pos] != '\\')
			return bad(r, pos,
			    r->text.p[pos] & 0x80
				? "there are bytes that are not UTF-8"
				: "there is a control character in a string");
		n = escape(r->text.p + pos, r->text.n - pos);
		if (n == 0)
			return bad(r, pos, "there is no such escape");
		pos += n;
	}
	r->at = begin;
	r->n = pos - begin;
	r->pos = pos + 1;
	if (r->state == IN_KEY) {
		r->state = COLON;
		return JSON_KEY;
	}
	r->state = AFTER;
	return JSON_STRING;
}

/* What may follow in a number: phase and next byte to phase. */
static enum phase
number_step(enum phase ph, unsigned c)
{
	bool digit = c - '0' <= 9;

	switch (ph) {
	case N_MINUS:
		return c == '0' ? N_ZERO : digit ? N_INT : N_NONE;
	case N_ZERO:
	case N_INT:
		if (c == '.')
			return N_DOT;
		return (c | 0x20) == 'e' ? N_E : N_NONE;
	case N_FRAC:
		return (c | 0x20) == 'e' ? N_E : N_NONE;
	case N_DOT:
		return digit ? N_FRAC : N_NONE;
	case N_E:
		if (c == '+' || c == '-')
			return N_SIGN;
		return digit ? N_EXP : N_NONE;
	case N_SIGN:
		return digit ? N_EXP : N_NONE;
	default:
		return N_NONE;
	}
}

/* Go on in a number that began at r->begin, at least one byte ago. */
static enum json_kind
number(struct json_reader *r)
{
	const char *text = r->text.p;
	enum phase ph = r->phase, next;
	size_t pos = r->pos;

	for (;;) {
		if (ph == N_INT || ph == N_FRAC || ph == N_EXP)
			while (pos < r->end && (unsigned)text[pos] - '0' <= 9)
				pos++;
		if (pos >= r->end)
			break;
		next = number_step(ph, (unsigned char)text[pos]);
		if (next == N_NONE)
			break;
		ph = next;
		pos++;
	}
	r->pos = pos;
	r->phase = (uint8_t)ph;
	if (pos >= r->end && pos < r->text.n)
		return run_out(r);
	if (ph != N_ZERO && ph != N_INT && ph != N_FRAC && ph != N_EXP)
		return bad(r, pos, "a number lacks a digit");
	if (ph == N_ZERO && pos < r->text.n && (unsigned)text[pos] - '0' <= 9)
		return bad(r, pos, "a number has a leading zero");
	r->at = r->begin;
	r->n = pos - r->begin;
	r->state = AFTER;
	return JSON_NUMBER;
}

static enum json_kind
literal(struct json_reader *r, const char *word, size_t n, enum json_kind kind)
{
	if (r->text.n - r->pos < n || memcmp(r->text.p + r->pos, word, n) != 0)
		return bad(r, r->pos, "there is something that is no value");
	r->at = r->pos;
	r->n = n;
	r->pos += n;
	r->state = AFTER;
	return kind;
}

/* A value that begins with ${c} at r->pos. */
static enum json_kind
value(struct json_reader *r, char c)
{
	static const char bom[] = "\xef\xbb\xbf";

	switch (c) {
	case '"':
		r->state = IN_STRING;
		r->begin = ++r->pos;
		return string(r);
	case '{':
		return enter(r, true);
	case '[':
		return enter(r, false);
	case 't':
		return literal(r, "true", 4, JSON_TRUE);
	case 'f':
		return literal(r, "false", 5, JSON_FALSE);
	case 'n':
		return literal(r, "null", 4, JSON_NULL);
	default:
		break;
	}
	if (c == '-' || (unsigned)c - '0' <= 9) {
		r->phase = c == '-' ? N_MINUS : c == '0' ? N_ZERO : N_INT;
		r->state = IN_NUMBER;
		r->begin = r->pos++;
		return number(r);
	}
	if (r->pos == 0 && r->text.n >= 3 && memcmp(r->text.p, bom, 3) == 0)
		return bad(r, 0, "there is a byte order mark");
	return bad(r, r->pos, "there is something that is no value");
}

/* What ${c} at r->pos, behind a value, does: true if it was a comma. */
static bool
comma(struct json_reader *r, char c)
{
	if (c != ',' || r->depth == 0)
		return false;
	r->pos++;
	r->state = r->in_object ? NEXT_KEY : VALUE;
	return true;
}

static enum json_kind
after(struct json_reader *r, char c)
{
	if (r->depth == 0)
		return bad(r, r->pos, "there is something behind the value");
	if (c == (r->in_object ? '}' : ']'))
		return finish(r);
	return bad(r, r->pos, "a comma or a closing bracket is missing");
}

static enum json_kind
key(struct json_reader *r, char c)
{
	if (c == '}' && r->state == FIRST_KEY)
		return finish(r);
	if (c != '"')
		return bad(r, r->pos, "a key in quotes is missing");
	r->state = IN_KEY;
	r->begin = ++r->pos;
	return string(r);
}

static inline bool
is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static enum json_kind
next_kind(struct json_reader *r)
{
	const char *text = r->text.p;
	char c;

	switch ((enum state)r->state) {
	case IN_KEY:
	case IN_STRING:
		return string(r);
	case IN_NUMBER:
		return number(r);
	case BAD:
		return JSON_BAD;
	default:
		break;
	}
	for (;;) {
		while (r->pos < r->end && is_space(text[r->pos]))
			r->pos++;
		if (r->pos >= r->end)
			return run_out(r);
		c = text[r->pos];
		switch ((enum state)r->state) {
		case AFTER:
			if (!comma(r, c))
				return after(r, c);
			break;
		case COLON:
			if (c != ':')
				return bad(r, r->pos, "a colon is missing");
			r->pos++;
			r->state = VALUE;
			break;
		case FIRST_KEY:
		case NEXT_KEY:
			return key(r, c);
		case FIRST_ITEM:
			if (c == ']')
				return finish(r);
			return value(r, c);
		default:
			return value(r, c);
		}
	}
}

enum json_kind
json_next(struct json_reader *r)
{
	assert(r->skip_kind == NO_SKIP);
	return next_kind(r);
}

/* Read on to the end of the container that is being passed over. */
static enum json_kind
pass(struct json_reader *r)
{
	enum json_kind kind;

	do {
		kind = next_kind(r);
		if (kind <= JSON_BAD)
			return kind;
	} while (r->depth > r->skip_depth);
	return kind;
}

enum json_kind
json_skip(struct json_reader *r)
{
	enum json_kind kind = r->skip_kind;

	if (r->skip_kind == NO_SKIP) {
		kind = next_kind(r);
		if (kind == JSON_STRING) {
			r->at--;
			r->n += 2;
		}
		if (kind != JSON_OBJECT && kind != JSON_ARRAY)
			return kind;
		r->skip_kind = (uint8_t)kind;
		r->skip_at = r->at;
		r->skip_depth = r->depth - 1;
	}
	assert(kind == JSON_OBJECT || kind == JSON_ARRAY);
	if ((kind = pass(r)) <= JSON_BAD)
		return kind;
	kind = r->skip_kind;
	r->skip_kind = NO_SKIP;
	r->at = r->skip_at;
	r->n = r->pos - r->skip_at;
	return kind;
}

enum json_kind
json_leave(struct json_reader *r)
{
	enum json_kind kind;

	if (r->skip_kind == NO_SKIP) {
		assert(r->depth > 0);
		r->skip_depth = r->depth - 1;
		r->skip_kind = LEAVING;
	}
	assert(r->skip_kind == LEAVING);
	if ((kind = pass(r)) > JSON_BAD)
		r->skip_kind = NO_SKIP;
	return kind;
}
