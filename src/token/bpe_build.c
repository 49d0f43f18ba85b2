/*
 * The tables of a byte-level BPE vocabulary.  In the file each byte of a token
 * is written as a character: printable ones as themselves, the others as
 * U+0100 and up (GPT-2's bytes_to_unicode).  Tokens with other characters
 * cannot come out of bytes; they are special tokens and not looked at here.
 */
#include "token/bpe.h"
#include "os/random.h"
#include <stdlib.h>

enum { CHARS = 0x180, SYMBOLS_MAX = (1 << 22) - 2 };

static bool
stands_for_itself(unsigned b)
{
	return (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) ||
	    (b >= 0xae && b <= 0xff);
}

/* The byte for each character, -1 where there is none. */
static void
char_bytes(int16_t out[CHARS])
{
	int next = 0x100;

	for (int i = 0; i < CHARS; i++)
		out[i] = -1;
	for (unsigned b = 0; b < 256; b++)
		if (stands_for_itself(b))
			out[b] = (int16_t)b;
		else
			out[next++] = (int16_t)b;
}

/* The bytes that ${text} stands for at ${out}; false if it is no bytes. */
static bool
decode(const int16_t *bytes, struct slice text, char *out, size_t *n)
{
	size_t k = 0;

	for (size_t i = 0; i < text.n; i++) {
		unsigned c = (unsigned char)text.p[i];

		if (c >= 0x80) {
			if (c < 0xc2 || c > 0xc5 || i + 1 == text.n)
				return false;
			c = (c & 0x1f) << 6 |
			    ((unsigned char)text.p[++i] & 0x3f);
		}
		if (c >= CHARS || bytes[c] < 0)
			return false;
		out[k++] = (char)bytes[c];
	}
	*n = k;
	return true;
}

/* Short texts, nearly all, are hashed in a few instructions. */
static uint64_t
hash_of(const struct bpe *b, struct slice text)
{
	uint64_t w[2] = {0, text.n};
	struct wide m;

	if (text.n > 15)
		return hash_bytes(b->key, text);
	if (text.n >= 8) {
		memcpy(&w[0], text.p, 8);
		memcpy(&w[1], text.p + text.n - 8, 8);
		w[1] ^= (uint64_t)text.n << 56;
	} else if (text.n > 0) {
		memcpy(&w[0], text.p, text.n);
	}
	m = wide_product(w[0] ^ b->key.k0, w[1] ^ b->key.k1);
	return m.lo ^ m.hi;
}

/* Where ${text} is, or the free slot where it would be. */
static size_t
slot_of(const struct bpe *b, struct slice text, uint32_t *mark)
{
	uint64_t h = hash_of(b, text);
	size_t at = h & b->mask;

	*mark = (uint32_t)(h >> 54) << 22;
	for (; b->slots[at] != 0; at = (at + 1) & b->mask)
		if ((b->slots[at] & 0xffc00000U) == *mark &&
		    slice_eq(bpe_text(b, (b->slots[at] & 0x3fffff) - 1), text))
			break;
	return at;
}

int64_t
bpe_find(const struct bpe *b, struct slice text)
{
	uint32_t mark;
	size_t at = slot_of(b, text, &mark);

	return b->slots[at] == 0 ? BPE_NONE
				 : (int64_t)(b->slots[at] & 0x3fffff) - 1;
}

/* The symbol of ${text}, made if it is new. */
static enum err
add_symbol(struct bpe *b, struct slice text, uint32_t *out)
{
	uint32_t mark, n = b->n_symbols;
	size_t at = slot_of(b, text, &mark);

	if (b->slots[at] != 0) {
		*out = (b->slots[at] & 0x3fffff) - 1;
		return OK;
	}
	if (n == b->max_symbols || b->text_at[n] + text.n > b->texts_cap)
		return ERR_FULL;
	if (text.n > 0)
		memcpy(b->texts + b->text_at[n], text.p, text.n);
	b->text_at[n + 1] = b->text_at[n] + (uint32_t)text.n;
	b->tokens[n] = BPE_NONE;
	b->slots[at] = mark | (n + 1);
	b->n_symbols++;
	*out = n;
	return OK;
}

