/*
 * WordPiece, as BERT's uncased and cased vocabularies have it.  A fragment is
 * cut into runs: a character that is a word of its own, or those between two
 * such ones or white space, whatever they become.  A run that is not
 * remembered is normalised and taken apart: the longest token first, and the
 * unknown token for all of it if that does not work out.
 *
 * Source: llm_tokenizer_wpm_session in llama.cpp's src/llama-vocab.cpp.
 */
#include "token/kind.h"
#include "token/trie.h"
#include "token/ucat.h"
#include "token/ufold.h"
#include <stdlib.h>

enum {
	PREFIX = 3, /* bytes of U+2581, which begins a word */
	SHORT = 64,
	REPLACEMENT = 0xfffd
};

/* What a character is to the splitter. */
enum class {
	INSIDE, /* of a word, or nothing at all */
	APART,	/* white space */
	ALONE	/* a word of its own */
};

struct wordpiece {
	struct trie tokens; /* values: ids */
	bool strip_accents, lowercase;
	uint8_t ascii[128]; /* enum class */
};

struct run {
	const struct vocab *v;
	const struct wordpiece *w;
	struct words *words; /* NULL: ids are wanted */
	struct sink *out;
};

static bool
is_chinese(uint32_t c)
{
	return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) ||
	    (c >= 0x20000 && c <= 0x2a6df) || (c >= 0x2a700 && c <= 0x2b73f) ||
	    (c >= 0x2b740 && c <= 0x2b81f) ||
	    (c >= 0x2b920 && c <= 0x2ceaf) || /* llama.cpp's, not BERT's */
	    (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

/* The well-formed character at ${p}. */
static uint32_t
decode(const unsigned char *p, size_t *n)
{
	uint32_t c = *p;

	if (c < 0x80) {
		*n = 1;
		return c;
	}
	if (c < 0xe0) {
		*n = 2;
		return (c & 0x1f) << 6 | (p[1] & 0x3f);
	}
	if (c < 0xf0) {
		*n = 3;
		return (c & 0x0f) << 12 | (p[1] & 0x3fU) << 6 | (p[2] & 0x3f);
	}
	*n = 4;
	return (c & 0x07) << 18 | (p[1] & 0x3fU) << 12 | (p[2] & 0x3fU) << 6 |
	    (p[3] & 0x3f);
}

static size_t
encode(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* ${c}, decomposed already. */
static enum class class_of(uint32_t c) {
	uint8_t cat = ucat_table()[c];

	if (cat & UCAT_SPACE) return APART;
	if (c == 0 || c == REPLACEMENT || cat & UCAT_CONTROL) return INSIDE;
	if (cat & UCAT_PUNCTUATION || (c < 0x7f && cat & UCAT_SYMBOL) ||
	    is_chinese(c)) return ALONE;
	return INSIDE;
}

static uint32_t
decomposed(const struct wordpiece *w, uint32_t c)
{
	return w->strip_accents && c >= 0xc0 ? ufold_first(c) : c;
}

/* The bytes of the word that the ${n} bytes at ${p} become, to ${out}. */
static size_t
normalise(
    const struct wordpiece *w, const unsigned char *p, size_t n, char *out)
{
	size_t k = 0, len;

	for (size_t i = 0; i < n; i += len) {
		uint32_t c = decomposed(w, decode(p + i, &len));
		uint8_t cat = ucat_table()[c];

		if (c == 0 || c == REPLACEMENT || cat & UCAT_CONTROL ||
		    (w->strip_accents && cat & UCAT_MARK))
			continue;
		k += encode(w->lowercase ? ufold_lower(c) : c, out + k);
	}
	return k;
}

/* The longest token at the front of ${text}: its length, 0 if there is none. */
static size_t
longest(const struct trie *t, struct slice text, uint32_t *id)
{
	uint32_t place = t->root;
	size_t found = 0;

	for (size_t i = 0; i < text.n; i++) {
		const struct trie_cell *cell =
		    trie_step(t, place, (unsigned char)text.p[i]);

		if (cell == NULL)
			break;
		place = trie_place(cell);
		if (cell->bits & TRIE_ENDS) {
			found = i + 1;
			*id = cell->value;
		}
	}
	return found;
}

/* The longest tokens of ${text} from left to right. */
static void
take_apart(struct run *r, struct slice text)
{
	uint64_t before = r->out->n;
	uint32_t id = 0;
	size_t n;

	for (; text.n > 0; text = slice_from(text, n)) {
		n = longest(&r->w->tokens, text, &id);
		if (n == 0) {
			r->out->n = before;
			sink_put(r->out, (uint32_t)r->v->unk);
			return;
		}
		sink_put(r->out, id);
	}
}

/* The tokens of one run.  ERR_FULL, ERR_NOMEM. */
static enum err
put_word(struct run *r, const unsigned char *p, size_t n)
{
	char small[PREFIX + 2 * SHORT], *text = small;
	size_t k;

	if (n > (size_t)COUNT_WORD_MAX)
		return ERR_FULL;
	if (n > SHORT) {
		/* A character grows by half at most. */
		text = malloc(PREFIX + 2 * n);
		if (text == NULL)
			return ERR_NOMEM;
	}
	memcpy(text, "\xe2\x96\x81", PREFIX);
	k = PREFIX + normalise(r->w, p, n, text + PREFIX);
	if (k > PREFIX)
		take_apart(r, slice_of(text, k));
	if (text != small)
		free(text);
	return OK;
}

static enum err
word(struct run *r, const unsigned char *p, size_t n)
{
	uint64_t before = r->out->n;
	struct word key;
	unsigned known;
	enum err e;

	if (r->words == NULL || n > WORD_MAX)
		return put_word(r, p, n);
	key = word_key(p, n);
	known = words_find(r->words, key);
	if (known != 0) {
		r->out->n += known;
		return OK;
	}
	e = put_word(r, p, n);
	if (e == OK && r->out->n > before && r->out->n - before <= 15)
		words_add(r->words, key, (unsigned)(r->out->n - before));
	return e;
}

/* The end of the letters at ${p}, at most ${end}; others may follow. */
static const unsigned char *
letters(const unsigned char *p, const unsigned char *end)
{
#if TOKEN_SIMD
	while (p < end) {
		unsigned others = ~simd_letters(p) & 0xffff;

		if (others != 0) {
			p += __builtin_ctz(others);
			break;
		}
		p += 16;
	}
	return p < end ? p : end;
#else
	(void)end;
	return p;
#endif
}

static enum err
split(struct run *r, const unsigned char *p, const unsigned char *end)
{
	const unsigned char *from = p; /* of the run that is open */
	enum err e = OK;

	while (e == OK && p < end) {
		size_t n = 1;
		enum class class;

		if (*p < 0x80) {
			p = letters(p, end);
			if (p == end)
				break;
		}
		if (*p < 0x80)
			class = r->w->ascii[*p];
		else
			class = class_of(decomposed(r->w, decode(p, &n)));
		if (class != INSIDE) {
			if (p > from)
				e = word(r, from, (size_t)(p - from));
			if (class == ALONE && e == OK)
				e = word(r, p, n);
			from = p + n;
		}
		p += n;
	}
	if (e == OK && end > from)
		e = word(r, from, (size_t)(end - from));
	return e;
}

static enum err
tokens(struct counter *c, struct slice text, bool at_start, struct sink *out)
{
	struct run r = {.v = c->vocab,
	    .w = c->vocab->body,
	    .words = out->ids == NULL ? &c->words : NULL,
	    .out = out};
	const unsigned char *p;

	(void)at_start;
	text = counter_pad(c, text);
	if (text.p == NULL)
		return ERR_NOMEM;
	p = (const unsigned char *)text.p;
	return split(&r, p, p + text.n);
}

static enum err
add_tokens(struct vocab *v, struct wordpiece *w)
{
	struct trie_item *items = malloc(v->n_tokens * sizeof *items);
	enum err e;

	if (items == NULL)
		return ERR_NOMEM;
	for (uint32_t id = 0; id < v->n_tokens; id++)
		items[id] = (struct trie_item){vocab_token(v, id), id};
	e = trie_init(&w->tokens, items, v->n_tokens);
	free(items);
	if (e == OK)
		v->body_bytes += trie_bytes(&w->tokens);
	return e;
}

static enum err
build(struct vocab *v, const struct vocab_source *src)
{
	struct wordpiece *w = calloc(1, sizeof *w);

	if (w == NULL)
		return ERR_NOMEM;
	v->body = w;
	v->body_bytes = sizeof *w;
	v->cuts = CUT_SPACE | CUT_QUOTE | CUT_LINE | CUT_HAN;
	ufold_init();
	w->lowercase = src->lowercase != VOCAB_OFF;
	w->strip_accents = src->strip_accents == VOCAB_DEFAULT
	    ? w->lowercase
	    : src->strip_accents == VOCAB_ON;
	for (uint32_t i = 0; i < 128; i++)
		w->ascii[i] = (uint8_t)class_of(i);
	return add_tokens(v, w);
}

static void
destroy(struct vocab *v)
{
	struct wordpiece *w = v->body;

	if (w == NULL)
		return;
	trie_fini(&w->tokens);
	free(w);
	v->body = NULL;
}

const struct kind *
kind_wordpiece(void)
{
	static const struct kind kind = {.kind = VOCAB_WORDPIECE,
	    .build = build,
	    .destroy = destroy,
	    .tokens = tokens};

	return &kind;
}
