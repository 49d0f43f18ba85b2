#include "conf/judge.h"
#include "conf/words.h"
#include <stdlib.h>

/* What a claim is to; two equal claims of one sort are a problem. */
enum claim_sort {
	CLAIM_NAME = CONF_TABLE_COUNT, /* below it: a name in that table */
	CLAIM_KEY,
	CLAIM_NET,
	CLAIM_URL,
};

/* One name, key or network, where it stands, and which item has it. */
struct judge_claim {
	unsigned sort;
	uint32_t line, column;
	struct slice what;
	struct slice owner;
};

void
judge_init(struct judge *j, struct conf_problems *p)
{
	*j = (struct judge){.p = p};
}

void
judge_fini(struct judge *j)
{
	free(j->claims);
	judge_init(j, j->p);
}

static void
claim(struct judge *j, unsigned sort, struct slice what, struct slice owner,
    const struct tree_node *at)
{
	size_t cap = j->cap ? j->cap * 2 : 64;
	struct judge_claim *v = j->claims;

	if (j->n == j->cap) {
		if ((v = realloc(v, cap * sizeof *v)) == NULL) {
			j->is_out_of_memory = true;
			return;
		}
		j->claims = v;
		j->cap = cap;
	}
	v[j->n++] = (struct judge_claim){.sort = sort,
	    .line = at->line,
	    .column = at->column,
	    .what = what,
	    .owner = owner};
}

/* Where the ${i}th item of a value stands. */
static const struct tree_node *
nth(const struct tree_node *value, size_t i)
{
	const struct tree_node *k = value;

	if (value->kind == TREE_LIST)
		for (k = value->first; i > 0; i--)
			k = k->next;
	return k;
}

static const struct tree_node *
at(const struct read_item *item, const char *path)
{
	for (size_t i = 0; i < item->table->n; i++)
		if (strcmp(item->table->v[i].path, path) == 0)
			return item->at[i];
	return NULL;
}

static void
error_at(struct judge *j, const struct tree_node *n, const char *text)
{
	conf_problem_error(j->p, n->line, n->column, "%s", text);
}

static void
warn_at(struct judge *j, const struct tree_node *n, const char *text)
{
	conf_problem_warn(j->p, n->line, n->column, "%s", text);
}

/* A name that is there but was refused has had its problem already. */
static void
judge_name(struct judge *j, enum conf_table_id id, const struct read_item *item,
    const char *one)
{
	const struct slice *name = item->base; /* the first row */
	const struct tree_node *n = item->at[0];

	if (n == NULL)
		conf_problem_error(j->p, item->node->line, item->node->column,
		    "%s lacks `name`", one);
	else if (name->n > 0)
		claim(j, id, *name, *name, n);
}

/* A command that can be cut into words. */
static void
judge_words(struct judge *j, const char *name, struct slice words_of,
    const struct tree_node *at)
{
	struct buf words;
	enum err e;
	size_t n;

	buf_init(&words, 16 * 1024);
	e = conf_words(words_of, &words, &n);
	if (e == ERR_SYNTAX)
		conf_problem_error(j->p, at->line, at->column,
		    "`%s` has a quote that is not closed", name);
	else if (e == ERR_RANGE)
		conf_problem_error(j->p, at->line, at->column,
		    "`%s` has too many words", name);
	else if (e != OK)
		j->is_out_of_memory = true;
	buf_fini(&words);
}

static void
judge_engine(struct judge *j, const struct read_item *item)
{
	const struct conf_engine *e = item->base;
	const struct tree_node *url = at(item, "url");
	const struct tree_node *run = at(item, "run");
	const struct tree_node *unit = at(item, "unit");
	const struct tree_node *env = at(item, "env");

	judge_name(j, CONF_TABLE_ENGINE, item, "this engine");
	if (run != NULL && unit != NULL)
		error_at(j, unit,
		    "an engine has either `run` (weir runs it) or `unit` "
		    "(systemd does)");
	if (run != NULL && e->run.n > 0)
		judge_words(j, "run", e->run, run);
	if (env != NULL && run == NULL)
		warn_at(j, env,
		    "`env` has no effect without `run`: weir does not start "
		    "this engine");
	if (url == NULL && run == NULL)
		error_at(j, item->node,
		    "this engine lacks `url`, such as http://127.0.0.1:11434");
	else if (url != NULL && e->url.text.n > 0)
		claim(j, CLAIM_URL, e->url.text, e->name, url);
}

