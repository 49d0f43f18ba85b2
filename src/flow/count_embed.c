/*
 * Embeddings have no template, so the count is exact; each input must fit.
 *
 * Ollama cuts an input that is longer than the context without room for BOS
 * and EOS (whether the model has them or not, EmbedHandler in its
 * server/routes.go), and again one that is longer than the batch.
 */
#include "flow/count_part.h"
#include "flow/exact.h"

enum { BATCH_TOK = 2048 }; /* Ollama's for embeddings */

/* Will a cut be refused, or does the caller want it? */
static bool
is_told(const struct flow *f)
{
	return slice_is(f->inspect.raw[FIELD_TRUNCATE], "true");
}

static enum step
look(struct flow *f, struct engine *e, const struct engine_model *m)
{
	struct exact_opt opt = {
	    .engine = e, .is_loaded = m->is_loaded, .only_look = true};

	return count_is_unseen(f, e, m) ? exact_ask(f, &opt) : STEP_NEXT;
}

enum step
count_judge_embed(
    struct flow *f, struct engine *e, const struct engine_model *m)
{
	int64_t longest = (int64_t)f->longest_tok;
	struct count_limit l;

	if (!f->is_counted || is_told(f))
		return STEP_NEXT;
	if (look(f, e, m) == STEP_WAIT)
		return STEP_WAIT;
	l = count_limit(f, e, m);
	if (l.tok == 0)
		return STEP_NEXT;
	if (e->kind == ENGINE_OLLAMA && longest <= l.tok) {
		if (longest > BATCH_TOK)
			l = (struct count_limit){
			    BATCH_TOK, "Ollama's batch of embeddings", 0};
		else
			longest = (int64_t)f->widest_tok;
	}
	return longest > l.tok ? count_too_long(f, longest, 0, l) : STEP_NEXT;
}