static enum err
allocate(struct bpe *b, const struct vocab *v, const struct vocab_source *src)
{
	size_t slots = 1024, pairs = 64, most, bytes = 256;

	/* A merge makes at most its two parts and its result. */
	most = 256 + src->n_tokens + 3 * src->n_merges;
	if (most > SYMBOLS_MAX)
		most = SYMBOLS_MAX;
	bytes += v->text_at[v->n_tokens];
	for (size_t i = 0; i < src->n_merges; i++)
		bytes += 2 * src->merges[i].n;
	if (bytes > UINT32_MAX)
		return ERR_FULL;
	while (slots < 2 * (256 + src->n_tokens + src->n_merges / 4))
		slots *= 2;
	while (pairs < 2 * src->n_merges)
		pairs *= 2;
	b->max_symbols = (uint32_t)most;
	b->texts_cap = bytes;
	b->mask = slots - 1;
	b->pair_mask = pairs - 1;
	b->texts = malloc(bytes);
	b->text_at = calloc(most + 1, sizeof *b->text_at);
	b->tokens = malloc(most * sizeof *b->tokens);
	b->slots = calloc(slots, sizeof *b->slots);
	b->merges = calloc(src->n_merges + 1, sizeof *b->merges);
	b->pairs = calloc(pairs, sizeof *b->pairs);
	b->byte_pairs = malloc(65536 * sizeof *b->byte_pairs);
	if (!b->texts || !b->text_at || !b->tokens || !b->slots || !b->merges ||
	    !b->pairs || !b->byte_pairs)
		return ERR_NOMEM;
	return OK;
}

/* Keep the slots at most half full. */
static enum err
grow_slots(struct bpe *b)
{
	size_t mask = b->mask * 2 + 1;
	uint32_t *old = b->slots, mark;

	b->slots = calloc(mask + 1, sizeof *b->slots);
	if (b->slots == NULL) {
		b->slots = old;
		return ERR_NOMEM;
	}
	b->mask = mask;
	for (uint32_t i = 0; i < b->n_symbols; i++) {
		size_t at = slot_of(b, bpe_text(b, i), &mark);

		b->slots[at] = mark | (i + 1);
	}
	free(old);
	return OK;
}

static enum err
add_bytes_and_tokens(
    struct bpe *b, const struct vocab *v, const int16_t *bytes, char *spare)
{
	uint32_t symbol;
	enum err e = OK;

	for (unsigned i = 0; i < 256 && e == OK; i++) {
		char c = (char)i;

		e = add_symbol(b, slice_of(&c, 1), &b->byte_symbol[i]);
	}
	for (uint32_t id = 0; id < v->n_tokens && e == OK; id++) {
		size_t n;

		if (!decode(bytes, vocab_token(v, id), spare, &n))
			continue;
		e = add_symbol(b, slice_of(spare, n), &symbol);
		if (e != OK)
			break;
		b->tokens[symbol] = (int32_t)id;
		if (n > 0 && n > b->longest[(unsigned char)*spare])
			b->longest[(unsigned char)*spare] = (uint32_t)n;
	}
	return e;
}

static void
add_pair(struct bpe *b, uint32_t rank, struct bpe_merge m)
{
	uint64_t h;
	size_t at;

	b->merges[rank] = m;
	if (bpe_rank(b, m.left, m.right) != BPE_NO_RANK)
		return; /* the first of two equal merges holds */
	h = bpe_mix(b, (uint64_t)m.left << 32 | m.right);
	at = h & b->pair_mask;
	while (b->pairs[at] != 0)
		at = (at + 1) & b->pair_mask;
	b->pairs[at] = (uint32_t)(h >> 52) << 20 | (rank + 1);
}

