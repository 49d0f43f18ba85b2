/*
 * proof: models that are to be preloaded are loaded when their engine comes up,
 * in the order of the configuration, and made to speak; nothing less proves
 * that they can.
 *
 *   engine up -> load -> one token (an embedder: one short embed) -> proved
 *                  '---------'--> broken: again after 5 s, doubling to 5 min
 *
 * All of it on weir's own connections.  An answer to a caller proves as well.
 * A model that is loaded, that stays so, and that nobody has used for five
 * minutes is made to speak again, where the engine has nothing else to do (a
 * canary).  An engine whose canary fails gets nothing more until it answers.
 */
#pragma once
#include "engine/engine.h"
#include "engine/fetch.h"
#include "json/write.h"

enum { PROOF_WHY_MAX = 160 };

/* What the configuration wants of a model. */
struct proof_wanted {
	struct slice name; /* canonical */
	bool is_preload;
	bool is_pull;		 /* to be fetched where it is missing */
	int64_t retry_us;	 /* not fetched before */
	unsigned failures;	 /* to fetch it, in a row */
	char why[PROOF_WHY_MAX]; /* it is missing still; "": not known */
	int64_t keep_us; /* idle time for which it stays, INT64_MAX: for ever,
			    0: as the engine does */
};

/* Make ${s}'s list what ${conf} says. */
void proof_configure(struct engine_set *s, const struct conf *conf);

/* Free the list. */
void proof_configure_fini(struct engine_set *s);

/* Write how long ${canonical} is to stay loaded, in Ollama's words, if so. */
void proof_write_keep(
    const struct engine_set *s, struct slice canonical, struct json_writer *w);

/*
 * Something changed at ${e}: it came up, a slot came free.  Do what is next.
 */
void proof_next(struct engine *e);

/* The same behind the current event; ${at_once} or in a second. */
void proof_soon(struct engine *e, bool at_once);

/*
 * Make ${m} of ${f}'s engine speak: one token, of an embedder one short embed.
 * f->on_done follows, after ${bound_us} at the latest.
 */
void proof_ask(struct fetch *f, const struct engine_model *m, int64_t bound_us);

/* ${m} of ${e} answered a caller. */
void proof_served(struct engine *e, struct engine_model *m);

/* ${m} of ${e} could not be loaded. */
void proof_load_failed(struct engine *e, struct engine_model *m);

/*
 * A loaded model of ${e} that works on nothing and need not stay, so that it
 * may give way; NULL.
 */
struct engine_model *proof_find_idle(struct engine *e);

/* ${e} is down: nothing is proved any more. */
void proof_forget(struct engine *e);

/* Cancel and free; for an engine that goes. */
void proof_fini(struct engine *e);

/* One model that is to be preloaded, and how far that is. */
struct proof_state {
	struct slice name;
	const char *state; /* ready, loading, waiting, broken or missing */
	const char *why; /* of broken or missing, part of a sentence; or NULL */
};

/*
 * The ${i}th of them, over all engines that are up; false: there are fewer.
 */
bool proof_state_at(
    const struct engine_set *s, size_t i, struct proof_state *out);
