/*
 * exact: the engine's own count of a prompt, where guessing is not enough.
 *
 *   ask: Ollama        the rendered text --------> counted here
 *                      or one token of answer ---> its count of what it read
 *        llama-server  its count; older ones the text, and its tokens
 *        vLLM          its count
 *   look: Ollama       the context of what is loaded by now, if not known
 *
 * Asking can load a model, so where one is not loaded it is done with the slot
 * held, once for each engine that a flow gets.  Bounded in time: an engine
 * that does not say is sent the request as it is.  What it does not know at
 * all is remembered (engine's `lacks`) until it goes away.
 */
#pragma once
#include "engine/tokenizer.h"
#include "flow/flow.h"

struct exact_opt {
	struct engine *engine;	     /* who is asked */
	struct tokenizer *tokenizer; /* its model's; NULL: none is known */
	bool is_loaded;		     /* nothing has to be loaded for it */
	bool only_look; /* have it loaded, and see with which context */
};

/*
 * Ask for the count of ${f}'s prompt.  STEP_WAIT: under way, the flow is run
 * again; STEP_NEXT: no more to be had: f->is_exact says whether exact_tok is
 * known, f->is_over whether the engine refuses it.
 */
enum step exact_ask(struct flow *f, const struct exact_opt *opt);

/* Count in the metric of asked engines that ${engine} was spared. */
void exact_note_known(struct flow *f, const struct engine *engine);

/* The flow goes, or goes to another engine. */
void exact_leave(struct flow *f);
