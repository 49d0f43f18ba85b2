#include "engine/listing.h"
#include "json/reader.h"
#include "json/value.h"
#include "model/name.h"
#include <stdlib.h>

enum { DEPTH = 64 };

void
listing_clear(struct engine *e)
{
	struct table_node *n, *next;

	for (n = table_next(&e->models, NULL); n; n = next) {
		next = table_next(&e->models, n);
		table_del(&e->models, n);
		free(TABLE_OF(n, struct engine_model, node));
	}
	e->has_listing = false;
}

static void
add(struct engine *e, struct slice raw, bool is_remote)
{
	char text[MODEL_NAME_MAX];
	struct engine_model *m;
	struct slice canonical;
	struct name name;
	size_t n;

	if (json_unescape(raw, text, sizeof text, &n) != OK ||
	    name_parse(slice_of(text, n), &name) != OK)
		return;
	canonical = name_short(&name);
	if ((m = malloc(sizeof *m + canonical.n)) == NULL)
		return;
	memcpy(m->name, canonical.p, canonical.n);
	m->is_remote = is_remote;
	m->node = (struct table_node){.key = slice_of(m->name, canonical.n)};
	if (table_add(&e->models, &m->node) != OK)
		free(m);
}

/* One object of the list, whose opening bracket was read. */
static bool
read_model(struct json_reader *r, struct engine *e, const char *name_key)
{
	struct slice name = {0};
	bool is_remote = false;
	enum json_kind k;

	while ((k = json_next(r)) == JSON_KEY) {
		struct slice key = json_span(r);
		bool is_name = slice_is(key, name_key);
		bool is_host = slice_is(key, "remote_host");

		if ((k = json_skip(r)) == JSON_BAD)
			return false;
		if (k != JSON_STRING)
			continue;
		/* The span has its quotes. */
		if (is_name)
			name = slice_of(json_span(r).p + 1, r->n - 2);
		else if (is_host)
			is_remote = r->n > 2;
	}
	if (k != JSON_OBJECT_END)
		return false;
	if (name.n)
		add(e, name, is_remote);
	return true;
}

/* {"LIST": [ {"NAME": "..."}, ... ], ...} */
static enum err
read_list(struct engine *e, struct slice json, const char *list_key,
    const char *name_key)
{
	struct json_reader r;
	enum json_kind k;
	bool found = false;

	json_reader_init(&r, json, DEPTH);
	if (json_next(&r) != JSON_OBJECT)
		return ERR_SYNTAX;
	while ((k = json_next(&r)) == JSON_KEY) {
		if (!slice_is(json_span(&r), list_key)) {
			if (json_skip(&r) == JSON_BAD)
				return ERR_SYNTAX;
			continue;
		}
		found = true;
		if ((k = json_next(&r)) == JSON_NULL)
			continue;
		if (k != JSON_ARRAY)
			return ERR_SYNTAX;
		while ((k = json_next(&r)) == JSON_OBJECT)
			if (!read_model(&r, e, name_key))
				return ERR_SYNTAX;
		if (k != JSON_ARRAY_END)
			return ERR_SYNTAX;
	}
	if (k != JSON_OBJECT_END || json_next(&r) != JSON_END || !found)
		return ERR_SYNTAX;
	return OK;
}

static enum err
replace(struct engine *e, struct slice json, const char *list_key,
    const char *name_key)
{
	enum err err;

	listing_clear(e);
	err = read_list(e, json, list_key, name_key);
	if (err != OK)
		listing_clear(e);
	e->has_listing = err == OK;
	return err;
}

enum err
listing_from_ollama(struct engine *e, struct slice json)
{
	return replace(e, json, "models", "name");
}

enum err
listing_from_openai(struct engine *e, struct slice json)
{
	return replace(e, json, "data", "id");
}
