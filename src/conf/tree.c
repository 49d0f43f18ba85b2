/*
 * Built from libyaml's events, not from its documents: those have resolved
 * aliases already, keep both of two equal keys, and are limited by nothing.
 */
#include "conf/tree.h"
#include <assert.h>
#include <yaml.h>

enum {
	TEXT_MAX = 1 << 20,
	DEPTH_MAX = 12,
	NODES_MAX = 65536,
	KEYS_MAX = 1024, /* of one map: duplicates are sought pair by pair */
};

struct builder {
	yaml_parser_t parser;
	struct arena *a;
	struct conf_problems *p;
	struct tree_node *root;
	struct tree_node *open[DEPTH_MAX]; /* lists and maps, outer first */
	struct tree_node *last[DEPTH_MAX]; /* their last item or key */
	size_t n_keys[DEPTH_MAX];
	size_t depth;
	size_t n_nodes;
	size_t n_documents;
	enum err e;
	bool is_done;
};

/* Where a reader of the text is; columns count characters, as libyaml's. */
struct place {
	uint32_t line, column;
};

static enum err
fail(struct builder *b, struct place at, const char *what)
{
	conf_problem_error(b->p, at.line, at.column, "%s", what);
	b->e = ERR_SYNTAX;
	return b->e;
}

static struct place
place_of(yaml_mark_t mark)
{
	return (struct place){
	    (uint32_t)mark.line + 1, (uint32_t)mark.column + 1};
}

/*
 * Length of the UTF-8 character at ${s}, 0 if there is none (RFC 3629 section
 * 4: no overlong forms, no surrogates).  ${out} is the code point.
 */
static size_t
utf8_next(struct slice s, uint32_t *out)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char c = (unsigned char)s.p[0];
	size_t n = c < 0x80 ? 1
	    : c < 0xc2	    ? 0
	    : c < 0xe0	    ? 2
	    : c < 0xf0	    ? 3
			    : 4;
	uint32_t v = n == 1 ? c : c & (0x7fu >> n);

	if (n == 0 || c > 0xf4 || n > s.n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		unsigned char x = (unsigned char)s.p[i];

		if ((x & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (x & 0x3f);
	}
	if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
		return 0;
	*out = v;
	return n;
}

/* May a YAML text hold the character (YAML 1.1 section 4.1)? */
static bool
is_printable(uint32_t v)
{
	if (v < 0x20)
		return v == '\t' || v == '\n' || v == '\r';
	return v < 0x7f || v == 0x85 ||
	    (v >= 0xa0 && v < 0xfffe && v != 0xfeff) || v >= 0x10000;
}

/* Refuse what libyaml would refuse without saying in which line. */
static enum err
check_text(struct builder *b, struct slice s)
{
	struct place at = {1, 1};
	uint32_t v = 0;

	if (s.n > TEXT_MAX)
		return fail(
		    b, (struct place){0, 0}, "the file is larger than 1 MiB");
	while (s.n > 0) {
		size_t n = utf8_next(s, &v);

		if (n == 0)
			return fail(b, at, "this is not valid UTF-8");
		if (!is_printable(v))
			return fail(b, at, "a control character stands here");
		s = slice_from(s, n);
		at.column++;
		if (v == '\n' || (v == '\r' && !(s.n && s.p[0] == '\n')))
			at = (struct place){at.line + 1, 1};
	}
	return OK;
}

static struct tree_node *
node_new(struct builder *b, enum tree_kind kind, yaml_mark_t mark)
{
	struct tree_node *n;
	struct place at = place_of(mark);

	if (++b->n_nodes > NODES_MAX) {
		(void)fail(b, at, "the file has more than 65536 values");
		return NULL;
	}
	if ((n = arena_alloc(b->a, sizeof *n)) == NULL) {
		b->e = ERR_NOMEM;
		return NULL;
	}
	*n = (struct tree_node){
	    .kind = kind, .line = at.line, .column = at.column};
	return n;
}

/* Add ${key} to the innermost map, unless the map has it. */
static enum err
add_key(struct builder *b, struct tree_node *map, struct tree_node *key)
{
	size_t top = b->depth - 1;
	struct place at = {key->line, key->column};

	if (key->kind != TREE_SCALAR)
		return fail(b, at, "a key must be a text");
	if (++b->n_keys[top] > KEYS_MAX)
		return fail(b, at, "more than 1024 keys in one mapping");
	for (const struct tree_node *k = map->first; k; k = k->next)
		if (slice_eq(k->text, key->text)) {
			/* The tree stays sound, so go on and find the rest. */
			conf_problem_error(b->p, at.line, at.column,
			    "%s stands here a second time; the first is in "
			    "line %u",
			    conf_quote(key->text).text, k->line);
			break;
		}
	if (b->last[top] == NULL)
		map->first = key;
	else
		b->last[top]->next = key;
	b->last[top] = key;
	return OK;
}

/* Hang ${n} into what is open. */
static enum err
add_node(struct builder *b, struct tree_node *n)
{
	size_t top = b->depth - 1;
	struct tree_node *in;

	if (b->depth == 0) {
		b->root = n;
		return OK;
	}
	in = b->open[top];
	if (in->kind == TREE_MAP) {
		if (b->last[top] == NULL || b->last[top]->value != NULL)
			return add_key(b, in, n);
		b->last[top]->value = n;
		return OK;
	}
	if (b->last[top] == NULL)
		in->first = n;
	else
		b->last[top]->next = n;
	b->last[top] = n;
	return OK;
}

/* A text of one line that can be printed and read again. */
static bool
is_one_line(struct slice s)
{
	uint32_t v = 0;
	size_t n;

	for (; s.n > 0; s = slice_from(s, n)) {
		if ((n = utf8_next(s, &v)) == 0 || !is_printable(v))
			return false;
		if (v < 0x20 || v == 0x85 || v == 0x2028 || v == 0x2029)
			return false;
	}
	return true;
}

static enum err
on_scalar(struct builder *b, const yaml_event_t *ev)
{
	struct tree_node *n = node_new(b, TREE_SCALAR, ev->start_mark);
	struct slice s = slice_of(
	    (const char *)ev->data.scalar.value, ev->data.scalar.length);

	if (n == NULL)
		return b->e;
	if (!is_one_line(s))
		return fail(b, place_of(ev->start_mark),
		    "a line break or control character stands in this text");
	n->is_plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	n->text = arena_copy(b->a, s);
	if (s.n > 0 && n->text.p == NULL)
		return b->e = ERR_NOMEM;
	return add_node(b, n);
}

static enum err
on_open(struct builder *b, enum tree_kind kind, const yaml_event_t *ev)
{
	struct tree_node *n;
	enum err e;

	if (b->depth == DEPTH_MAX)
		return fail(b, place_of(ev->start_mark),
		    "nested deeper than 12 levels");
	if ((n = node_new(b, kind, ev->start_mark)) == NULL)
		return b->e;
	if ((e = add_node(b, n)) != OK)
		return e;
	b->open[b->depth] = n;
	b->last[b->depth] = NULL;
	b->n_keys[b->depth] = 0;
	b->depth++;
	return OK;
}

/* What of an event is refused wherever it stands; NULL: nothing. */
static const char *
refused(const struct builder *b, const yaml_event_t *ev)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	switch (ev->type) {
	case YAML_ALIAS_EVENT:
		return "aliases (*name) are not allowed; write it out";
	case YAML_SCALAR_EVENT:
		anchor = ev->data.scalar.anchor;
		tag = ev->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = ev->data.sequence_start.anchor;
		tag = ev->data.sequence_start.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = ev->data.mapping_start.anchor;
		tag = ev->data.mapping_start.tag;
		break;
	case YAML_DOCUMENT_START_EVENT:
		return b->n_documents > 0 ? "a second document starts here; a "
					    "configuration is one"
					  : NULL;
	default:
		break;
	}
	if (anchor != NULL)
		return "anchors (&name) are not allowed; a text that begins "
		       "with & wants quotes";
	return tag == NULL ? NULL
			   : "tags (!name) are not allowed; a text that begins "
			     "with ! wants quotes";
}

