/*
 * One walk for all listings: the members that weir reads stand in a table, with
 * the object that they are in.  What an engine listed before stays a row with
 * all that was learnt about it (mark and sweep).
 */
#include "engine/listing.h"
#include "engine/tokenizer.h"
#include "engine/weigh.h"
#include "engine/moment.h"
#include "json/reader.h"
#include "json/value.h"
#include "model/name.h"
#include "os/clock.h"
#include <stdlib.h>

enum { DEPTH = 64 };

enum place { PLACE_ROW, PLACE_STATUS, PLACE_META, PLACE_DETAILS };

/* What one row of a listing says. */
struct row {
	struct slice name;
	bool is_remote;
	bool has_status, is_loaded, is_loading;
	int64_t size, vram;
	int64_t context;     /* context_length of the row */
	int64_t context_now; /* n_ctx of a model that runs */
	int64_t context_max;
	struct slice expires;
};

enum member {
	MEMBER_NAME,
	MEMBER_REMOTE,
	MEMBER_SIZE,
	MEMBER_VRAM,
	MEMBER_CONTEXT,
	MEMBER_EXPIRES,
	MEMBER_STATUS, /* an object */
	MEMBER_META,
	MEMBER_DETAILS,
	MEMBER_VALUE,
	MEMBER_N_CTX,
	MEMBER_N_CTX_TRAIN,
	MEMBER_TRAINED,
};

static const struct {
	enum place place;
	const char *key;
	enum member member;
} members[] = {
    {PLACE_ROW, "id", MEMBER_NAME},
    {PLACE_ROW, "name", MEMBER_NAME},
    {PLACE_ROW, "remote_host", MEMBER_REMOTE},
    {PLACE_ROW, "size", MEMBER_SIZE},
    {PLACE_ROW, "size_vram", MEMBER_VRAM},
    {PLACE_ROW, "context_length", MEMBER_CONTEXT},
    {PLACE_ROW, "max_model_len", MEMBER_N_CTX},
    {PLACE_ROW, "expires_at", MEMBER_EXPIRES},
    {PLACE_ROW, "status", MEMBER_STATUS},
    {PLACE_ROW, "meta", MEMBER_META},
    {PLACE_ROW, "details", MEMBER_DETAILS},
    {PLACE_STATUS, "value", MEMBER_VALUE},
    {PLACE_META, "n_ctx", MEMBER_N_CTX},
    {PLACE_META, "n_ctx_train", MEMBER_N_CTX_TRAIN},
    {PLACE_DETAILS, "context_length", MEMBER_TRAINED},
};

/* What to do with each row. */
struct reading {
	struct json_reader r;
	struct engine *engine;
	const char *list, *name;
	bool (*take)(struct engine *e, const struct row *row);
};

static void
free_model(struct engine *e, struct table_node *n)
{
	swap_gone(&e->swap, n->hash);
	table_del(&e->models, n);
	tokenizer_forget(TABLE_OF(n, struct engine_model, node));
	weigh_forget(TABLE_OF(n, struct engine_model, node));
	free(TABLE_OF(n, struct engine_model, node));
}

void
listing_clear(struct engine *e)
{
	struct table_node *n, *next;

	for (n = table_next(&e->models, NULL); n; n = next) {
		next = table_next(&e->models, n);
		free_model(e, n);
	}
	e->has_listing = e->has_residents = false;
}

static void
take_number(struct slice raw, int64_t *out)
{
	int64_t v;

	if (json_i64(raw, &v) == OK && v >= 0)
		*out = v;
}