/* "left right": the first space that is not the first byte parts them. */
static enum err
add_merge(struct bpe *b, const int16_t *bytes, struct slice text, uint32_t rank,
    char *spare)
{
	struct slice left, right;
	struct bpe_merge m;
	size_t at, n, k;
	enum err e;

	at = text.n == 0 ? 0 : 1 + slice_find(slice_from(text, 1), ' ');
	if (at >= text.n)
		return OK; /* two empty texts: never a pair */
	left = slice_to(text, at);
	right = slice_from(text, at + 1);
	if (!decode(bytes, left, spare, &n) ||
	    !decode(bytes, right, spare + n, &k) || n == 0 || k == 0)
		return OK;
	if ((b->n_symbols + 3) * 2 > b->mask && (e = grow_slots(b)) != OK)
		return e;
	if ((e = add_symbol(b, slice_of(spare, n), &m.left)) != OK ||
	    (e = add_symbol(b, slice_of(spare + n, k), &m.right)) != OK ||
	    (e = add_symbol(b, slice_of(spare, n + k), &m.result)) != OK)
		return e;
	add_pair(b, rank, m);
	return OK;
}

/* Which symbols come out of their own text as one token? */
static enum err
find_whole(const struct vocab *v, struct bpe *b)
{
	struct bpe_scratch *scratch = NULL;
	enum err e = OK;

	b->is_whole = calloc(b->n_symbols, 1);
	if (b->is_whole == NULL)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < b->n_symbols && e == OK; i++) {
		struct slice text = bpe_text(b, i);
		uint32_t id;
		struct sink out = {&id, 1, 0};

		if (b->tokens[i] < 0 || text.n == 0)
			continue;
		if (b->pre->ignore_merges || text.n == 1) {
			b->is_whole[i] = 1;
			continue;
		}
		e = bpe_merge(v, b, &scratch, text, &out);
		b->is_whole[i] =
		    e == OK && out.n == 1 && id == (uint32_t)b->tokens[i];
	}
	bpe_scratch_free(scratch);
	return e;
}

/* Give back what the estimate was too large by. */
static void
shrink(struct bpe *b)
{
	void *p;

	if ((p = realloc(b->texts, b->text_at[b->n_symbols] + 1)) != NULL)
		b->texts = p;
	if ((p = realloc(
		 b->text_at, (b->n_symbols + 1) * sizeof *b->text_at)) != NULL)
		b->text_at = p;
	if ((p = realloc(b->tokens, b->n_symbols * sizeof *b->tokens)) != NULL)
		b->tokens = p;
}

static size_t
bytes_of(const struct bpe *b)
{
	return sizeof *b + b->text_at[b->n_symbols] + b->n_symbols * (size_t)9 +
	    (b->mask + 1 + b->pair_mask + 1) * 4 +
	    65536 * sizeof *b->byte_pairs + b->n_merges * sizeof *b->merges;
}

enum err
bpe_build(
    struct vocab *v, const struct vocab_source *src, const struct pre *pre)
{
	struct bpe *b = calloc(1, sizeof *b);
	int16_t bytes[CHARS];
	size_t longest = v->longest;
	char *spare;
	enum err e;

	if (b == NULL)
		return ERR_NOMEM;
	v->body = b;
	b->pre = pre;
	b->n_merges = (uint32_t)src->n_merges;
	random_must_fill(&b->key, sizeof b->key);
	char_bytes(bytes);
	for (size_t i = 0; i < src->n_merges; i++)
		if (src->merges[i].n > longest)
			longest = src->merges[i].n;
	spare = malloc(longest + 1);
	if (spare == NULL)
		return ERR_NOMEM;
	e = allocate(b, v, src);
	if (e == OK)
		e = add_bytes_and_tokens(b, v, bytes, spare);
	for (uint32_t i = 0; e == OK && i < b->n_merges; i++)
		e = add_merge(b, bytes, src->merges[i], i, spare);
	free(spare);
	if (e != OK)
		return e;
	for (unsigned i = 0; i < 65536; i++)
		b->byte_pairs[i] = bpe_rank(
		    b, b->byte_symbol[i >> 8], b->byte_symbol[i & 255]);
	shrink(b);
	if ((e = bpe_filter_build(b)) != OK)
		return e;
	e = find_whole(v, b);
	v->body_bytes = bytes_of(b);
	return e;
}

void
bpe_destroy(struct vocab *v)
{
	struct bpe *b = v->body;

	if (b == NULL)
		return;
	free(b->texts);
	free(b->text_at);
	free(b->tokens);
	free(b->is_whole);
	free(b->slots);
	free(b->merges);
	free(b->pairs);
	free(b->byte_pairs);
	free(b->joins);
	free(b);
	v->body = NULL;
}
