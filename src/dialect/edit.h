/*
 * edit: which splices a request needs before it goes to an engine.
 *
 * Bodies go on byte for byte but for these; each has a row in facts/edits.def
 * and its name in the log line.
 */
#pragma once
#include "dialect/inspect.h"
#include "json/edit.h"
#include "model/name.h"

enum edit {
#define EDIT(name, word, why) EDIT_##name,
#include "facts/edits.def"
#undef EDIT
	EDIT_COUNT
};

/* The word of ${e} in the log line. */
const char *edit_name(enum edit e);

/* What the manual says of ${e}. */
const char *edit_why(enum edit e);

struct edit_plan {
	struct json_edits splices;
	unsigned made; /* a bit for each enum edit */
	/* weir asked for the usage chunk: the caller must not see it. */
	bool strip_usage;
	/* The engine would have loaded or unloaded the model because of it. */
	bool is_reload_avoided;
	uint32_t context; /* it loads the model with this; 0: it does not */
	/* Texts of splices. */
	char number[16], member[96], output[24], model[MODEL_NAME_MAX + 2];
};

/* The model on an Ollama, as far as is known; for edit_plan_loads. */
struct edit_loaded {
	uint32_t context;      /* in tokens, 0: not loaded or not known */
	uint32_t context_need; /* to be loaded with for this one; 0: none */
	uint32_t context_most; /* requests may have it loaded with, 0: none */
	int64_t keep_us;       /* time that it stays; 0: not known */
	bool may_stay;	       /* may the caller make it stay for ever? */
	int64_t output_most;   /* tokens that an answer may have, 0: any */
};

/*
 * Plan the edits for the request that ${in}, which is done, has read; its body
 * is kept by the plan.  ${allowed} has a bit for each edit that is switched on.
 * Fails only if the list is full, which is a fault of ours: ERR_INTERNAL.
 */
MUST_CHECK enum err edit_plan(
    struct edit_plan *p, const struct inspect *in, unsigned allowed);

/*
 * Add the edits that keep a request to Ollama from making it load the model
 * anew or give it up: num_ctx becomes the loaded context or, where that is
 * larger and allowed, is let through up to context_most; other load-time
 * options and shift become null, which Ollama takes for absent; so does a
 * keep_alive that does not lengthen the model's stay; num_predict is bounded
 * by output_most.  Behind edit_plan, which
 * may have left splices.  Nothing happens on routes other than Ollama's own.
 * ERR_INTERNAL as edit_plan.
 */
MUST_CHECK enum err edit_plan_loads(struct edit_plan *p,
    const struct inspect *in, const struct edit_loaded *now, unsigned allowed);

/* Which limits of an answer the engine honours. */
enum edit_honours {
	EDIT_HONOURS_OLLAMA, /* max_tokens, and not max_completion_tokens */
	EDIT_HONOURS_ALL
};

/*
 * On routes other than Ollama's own: bound the answer by ${most} tokens where
 * no limit that the engine honours is there, or a larger one.  ERR_INTERNAL as
 * edit_plan.
 */
MUST_CHECK enum err edit_plan_output(struct edit_plan *p,
    const struct inspect *in, enum edit_honours honours, int64_t most);

/*
 * Put ${name} in the place of the model's name.  Behind edit_plan.
 * ERR_MODEL_NAME if it is too long, ERR_INTERNAL as edit_plan.
 */
MUST_CHECK enum err edit_plan_model(
    struct edit_plan *p, const struct inspect *in, struct slice name);

/*
 * A keep_alive (${raw}: its JSON) in microseconds, negative for ever, as
 * Ollama reads it: a number of seconds or a duration of Go's ("1h30m").
 * ERR_SYNTAX if it is none.
 */
MUST_CHECK enum err edit_keep_alive(struct slice raw, int64_t *us);
