/*
 * A small vocabulary for tests, made by hand: the 256 bytes, the results of
 * the merges that are given, and special tokens.
 */
#pragma once
#include "token/count.h"
#include <stdio.h>
#include <stdlib.h>

enum { SMALL_TOKENS = 2048 };

struct small {
	struct vocab_source source;
	struct slice tokens[SMALL_TOKENS], merges[SMALL_TOKENS];
	int32_t types[SMALL_TOKENS];
	char bytes[256][3], results[SMALL_TOKENS][64];
};

/* GPT-2's character for the byte ${b}. */
static inline void
small_byte(unsigned b, char out[3])
{
	bool is_self =
	    (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
	unsigned c = b;

	if (!is_self) /* the others follow each other from U+0100 on */
		c = 0x100 +
		    (b <= 0x20		? b
			    : b <= 0xa0 ? b - 0x7f + 0x21
					: 0x43);
	if (c < 0x80) {
		out[0] = (char)c;
		out[1] = '\0';
	} else {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		out[2] = '\0';
	}
}

static inline void
small_token(struct small *s, const char *text, int32_t type)
{
	size_t n = s->source.n_tokens++;

	s->tokens[n] = slice_str(text);
	s->types[n] = type;
}

/* "left right", in the order of their ranks; the result is a token. */
static inline void
small_merge(struct small *s, const char *merge)
{
	size_t n = s->source.n_merges++, k = 0;

	s->merges[n] = slice_str(merge);
	for (const char *p = merge; *p; p++)
		if (*p != ' ')
			s->results[n][k++] = *p;
	s->results[n][k] = '\0';
	for (size_t i = 0; i < s->source.n_tokens; i++)
		if (slice_is(s->tokens[i], s->results[n]))
			return;
	small_token(s, s->results[n], TOKEN_NORMAL);
}

static inline void
small_init(struct small *s, const char *pre)
{
	memset(s, 0, sizeof *s);
	vocab_source_init(&s->source);
	s->source.model = slice_str("gpt2");
	s->source.pre = slice_str(pre);
	s->source.tokens = s->tokens;
	s->source.merges = s->merges;
	s->source.types = s->types;
	for (unsigned b = 0; b < 256; b++) {
		small_byte(b, s->bytes[b]);
		small_token(s, s->bytes[b], TOKEN_NORMAL);
	}
}

static inline struct counter *
small_counter(struct small *s)
{
	struct counter *c;
	struct vocab *v;
	enum err e = vocab_new(&s->source, &v);

	if (e == OK)
		e = counter_new(v, NULL, &c);
	if (e != OK) {
		printf("# small_counter: %s\n", err_get(e)->name);
		abort();
	}
	vocab_drop(v); /* the counter holds it */
	return c;
}

/* The tokens of ${text} as "a|bc|d", in a buffer of the function's own. */
static inline const char *
small_split(struct counter *c, struct slice text, unsigned how)
{
	static uint32_t ids[4096];
	static char out[1 << 16];
	uint64_t n, counted;
	size_t k = 0;

	if (count_ids(c, text, how, ids, 4096, &n) != OK || n > 4096 ||
	    count_text(c, text, how, &counted) != OK)
		return "failed";
	if (counted != n)
		return "counts differ";
	out[0] = '\0';
	for (uint64_t i = 0; i < n; i++) {
		struct slice t = vocab_text(counter_vocab(c), ids[i]);

		k += (size_t)snprintf(out + k, sizeof out - k, "%s%.*s",
		    i > 0 ? "|" : "", SLICE_ARG(t));
	}
	return out;
}
