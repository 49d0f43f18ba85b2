/*
 * kind: the seam between what all tokenizers share and each kind of them.
 *
 * Shared (vocab.c, special.c, count.c): tokens and their texts, the special
 * tokens and splitting a text at them, BOS and EOS, cutting into chunks and
 * remembering their counts.  A kind (one file each: bpe.c, spm.c, ...) builds
 * what it needs from the source and turns one fragment of plain text into
 * tokens.  Only the files of this room include this header.
 */
#pragma once
#include "token/chunk.h"
#include "token/count.h"
#include "token/digest.h"
#include "token/words.h"
#include <stdatomic.h>

/* Attributes of a token, several at once. */
enum {
	ATTR_UNKNOWN = 1,
	ATTR_UNUSED = 2,
	ATTR_NORMAL = 4,
	ATTR_CONTROL = 8,
	ATTR_USER_DEFINED = 16,
	ATTR_BYTE = 32,
	ATTR_LSTRIP = 64, /* eats white space before it */
	ATTR_RSTRIP = 128 /* and behind it */
};

/*
 * Places where a text may be cut without changing its tokens.  A kind says
 * which of them hold for it; vocab.c takes away those that a special token
 * spans.
 */
enum {
	CUT_SPACE = 1, /* [A-Za-z] | space [A-Za-z] */
	CUT_QUOTE = 2, /* [A-Za-z] | "              */
	CUT_LINE = 4,  /* \n | [A-Za-z0-9]          */
	CUT_HAN = 8    /* U+4E00-9FA5 | U+3002 or U+FF0C, U+4E00-9FA5 */
};

/* Where tokens go: counted, and written down if ids is not NULL. */
struct sink {
	uint32_t *ids;
	size_t max;
	uint64_t n;
};

/* One token. */
static inline void
sink_put(struct sink *s, uint32_t id)
{
	if (s->ids != NULL && s->n < s->max)
		s->ids[s->n] = id;
	s->n++;
}

/* Texts to ids; open addressing, keyed. */
struct text_index {
	uint32_t *slots; /* id + 1, 0: free */
	size_t n_slots;	 /* a power of two */
	struct hash_key key;
};

/* The special tokens as a trie (special.c). */
struct special_node {
	uint32_t child, sibling; /* 0: none */
	uint32_t id;		 /* of the token that ends here */
	uint16_t depth;
	uint8_t byte;
	uint8_t attr; /* of that token; 0: none ends here */
	uint8_t bit; /* its length's place in the list of lengths, 63 at most */
};

struct specials {
	struct special_node *nodes; /* nodes[0] is unused */
	uint32_t n_nodes;
	uint32_t root[256];
	uint16_t mixed[256]; /* longest run of a byte before another one */
	uint16_t *lengths;   /* of all specials, longest first, each once */
	size_t n_lengths;
	size_t n;	 /* specials */
	size_t n_firsts; /* different first bytes */
	uint8_t first;	 /* the only one, if n_firsts is 1 */
	bool has_user_defined;
	bool has_lstrip, has_rstrip;
};

struct kind {
	enum vocab_kind kind;
	/*
	 * Build v->body from ${src}; tokens, their attributes and the index by
	 * text are there, the corrections and the specials are not yet.
	 * Sets v->cuts, and may change the defaults of ids and flags (what
	 * the source says comes after it).
	 */
	enum err (*build)(struct vocab *v, const struct vocab_source *src);
	/*
	 * Corrections, ids and flags are final now; v->cuts may be set here
	 * as well.  NULL: nothing hangs on them.
	 */
	enum err (*settle)(struct vocab *v);
	/* Free v->body, however far build came; it may be NULL. */
	void (*destroy)(struct vocab *v);
	/* Free c->body, a counter's scratch, NULL at first; may be NULL. */
	void (*close)(struct counter *c);
	/*
	 * The tokens of ${text}, not empty, any bytes, without special
	 * tokens.  ${at_start}: it stands at the start of the prompt or
	 * behind a special token.  May use c->words when out->ids is NULL.
	 */
	enum err (*tokens)(struct counter *c, struct slice text, bool at_start,
	    struct sink *out);
};

struct vocab {
	atomic_uint refs;
	const struct kind *kind;
	void *body; /* the kind's own */
	size_t body_bytes;
	uint32_t n_tokens;
	char *texts;	   /* all of them, one after another */
	uint32_t *text_at; /* n_tokens + 1 offsets */
	uint8_t *attrs;
	float *scores; /* NULL: all 0 */
	struct text_index index;
	struct specials specials;
	char *pre;
	int32_t bos, eos, unk, sep; /* VOCAB_ABSENT */
	bool add_bos, add_eos, add_sep;
	bool add_space_prefix, remove_extra_whitespaces;
	bool lowercase, strip_accents;
	unsigned cuts;
	uint32_t poison_run;
	uint32_t longest; /* bytes of the longest token */
};

struct counter {
	struct vocab *vocab;
	void *body; /* the kind's own */
	size_t body_bytes;
	struct words words;
	struct memo memo;  /* of chunks */
	struct memo longs; /* of words longer than WORD_MAX */
	struct digest_key digest;
	char *pad; /* a fragment, with room behind it for loads of SIMD */
	size_t pad_cap;
};

/* The kind whose tokenizer.ggml.model is ${model}, or NULL (kind.c). */
const struct kind *kind_find(struct slice model);

/* The kinds, each in the file of its name. */
const struct kind *kind_bpe(void);
const struct kind *kind_spm(void);
const struct kind *kind_gemma4(void);
const struct kind *kind_wordpiece(void);
const struct kind *kind_unigram(void);

/* Free everything but the struct itself; for a failed build as well. */
void vocab_clear(struct vocab *v);

/*
 * Fill in tokens, attributes, index, ids and flags of ${v} from ${src}, with
 * the corrections that llama.cpp makes by text (vocab_build.c).  Errors as
 * vocab_new.
 */
MUST_CHECK enum err vocab_build(
    struct vocab *v, const struct vocab_source *src);

/* The text of token ${id}. */
static inline struct slice
vocab_token(const struct vocab *v, uint32_t id)
{
	return slice_of(
	    v->texts + v->text_at[id], v->text_at[id + 1] - v->text_at[id]);
}

/* The id of the token with this text, VOCAB_ABSENT if there is none. */
int32_t text_index_find(const struct vocab *v, struct slice text);

/*
 * Make the trie of the special tokens, when all attributes are final.
 * ERR_NOMEM.
 */
MUST_CHECK enum err specials_build(struct vocab *v);

/* Free it. */
void specials_fini(struct specials *s);

/*
 * The tokens of ${text}: split at the special tokens as llama.cpp does, the
 * fragments by the vocabulary's kind.  ${at_start}: it is the beginning of the
 * prompt.  Errors of the kind; ERR_NOMEM.
 */
MUST_CHECK enum err special_split(struct counter *c, struct slice text,
    bool parse_special, bool at_start, struct sink *out);

/*
 * A copy of ${text} in c->pad with COUNT_PAD readable bytes behind it, valid
 * until the next one; bytes that are no UTF-8 as llama.cpp reads them have
 * become what it makes of them.  Its p is NULL when memory ran out.
 */
enum { COUNT_PAD = 64 };
struct slice counter_pad(struct counter *c, struct slice text);
