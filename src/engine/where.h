/*
 * where: the file of a model on this machine, as its engine tells it.
 *
 *   Ollama         POST /api/show -> "modelfile": "...\nFROM /path\n..."
 *   llama-server   GET /props     -> "model_path": "/path"
 */
#pragma once
#include "engine/engine.h"

enum { WHERE_ANSWER_MAX = 96 * 1024 * 1024 };

/*
 * Put the path of the file that ${answer}, of ${e}, names to ${out},
 * NUL-terminated.  False: it names none, it is too long, or ${e} is on another
 * machine.  Whether it can be read is not looked at.
 */
bool where_is(
    const struct engine *e, struct slice answer, char *out, size_t cap);

/*
 * The context that a model of Ollama's asks for itself (PARAMETER num_ctx), by
 * the ${answer} of /api/show; 0: none.
 */
uint32_t where_context(struct slice answer);
