/*
 * The kinds by name.  A new kind is a file of its own and a row here.
 */
#include "token/kind.h"

static const struct {
	const char *model;
	const struct kind *(*get)(void);
} rows[] = {
    {"gpt2", kind_bpe},
    {"llama", kind_spm},
    {"gemma4", kind_gemma4},
    {"bert", kind_wordpiece},
    {"t5", kind_unigram},
};

const struct kind *
kind_find(struct slice model)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (slice_is(model, rows[i].model))
			return rows[i].get();
	return NULL;
}
