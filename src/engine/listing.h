/*
 * listing: the models that an engine says it has, by canonical name.
 *
 * A listing proves nothing about loading; it tells which names are known (for
 * logs and routing) and which are stubs that leave the machine.
 */
#pragma once
#include "engine/engine.h"

/* Replace ${e}'s models by those of /api/tags' answer.  ERR_SYNTAX: none. */
MUST_CHECK enum err listing_from_ollama(struct engine *e, struct slice json);

/* The same for the answer of /v1/models. */
MUST_CHECK enum err listing_from_openai(struct engine *e, struct slice json);

/* Forget all models. */
void listing_clear(struct engine *e);
