/*
 * From a source to a Unigram vocabulary, and what may be cut where.  As in
 * llama.cpp, which tokens there are follows from the types in the file, and
 * which of them score 0 from the corrected ones.
 */
#include "token/text.h"
#include "token/unigram.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { IN_TRIE = ATTR_NORMAL | ATTR_USER_DEFINED | ATTR_UNUSED };

static float
score_of(const struct vocab *v, uint32_t id)
{
	if (v->attrs[id] & ATTR_USER_DEFINED || v->scores == NULL)
		return 0;
	return v->scores[id];
}

static uint32_t
bits_of(float score)
{
	uint32_t bits;

	memcpy(&bits, &score, sizeof bits);
	return bits;
}

/* The tokens with one of ${attrs} into ${t}. */
static enum err
add_tokens(struct vocab *v, struct trie *t, unsigned attrs)
{
	struct trie_item *items = malloc((v->n_tokens + 1) * sizeof *items);
	size_t n = 0;
	enum err e;

	if (items == NULL)
		return ERR_NOMEM;
	for (uint32_t id = 0; id < v->n_tokens; id++)
		if (v->attrs[id] & attrs) {
			items[n].text = vocab_token(v, id);
			items[n++].value = bits_of(score_of(v, id));
		}
	e = trie_init(t, items, n);
	free(items);
	if (e == OK)
		v->body_bytes += trie_bytes(t);
	return e;
}

/* The worst of the normal tokens, and ten below it. */
static enum err
set_unknown(const struct vocab *v, struct unigram *u)
{
	float least = FLT_MAX;

	for (uint32_t id = 0; id < v->n_tokens; id++) {
		float score = v->scores == NULL ? 0 : v->scores[id];

		if (!isfinite(score))
			return ERR_VOCAB_UNKNOWN;
		if (v->attrs[id] & ATTR_NORMAL && score < least)
			least = score;
	}
	u->unknown = least - 10.0F;
	return OK;
}

/* Which ASCII characters need no look at the map? */
static uint8_t
class_of(const struct unigram *u, unsigned char c)
{
	struct slice letter = slice_of((const char *)&c, 1), text = letter;
	size_t n;

	if (trie_step(&u->user, u->user.root, c) != NULL ||
	    charsmap_goes_on(&u->map, c) ||
	    charsmap_find(&u->map, letter, &n, &text) != OK || text.n != 1)
		return UNIGRAM_SLOW;
	if (text.p[0] == ' ')
		return UNIGRAM_WHITE;
	return text.p[0] == (char)c ? UNIGRAM_PLAIN : UNIGRAM_SLOW;
}

/* Which bytes stand before U+2581 in tokens, and what are the user's like? */
static void
look_at_tokens(const struct vocab *v, struct unigram *u)
{
	for (uint32_t id = 0; id < v->n_tokens; id++) {
		struct slice s = vocab_token(v, id);

		if (!(v->attrs[id] & IN_TRIE))
			continue;
		if (v->attrs[id] & ATTR_USER_DEFINED)
			for (size_t i = 0; i < s.n; i++)
				u->has_wide_user |= (uint8_t)s.p[i] >= 0x80;
		for (size_t i = 1; i + UNIGRAM_SPACE_LEN <= s.n; i++)
			if (memcmp(s.p + i, UNIGRAM_SPACE, UNIGRAM_SPACE_LEN) ==
			    0)
				u->before_space[(uint8_t)s.p[i - 1]] = true;
	}
}

enum err
unigram_build(struct vocab *v, const struct vocab_source *src)
{
	struct unigram *u = calloc(1, sizeof *u);
	enum err e;

	if (u == NULL)
		return ERR_NOMEM;
	v->body = u;
	v->body_bytes = sizeof *u;
	if ((e = set_unknown(v, u)) != OK ||
	    (e = charsmap_init(&u->map, src->charsmap)) != OK ||
	    (e = add_tokens(v, &u->tokens, IN_TRIE)) != OK ||
	    (e = add_tokens(v, &u->user, ATTR_USER_DEFINED)) != OK)
		return e;
	v->body_bytes += charsmap_bytes(&u->map);
	for (unsigned c = 0; c < 0x80; c++)
		u->ascii[c] = class_of(u, (unsigned char)c);
	look_at_tokens(v, u);
	u->attrs = malloc(v->n_tokens);
	if (u->attrs == NULL)
		return ERR_NOMEM;
	memcpy(u->attrs, v->attrs, v->n_tokens);
	return OK;
}

