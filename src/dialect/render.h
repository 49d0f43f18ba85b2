/*
 * render: how an engine is asked what it makes of a prompt, and what it says.
 *
 *   Ollama        /api/chat, /api/generate with _debug_render_only: the text
 *                 that the model would read
 *   llama-server  .../input_tokens, .../count_tokens: how many tokens it has
 *
 * Ollama's other routes cannot be asked themselves: they drop messages before
 * they render, or have no such field.  Their prompts are asked for as the
 * /api/chat that Ollama makes of them (its openai/ and anthropic/ packages).
 */
#pragma once
#include "base/buf.h"
#include "dialect/inspect.h"

/*
 * Does the conversation that ${in}, which is done, has read begin with the
 * caller's own system message?  Without one many templates add theirs.
 */
bool render_has_system(const struct inspect *in);

/*
 * Append to ${out} the body that asks Ollama to render the prompt of ${body},
 * the request that ${in} has read, or an edit of it; ${model} is the name to
 * ask for.  ${path} is set to where it goes.  ERR_NOT_FOUND: it has parts that
 * cannot be asked for (images, or what is not known here).  ERR_FULL,
 * ERR_NOMEM.  An Ollama that does not know the field makes one token and
 * tells the count.
 */
MUST_CHECK enum err render_ask_ollama(const struct inspect *in,
    struct slice body, struct slice model, struct buf *out, const char **path);

/* The path at which llama-server counts such a request; NULL: it cannot. */
const char *render_path_llama(const struct route *route);

/*
 * What ${answer} says: ${prompt} set to the rendered text, its escapes still
 * in it, or ${tok} to the count, else -1.  ERR_NOT_FOUND: neither.
 */
MUST_CHECK enum err render_read(
    struct slice answer, struct slice *prompt, int64_t *tok);
