#include "conf/read.h"
#include "conf/judge.h"
#include "conf/value.h"
#include <assert.h>
#include <stdio.h>

enum { PATH_BYTES_MAX = 64 };

struct reader {
	struct conf *c;
	struct value_reader v;
	struct judge j;
};

/* Another spelling of an option. */
static struct slice
own_name(enum conf_table_id id, struct slice path)
{
#define OTHER_NAME(section, other, own)                                        \
	if (id == CONF_TABLE_##section && slice_is(path, other))               \
		return slice_str(own);
#include "facts/options.def"
	return path;
}

static enum conf_table_id
id_of(const struct conf_table *t)
{
	return (enum conf_table_id)(t - conf_table_get(CONF_TABLE_MAIN));
}

/* The row of ${path}; NULL if there is none, or it is a map's key. */
static const struct conf_option *
find_option(const struct conf_table *t, struct slice path)
{
	path = own_name(id_of(t), path);
	for (size_t i = t->is_map; i < t->n; i++)
		if (slice_is(path, t->v[i].path))
			return &t->v[i];
	return NULL;
}

/* Does any row begin with ${path} and a dot? */
static bool
is_group(const struct conf_table *t, struct slice path)
{
	for (size_t i = t->is_map; i < t->n; i++)
		if (slice_starts(slice_str(t->v[i].path), path) &&
		    t->v[i].path[path.n] == '.')
			return true;
	return false;
}

/* The section called ${name}; CONF_TABLE_MAIN if there is none. */
static enum conf_table_id
find_section(struct slice name)
{
	for (unsigned i = 1; i < CONF_TABLE_COUNT; i++)
		if (slice_is(name, conf_table_get(i)->name))
			return i;
	return CONF_TABLE_MAIN;
}

/* Offer to ${near} all keys that may stand where ${group} stands before. */
static void
try_keys(
    struct conf_nearest *near, const struct conf_table *t, struct slice group)
{
	for (size_t i = t->is_map; i < t->n; i++) {
		struct slice path = slice_str(t->v[i].path);

		if (!slice_starts(path, group))
			continue;
		path = slice_from(path, group.n);
		conf_nearest_try(near, slice_to(path, slice_find(path, '.')));
	}
	if (group.n > 0 || id_of(t) != CONF_TABLE_MAIN)
		return;
	for (unsigned i = 1; i < CONF_TABLE_COUNT; i++)
		conf_nearest_try(near, slice_str(conf_table_get(i)->name));
}

/* Where an option of the name ${key} stands, if elsewhere; else NULL. */
static const struct conf_option *
find_elsewhere(struct slice key, const char **section)
{
	for (unsigned i = 0; i < CONF_TABLE_COUNT; i++) {
		const struct conf_table *t = conf_table_get(i);

		for (size_t k = t->is_map; k < t->n; k++) {
			struct slice path = slice_str(t->v[k].path);
			size_t dot = slice_rfind(path, '.');

			if (dot < path.n)
				path = slice_from(path, dot + 1);
			*section = t->name;
			if (slice_eq(path, own_name(i, key)))
				return &t->v[k];
		}
	}
	return NULL;
}

static void
unknown_key(struct reader *r, const struct conf_table *t, struct slice group,
    const struct tree_node *key)
{
	const struct conf_option *o;
	struct conf_nearest near;
	const char *section;
	char meant[120] = "";

	conf_nearest_init(&near, key->text);
	try_keys(&near, t, group);
	if (near.best != NULL)
		(void)snprintf(meant, sizeof meant, "; did you mean `%.*s`?",
		    (int)near.best_n, near.best);
	else if ((o = find_elsewhere(key->text, &section)) != NULL)
		(void)snprintf(meant, sizeof meant, "; did you mean %s%s`%s`?",
		    section, section[0] ? ": " : "", o->path);
	conf_problem_error(r->v.p, key->line, key->column, "unknown key %s%s",
	    conf_quote(key->text).text, meant);
}

static void
read_option(struct reader *r, struct read_item *item,
    const struct conf_option *o, const struct tree_node *key)
{
	size_t row = (size_t)(o - item->table->v);
	const struct tree_node *before = item->keys[row];

	if (tree_is_null(key->value))
		return;
	/* Of one name twice the tree has told already. */
	if (before != NULL && !slice_eq(before->text, key->text))
		conf_problem_error(r->v.p, key->line, key->column,
		    "%s and %s are one option; write one of them",
		    conf_quote(before->text).text, conf_quote(key->text).text);
	item->keys[row] = key;
	item->at[row] = key->value;
	r->v.option = o;
	(void)value_read(&r->v, key->value, (char *)item->base + o->offset);
}

static void read_section(
    struct reader *r, enum conf_table_id id, const struct tree_node *key);
static void read_keys(struct reader *r, struct read_item *item,
    struct slice group, const struct tree_node *map);

static void
read_group(struct reader *r, struct read_item *item, struct slice path,
    const struct tree_node *key)
{
	char text[PATH_BYTES_MAX + 1];

	if (tree_is_null(key->value))
		return;
	if (key->value->kind != TREE_MAP) {
		conf_problem_error(r->v.p, key->value->line, key->value->column,
		    "`%.*s` wants a mapping of options", SLICE_ARG(path));
		return;
	}
	(void)snprintf(text, sizeof text, "%.*s.", SLICE_ARG(path));
	read_keys(r, item, slice_str(text), key->value);
}

/* Keys of ${map}, which stand in ${group}: "" or "limits.". */
static void
read_keys(struct reader *r, struct read_item *item, struct slice group,
    const struct tree_node *map)
{
	for (const struct tree_node *k = map->first; k; k = k->next) {
		const struct conf_option *o;
		char text[PATH_BYTES_MAX];
		struct slice path = slice_of(text, group.n + k->text.n);
		enum conf_table_id id = CONF_TABLE_MAIN;

		if (path.n >= sizeof text ||
		    slice_find(k->text, '.') < k->text.n) {
			unknown_key(r, item->table, group, k);
			continue;
		}
		(void)snprintf(text, sizeof text, "%.*s%.*s", SLICE_ARG(group),
		    SLICE_ARG(k->text));
		if (group.n == 0 && id_of(item->table) == CONF_TABLE_MAIN)
			id = find_section(k->text);
		if (id != CONF_TABLE_MAIN)
			read_section(r, id, k);
		else if ((o = find_option(item->table, path)) != NULL)
			read_option(r, item, o, k);
		else if (k->text.n > 0 && is_group(item->table, path))
			read_group(r, item, path, k);
		else
			unknown_key(r, item->table, group, k);
	}
}

/* One thing of a section: an item of a list, or a key with its value. */
static void
read_thing(struct reader *r, enum conf_table_id id, void *base,
    const struct tree_node *n)
{
	const struct conf_table *t = conf_table_get(id);
	const struct tree_node *body = t->is_map ? n->value : n;
	struct read_item item = {.table = t, .base = base, .node = n};

	if (t->is_map) {
		item.at[0] = n;
		r->v.option = &t->v[0];
		(void)value_read(&r->v, n, (char *)base + t->v[0].offset);
	}
	if (body->kind == TREE_MAP)
		read_keys(r, &item, slice_of("", 0), body);
	else if (!t->is_map || !tree_is_null(body))
		conf_problem_error(r->v.p, body->line, body->column,
		    "a thing in `%s` is a mapping of options", t->name);
	if (body->kind == TREE_MAP)
		judge_item(&r->j, id, &item);
}

/* Set all of the table's struct at ${base} to the defaults. */
static void
set_presets(struct reader *r, const struct conf_table *t, void *base)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct conf_option *o = &t->v[i];
		struct tree_node n = {.kind = TREE_SCALAR,
		    .is_plain = true,
		    .text = slice_str(o->preset)};
		void *field = (char *)base + o->offset;
		struct slice nothing = SLICE("");

		r->v.option = o;
		if (n.text.n > 0)
			assert(value_read(&r->v, &n, field) ||
			    r->v.is_out_of_memory);
		else if (o->kind == CONF_KIND_URL)
			*(struct conf_url *)field =
			    (struct conf_url){.host = nothing,
				.path = nothing,
				.authority = nothing,
				.text = nothing};
		else if (o->kind == CONF_KIND_TEXT ||
		    o->kind == CONF_KIND_NAME || o->kind == CONF_KIND_PATH ||
		    o->kind == CONF_KIND_WEBHOOK ||
		    o->kind == CONF_KIND_COMMAND)
			*(struct slice *)field = nothing;
	}
}

