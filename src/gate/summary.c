/* See gate/summary.h. */
#include "gate/summary.h"
#include "log/event.h"
#include "os/clock.h"

enum { MODELS_NAMED = 5, OLLAMA_PORT = 11434, TEXT_MAX = 1024 };

static void
tell(struct gate *g, enum event_id id, const struct event_arg *args, size_t n)
{
	event_write(g->env.log, os_wall_us(), id, args, n);
	/* Later gates are nobody's start. */
	if (g->generation <= 1)
		event_print(id, args, n);
}

static bool
has_limits(const struct conf_caller *c)
{
	return c->rate.count > 0 || c->tokens.limit > 0 || c->models.n > 0;
}

/* What happens to whoever is no named caller, as a part of a sentence. */
static const char *
fate_of_others(const struct conf *c)
{
	if (c->anonymous == CONF_ACCESS_REFUSE)
		return "is refused";
	return has_limits(c->anonymous_caller)
	    ? "is let in, each address within the limits of anonymous"
	    : "is let in, each address with a fair share and no other limit";
}

static int64_t
valid_keys(const struct gate *g, const struct conf *c)
{
	size_t n = 0;

	for (size_t i = 0; i < g->keys.n; i++)
		n += g->keys.rows[i].revoked_s == 0;
	for (size_t i = 0; i < c->n_callers; i++)
		n += c->callers[i].keys.n;
	return (int64_t)n;
}

/* Who may pull and delete models: names, or nobody. */
static void
write_managers(const struct conf *c, struct buf *b)
{
	for (size_t i = 0; i < c->n_callers; i++)
		if (c->callers[i].manage_models &&
		    buf_printf(b, "%s%.*s", b->n ? ", " : "",
			SLICE_ARG(c->callers[i].name)) != OK)
			break; /* what fits does */
	if (b->n == 0)
		(void)!buf_add_str(b, "nobody");
}

void
summary_rules(struct gate *g)
{
	const struct conf *c = g->env.conf;
	int64_t named = 0, preload = 0;
	struct buf managers;

	buf_init(&managers, TEXT_MAX);
	write_managers(c, &managers);
	for (size_t i = 0; i < c->n_callers; i++)
		named += &c->callers[i] != c->anonymous_caller;
	for (size_t i = 0; i < c->n_models; i++)
		preload += c->models[i].preload;
	tell(g, EVENT_RULES,
	    EVENT_ARGS(event_num("callers", named),
		event_num("keys", valid_keys(g, c)),
		event_str("others", fate_of_others(c)),
		event_slice("managers", buf_slice(&managers)),
		event_num("preload", preload),
		event_str("dry",
		    c->dry_run ? "; nothing is refused (dry_run)" : "")));
	buf_fini(&managers);
}

void
summary_down(struct gate *g, const struct engine *e)
{
	const struct event_arg args[] = {event_slice("engine", e->name),
	    event_slice("url", e->host), event_str("reason", engine_why(e))};
	size_t n = sizeof args / sizeof *args;

	if (e->seen_us == 0)
		tell(g, EVENT_ENGINE_DOWN, args, n);
	else
		event_write(
		    g->env.log, os_wall_us(), EVENT_ENGINE_DOWN, args, n);
}

static void
tell_found(struct gate *g, struct engine *e)
{
	struct table_node *n = NULL;
	struct buf models;
	size_t named = 0;

	buf_init(&models, TEXT_MAX);
	while ((n = table_next(&e->models, n)) != NULL && named < MODELS_NAMED)
		if (buf_printf(&models, "%s%.*s", named++ ? ", " : "",
			SLICE_ARG(n->key)) != OK)
			break;
	if (n != NULL)
		(void)!buf_add_str(&models, ", ...");
	if (models.n == 0)
		(void)!buf_add_str(&models, "none yet");
	tell(g, EVENT_ENGINE_FOUND,
	    EVENT_ARGS(event_slice("engine", e->name),
		event_str("kind", engine_kind_name(e->kind)),
		event_slice("url", e->host), event_num("slots", e->slots),
		event_num("count", (int64_t)e->models.n),
		event_slice("models", buf_slice(&models))));
	buf_fini(&models);
}

/* Where every client of Ollama looks that was told nothing else. */
static void
tell_way_past(struct gate *g, const struct engine *e)
{
	if (e->kind == ENGINE_OLLAMA && e->unix_path == NULL &&
	    e->port == OLLAMA_PORT && engine_is_loopback(e))
		tell(g, EVENT_WAY_PAST,
		    EVENT_ARGS(event_slice("engine", e->name),
			event_slice("url", e->host)));
}

void
summary_engines(struct gate *g)
{
	LIST_EACH (it, &g->env.engines.engines) {
		struct engine *e = LIST_OF(it, struct engine, node);

		if (e->is_found || !engine_is_up(e) || !e->has_listing)
			continue;
		e->is_found = true;
		tell_found(g, e);
		tell_way_past(g, e);
	}
}
