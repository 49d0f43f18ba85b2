/* The effective configuration as YAML. */
#include "conf/mask.h"
#include "conf/value.h"
#include <assert.h>

/* The value at ${field} as text in ${out}, which is cleared before. */
static enum err
text_of(const struct conf_option *o, const void *field, struct buf *out)
{
	buf_clear(out);
	return mask_print(o->kind, field, out);
}

/* A line `INDENT KEY: VALUE`, with `GROUP:` before it where it is the first. */
static enum err
print_line(const struct conf_option *o, struct slice value, unsigned indent,
    struct slice *group, struct buf *out)
{
	struct slice path = slice_str(o->path);
	size_t dot = slice_find(path, '.');
	struct slice own = dot < path.n ? slice_to(path, dot) : slice_of("", 0);
	enum err e;

	if (own.n > 0 && !slice_eq(own, *group) &&
	    (e = buf_printf(
		 out, "%*s%.*s:\n", (int)indent, "", SLICE_ARG(own))) != OK)
		return e;
	*group = own;
	if (own.n > 0) {
		indent += 2;
		path = slice_from(path, dot + 1);
	}
	return buf_printf(out, "%*s%.*s: %.*s\n", (int)indent, "",
	    SLICE_ARG(path), SLICE_ARG(value));
}

/* The struct at ${base}, from row ${first} on, without what is unset. */
static enum err
print_rows(const struct conf_table *t, size_t first, const void *base,
    unsigned indent, struct buf *out)
{
	struct slice group = slice_of("", 0);
	enum err e = OK;
	struct buf value;

	buf_init(&value, out->max);
	for (size_t i = first; e == OK && i < t->n; i++) {
		const struct conf_option *o = &t->v[i];

		e = text_of(o, (const char *)base + o->offset, &value);
		if (e != OK || value.n == 0)
			continue;
		e = print_line(o, buf_slice(&value), indent, &group, out);
	}
	buf_fini(&value);
	return e;
}

/* A thing of a list: as print_rows, the first line marked by `- `. */
static enum err
print_item(const struct conf_table *t, const void *base, struct buf *out)
{
	size_t start = out->n;
	enum err e = print_rows(t, 0, base, 4, out);

	if (e != OK)
		return e;
	assert(out->n > start + 4); /* each thing has what names it */
	out->p[start + 2] = '-';
	return OK;
}

/* A thing of a map: its name, and its rows below. */
static enum err
print_entry(const struct conf_table *t, const void *base, struct buf *out)
{
	const struct slice *name =
	    (const struct slice *)((const char *)base + t->v[0].offset);
	size_t start;
	enum err e;

	if ((e = buf_add_str(out, "  ")) != OK ||
	    (e = value_print_text(*name, out)) != OK ||
	    (e = buf_add_str(out, ":\n")) != OK)
		return e;
	start = out->n;
	e = print_rows(t, 1, base, 4, out);
	return e == OK && out->n == start ? buf_add_str(out, "    {}\n") : e;
}

static enum err
print_section(const struct conf *c, const struct conf_table *t, struct buf *out)
{
	const char *things;
	enum err e = OK;
	size_t n;

	memcpy(&things, (const char *)c + t->items_offset, sizeof things);
	memcpy(&n, (const char *)c + t->count_offset, sizeof n);
	if (n > 0)
		e = buf_printf(out, "%s:\n", t->name);
	for (size_t i = 0; e == OK && i < n; i++)
		e = (t->is_map ? print_entry : print_item)(
		    t, things + i * t->size, out);
	return e;
}

enum err
conf_print(const struct conf *c, struct buf *out)
{
	enum err e = print_rows(conf_table_get(CONF_TABLE_MAIN), 0, c, 0, out);

	for (unsigned i = 1; e == OK && i < CONF_TABLE_COUNT; i++)
		e = print_section(c, conf_table_get(i), out);
	return e;
}