/* The scores of tokens that have become the user's, or are not any more. */
static void
correct_scores(struct vocab *v, struct unigram *u)
{
	for (uint32_t id = 0; id < v->n_tokens; id++) {
		struct trie_cell *cell;

		if (!((u->attrs[id] ^ v->attrs[id]) & ATTR_USER_DEFINED) ||
		    !(u->attrs[id] & IN_TRIE))
			continue;
		cell = trie_find(&u->tokens, vocab_token(v, id));
		if (cell != NULL)
			cell->value = bits_of(score_of(v, id));
	}
}

/* The exponent of the last bit of ${score}, which is not 0. */
static int
last_bit(float score)
{
	int exponent;
	uint32_t bits =
	    (uint32_t)(fabs(frexp((double)score, &exponent)) * (1 << 24));

	return exponent - 24 + __builtin_ctz(bits);
}

/*
 * Is the sum of scores exact, whatever the text of UNIGRAM_EXACT bytes?  A
 * best sum loses at most what each character costs on its own; one that is
 * compared with it has one token more.
 */
static bool
is_exact(const struct vocab *v, const struct unigram *u)
{
	double step = fabs((double)u->unknown), token = 0;
	int least = u->unknown == 0 ? 0 : last_bit(u->unknown);

	for (uint32_t id = 0; id < v->n_tokens; id++) {
		float score = score_of(v, id);
		struct slice s = vocab_token(v, id);
		double size = fabs((double)score);

		if (!(u->attrs[id] & IN_TRIE) || score == 0)
			continue;
		if (last_bit(score) < least)
			least = last_bit(score);
		token = size > token ? size : token;
		if (score > 0 || s.n <= text_len((unsigned char)s.p[0]))
			step = size > step ? size : step;
	}
	return step * UNIGRAM_EXACT + token < ldexp(1, 53 + least);
}

/* The last byte of what the letter ${c} becomes on its own; 0: no such. */
static unsigned char
letter_end(const struct unigram *u, unsigned char c)
{
	struct slice letter = slice_of((const char *)&c, 1), text = letter;
	size_t n;

	if (u->ascii[c] == UNIGRAM_PLAIN ||
	    trie_step(&u->user, u->user.root, c) != NULL)
		return c;
	return charsmap_find(&u->map, letter, &n, &text) != OK || text.n == 0 ||
		text.p[text.n - 1] == ' '
	    ? 0
	    : (unsigned char)text.p[text.n - 1];
}

/* Where a text may be cut; limit_cuts has the special tokens. */
static unsigned
cuts_of(const struct vocab *v, const struct unigram *u)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	unsigned cuts = CUT_SPACE | CUT_LINE;

	if (!u->has_cuts || u->has_wide_user || !v->remove_extra_whitespaces ||
	    u->ascii[' '] != UNIGRAM_WHITE || u->map.has & CHARSMAP_LETTER_END)
		cuts = 0;
	if (u->map.has & CHARSMAP_SPACE_INSIDE)
		cuts &= ~(unsigned)CUT_SPACE;
	for (const char *c = letters; *c != '\0'; c++) {
		unsigned char end = letter_end(u, (unsigned char)*c);

		if (end == 0 || u->before_space[end])
			cuts &= ~(unsigned)CUT_SPACE;
	}
	if (u->ascii['\n'] != UNIGRAM_WHITE ||
	    u->map.has & (CHARSMAP_LINE_INSIDE | CHARSMAP_LINE_STAYS) ||
	    memchr(u->before_space, true, sizeof u->before_space) != NULL)
		cuts &= ~(unsigned)CUT_LINE;
	return cuts;
}

enum err
unigram_settle(struct vocab *v)
{
	struct unigram *u = v->body;
	struct slice space = SLICE(UNIGRAM_SPACE);

	if (v->unk < 0 || (uint32_t)v->unk >= v->n_tokens)
		return ERR_VOCAB_UNKNOWN;
	correct_scores(v, u);
	/* Unknown tokens that meet would become one: none may be at a cut. */
	u->has_cuts = trie_find(&u->tokens, space) != NULL &&
	    trie_find(&u->tokens, vocab_token(v, (uint32_t)v->unk)) == NULL &&
	    !(u->map.has & CHARSMAP_BROKEN) && is_exact(v, u);
	v->cuts = cuts_of(v, u);
	free(u->attrs);
	u->attrs = NULL;
	return OK;
}

void
unigram_destroy(struct vocab *v)
{
	struct unigram *u = v->body;

	if (u == NULL)
		return;
	trie_fini(&u->tokens);
	trie_fini(&u->user);
	charsmap_fini(&u->map);
	free(u->attrs);
	free(u);
	v->body = NULL;
}
