/*
 * catalog: an engine's listing of models, cut down to what somebody may see.
 *
 *   {"models":[{"name":"a",...},{"name":"b",...}]}    may see b
 *   {"models":[{"name":"b",...}]}
 *
 * All listings have one form: an array of objects in the root object, each
 * with its model's `name`, `model`, `id` or `key` (Ollama's /api/tags and
 * /api/ps, OpenAI's /v1/models, which llama-server gives twice in one answer,
 * LM Studio's).
 */
#pragma once
#include "base/buf.h"
#include "dialect/route.h"

/* Does ${route}, asked with GET, list models? */
bool catalog_is_listing(const struct route *route);

/* May ${ctx} see the model that an engine calls ${name}? */
typedef bool catalog_may(void *ctx, struct slice name);

/*
 * Append ${json} without the rows that ${may} does not allow, and without
 * those that name no model; byte for byte where it allows all.  ERR_SYNTAX:
 * it is no listing; ERR_FULL, ERR_NOMEM from ${out}.
 */
MUST_CHECK enum err catalog_cut(
    struct slice json, catalog_may *may, void *ctx, struct buf *out);
