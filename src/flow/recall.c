#include "flow/recall.h"
#include "dialect/catalog.h"
#include "flow/models.h"
#include "flow/reply.h"

enum {
	GOOD_US = 30 * 1000000,
	BODY_MAX = 1024 * 1024, /* of one; 32 are kept at most */
};

static bool
is_listing(const struct flow *f)
{
	return f->match.route->class == CLASS_READ &&
	    f->head.method == HTTP_METHOD_GET;
}

bool
recall_wants(struct flow *f, const struct http_head *h)
{
	struct slice type = http_head_find(h, "content-type");

	if (!is_listing(f) || h->status != 200 ||
	    h->content_length > BODY_MAX || type.n > sizeof f->up_type)
		return false;
	if (type.n > 0) /* an answer may come without the field */
		memcpy(f->up_type, type.p, type.n);
	f->up_type_n = type.n;
	return true;
}

static struct flow_recall *
find(struct flow_env *env, struct slice key)
{
	for (size_t i = 0; i < FLOW_RECALLS; i++) {
		struct flow_recall *r = &env->recalls[i];

		if (r->at_us && slice_eq(slice_of(r->key, r->key_n), key))
			return r;
	}
	return NULL;
}

/* The one that is there, a free one, or the oldest. */
static struct flow_recall *
take(struct flow_env *env, struct slice key)
{
	struct flow_recall *r = find(env, key);

	if (r)
		return r;
	r = &env->recalls[0];
	for (size_t i = 1; i < FLOW_RECALLS; i++)
		if (env->recalls[i].at_us < r->at_us)
			r = &env->recalls[i];
	return r;
}

void
recall_save(struct flow *f)
{
	struct slice key = f->target;
	struct slice type = slice_of(f->up_type, f->up_type_n);
	struct flow_recall *r;

	if (key.n > sizeof r->key)
		return;
	r = take(f->env, key);
	r->at_us = 0;
	buf_fini(&r->body);
	buf_init(&r->body, BODY_MAX);
	if (buf_add(&r->body, buf_slice(&f->saved)) != OK)
		return;
	memcpy(r->key, key.p, key.n);
	r->key_n = key.n;
	memcpy(r->type, type.p, type.n);
	r->type_n = type.n;
	r->at_us = os_now_us();
}

bool
recall_serve(struct flow *f)
{
	struct flow_recall *r;
	char type[sizeof r->type + 1];

	if (!is_listing(f))
		return false;
	r = find(f->env, f->target);
	if (r == NULL || os_now_us() - r->at_us > GOOD_US)
		return false;
	memcpy(type, r->type, r->type_n);
	type[r->type_n] = 0;
	/* What is kept is the engine's own: another caller asked for it. */
	if (catalog_is_listing(f->match.route))
		models_reply(f, type, buf_slice(&r->body));
	else
		reply_whole(f, 200, type, buf_slice(&r->body));
	return true;
}

void
recall_free(struct flow_env *env)
{
	for (size_t i = 0; i < FLOW_RECALLS; i++)
		buf_fini(&env->recalls[i].body);
}
