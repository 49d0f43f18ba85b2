/* An insertion sort into a short list; the order is made once, on adding. */
#include "json/edit.h"
#include <assert.h>

void
json_edits_init(struct json_edits *e, struct slice text)
{
	e->text = text;
	e->n = 0;
}

static enum err
insert(struct json_edits *e, struct json_edit x)
{
	unsigned i = 0;

	if (x.at > e->text.n || x.n_old > e->text.n - x.at)
		return ERR_RANGE;
	if (e->n == JSON_EDITS_MAX)
		return ERR_FULL;
	/* Behind all that begin before it, and behind insertions here. */
	while (i < e->n &&
	    (e->list[i].at < x.at ||
		(e->list[i].at == x.at && e->list[i].n_old == 0)))
		i++;
	if (i > 0 && e->list[i - 1].at + e->list[i - 1].n_old > x.at)
		return ERR_EXISTS;
	if (i < e->n && x.at + x.n_old > e->list[i].at)
		return ERR_EXISTS;
	memmove(&e->list[i + 1], &e->list[i], (e->n - i) * sizeof e->list[0]);
	e->list[i] = x;
	e->n++;
	return OK;
}

enum err
json_edits_add(struct json_edits *e, size_t at, size_t n_old, struct slice new)
{
	return insert(e, (struct json_edit){at, n_old, false, new});
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

enum err
json_edits_add_member(
    struct json_edits *e, size_t at, size_t n, struct slice member)
{
	const char *p = e->text.p;
	bool comma;
	size_t end;

	if (at > e->text.n || n > e->text.n - at)
		return ERR_RANGE;
	if (n < 2 || p[at] != '{' || p[at + n - 1] != '}')
		return ERR_SYNTAX;
	/* Behind the last value, before the white space of the brace. */
	end = at + n - 1;
	while (is_space(p[end - 1]))
		end--;
	comma = end - 1 != at;
	for (unsigned i = 0; i < e->n && !comma; i++)
		comma = e->list[i].at == end && e->list[i].n_old == 0;
	return insert(e, (struct json_edit){end, 0, comma, member});
}

size_t
json_edits_total(const struct json_edits *e)
{
	size_t total = e->text.n;

	for (unsigned i = 0; i < e->n; i++) {
		const struct json_edit *x = &e->list[i];

		total = total - x->n_old + x->comma + x->new.n;
	}
	return total;
}

/* Put ${s} at the end of the ${n} slices in ${out}, unless it is empty. */
static size_t
put(struct slice *out, size_t n, struct slice s)
{
	if (s.n == 0)
		return n;
	out[n] = s;
	return n + 1;
}

size_t
json_edits_slices(const struct json_edits *e, struct slice *out)
{
	size_t n = 0, from = 0;

	for (unsigned i = 0; i < e->n; i++) {
		const struct json_edit *x = &e->list[i];

		n = put(out, n, slice_of(e->text.p + from, x->at - from));
		n = put(out, n, slice_of(",", x->comma));
		n = put(out, n, x->new);
		from = x->at + x->n_old;
	}
	n = put(out, n, slice_from(e->text, from));
	assert(n <= JSON_EDITS_SLICES_MAX);
	return n;
}