static enum err
on_event(struct builder *b, const yaml_event_t *ev)
{
	const char *why = refused(b, ev);

	if (why != NULL)
		return fail(b, place_of(ev->start_mark), why);
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		return on_scalar(b, ev);
	case YAML_SEQUENCE_START_EVENT:
		return on_open(b, TREE_LIST, ev);
	case YAML_MAPPING_START_EVENT:
		return on_open(b, TREE_MAP, ev);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		assert(b->depth > 0);
		b->depth--;
		return OK;
	case YAML_DOCUMENT_START_EVENT:
		b->n_documents++;
		return OK;
	case YAML_STREAM_END_EVENT:
		b->is_done = true;
		return OK;
	default:
		return OK;
	}
}

/* libyaml says what it saw, and often what it was doing. */
static enum err
on_parser_error(struct builder *b)
{
	const yaml_parser_t *y = &b->parser;
	struct place at = place_of(y->problem_mark);

	if (y->error == YAML_MEMORY_ERROR)
		return b->e = ERR_NOMEM;
	if (y->context != NULL && y->context_mark.line < y->problem_mark.line)
		conf_problem_error(b->p, at.line, at.column,
		    "this is not YAML: %s, %s that began in line %zu",
		    y->problem, y->context, y->context_mark.line + 1);
	else
		conf_problem_error(b->p, at.line, at.column,
		    "this is not YAML: %s%s%s",
		    y->problem ? y->problem : "unreadable",
		    y->context ? ", " : "", y->context ? y->context : "");
	return b->e = ERR_SYNTAX;
}

enum err
tree_parse(struct slice text, struct arena *a, struct conf_problems *p,
    struct tree_node **root)
{
	static const struct slice bom = SLICE("\xef\xbb\xbf");
	struct builder b = {.a = a, .p = p};
	yaml_event_t ev;

	*root = NULL;
	if (slice_starts(text, bom))
		text = slice_from(text, bom.n);
	if (check_text(&b, text) != OK)
		return b.e;
	if (!yaml_parser_initialize(&b.parser))
		return ERR_NOMEM;
	yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
	    &b.parser, (const unsigned char *)(text.n ? text.p : ""), text.n);
	while (b.e == OK && !b.is_done) {
		if (!yaml_parser_parse(&b.parser, &ev)) {
			(void)on_parser_error(&b);
			break;
		}
		b.e = on_event(&b, &ev);
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&b.parser);
	*root = b.e == OK ? b.root : NULL;
	return b.e;
}

bool
tree_is_null(const struct tree_node *n)
{
	return n == NULL ||
	    (n->kind == TREE_SCALAR && n->is_plain &&
		(n->text.n == 0 || slice_is(n->text, "~") ||
		    slice_is(n->text, "null")));
}
