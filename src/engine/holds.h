/*
 * holds: may an Ollama hold more than one model at once?
 *
 * It is told before it starts (OLLAMA_MAX_LOADED_MODELS), so what its models
 * take is read from its store; the same sum as weigh.h makes of one that runs.
 */
#pragma once
#include "conf/conf.h"
#include "engine/recipe.h"

enum { HOLDS_UNKNOWN, HOLDS_ONE, HOLDS_MORE };

/*
 * By what ${n} models ${need}, which is sorted here, and the ${total} bytes that
 * there are: one, if not even the two smallest go together.  Unknown where
 * there are fewer than two.
 */
int holds_judge(int64_t *need, size_t n, int64_t total);

/*
 * The same of the models that ${conf} names, or where it names none of all in
 * the store, for the Ollama ${e}, started by ${r}.  Reads models' files:
 * blocking, and not for the keeper's own process.
 */
int holds_find(const struct conf *conf, const struct conf_engine *e,
    const struct recipe *r);
