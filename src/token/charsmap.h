/*
 * charsmap: what a Unigram vocabulary makes of characters before it looks for
 * tokens: SentencePiece's compiled map.
 *
 *   size | XOR-compressed double array, 4 bytes a cell | "text\0text\0..."
 *
 * Nothing in the map is believed: every step is checked, and a key or text
 * that is longer than any language has is an error.
 *
 * Source: llm_tokenizer_ugm in llama.cpp's src/llama-vocab.cpp; the format is
 * that of SentencePiece's normalizer.cc, the array that of darts-clone.
 */
#pragma once
#include "base/err.h"

enum {
	CHARSMAP_CELLS_MAX = 1 << 20,
	CHARSMAP_KEY_MAX = 64,	/* bytes that become something else */
	CHARSMAP_TEXT_MAX = 255 /* bytes of what they become */
};

struct charsmap {
	uint32_t *cells; /* n_cells of them; NULL: nothing is changed */
	uint32_t n_cells;
	uint32_t root; /* the place of the first bytes */
	char *texts;
	size_t n_texts;
	unsigned has; /* bits, see below */
};

/* What is true of some key of the map. */
enum {
	CHARSMAP_SPACE_INSIDE = 1, /* a space behind its first byte */
	CHARSMAP_LINE_INSIDE = 2,  /* \n before its last byte */
	CHARSMAP_LINE_STAYS = 4,   /* ends in \n and becomes no space */
	CHARSMAP_LETTER_END = 8,   /* two bytes or more, the last is A to z */
	CHARSMAP_BROKEN = 16 /* becomes what is no UTF-8, or nothing valid */
};

/*
 * Copy ${bytes}; none: nothing is changed.  ERR_SYNTAX (llama.cpp refuses it
 * too), ERR_FULL (beyond a maximum), ERR_NOMEM.
 */
MUST_CHECK enum err charsmap_init(struct charsmap *m, struct slice bytes);

/* Free; all zero is fine. */
void charsmap_fini(struct charsmap *m);

/* Bytes of memory. */
size_t charsmap_bytes(const struct charsmap *m);

/*
 * The longest key at the front of ${text}: its length to ${n}, 0 if there is
 * none, and what it becomes to ${out}, which lives as long as the map.
 * ERR_VOCAB_UNKNOWN: the map is broken there; llama.cpp throws.
 */
MUST_CHECK enum err charsmap_find(
    const struct charsmap *m, struct slice text, size_t *n, struct slice *out);

/* May a key begin with ${c} and another ASCII character? */
bool charsmap_goes_on(const struct charsmap *m, unsigned char c);
