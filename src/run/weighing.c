#include "run/weighing.h"

/* The models of a slow disk are not waited for. */
enum { WEIGH_S = 5 };

/* What the work in the copy of this process needs. */
struct work {
	const struct conf *conf;
	const struct conf_engine *engine;
	const struct recipe *recipe;
};

static int
weigh(void *ctx)
{
	const struct work *w = ctx;

	return holds_find(w->conf, w->engine, w->recipe);
}

void
weighing_begin(struct weighing *w, const struct conf *conf,
    const struct conf_engine *e, const struct recipe *r)
{
	struct work work = {conf, e, r};

	os_aside_stop(&w->aside);
	w->holds = HOLDS_UNKNOWN;
	if (!recipe_is_ollama(e) || conf->memory_guard == CONF_GUARD_OFF ||
	    recipe_env(r, "OLLAMA_MAX_LOADED_MODELS") != NULL)
		return;
	/* Without an answer Ollama's own judgement stands. */
	(void)!os_aside_start(&w->aside, weigh, &work, WEIGH_S);
}

bool
weighing_is_over(struct weighing *w)
{
	int answer;

	if (w->aside.pid == 0)
		return true;
	if ((answer = os_aside_result(&w->aside)) == OS_ASIDE_LATER)
		return false;
	w->holds = answer == HOLDS_ONE ? HOLDS_ONE : HOLDS_UNKNOWN;
	return true;
}

char *
weighing_env(const struct weighing *w)
{
	static char one[] = "OLLAMA_MAX_LOADED_MODELS=1";

	return w->holds == HOLDS_ONE ? one : NULL;
}

void
weighing_fini(struct weighing *w)
{
	os_aside_stop(&w->aside);
}
