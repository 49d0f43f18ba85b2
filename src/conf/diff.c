/*
 * Two values are equal if they are printed alike: the printer is exact, and
 * so no kind needs a comparison of its own.
 */
#include "conf/diff.h"
#include "conf/value.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { VALUE_BYTES_MAX = 16 << 20 };

/* Texts of the two values that are being compared. */
struct differ {
	struct conf_changes *out;
	struct buf a, b;
};

static void
add_change(struct differ *d, enum conf_change_kind kind, bool needs_restart,
    const char *table, struct slice name, const char *option)
{
	struct conf_changes *out = d->out;
	struct conf_change *c;

	out->n_restart += needs_restart;
	if (out->n++ >= CONF_CHANGES_MAX)
		return;
	c = &out->v[out->n - 1];
	c->kind = kind;
	c->needs_restart = needs_restart;
	(void)snprintf(c->path, sizeof c->path, "%s%s%.*s%s%s", table,
	    table[0] ? "." : "", SLICE_ARG(slice_to(name, 64)),
	    table[0] && option[0] ? "." : "", option);
}

/* Does printing tell them apart?  Reload may abort when memory is out. */
static bool
is_equal(
    struct differ *d, const struct conf_option *o, const char *a, const char *b)
{
	buf_clear(&d->a);
	buf_clear(&d->b);
	if (value_print(o->kind, a + o->offset, &d->a) != OK ||
	    value_print(o->kind, b + o->offset, &d->b) != OK)
		abort();
	return slice_eq(buf_slice(&d->a), buf_slice(&d->b));
}

static void
diff_rows(struct differ *d, const struct conf_table *t, struct slice name,
    const char *a, const char *b)
{
	for (size_t i = 0; i < t->n; i++)
		if (!is_equal(d, &t->v[i], a, b))
			add_change(d, CONF_CHANGED, t->v[i].needs_restart,
			    t->name, name, t->v[i].path);
}

/* The things of a section. */
struct things {
	const struct conf_table *t;
	const char *v;
	size_t n;
};

static struct things
things_of(const struct conf *c, const struct conf_table *t)
{
	struct things s = {.t = t};

	memcpy(&s.v, (const char *)c + t->items_offset, sizeof s.v);
	memcpy(&s.n, (const char *)c + t->count_offset, sizeof s.n);
	return s;
}

/* What a thing is called; alerts have no name but their number. */
static struct slice
name_of(const struct things *s, size_t i, char number[24])
{
	const struct conf_option *first = &s->t->v[0];
	struct slice name;

	if (strcmp(first->path, "name") != 0) {
		(void)snprintf(number, 24, "%zu", i + 1);
		return slice_str(number);
	}
	memcpy(&name, s->v + i * s->t->size + first->offset, sizeof name);
	return name;
}

/* Where ${name} is in ${s}; s->n if it is not.  Tried first: ${guess}. */
static size_t
find_name(const struct things *s, struct slice name, size_t guess)
{
	char number[24];

	if (guess < s->n && slice_eq(name_of(s, guess, number), name))
		return guess;
	for (size_t i = 0; i < s->n; i++)
		if (slice_eq(name_of(s, i, number), name))
			return i;
	return s->n;
}

static void
diff_section(struct differ *d, const struct things *a, const struct things *b)
{
	char number[24];

	for (size_t i = 0; i < a->n; i++) {
		struct slice name = name_of(a, i, number);
		size_t k = find_name(b, name, i);

		if (k == b->n)
			add_change(
			    d, CONF_REMOVED, false, a->t->name, name, "");
		else
			diff_rows(d, a->t, name, a->v + i * a->t->size,
			    b->v + k * b->t->size);
	}
	for (size_t i = 0; i < b->n; i++) {
		struct slice name = name_of(b, i, number);

		if (find_name(a, name, i) == a->n)
			add_change(d, CONF_ADDED, false, b->t->name, name, "");
	}
}

void
conf_diff(const struct conf *before, const struct conf *after,
    struct conf_changes *out)
{
	struct differ d = {.out = out};

	out->n = out->n_restart = 0;
	buf_init(&d.a, VALUE_BYTES_MAX);
	buf_init(&d.b, VALUE_BYTES_MAX);
	diff_rows(&d, conf_table_get(CONF_TABLE_MAIN), slice_of("", 0),
	    (const char *)before, (const char *)after);
	for (unsigned i = 1; i < CONF_TABLE_COUNT; i++) {
		const struct conf_table *t = conf_table_get(i);
		struct things a = things_of(before, t), b = things_of(after, t);

		diff_section(&d, &a, &b);
	}
	buf_fini(&d.a);
	buf_fini(&d.b);
}

enum err
conf_keep_restart(struct conf *fresh, const struct conf *running)
{
	const struct conf_table *t = conf_table_get(CONF_TABLE_MAIN);
	struct conf_problems p;
	struct value_reader r = {.a = &fresh->memory, .p = &p};

	conf_problems_init(&p, "");
	for (size_t i = 0; i < t->n; i++) {
		const struct conf_option *o = &t->v[i];
		const struct slice *from;
		struct slice *to;

		if (!o->needs_restart)
			continue;
		assert(o->kind == CONF_KIND_PATH); /* so far */
		from =
		    (const struct slice *)((const char *)running + o->offset);
		to = (struct slice *)((char *)fresh + o->offset);
		if (!value_copy(&r, *from, to))
			return ERR_NOMEM;
	}
	return OK;
}
