/*
 * err: what can go wrong, as one enum made of facts/errors.def.
 *
 * OK is 0.  Functions that return an enum err are must-check.  An err that a
 * caller of weir can see (status > 0 in the table) is a refusal: it has a
 * stable code, a status and a sentence that says what to do.
 */
#pragma once
#include "base/slice.h"

enum err {
	OK = 0,
#define ERR(name, status, code, level, retry, text, cause, cure) ERR_##name,
#include "facts/errors.def"
#undef ERR
	ERR_COUNT
};

#define MUST_CHECK __attribute__((warn_unused_result))

/* How loud an event is in weir's own log. */
enum level { LEVEL_DEBUG, LEVEL_INFO, LEVEL_WARN, LEVEL_ERROR };

/* One row of facts/errors.def. */
struct err_fact {
	const char *name;  /* "RATE_LIMITED" */
	const char *code;  /* stable, for programs: "rate_limit_exceeded" */
	const char *text;  /* for people, with {placeholders} */
	const char *cause; /* for the manual */
	const char *cure;  /* for the manual */
	int status;	   /* HTTP status, 0: never shown to a caller */
	enum level level;
	bool retry; /* may the same request succeed later? */
};

/* The row of ${e}; of OK it is a row with status 200.  Never NULL. */
const struct err_fact *err_get(enum err e);

/*
 * Why a caller was refused: the err and the values that its sentence names.
 * Slices are borrowed and must outlive the answer.  A value that the sentence
 * does not name is ignored.
 */
struct refusal {
	enum err err;
	int64_t wait_us;     /* {wait}, also Retry-After; 0: not known */
	int64_t limit;	     /* {limit} */
	int64_t value;	     /* {value}: what was asked for */
	struct slice model;  /* {model}, as the caller wrote it */
	struct slice what;   /* {what}: a name of ours, never caller's text */
	struct slice reason; /* {reason}: a sentence of ours */
};
