/*
 * listing: the models that an engine says it has, by canonical name, and which
 * of them it says are loaded.
 *
 * A listing proves nothing about loading; it tells which names are known (for
 * logs and routing) and which are stubs that leave the machine.  What was
 * learnt about a model stays from one listing to the next.
 */
#pragma once
#include "engine/engine.h"

/* Replace ${e}'s models by those of /api/tags' answer.  ERR_SYNTAX: none. */
MUST_CHECK enum err listing_from_ollama(struct engine *e, struct slice json);

/*
 * The same for the answer of /v1/models; a router's also says which are
 * loaded, with which context, and which could not be.
 */
MUST_CHECK enum err listing_from_openai(struct engine *e, struct slice json);

/*
 * Take over what /api/ps' answer says is loaded; models that are not listed
 * are passed over.  ERR_SYNTAX: what is loaded is not known any more.
 */
MUST_CHECK enum err listing_loaded_from_ollama(
    struct engine *e, struct slice json);

/* Forget all models. */
void listing_clear(struct engine *e);
