/*
 * count: how many tokens a text has, exactly as llama.cpp counts.
 *
 *   text --> chunks --known?--> remembered count
 *              | no
 *              '--> specials split out --> fragments --> the vocabulary's kind
 *                                                        (bpe.c, spm.c, ...)
 *
 * A counter belongs to one thread and one vocabulary.  It remembers the counts
 * of words and of whole chunks by keyed hash, so that the next turn of a
 * conversation costs a hash of what was there before and the counting of what
 * is new.  Chunks end only where no token can cross (kind.h), so the sum is
 * exact.  Work is linear in the text, whatever the text is.
 */
#pragma once
#include "base/hash.h"
#include "token/vocab.h"

struct counter;

/* How a text is counted. */
enum {
	COUNT_ADD_SPECIAL = 1, /* with BOS and EOS, where the model adds them */
	COUNT_PARSE_SPECIAL = 2, /* "<|im_end|>" in the text is that token */
	COUNT_AS_ENGINE = 3	 /* as llama-server counts a prompt */
};

enum {
	COUNT_TEXT_MAX = 1 << 30, /* bytes */
	COUNT_WORD_MAX = 4 << 20 /* of one run that must be merged as a whole */
};

/* What a counter may use; 0 takes the default. */
struct counter_options {
	struct hash_key key; /* secret: callers choose what is hashed */
	size_t words;	     /* words remembered, 16 bytes each; 65536 */
	size_t chunks;	     /* chunks remembered, 32 bytes each; 8192 */
};

/*
 * A counter for ${v}, of which it holds a reference.  ${o} may be NULL: the
 * defaults and a key of its own.  ERR_NOMEM.  For one thread at a time.
 */
MUST_CHECK enum err counter_new(
    struct vocab *v, const struct counter_options *o, struct counter **out);

/* Free; drops the vocabulary.  NULL is fine. */
void counter_free(struct counter *c);

/* The vocabulary; lent. */
struct vocab *counter_vocab(const struct counter *c);

/* Bytes of memory that the counter itself takes. */
size_t counter_bytes(const struct counter *c);

/*
 * Set ${n} to the number of tokens of ${text}; ${how} are COUNT_* bits.  Bytes
 * that are no UTF-8 count as llama.cpp counts them (a U+FFFD each).
 * ERR_FULL: longer than COUNT_TEXT_MAX, or with a run beyond COUNT_WORD_MAX;
 * ask the engine.  ERR_NOMEM.
 */
MUST_CHECK enum err count_text(
    struct counter *c, struct slice text, unsigned how, uint64_t *n);

/*
 * The tokens themselves: up to ${max} ids to ${ids}, and ${n} set to how many
 * there are, which can be more.  Slower: nothing is remembered.  Errors as
 * count_text.
 */
MUST_CHECK enum err count_ids(struct counter *c, struct slice text,
    unsigned how, uint32_t *ids, size_t max, uint64_t *n);

/*
 * May ${text} crash the tokenizer of an engine that has this vocabulary?  It
 * may with an unbroken run of one class of characters (letters, digits, white
 * space, others) of ${limit} bytes or more; 0 takes vocab_poison_run.  Looks
 * at few of the bytes.
 */
bool count_is_poison(const struct vocab *v, struct slice text, size_t limit);

/* Forget all that was remembered; for measurements. */
void counter_forget(struct counter *c);
