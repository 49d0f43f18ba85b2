/*
 * recipe: how an engine that weir runs is started: words and environment.
 *
 *   run: ollama serve  +  url, slots, env, models  +  weir's own environment
 *      -> argv, env; two recipes are equal if the same process comes of them
 */
#pragma once
#include "conf/conf.h"

/* What is in an engine's environment so that it is found again. */
#define RECIPE_MARK "WEIR_ENGINE"

struct recipe {
	char **argv, **env; /* each ended by NULL */
	struct buf text;    /* of all words, NUL behind each */
};

/* What a recipe is made of; all borrowed. */
struct recipe_of {
	const struct conf *conf;
	const struct conf_engine *engine;
	uint16_t port;	     /* where it has no url */
	const char *mark;    /* value of RECIPE_MARK */
	const char *home;    /* HOME, where the environment has none */
	char *const *around; /* the environment of this process */
};

/*
 * Make one; recipe_fini gives it back, also after a failure.  ERR_SYNTAX: the
 * command cannot be cut into words (conf judges that first); ERR_RANGE: too
 * large, ERR_NOMEM.
 */
MUST_CHECK enum err recipe_make(struct recipe *r, const struct recipe_of *of);

/* The value of ${name} in its environment; NULL. */
const char *recipe_env(const struct recipe *r, const char *name);

/* Does the same process come of both? */
bool recipe_eq(const struct recipe *a, const struct recipe *b);

/* Is it an Ollama that it starts, as far as its name or kind tells? */
bool recipe_is_ollama(const struct conf_engine *e);

/* Free it; an empty one is allowed. */
void recipe_fini(struct recipe *r);
