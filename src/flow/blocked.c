#include "flow/blocked.h"

enum { NAMES_MAX = 3 };

/* All names by which a mark may mean a caller. */
struct names {
	struct slice v[NAMES_MAX];
	size_t n;
	struct buf full;
};

static void
names_init(struct names *s, const struct caller *c)
{
	enum { FULL_MAX = 80 };

	s->n = 0;
	buf_init(&s->full, FULL_MAX);
	s->v[s->n++] = c->name;
	if (!c->is_anonymous)
		return;
	s->v[s->n++] = c->shown;
	/* The crowd beyond all bounds has no address. */
	if (c->node.key.n > 0 && buf_add(&s->full, c->name) == OK &&
	    buf_add_char(&s->full, '@') == OK &&
	    address_show(&c->address, CONF_ADDRESS_FULL, &s->full) == OK)
		s->v[s->n++] = buf_slice(&s->full);
}

int64_t
blocked_until(
    const struct flow_env *env, const struct caller *c, int64_t now_us)
{
	int64_t last_us = 0;
	struct names s;

	if (env->blocked == NULL || env->blocked->n == 0)
		return 0;
	names_init(&s, c);
	for (size_t i = 0; i < s.n; i++) {
		int64_t until_us = marks_until(env->blocked, s.v[i], now_us);

		if (until_us > last_us)
			last_us = until_us;
	}
	buf_fini(&s.full);
	return last_us;
}

bool
blocked_is_meant(const struct caller *c, struct slice name)
{
	bool is_meant = false;
	struct names s;

	names_init(&s, c);
	for (size_t i = 0; i < s.n; i++)
		is_meant = is_meant || slice_eq(s.v[i], name);
	buf_fini(&s.full);
	return is_meant;
}