static void
judge_caller(struct judge *j, const struct read_item *item)
{
	const struct conf_caller *c = item->base;
	const struct tree_node *keys = at(item, "keys");
	const struct tree_node *from = at(item, "from");
	const struct tree_node *burst = at(item, "burst");

	judge_name(j, CONF_TABLE_CALLER, item, "this caller");
	if (slice_is(c->name, "anonymous") && (keys || from))
		error_at(j, keys ? keys : from,
		    "the caller `anonymous` is whoever is nobody else: it has "
		    "no keys and no addresses");
	if (burst != NULL && c->burst > 0 && at(item, "rate") == NULL)
		warn_at(j, burst, "`burst` has no effect without `rate`");
	for (size_t i = 0; i < c->keys.n; i++)
		claim(j, CLAIM_KEY,
		    slice_of((const char *)c->keys.v[i].sha256, 32), c->name,
		    nth(keys, i));
	for (size_t i = 0; i < c->from.n; i++)
		claim(j, CLAIM_NET,
		    slice_of((const char *)&c->from.v[i], sizeof c->from.v[i]),
		    c->name, nth(from, i));
}

static void
judge_alert(struct judge *j, const struct read_item *item)
{
	const struct conf_alert *a = item->base;
	const struct tree_node *webhook = at(item, "webhook");
	const struct tree_node *command = at(item, "command");

	if ((webhook == NULL) == (command == NULL))
		error_at(j, item->node,
		    "an alert has either `webhook` or `command`");
	if (command != NULL && a->command.n > 0)
		judge_words(j, "command", a->command, command);
}

void
judge_item(struct judge *j, enum conf_table_id id, const struct read_item *item)
{
	if (id == CONF_TABLE_ENGINE)
		judge_engine(j, item);
	else if (id == CONF_TABLE_CALLER)
		judge_caller(j, item);
	else if (id == CONF_TABLE_ALERT)
		judge_alert(j, item);
}

/* Equal claims side by side, in the order of the file. */
static int
compare(const void *left, const void *right)
{
	const struct judge_claim *a = left, *b = right;
	size_t n = a->what.n < b->what.n ? a->what.n : b->what.n;
	int d = a->sort != b->sort ? (a->sort < b->sort ? -1 : 1)
				   : memcmp(a->what.p, b->what.p, n);

	if (d == 0 && a->what.n != b->what.n)
		d = a->what.n < b->what.n ? -1 : 1;
	if (d == 0 && a->line != b->line)
		d = a->line < b->line ? -1 : 1;
	if (d == 0 && a->column != b->column)
		d = a->column < b->column ? -1 : 1;
	return d;
}

/* ${c} claims what ${first} has claimed. */
static void
taken(struct judge *j, const struct judge_claim *first,
    const struct judge_claim *c)
{
	struct conf_quotation owner = conf_quote(first->owner);
	const char *has = owner.text;

	switch (c->sort) {
	case CLAIM_KEY:
		conf_problem_error(j->p, c->line, c->column,
		    "this key is already that of %s in line %u", has,
		    first->line);
		break;
	case CLAIM_NET:
		conf_problem_error(j->p, c->line, c->column,
		    "this address already names %s in line %u", has,
		    first->line);
		break;
	case CLAIM_URL:
		conf_problem_warn(j->p, c->line, c->column,
		    "this url is already that of %s in line %u", has,
		    first->line);
		break;
	default:
		conf_problem_error(j->p, c->line, c->column,
		    "the name %s is already taken in line %u", has,
		    first->line);
	}
}

void
judge_all(struct judge *j, const struct read_item *main)
{
	const struct conf *c = main->base;
	const struct tree_node *body = at(main, "limits.body");
	const struct tree_node *total = at(main, "limits.body_total");
	const struct judge_claim *first = j->claims;

	if (j->n > 0)
		qsort(j->claims, j->n, sizeof *j->claims, compare);
	for (size_t i = 1; i < j->n; i++) {
		const struct judge_claim *k = &j->claims[i];

		if (k->sort == first->sort && slice_eq(k->what, first->what))
			taken(j, first, k);
		else
			first = k;
	}
	if ((body || total) && c->limits_body > c->limits_body_total / 4)
		warn_at(j, total ? total : body,
		    "a body of `limits.body` never fits: a caller may hold a "
		    "quarter of `limits.body_total`");
}
