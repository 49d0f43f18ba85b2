/*
 * render: how an engine is asked what it makes of a prompt, and what it says.
 *
 *   Ollama        /api/chat, /api/generate with _debug_render_only: the text
 *                 that the model would read; or for one token of answer: the
 *                 count of all that it has read
 *   llama-server  .../input_tokens, .../count_tokens: how many tokens it has;
 *                 older ones /apply-template: the text, /tokenize: its tokens
 *   vLLM          /tokenize: how many tokens it has, and the context
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
 * The inference that a request asks about: its own route, or, where it wants
 * the count only, the route of which it has the body.
 */
const struct route *render_route(const struct inspect *in);

/* What Ollama is asked for. */
enum render_want {
	RENDER_TEXT,	  /* the rendered text; nothing is generated */
	RENDER_ONE_TOKEN, /* read it all, images too, and tell the count */
	RENDER_LOAD	  /* nothing: have the model loaded */
};

/* A question: where it goes and what stands in it. */
struct render_question {
	const char *path;
	struct buf body; /* of the asker */
};

/*
 * Ask Ollama ${want} of the prompt of ${body}, the request that ${in} has
 * read, or an edit of it; ${model} is the name to ask for.  ERR_NOT_FOUND: it
 * has parts that cannot be asked for (images in a text, or what is not known
 * here).  ERR_FULL, ERR_NOMEM.  An Ollama that does not know
 * _debug_render_only makes one token and tells the count.
 */
MUST_CHECK enum err render_ask_ollama(const struct inspect *in,
    struct slice body, struct slice model, enum render_want want,
    struct render_question *q);

/*
 * Ask vLLM for the tokens of the prompt that ${in} has read.  ERR_NOT_FOUND:
 * it has parts that /tokenize would read otherwise (images, documents, ...).
 * ERR_FULL, ERR_NOMEM.
 *
 * Source: vllm/entrypoints/serve/tokenize/protocol.py.
 */
MUST_CHECK enum err render_ask_vllm(
    const struct inspect *in, struct slice model, struct render_question *q);

/*
 * Ask a llama-server's /tokenize for the tokens of ${prompt}, the inside of a
 * JSON string.  ERR_FULL, ERR_NOMEM.
 */
MUST_CHECK enum err render_ask_tokens(
    struct slice prompt, struct render_question *q);

/* The path at which llama-server counts such a request; NULL: it cannot. */
const char *render_path_llama(const struct route *route);

/* The same of a llama-server that has no such path: it tells the text. */
const char *render_path_template(const struct route *route);

/* What an engine said: one of the first two is there. */
struct render_told {
	struct slice prompt; /* the text, its escapes still in it */
	int64_t tok;	     /* the count, -1: none */
	int64_t context;     /* tokens that fit, 0: it does not say */
};

/* Read it out of ${answer}.  ERR_NOT_FOUND: neither text nor count. */
MUST_CHECK enum err render_read(struct slice answer, struct render_told *told);
