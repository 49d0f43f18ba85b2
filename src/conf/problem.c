#include "conf/problem.h"
#include <stdarg.h>
#include <stdio.h>

enum { QUOTE_MAX = 40, WORD_MAX = 40 };

void
conf_problems_init(struct conf_problems *p, const char *file)
{
	p->n_errors = 0;
	p->n_warnings = 0;
	(void)snprintf(p->file, sizeof p->file, "%s", file);
}

static void
fill(struct conf_problem *v, uint32_t line, uint32_t column, const char *fmt,
    va_list ap)
{
	v->line = line;
	v->column = column;
	(void)vsnprintf(v->text, sizeof v->text, fmt, ap);
}

void
conf_problem_error(struct conf_problems *p, uint32_t line, uint32_t column,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (p->n_errors < CONF_ERRORS_MAX)
		fill(&p->errors[p->n_errors], line, column, fmt, ap);
	p->n_errors++;
	va_end(ap);
}

void
conf_problem_warn(struct conf_problems *p, uint32_t line, uint32_t column,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (p->n_warnings < CONF_WARNINGS_MAX)
		fill(&p->warnings[p->n_warnings], line, column, fmt, ap);
	p->n_warnings++;
	va_end(ap);
}

static bool
is_before(const struct conf_problem *a, const struct conf_problem *b)
{
	return a->line != b->line ? a->line < b->line : a->column < b->column;
}

/* The first of ${v} that is not yet printed, by place; -1: none. */
static int
first_of(const struct conf_problem *v, size_t n, const bool *printed)
{
	int best = -1;

	for (size_t i = 0; i < n; i++)
		if (!printed[i] && (best < 0 || is_before(&v[i], &v[best])))
			best = (int)i;
	return best;
}

static enum err
print_one(const struct conf_problems *p, const struct conf_problem *v,
    const char *mark, struct buf *out)
{
	if (v->line == 0)
		return buf_printf(out, "%s: %s%s\n", p->file, mark, v->text);
	return buf_printf(out, "%s:%u:%u: %s%s\n", p->file, v->line, v->column,
	    mark, v->text);
}

static enum err
print_kind(const struct conf_problems *p, const struct conf_problem *v,
    size_t n, const char *mark, struct buf *out)
{
	bool printed[CONF_ERRORS_MAX + CONF_WARNINGS_MAX] = {false};
	enum err e = OK;
	int i;

	while (e == OK && (i = first_of(v, n, printed)) >= 0) {
		printed[i] = true;
		e = print_one(p, &v[i], mark, out);
	}
	return e;
}

static enum err
print_rest(const struct conf_problems *p, size_t n, size_t kept,
    const char *what, struct buf *out)
{
	if (n <= kept)
		return OK;
	return buf_printf(
	    out, "%s: and %zu more %s\n", p->file, n - kept, what);
}

enum err
conf_problems_print(const struct conf_problems *p, struct buf *out)
{
	size_t n_e = p->n_errors, n_w = p->n_warnings;
	enum err e;

	if (n_e > CONF_ERRORS_MAX)
		n_e = CONF_ERRORS_MAX;
	if (n_w > CONF_WARNINGS_MAX)
		n_w = CONF_WARNINGS_MAX;
	if ((e = print_kind(p, p->errors, n_e, "", out)) != OK ||
	    (e = print_rest(p, p->n_errors, n_e, "errors", out)) != OK ||
	    (e = print_kind(p, p->warnings, n_w, "warning: ", out)) != OK)
		return e;
	return print_rest(p, p->n_warnings, n_w, "warnings", out);
}

struct conf_quotation
conf_quote(struct slice s)
{
	struct conf_quotation q;
	size_t n = 0, chars = 0, i;

	q.text[n++] = '`';
	for (i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		/* A character is counted, and may be cut before, at its
		 * first byte. */
		if ((c & 0xc0) != 0x80 && chars++ == QUOTE_MAX)
			break;
		if (n + 8 >= sizeof q.text)
			break;
		q.text[n++] = (char)(c < 0x20 || c == 0x7f ? '?' : c);
	}
	(void)snprintf(
	    q.text + n, sizeof q.text - n, "%s`", i < s.n ? "..." : "");
	return q;
}

static char
lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static size_t
min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Both at most WORD_MAX bytes. */
static size_t
distance(struct slice a, struct slice b)
{
	size_t d[3][WORD_MAX + 1];
	size_t *prev = d[0], *row = d[1], *prev2 = d[2];

	for (size_t j = 0; j <= b.n; j++)
		prev[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t *t;

		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			char x = lower(a.p[i - 1]), y = lower(b.p[j - 1]);

			row[j] = min3(prev[j] + 1, row[j - 1] + 1,
			    prev[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == lower(b.p[j - 2]) &&
			    y == lower(a.p[i - 2]) && prev2[j - 2] + 1 < row[j])
				row[j] = prev2[j - 2] + 1;
		}
		t = prev2;
		prev2 = prev;
		prev = row;
		row = t;
	}
	return prev[b.n];
}

void
conf_nearest_init(struct conf_nearest *n, struct slice wrong)
{
	*n = (struct conf_nearest){.wrong = wrong};
}

void
conf_nearest_try(struct conf_nearest *n, struct slice word)
{
	size_t d, longer = word.n > n->wrong.n ? word.n : n->wrong.n;

	if (longer > WORD_MAX || n->wrong.n == 0)
		return;
	d = distance(n->wrong, word);
	if (d > (longer + 2) / 3 || d == longer)
		return;
	if (n->best != NULL && d >= n->distance)
		return;
	n->best = word.p;
	n->best_n = word.n;
	n->distance = d;
}