static void
take_member(struct row *row, enum member m, enum json_kind k, struct slice span)
{
	bool is_text = k == JSON_STRING;
	/* The span of a string has its quotes. */
	struct slice text =
	    is_text ? slice_of(span.p + 1, span.n - 2) : (struct slice){0};

	if (m == MEMBER_NAME && is_text)
		row->name = text;
	else if (m == MEMBER_REMOTE)
		row->is_remote = text.n > 0;
	else if (m == MEMBER_EXPIRES)
		row->expires = text;
	else if (m == MEMBER_VALUE && is_text) {
		row->has_status = true;
		row->is_loaded =
		    slice_is(text, "loaded") || slice_is(text, "sleeping");
		row->is_loading = slice_is(text, "loading");
	} else if (k != JSON_NUMBER)
		return;
	else if (m == MEMBER_SIZE)
		take_number(span, &row->size);
	else if (m == MEMBER_VRAM)
		take_number(span, &row->vram);
	else if (m == MEMBER_CONTEXT)
		take_number(span, &row->context);
	else if (m == MEMBER_N_CTX)
		take_number(span, &row->context_now);
	else if (m == MEMBER_N_CTX_TRAIN || m == MEMBER_TRAINED)
		take_number(span, &row->context_max);
}

static bool read_object(struct reading *g, struct row *row, enum place place);

/* The value of member ${m}, which is next. */
static bool
read_member(struct reading *g, struct row *row, enum member m)
{
	enum json_kind k = JSON_BAD;

	if (m == MEMBER_STATUS || m == MEMBER_META || m == MEMBER_DETAILS) {
		k = json_next(&g->r);
		if (k == JSON_OBJECT)
			return read_object(g, row,
			    m == MEMBER_STATUS	   ? PLACE_STATUS
				: m == MEMBER_META ? PLACE_META
						   : PLACE_DETAILS);
		if (k == JSON_ARRAY)
			return json_leave(&g->r) == JSON_ARRAY_END;
		return k != JSON_BAD;
	}
	if ((k = json_skip(&g->r)) == JSON_BAD)
		return false;
	take_member(row, m, k, json_span(&g->r));
	return true;
}

static bool
read_object(struct reading *g, struct row *row, enum place place)
{
	enum { MEMBERS = sizeof members / sizeof *members };
	enum json_kind k;

	while ((k = json_next(&g->r)) == JSON_KEY) {
		struct slice key = json_span(&g->r);
		size_t i = 0;

		while (i < MEMBERS &&
		    (members[i].place != place ||
			!slice_is(key, members[i].key) ||
			(members[i].member == MEMBER_NAME &&
			    !slice_is(key, g->name))))
			i++;
		if (i == MEMBERS ? json_skip(&g->r) == JSON_BAD
				 : !read_member(g, row, members[i].member))
			return false;
	}
	return k == JSON_OBJECT_END;
}

static bool
read_array(struct reading *g)
{
	enum json_kind k;

	while ((k = json_next(&g->r)) == JSON_OBJECT) {
		struct row row = {.size = 0};

		if (!read_object(g, &row, PLACE_ROW))
			return false;
		if (row.name.n && !g->take(g->engine, &row))
			return false;
	}
	return k == JSON_ARRAY_END;
}

/* {"LIST": [ {"NAME": "..."}, ... ], ...} */
static enum err
read_list(struct reading *g, struct slice json)
{
	struct json_reader *r = &g->r;
	enum json_kind k;
	bool found = false;

	json_reader_init(r, json, DEPTH);
	if (json_next(r) != JSON_OBJECT)
		return ERR_SYNTAX;
	while ((k = json_next(r)) == JSON_KEY) {
		if (!slice_is(json_span(r), g->list)) {
			if (json_skip(r) == JSON_BAD)
				return ERR_SYNTAX;
			continue;
		}
		found = true;
		if ((k = json_next(r)) == JSON_NULL)
			continue;
		if (k != JSON_ARRAY || !read_array(g))
			return ERR_SYNTAX;
	}
	if (k != JSON_OBJECT_END || json_next(r) != JSON_END || !found)
		return ERR_SYNTAX;
	return OK;
}

/* Parse the row's name; its bytes are in ${text}, of MODEL_NAME_MAX. */
static bool
read_name(const struct row *row, char *text, size_t *n, struct name *out)
{
	return json_unescape(row->name, text, MODEL_NAME_MAX, n) == OK &&
	    name_parse(slice_of(text, *n), out) == OK;
}

