/* See engine/uses.h. */
#include "engine/uses.h"
#include <assert.h>
#include <stdlib.h>

/* More are never in flight: there are not that many connections. */
enum { CAP_FIRST = 8, CAP_MAX = 1 << 20 };

static struct engine_use *
find(const struct engine_uses *u, uint64_t model)
{
	for (size_t i = 0; i < u->n; i++)
		if (u->v[i].model == model)
			return &u->v[i];
	return NULL;
}

unsigned
uses_of(const struct engine_uses *u, uint64_t model)
{
	const struct engine_use *x = find(u, model);

	return x == NULL ? 0 : x->n;
}

enum err
uses_reserve(struct engine_uses *u)
{
	size_t cap = u->cap ? u->cap * 2 : CAP_FIRST;
	struct engine_use *v;

	if (u->n < u->cap)
		return OK;
	if (cap > CAP_MAX || (v = realloc(u->v, cap * sizeof *v)) == NULL)
		return ERR_NOMEM;
	u->v = v;
	u->cap = cap;
	return OK;
}

void
uses_add(struct engine_uses *u, uint64_t model)
{
	struct engine_use *x = find(u, model);

	if (x == NULL) {
		assert(u->n < u->cap);
		x = &u->v[u->n++];
		*x = (struct engine_use){.model = model};
	}
	x->n++;
}

void
uses_del(struct engine_uses *u, uint64_t model)
{
	struct engine_use *x = find(u, model);

	assert(x != NULL);
	if (--x->n == 0)
		*x = u->v[--u->n];
}

void
uses_fini(struct engine_uses *u)
{
	free(u->v);
	*u = (struct engine_uses){0};
}
