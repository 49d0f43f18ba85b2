/*
 * vocab: one model's vocabulary, immutable and counted by references.
 *
 *   GGUF file -------.
 *   arrays (api/show) +-> struct vocab_source -> rewrites -> struct vocab
 *                                                             |  |  |
 *                                             a counter per thread (count.h)
 *
 * What it says about a text is what llama.cpp says: the names, defaults and
 * corrections are those of its llama-vocab.cpp.  A tokenizer or pre-tokenizer
 * that is not known is an error that means "ask the engine", never a guess.
 */
#pragma once
#include "base/err.h"

struct gguf;
struct vocab;

enum vocab_kind {
	VOCAB_BPE,	 /* byte-level, model "gpt2" */
	VOCAB_SPM,	 /* SentencePiece, model "llama" */
	VOCAB_WORDPIECE, /* model "bert" */
	VOCAB_UNIGRAM,	 /* model "t5" */
	VOCAB_GEMMA4,	 /* BPE on raw UTF-8, model "gemma4" */
	VOCAB_KINDS
};

/* tokenizer.ggml.token_type: the numbers are those of the file. */
enum token_type {
	TOKEN_UNDEFINED,
	TOKEN_NORMAL,
	TOKEN_UNKNOWN,
	TOKEN_CONTROL,
	TOKEN_USER_DEFINED,
	TOKEN_UNUSED,
	TOKEN_BYTE
};

enum {
	VOCAB_TOKENS_MAX = 1 << 20,
	VOCAB_MERGES_MAX = (1 << 20) - 1,
	VOCAB_TEXT_MAX = 1 << 16, /* bytes of one token */
	VOCAB_ABSENT = -1	  /* no such token */
};

/* A setting that may be absent: then the kind's default holds. */
enum vocab_flag { VOCAB_DEFAULT, VOCAB_OFF, VOCAB_ON };

/*
 * What a vocabulary is made of.  Borrowed: everything that the slices and
 * pointers name must live until vocab_new has returned.  All zero is an empty
 * source; vocab_source_init also marks the ids as absent.
 */
struct vocab_source {
	struct slice model; /* tokenizer.ggml.model */
	struct slice pre;   /* tokenizer.ggml.pre */
	struct slice arch;  /* general.architecture */
	struct slice name;  /* general.name; /api/show does not tell it */
	const struct slice *tokens;
	size_t n_tokens;
	const struct slice *merges; /* "left right" */
	size_t n_merges;
	const float *scores;   /* n_tokens of them, or NULL */
	const int32_t *types;  /* n_tokens of enum token_type, or NULL */
	struct slice charsmap; /* precompiled_charsmap, bytes */
	/* The same as some files of Ollama's have it, in base 64. */
	struct slice charsmap_base64;
	int64_t bos, eos, eot, eom, unk, sep, pad, mask; /* VOCAB_ABSENT */
	int64_t fim_pre, fim_suf, fim_mid, fim_pad, fim_rep, fim_sep;
	enum vocab_flag add_bos, add_eos, add_sep, add_space_prefix;
	enum vocab_flag remove_extra_whitespaces, lowercase, strip_accents;
	void *memory; /* private: what vocab_source_gguf allocated */
};

/* An empty source. */
void vocab_source_init(struct vocab_source *s);

/*
 * The source that ${g} holds; ${g} must live as long.  Free what it allocates
 * with vocab_source_fini.  ERR_NOT_FOUND (the file has no tokenizer),
 * ERR_SYNTAX (keys of wrong types or lengths), ERR_FULL, ERR_NOMEM.
 */
MUST_CHECK enum err vocab_source_gguf(
    const struct gguf *g, struct vocab_source *out);

/*
 * The id, or the flag, that the key ${key} of a GGUF file sets; NULL if it is
 * none.  For sources that are no files.
 */
int64_t *vocab_source_id(struct vocab_source *s, struct slice key);
enum vocab_flag *vocab_source_flag(struct vocab_source *s, struct slice key);

/* Free what vocab_source_gguf allocated; the source is empty. */
void vocab_source_fini(struct vocab_source *s);

/*
 * Build a vocabulary, with one reference, which is the caller's.  Takes 100 ms
 * to half a second (doc/performance.md): a job for a helper thread.
 * ERR_VOCAB_UNKNOWN: the kind or `pre` is not known here; ask the engine.
 * ERR_SYNTAX (llama.cpp refuses it too), ERR_FULL (beyond a maximum),
 * ERR_NOMEM.
 */
MUST_CHECK enum err vocab_new(
    const struct vocab_source *source, struct vocab **out);

/* All of it at once: the vocabulary of the GGUF file ${path}. */
MUST_CHECK enum err vocab_open(const char *path, struct vocab **out);

/* One reference more; returns ${v}.  Any thread. */
struct vocab *vocab_hold(struct vocab *v);

/* One reference less; the last one frees it.  Any thread; NULL is fine. */
void vocab_drop(struct vocab *v);

/* Facts.  Slices are valid as long as the vocabulary. */
enum vocab_kind vocab_kind(const struct vocab *v);
size_t vocab_n_tokens(const struct vocab *v);

/* The effective tokenizer.ggml.pre; empty for kinds that have none. */
struct slice vocab_pre(const struct vocab *v);

/* Bytes of memory that it takes. */
size_t vocab_bytes(const struct vocab *v);

/* The token with exactly this text as the file writes it, or VOCAB_ABSENT. */
int64_t vocab_find(const struct vocab *v, struct slice text);

/* The text of token ${id}, below vocab_n_tokens, as the file writes it. */
struct slice vocab_text(const struct vocab *v, uint32_t id);

/*
 * Does the engine put this token before every prompt, or behind it?  The id,
 * or VOCAB_ABSENT if it does not.
 */
int64_t vocab_bos(const struct vocab *v);
int64_t vocab_eos(const struct vocab *v);

/*
 * How long an unbroken run of one class of characters may be, in bytes,
 * before llama.cpp's tokenizer may crash on it (it runs std::regex, which
 * recurses for each character); 0: no such bound for this vocabulary.
 */
size_t vocab_poison_run(const struct vocab *v);