/* Is ${n} the shape of the section?  If not, say so. */
static bool
has_shape(struct reader *r, const struct conf_table *t,
    const struct tree_node *n, size_t count)
{
	if (n->kind != (t->is_map ? TREE_MAP : TREE_LIST)) {
		conf_problem_error(r->v.p, n->line, n->column,
		    t->is_map ? "`%s` wants a mapping of names to options"
			      : "`%s` wants a list, each item begun by `- `",
		    t->name);
		return false;
	}
	if (count > t->most) {
		conf_problem_error(r->v.p, n->line, n->column,
		    "`%s` has at most %zu items, not %zu", t->name, t->most,
		    count);
		return false;
	}
	return true;
}

static void
read_section(
    struct reader *r, enum conf_table_id id, const struct tree_node *key)
{
	const struct conf_table *t = conf_table_get(id);
	const struct tree_node *n = key->value;
	char *things, *thing;
	size_t count = 0;

	if (tree_is_null(n))
		return;
	for (const struct tree_node *k = n->first; k; k = k->next)
		count++;
	if (!has_shape(r, t, n, count))
		return;
	/* One more, of defaults, from which the others are copied. */
	if ((things = arena_alloc(r->v.a, (count + 1) * t->size)) == NULL) {
		r->v.is_out_of_memory = true;
		return;
	}
	memset(things, 0, (count + 1) * t->size);
	set_presets(r, t, things + count * t->size);
	thing = things;
	for (const struct tree_node *k = n->first; k; k = k->next) {
		memcpy(thing, things + count * t->size, t->size);
		read_thing(r, id, thing, k);
		thing += t->size;
	}
	memcpy((char *)r->c + t->items_offset, &things, sizeof things);
	memcpy((char *)r->c + t->count_offset, &count, sizeof count);
}

