/*
 * The tables of a SentencePiece vocabulary: its tokens by text, the order of
 * their scores, and which characters stand side by side in some token.
 */
#include "token/spm.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SPECIAL = ATTR_CONTROL | ATTR_USER_DEFINED | ATTR_UNKNOWN };

static int
best_first(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x < y) - (x > y);
}

/* The place of ${score} in ${sorted}, where it is. */
static uint32_t
rank_of(const float *sorted, uint32_t n, float score)
{
	uint32_t low = 0, high = n - 1;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (sorted[middle] > score)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Equal scores have equal ranks. */
static enum err
add_ranks(struct vocab *v, struct spm *s)
{
	float *sorted;
	uint32_t n = 0;

	s->ranks = calloc(v->n_tokens, sizeof *s->ranks);
	sorted = malloc(v->n_tokens * sizeof *sorted);
	v->body_bytes += v->n_tokens * sizeof *s->ranks;
	if (s->ranks == NULL || sorted == NULL) {
		free(sorted);
		return ERR_NOMEM;
	}
	for (uint32_t id = 0; id < v->n_tokens; id++) {
		sorted[id] = v->scores == NULL ? 0 : v->scores[id];
		if (isnan(sorted[id])) {
			free(sorted);
			return ERR_VOCAB_UNKNOWN; /* its order is not defined */
		}
	}
	qsort(sorted, v->n_tokens, sizeof *sorted, best_first);
	for (uint32_t id = 0; id < v->n_tokens; id++)
		if (n == 0 || sorted[id] < sorted[n - 1])
			sorted[n++] = sorted[id];
	for (uint32_t id = 0; id < v->n_tokens; id++)
		s->ranks[id] =
		    rank_of(sorted, n, v->scores == NULL ? 0 : v->scores[id]);
	s->n_ranks = n;
	free(sorted);
	return OK;
}

/* Which token writes which byte, and which ASCII character? */
static void
add_bytes(const struct vocab *v, struct spm *s, bool is_given)
{
	for (unsigned i = 0; i < 256; i++) {
		char name[8], c = (char)i;

		(void)snprintf(name, sizeof name, "<0x%02X>", i);
		s->bytes[i] = text_index_find(v, slice_str(name));
		if (s->bytes[i] == VOCAB_ABSENT && !is_given)
			s->bytes[i] = text_index_find(v, slice_of(&c, 1));
		if (i < 128)
			s->chars[i] = text_index_find(v, slice_of(&c, 1));
	}
}

static size_t
place_of(const struct spm *s, uint32_t left, uint32_t right)
{
	uint64_t h = ((uint64_t)left << 32 | right) * 0x9e3779b97f4a7c15ULL;

	h ^= h >> 32;
	return (h * 0xd6e8feb86659fd93ULL) >> s->others_shift;
}

enum { SPACE = 0x8196e2 }; /* key of U+2581 */

static bool
is_letter(uint32_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Is it of U+4000 to U+9FFF? */
static bool
is_han(uint32_t c)
{
	return c >> 16 != 0 && c >> 24 == 0 && (c & 0xff) >= 0xe4 &&
	    (c & 0xff) <= 0xe9;
}

/* The cuts that would part ${left} and ${right}. */
static unsigned
cuts_between(uint32_t left, uint32_t right)
{
	enum { FULL_STOP = 0x8280e3, COMMA = 0x8cbcef };
	unsigned cuts = 0;

	if (is_letter(left) && right == SPACE)
		cuts |= CUT_SPACE;
	if (is_letter(left) && right == '"')
		cuts |= CUT_QUOTE;
	if (left == '\n')
		cuts |= CUT_LINE;
	if (is_han(left) && (right == FULL_STOP || right == COMMA))
		cuts |= CUT_HAN;
	return cuts;
}

void
spm_set_pair(struct vocab *v, struct spm *s, uint32_t left, uint32_t right)
{
	size_t at;

	v->cuts &= ~cuts_between(left, right);
	/* Texts have either: a space is U+2581 on the way. */
	if (left == SPACE && right < 128)
		s->pairs[' '][right >> 6] |= 1ULL << (right & 63);
	if (left < 128 && right == SPACE)
		s->pairs[left][0] |= 1ULL << ' ';
	if (left == SPACE && right == SPACE)
		s->pairs[' '][0] |= 1ULL << ' ';
	if (right == SPACE) {
		uint32_t last = left;

		while (last > 0xff)
			last >>= 8;
		s->before_space[last] = 1;
		if (left == SPACE)
			s->before_space[' '] = 1;
	}
	if (left < 128 && right < 128) {
		s->pairs[left][right >> 6] |= 1ULL << (right & 63);
		return;
	}
	at = place_of(s, left, right);
	s->others[at >> 3] |= (uint8_t)(1 << (at & 7));
}

/* Can any merge end in token ${id}, a special one?  Only of two others. */
static bool
is_merged(const struct vocab *v, struct slice text)
{
	for (size_t i = 1, n; i < text.n; i += n) {
		struct slice left = slice_to(text, i);
		struct slice right = slice_from(text, i);

		n = text_len((unsigned char)text.p[i]);
		if ((text_len((unsigned char)text.p[0]) == left.n ||
			text_index_find(v, left) != VOCAB_ABSENT) &&
		    (n == right.n || text_index_find(v, right) != VOCAB_ABSENT))
			return true;
	}
	return false;
}

static enum err
reserve_pairs(struct vocab *v, struct spm *s)
{
	unsigned bits = 16;

	while (bits < 24 &&
	    (size_t)1 << bits < 4 * (size_t)v->text_at[v->n_tokens])
		bits++;
	s->others_shift = 64 - bits;
	s->others = calloc((size_t)1 << bits >> 3, 1);
	if (s->others == NULL)
		return ERR_NOMEM;
	v->body_bytes += (size_t)1 << bits >> 3;
	return OK;
}

static void
add_pairs(struct vocab *v, struct spm *s)
{
	for (uint32_t id = 0; id < v->n_tokens; id++) {
		struct slice text = vocab_token(v, id);
		size_t n, k;
		uint32_t left = spm_key(text.p, text.n, &n), right;

		if (!(v->attrs[id] & ATTR_NORMAL) && !is_merged(v, text))
			continue;
		for (size_t i = n; i < text.n; i += k, left = right) {
			right = spm_key(text.p + i, text.n - i, &k);
			spm_set_pair(v, s, left, right);
		}
	}
}

/*
 * Behind a special token a space is put before the text: what is cut must not
 * end in one.
 */
static void
limit_cuts(struct vocab *v)
{
	v->cuts &= ~(unsigned)CUT_LINE; /* some eat line ends */
	for (uint32_t id = 0; id < v->n_tokens; id++) {
		struct slice text = vocab_token(v, id);

		if (!(v->attrs[id] & SPECIAL))
			continue;
		if (is_letter((unsigned char)text.p[text.n - 1]))
			v->cuts &= ~(unsigned)(CUT_SPACE | CUT_QUOTE);
		if (text.n >= 3 && ((unsigned char)text.p[text.n - 1] & 0x80))
			v->cuts &= ~(unsigned)CUT_HAN;
	}
}

const char *
spm_piece_end(const struct spm *s, const char *p, const char *end)
{
	size_t n;
	uint32_t left = spm_key(p, (size_t)(end - p), &n);

	for (p += n; p < end; p += n) {
		uint32_t right = spm_key(p, (size_t)(end - p), &n);
		bool joins;

		if (left < 128 && right < 128) {
			joins = s->pairs[left][right >> 6] >> (right & 63) & 1;
		} else {
			size_t at = place_of(s, left == ' ' ? SPACE : left,
			    right == ' ' ? SPACE : right);

			joins = s->others[at >> 3] >> (at & 7) & 1;
		}
		if (!joins)
			return p;
		left = right;
	}
	return end;
}

enum err
spm_build(struct vocab *v, const struct vocab_source *src, bool is_given)
{
	struct spm *s = calloc(1, sizeof *s);
	enum err e;

	if (s == NULL)
		return ERR_NOMEM;
	v->body = s;
	v->body_bytes = sizeof *s;
	v->cuts = CUT_SPACE | CUT_QUOTE | CUT_LINE | CUT_HAN;
	if ((e = roll_init(&s->roll, v)) != OK ||
	    (e = reserve_pairs(v, s)) != OK)
		return e;
	add_bytes(v, s, is_given);
	if (is_given)
		return spm_add_merges(v, s, src);
	if ((e = add_ranks(v, s)) != OK)
		return e;
	add_pairs(v, s);
	if (src->add_space_prefix != VOCAB_OFF)
		limit_cuts(v);
	return OK;
}

void
spm_destroy(struct vocab *v)
{
	struct spm *s = v->body;

	if (s == NULL)
		return;
	roll_fini(&s->roll);
	free(s->ranks);
	free(s->others);
	if (s->merges != NULL) {
		free(s->merges->slots);
		free(s->merges->texts);
		free(s->merges->text_at);
		free(s->merges->seams);
		free(s->merges);
	}
	free(s);
	v->body = NULL;
}
