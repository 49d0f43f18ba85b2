/*
 * count_part: what count_judge.c, count_guard.c and count_embed.c share.
 */
#pragma once
#include "dialect/overflow.h"
#include "engine/tokenizer.h"
#include "flow/count.h"

/*
 * Might ${e} cut ${f}'s prompt and answer as if nothing had happened?  Ollama
 * does on /v1, where it cannot be told not to.
 */
bool count_may_cut(const struct flow *f, const struct engine *e);

/*
 * Is the context of ${m}, which the request is about to use, not known, so
 * that a cut could not be seen coming?
 */
bool count_is_unseen(
    const struct flow *f, const struct engine *e, const struct engine_model *m);

/* Tokens that must be left for the answer, 1 at the least. */
int64_t count_needed_output(const struct flow *f);

/* Refuse: ${tok} tokens and ${need} more do not fit; dry_run lets it pass. */
enum step count_too_long(
    struct flow *f, int64_t tok, int64_t need, struct count_limit l);

/* Refuse what ${f}'s engine, when it was asked, refused: f->is_over. */
enum step count_judge_over(struct flow *f);

/*
 * Judge by the engine's count, if f->is_exact, else by that of the texts and
 * what the template adds.
 */
enum step count_judge_known(struct flow *f, struct engine *e,
    struct tokenizer_extra x, struct count_limit l);

/*
 * The guard for what is not counted here: prompts with images, and models
 * whose tokenizer is not known.  Asks ${e} where it might cut in silence
 * (Ollama's /v1), or tell the room for the answer (vLLM).  As count_judge.
 */
enum step count_guard(
    struct flow *f, struct engine *e, const struct engine_model *m);

/* The same for embeddings: each input is a prompt of its own. */
enum step count_judge_embed(
    struct flow *f, struct engine *e, const struct engine_model *m);
