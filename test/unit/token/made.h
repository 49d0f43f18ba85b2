/*
 * A vocabulary made by hand for tests: tokens with scores, merges, and the
 * 256 bytes if they are wanted.
 */
#pragma once
#include "token/count.h"
#include <stdio.h>
#include <stdlib.h>

enum { MADE_MAX = 1024, MADE_TEXT = 32, MADE_IDS = 1 << 16 };

struct made {
	struct vocab_source source;
	struct slice tokens[MADE_MAX], merges[MADE_MAX];
	float scores[MADE_MAX];
	int32_t types[MADE_MAX];
	char texts[MADE_MAX][MADE_TEXT];
	size_t n_texts;
};

/* Keep a copy of ${text}. */
static inline struct slice
made_text(struct made *m, const char *text)
{
	char *to = m->texts[m->n_texts++];

	if (m->n_texts > MADE_MAX || strlen(text) >= MADE_TEXT)
		abort();
	return slice_str(strcpy(to, text));
}

/* The id of the token ${text}, or -1. */
static inline int64_t
made_find(const struct made *m, struct slice text)
{
	for (size_t i = 0; i < m->source.n_tokens; i++)
		if (slice_eq(m->tokens[i], text))
			return (int64_t)i;
	return -1;
}

/* One token more, if it is new. */
static inline void
made_token(struct made *m, const char *text, float score, int32_t type)
{
	size_t n = m->source.n_tokens;

	if (made_find(m, slice_str(text)) >= 0)
		return;
	m->tokens[n] = made_text(m, text);
	m->scores[n] = score;
	m->types[n] = type;
	m->source.n_tokens++;
}

static inline void
made_merge(struct made *m, const char *merge)
{
	m->merges[m->source.n_merges++] = made_text(m, merge);
}

static inline void
made_init(struct made *m, const char *model)
{
	memset(m, 0, sizeof *m);
	vocab_source_init(&m->source);
	m->source.model = slice_str(model);
	m->source.tokens = m->tokens;
	m->source.merges = m->merges;
	m->source.scores = m->scores;
	m->source.types = m->types;
}

static inline void
made_bytes(struct made *m)
{
	for (unsigned b = 0; b < 256; b++) {
		char name[8];

		(void)snprintf(name, sizeof name, "<0x%02X>", b);
		made_token(m, name, 0, TOKEN_BYTE);
	}
}

static inline struct counter *
made_counter(const struct made *m)
{
	struct counter *c;
	struct vocab *v;
	enum err e = vocab_new(&m->source, &v);

	if (e == OK)
		e = counter_new(v, NULL, &c);
	if (e != OK) {
		printf("# made_counter: %s\n", err_get(e)->name);
		abort();
	}
	vocab_drop(v); /* the counter holds it */
	return c;
}

/*
 * The tokens of ${text} as "a|bc|d", in a buffer of the function's own; or
 * what is wrong.  Counted as well, twice, so that memory is asked, too.
 */
static inline const char *
made_split(struct counter *c, struct slice text, unsigned how)
{
	static uint32_t ids[MADE_IDS];
	static char out[1 << 20];
	uint64_t n, first, again;
	size_t k = 0;

	if (count_ids(c, text, how, ids, MADE_IDS, &n) != OK || n > MADE_IDS)
		return "failed";
	if (count_text(c, text, how, &first) != OK ||
	    count_text(c, text, how, &again) != OK)
		return "not counted";
	if (first != n || again != n)
		return "counts differ";
	out[0] = '\0';
	for (uint64_t i = 0; i < n; i++) {
		struct slice t = vocab_text(counter_vocab(c), ids[i]);

		k += (size_t)snprintf(out + k, sizeof out - k, "%s%.*s",
		    i > 0 ? "|" : "", SLICE_ARG(t));
	}
	return out;
}

/* The same random numbers for the same seed. */
static inline uint32_t
made_draw(uint64_t *state, uint32_t below)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*state >> 33) % below;
}
