#include "flow/models.h"
#include "dialect/catalog.h"
#include "flow/reply.h"

/* Is the canonical name in the caller's list, if it has one? */
static bool
is_in_list(const struct caller *c, const struct name *name)
{
	const struct conf_texts *models = &c->row->models;
	struct name_pattern p;

	for (size_t i = 0; i < models->n; i++)
		if (name_pattern_parse(models->v[i], &p) == OK &&
		    name_match(&p, name))
			return true;
	return models->n == 0;
}

enum err
models_judge(const struct flow *f, const struct name *name)
{
	const struct engine_model *known;

	if (!is_in_list(f->caller, name))
		return ERR_MODEL_NOT_FOUND;
	known = engine_find_model(&f->env->engines, name_short(name));
	if (name_is_cloud(name) || (known && known->is_remote))
		return ERR_CLOUD_FORBIDDEN;
	return OK;
}

static bool
is_alias(const struct conf_model *m, const struct name *name)
{
	struct name_pattern p;

	for (size_t i = 0; i < m->aliases.n; i++)
		if (name_pattern_parse(m->aliases.v[i], &p) == OK &&
		    name_match(&p, name))
			return true;
	return false;
}

static bool
is_called(const struct conf_model *m, const struct name *name)
{
	return slice_eq_nocase(m->name, name_short(name)) ||
	    slice_eq_nocase(m->name, name_tagged(name)) ||
	    slice_eq_nocase(m->name, name_full(name));
}

const struct conf_model *
models_policy(const struct conf *conf, const struct name *name)
{
	for (size_t i = 0; i < conf->n_models; i++)
		if (is_called(&conf->models[i], name))
			return &conf->models[i];
	return NULL;
}

const struct conf_model *
models_alias(const struct flow *f)
{
	const struct conf *c = f->conf;
	size_t i = 0;

	while (i < c->n_models && !is_alias(&c->models[i], &f->name))
		i++;
	if (i == c->n_models || models_policy(c, &f->name) ||
	    engine_find_model(&f->env->engines, name_short(&f->name)))
		return NULL;
	return &c->models[i];
}

struct slice
models_target(struct flow *f)
{
	struct slice prefix =
	    slice_to(f->match.route->path, f->match.route->prefix_n);
	struct slice name = f->alias->name;
	char *p = arena_alloc(&f->arena, prefix.n + name.n);

	if (p == NULL)
		return (struct slice){0};
	memcpy(p, prefix.p, prefix.n);
	memcpy(p + prefix.n, name.p, name.n);
	return slice_of(p, prefix.n + name.n);
}

bool
models_cuts(const struct flow *f, const struct http_head *h)
{
	return h->status == 200 && f->head.method == HTTP_METHOD_GET &&
	    catalog_is_listing(f->match.route);
}

static bool
may_see(void *ctx, struct slice raw)
{
	struct name name;

	return name_parse(raw, &name) == OK && models_judge(ctx, &name) == OK;
}

void
models_reply(struct flow *f, const char *type, struct slice body)
{
	struct buf *out = &f->carry;

	buf_clear(out);
	if (catalog_cut(body, may_see, f, out) == OK) {
		reply_whole(f, 200, type, buf_slice(out));
	} else if (body.n > 0 && f->caller->row->models.n == 0) {
		reply_whole(f, 200, type, body); /* nothing is kept from it */
	} else {
		f->err = f->refusal.err = ERR_ENGINE_PROTOCOL;
		reply_refusal(f);
	}
}
