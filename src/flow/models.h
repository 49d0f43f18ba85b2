/*
 * models: which models a caller may use, what else they are called, and what
 * of an engine's listing the caller sees.  What it may not use does not exist
 * for it.
 */
#pragma once
#include "flow/flow.h"

/*
 * May ${f}'s caller use ${name}?  OK, ERR_MODEL_NOT_FOUND, or for a model
 * whose prompts would leave this machine ERR_CLOUD_FORBIDDEN.
 */
MUST_CHECK enum err models_judge(const struct flow *f, const struct name *name);

/* The operator's words about the model ${name}; NULL: none. */
const struct conf_model *models_policy(
    const struct conf *conf, const struct name *name);

/*
 * The model that f->name is an alias of.  NULL: of none, or it is the name of
 * a model that is configured or listed.
 */
const struct conf_model *models_alias(const struct flow *f);

/* The target with f->alias in the parameter's place; p NULL: no memory. */
struct slice models_target(struct flow *f);

/* Is the engine's answer with head ${h} a listing that must be cut? */
bool models_cuts(const struct flow *f, const struct http_head *h);

/* Answer with ${body}, a listing of type ${type}, cut for the caller. */
void models_reply(struct flow *f, const char *type, struct slice body);