/* Find the caller that is named anonymous, or make one of defaults. */
static void
set_anonymous(struct reader *r)
{
	struct conf_caller *a = NULL;

	for (size_t i = 0; i < r->c->n_callers; i++)
		if (slice_is(r->c->callers[i].name, "anonymous"))
			a = &r->c->callers[i];
	r->c->anonymous_caller = a;
	if (a != NULL)
		return;
	if ((a = arena_alloc(r->v.a, sizeof *a)) == NULL) {
		r->v.is_out_of_memory = true;
		return;
	}
	memset(a, 0, sizeof *a);
	set_presets(r, conf_table_get(CONF_TABLE_CALLER), a);
	a->name = (struct slice)SLICE("anonymous");
	r->c->anonymous_caller = a;
}

enum err
read_conf(struct conf *c, const struct tree_node *root, struct conf_problems *p)
{
	struct reader r = {.c = c, .v = {.a = &c->memory, .p = p}};
	struct read_item main = {
	    .table = conf_table_get(CONF_TABLE_MAIN), .base = c, .node = root};

	judge_init(&r.j, p);
	set_presets(&r, main.table, c);
	if (!tree_is_null(root) && root->kind != TREE_MAP)
		conf_problem_error(p, root->line, root->column,
		    "a configuration is a mapping: lines such as "
		    "`dry_run: true`");
	else if (!tree_is_null(root))
		read_keys(&r, &main, slice_of("", 0), root);
	set_anonymous(&r);
	judge_all(&r.j, &main);
	r.v.is_out_of_memory |= r.j.is_out_of_memory;
	judge_fini(&r.j);
	return r.v.is_out_of_memory ? ERR_NOMEM : OK;
}