static struct engine_model *
find(const struct engine *e, struct slice canonical)
{
	struct table_node *n = table_find(&e->models, canonical);

	return n ? TABLE_OF(n, struct engine_model, node) : NULL;
}

static struct engine_model *
add(struct engine *e, struct slice canonical, struct slice raw)
{
	struct engine_model *m = calloc(1, sizeof *m + canonical.n + raw.n);

	if (m == NULL)
		return NULL;
	memcpy(m->name, canonical.p, canonical.n);
	memcpy(m->name + canonical.n, raw.p, raw.n);
	m->raw = slice_of(m->name + canonical.n, raw.n);
	m->node = (struct table_node){.key = slice_of(m->name, canonical.n)};
	if (table_add(&e->models, &m->node) == OK)
		return m;
	free(m);
	return NULL;
}

static uint32_t
tokens(int64_t n)
{
	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

/* A row of what the engine has; names that are none are passed over. */
static bool
take_listed(struct engine *e, const struct row *row)
{
	char text[MODEL_NAME_MAX];
	struct engine_model *m;
	struct name name;
	size_t n;

	if (!read_name(row, text, &n, &name))
		return true;
	m = find(e, name_short(&name));
	if (m && !slice_eq(m->raw, slice_of(text, n))) {
		/* Spelled otherwise than before. */
		free_model(e, &m->node);
		m = NULL;
	}
	if (m == NULL)
		m = add(e, name_short(&name), slice_of(text, n));
	if (m == NULL)
		return true;
	m->is_listed = true;
	m->is_remote = row->is_remote;
	m->context_max = tokens(row->context_max);
	/* Without a status: one model, always there. */
	if (e->kind != ENGINE_OLLAMA && !row->has_status) {
		m->is_loaded = true;
		m->context = tokens(row->context_now);
	}
	if (row->has_status) {
		m->is_loaded = row->is_loaded;
		m->is_loading = row->is_loading;
		m->context = row->is_loaded ? tokens(row->context_now) : 0;
	}
	return true;
}

static bool
take_loaded(struct engine *e, const struct row *row)
{
	char text[MODEL_NAME_MAX];
	struct engine_model *m;
	struct name name;
	int64_t left_us;
	size_t n;

	if (!read_name(row, text, &n, &name) ||
	    (m = find(e, name_short(&name))) == NULL)
		return true;
	m->is_listed = m->is_loaded = true;
	m->context = tokens(row->context);
	if (m->context > 0)
		m->context_seen = m->context;
	m->size_bytes = row->size;
	m->vram_bytes = row->vram;
	left_us = moment_left_us(row->expires, os_wall_us());
	if (left_us > m->keep_us)
		m->keep_us = left_us;
	return true;
}

static void
unmark(struct engine *e)
{
	struct table_node *n = NULL;

	while ((n = table_next(&e->models, n)) != NULL)
		TABLE_OF(n, struct engine_model, node)->is_listed = false;
}

static enum err
replace(struct engine *e, struct slice json, const char *list, const char *name)
{
	struct reading g = {
	    .engine = e, .list = list, .name = name, .take = take_listed};
	struct table_node *n, *next;
	enum err err;

	unmark(e);
	if ((err = read_list(&g, json)) != OK) {
		listing_clear(e);
		return err;
	}
	for (n = table_next(&e->models, NULL); n; n = next) {
		next = table_next(&e->models, n);
		if (!TABLE_OF(n, struct engine_model, node)->is_listed)
			free_model(e, n);
	}
	e->has_listing = true;
	return OK;
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

enum err
listing_loaded_from_ollama(struct engine *e, struct slice json)
{
	struct reading g = {
	    .engine = e, .list = "models", .name = "name", .take = take_loaded};
	struct table_node *n = NULL;
	enum err err;

	unmark(e);
	err = read_list(&g, json);
	while (err == OK && (n = table_next(&e->models, n)) != NULL) {
		struct engine_model *m = TABLE_OF(n, struct engine_model, node);

		if (m->is_listed)
			continue;
		m->is_loaded = false;
		m->context = 0;
		m->keep_us = 0;
	}
	e->has_residents = err == OK;
	return err;
}
