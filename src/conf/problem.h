/*
 * problem: what is wrong with a configuration, where, and what was probably
 * meant.  All problems of a file are collected, not only the first.
 */
#pragma once
#include "base/buf.h"

enum {
	CONF_ERRORS_MAX = 20,
	CONF_WARNINGS_MAX = 40,
	CONF_PROBLEM_TEXT = 320,
};

struct conf_problem {
	uint32_t line, column; /* from 1; 0: the file as a whole */
	char text[CONF_PROBLEM_TEXT];
};

/* Embedded by whoever loads a configuration; about 20 KiB. */
struct conf_problems {
	char file[256];	 /* as given, cut if longer */
	size_t n_errors; /* all that were found; the first 20 are kept */
	size_t n_warnings;
	struct conf_problem errors[CONF_ERRORS_MAX];
	struct conf_problem warnings[CONF_WARNINGS_MAX];
};

/* Start empty, for the file called ${file} (borrowed for the call). */
void conf_problems_init(struct conf_problems *p, const char *file);

/*
 * Add an error, or a warning, at ${line}:${column}, in words as printf makes
 * them.  Text of the file that is quoted must have gone through conf_quote.
 */
void conf_problem_error(struct conf_problems *p, uint32_t line, uint32_t column,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void conf_problem_warn(struct conf_problems *p, uint32_t line, uint32_t column,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/*
 * Append the errors, then the warnings, both in the order of the file: lines
 * `FILE:LINE:COLUMN: TEXT`, warnings with `warning: ` before the text, and how
 * many more there are of each.  ERR_FULL, ERR_NOMEM.
 */
MUST_CHECK enum err conf_problems_print(
    const struct conf_problems *p, struct buf *out);

/* A quotation of at most 40 characters, in backquotes. */
struct conf_quotation {
	char text[200];
};

/*
 * ${s} for people: in backquotes, bytes that a terminal might obey replaced
 * by `?`, cut after 40 characters.
 */
struct conf_quotation conf_quote(struct slice s);

/* Words among which the nearest to a misspelt one is sought. */
struct conf_nearest {
	struct slice wrong;
	const char *best; /* NULL: nothing is near */
	size_t best_n;
	size_t distance;
};

/* Start with the misspelt ${wrong} (borrowed). */
void conf_nearest_init(struct conf_nearest *n, struct slice wrong);

/*
 * Look at ${word} (borrowed while ${n} is used).  It becomes the best if it
 * is nearer than the best so far and near enough: one edit in three letters.
 * Distance: optimal string alignment (Damerau 1964: insert, delete, replace,
 * swap neighbours), without case.
 */
void conf_nearest_try(struct conf_nearest *n, struct slice word);
