/* What an engine has loaded, and what it could not load, as load.c and what
 * the engine says of itself show it. */
#include "engine/load.h"

enum {
	BACKOFF_FIRST_US = 5 * 1000000,
	BACKOFF_MAX_US = 300 * 1000000,
};

unsigned
load_count(const struct engine *e)
{
	struct table_node *n = NULL;
	unsigned loaded = 0;

	while ((n = table_next(&e->models, n)) != NULL)
		loaded += TABLE_OF(n, struct engine_model, node)->is_loaded;
	return loaded;
}

void
load_sync(struct engine *e)
{
	struct table_node *n = NULL;
	int64_t now_us = os_now_us();
	unsigned loaded;

	if (!load_is_ours(e))
		return;
	while ((n = table_next(&e->models, n)) != NULL) {
		if (load_is_of(e, n->hash))
			continue;
		if (TABLE_OF(n, struct engine_model, node)->is_loaded)
			swap_loaded(&e->swap, n->hash, -1, now_us);
		else
			swap_gone(&e->swap, n->hash);
	}
	/* What it holds it can hold. */
	loaded = load_count(e);
	if (loaded > e->holds)
		e->holds = loaded;
	if (e->holds)
		swap_set(&e->swap, e->holds, e->slots);
}

void
load_failed(struct engine *e, struct engine_model *m, const char *reason)
{
	int64_t wait_us = BACKOFF_FIRST_US;

	for (unsigned i = 0; i < m->failures; i++)
		if (wait_us < BACKOFF_MAX_US)
			wait_us *= 2;
	if (wait_us > BACKOFF_MAX_US)
		wait_us = BACKOFF_MAX_US;
	m->failures++;
	swap_gone(&e->swap, m->node.hash);
	m->is_loaded = m->is_proved = false;
	m->reason = reason;
	m->is_too_large = false;
	m->retry_us = os_now_us() + wait_us;
	e->set->has_broken = true;
}
