#include "conf/conf.h"
#include "conf/read.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	TREE_BYTES_MAX = 24 << 20, /* nodes of a file, while it is read */
	CONF_BYTES_MAX = 16 << 20, /* what stays */
};

/* Why there is no configuration: ${e}, said in ${p} too. */
static enum err
refuse(struct conf *c, struct conf_problems *p, enum err e)
{
	if (e == ERR_NOMEM)
		conf_problem_error(p, 0, 0, "memory ran out");
	conf_drop(c);
	return e;
}

enum err
conf_parse(struct slice text, const char *name, struct conf **out,
    struct conf_problems *p)
{
	struct conf *c = calloc(1, sizeof *c);
	struct tree_node *root;
	struct arena nodes;
	enum err e;

	*out = NULL;
	conf_problems_init(p, name);
	if (c == NULL)
		return refuse(c, p, ERR_NOMEM);
	atomic_init(&c->refs, 1);
	arena_init(&c->memory, CONF_BYTES_MAX);
	arena_init(&nodes, TREE_BYTES_MAX);
	e = tree_parse(text, &nodes, p, &root);
	if (e == OK)
		e = read_conf(c, root, p);
	arena_fini(&nodes);
	if (e == OK && p->n_errors > 0)
		e = ERR_SYNTAX;
	if (e != OK)
		return refuse(c, p, e);
	*out = c;
	return OK;
}

struct conf *
conf_default(void)
{
	struct conf_problems p;
	struct conf *c;

	/* An empty text has no errors; what remains is memory. */
	if (conf_parse(slice_of("", 0), "defaults", &c, &p) != OK)
		abort();
	return c;
}

enum err
conf_engine_listens(struct conf *c, size_t i, uint16_t port)
{
	static const struct slice scheme = SLICE("http://");
	struct conf_url *url = &c->engines[i].url;
	char text[64];
	int n = snprintf(text, sizeof text, "http://127.0.0.1:%u", port);
	/* With the NUL. */
	struct slice own =
	    arena_copy(&c->memory, slice_of(text, (size_t)n + 1));

	assert(url->text.n == 0);
	if (own.p == NULL)
		return ERR_NOMEM;
	url->text = slice_to(own, (size_t)n);
	url->authority = slice_from(url->text, scheme.n);
	url->host = slice_to(url->authority, slice_find(url->authority, ':'));
	url->port = port;
	return OK;
}

const struct conf_caller *
conf_find_caller(const struct conf *c, struct slice name)
{
	for (size_t i = 0; i < c->n_callers; i++)
		if (slice_eq(c->callers[i].name, name))
			return &c->callers[i];
	return NULL;
}

const struct conf *
conf_hold(const struct conf *c)
{
	struct conf *own = (struct conf *)(uintptr_t)c;
	unsigned before = atomic_fetch_add(&own->refs, 1);

	assert(before > 0);
	return c;
}

void
conf_drop(const struct conf *c)
{
	struct conf *own = (struct conf *)(uintptr_t)c;
	unsigned before;

	if (own == NULL)
		return;
	before = atomic_fetch_sub(&own->refs, 1);
	assert(before > 0);
	if (before > 1)
		return;
	arena_fini(&own->memory);
	free(own);
}
