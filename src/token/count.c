/*
 * The way of a text through a counter: chunks, which may be known; the rest
 * split at special tokens and counted by the vocabulary's kind.
 */
#include "token/count.h"
#include "os/random.h"
#include "token/kind.h"
#include "token/chunk.h"
#include "token/text.h"
#include <assert.h>
#include <stdlib.h>

enum { WORDS = 65536, CHUNKS = 8192, LONGS = 16384, PAD_KEPT = 1 << 20 };

enum err
counter_new(
    struct vocab *v, const struct counter_options *o, struct counter **out)
{
	struct counter *c = calloc(1, sizeof *c);
	size_t words = o != NULL && o->words > 0 ? o->words : WORDS;
	size_t chunks = o != NULL && o->chunks > 0 ? o->chunks : CHUNKS;
	struct hash_key key;
	enum err e;

	if (c == NULL)
		return ERR_NOMEM;
	if (o != NULL && (o->key.k0 | o->key.k1) != 0)
		key = o->key;
	else
		random_must_fill(&key, sizeof key);
	digest_key_init(&c->digest, key);
	if ((e = words_init(&c->words, words, key)) != OK)
		goto undo_counter;
	if ((e = memo_init(&c->memo, chunks)) != OK)
		goto undo_words;
	if ((e = memo_init(&c->longs, LONGS)) != OK)
		goto undo_memo;
	c->vocab = vocab_hold(v);
	*out = c;
	return OK;

undo_memo:
	memo_fini(&c->memo);
undo_words:
	words_fini(&c->words);
undo_counter:
	free(c);
	return e;
}

void
counter_free(struct counter *c)
{
	if (c == NULL)
		return;
	if (c->vocab->kind->close != NULL)
		c->vocab->kind->close(c);
	words_fini(&c->words);
	memo_fini(&c->memo);
	memo_fini(&c->longs);
	vocab_drop(c->vocab);
	free(c->pad);
	free(c);
}

struct vocab *
counter_vocab(const struct counter *c)
{
	return c->vocab;
}

size_t
counter_bytes(const struct counter *c)
{
	return sizeof *c + c->body_bytes + c->pad_cap +
	    (c->words.mask + 1) * 2 * sizeof(struct word) +
	    (c->memo.mask + c->longs.mask + 2) * sizeof(struct memo_set);
}

void
counter_forget(struct counter *c)
{
	if (c->vocab->kind->close != NULL)
		c->vocab->kind->close(c);
	c->body = NULL;
	words_clear(&c->words);
	memo_clear(&c->memo);
	memo_clear(&c->longs);
}

struct slice
counter_pad(struct counter *c, struct slice text)
{
	size_t n = text.n, room;
	bool is_good = text_is_utf8(text);

	if (!is_good)
		n = text_repair(text, NULL);
	room = n + COUNT_PAD;
	if (c->pad_cap < room) {
		/* What was there is not needed any more. */
		free(c->pad);
		c->pad_cap = 0;
		c->pad = malloc(room + room / 2);
		if (c->pad == NULL)
			return slice_of(NULL, 0);
		c->pad_cap = room + room / 2;
	}
	if (is_good)
		memcpy(c->pad, text.p, n);
	else
		(void)text_repair(text, c->pad);
	memset(c->pad + n, 0, COUNT_PAD);
	return slice_of(c->pad, n);
}

/* One huge text must not be paid for ever after. */
static void
let_go(struct counter *c)
{
	if (c->pad_cap <= PAD_KEPT)
		return;
	free(c->pad);
	c->pad = NULL;
	c->pad_cap = 0;
}

/* The parts of a text that are remembered, and the rest. */
static enum err
count_chunks(
    struct counter *c, struct slice text, bool parse_special, uint64_t *n)
{
	size_t at = 0;

	while (at < text.n) {
		struct slice chunk =
		    chunk_next(slice_from(text, at), c->vocab->cuts);
		struct memo_key key;
		struct sink out = {NULL, 0, 0};
		enum err e;

		key.digest = digest_of(&c->digest, chunk);
		key.n =
		    (uint32_t)chunk.n << 2 | (at == 0 ? 2U : 0) | parse_special;
		if (!memo_find(&c->memo, key, &out.n)) {
			e = special_split(
			    c, chunk, parse_special, at == 0, &out);
			if (e != OK)
				return e;
			memo_add(&c->memo, key, out.n);
		}
		*n += out.n;
		at += chunk.n;
	}
	return OK;
}

enum err
count_text(struct counter *c, struct slice text, unsigned how, uint64_t *n)
{
	const struct vocab *v = c->vocab;
	uint64_t total = 0;
	enum err e;

	if (text.n > COUNT_TEXT_MAX)
		return ERR_FULL;
	if (how & COUNT_ADD_SPECIAL)
		total += (uint64_t)v->add_bos + v->add_eos;
	e = count_chunks(c, text, how & COUNT_PARSE_SPECIAL, &total);
	let_go(c);
	if (e == OK)
		*n = total;
	return e;
}

enum err
count_ids(struct counter *c, struct slice text, unsigned how, uint32_t *ids,
    size_t max, uint64_t *n)
{
	const struct vocab *v = c->vocab;
	struct sink out = {ids, max, 0};
	uint32_t none;
	enum err e = OK;

	if (text.n > COUNT_TEXT_MAX)
		return ERR_FULL;
	if (ids == NULL)
		out = (struct sink){&none, 0, 0};
	if (how & COUNT_ADD_SPECIAL && v->add_bos)
		sink_put(&out, (uint32_t)v->bos);
	if (text.n > 0)
		e = special_split(
		    c, text, how & COUNT_PARSE_SPECIAL, true, &out);
	let_go(c);
	if (how & COUNT_ADD_SPECIAL && v->add_eos)
		sink_put(&out, (uint32_t)v->eos);
	if (e == OK)
		*n = out.n;
	return e;
}
