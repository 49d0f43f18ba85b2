/*
 * From a source to a vocabulary: what is common to all kinds.  The defaults
 * and the corrections by text are those of llama_vocab::impl::load() in
 * llama.cpp's src/llama-vocab.cpp; its order is kept, because later ones
 * overwrite earlier ones.
 */
#include "token/kind.h"
#include <stdio.h>
#include <stdlib.h>

/* DeepSeek's U+FF5C and U+2581. */
#define BAR "\xef\xbd\x9c"
#define LOW "\xe2\x96\x81"

static uint8_t
attr_of(const struct vocab_source *src, size_t i)
{
	static const uint8_t attrs[] = {
	    [TOKEN_UNDEFINED] = 0,
	    [TOKEN_NORMAL] = ATTR_NORMAL,
	    [TOKEN_UNKNOWN] = ATTR_UNKNOWN,
	    [TOKEN_CONTROL] = ATTR_CONTROL,
	    [TOKEN_USER_DEFINED] = ATTR_USER_DEFINED,
	    [TOKEN_UNUSED] = ATTR_UNUSED,
	    [TOKEN_BYTE] = ATTR_BYTE,
	};
	int32_t type;

	if (src->types == NULL)
		return ATTR_NORMAL;
	type = src->types[i];
	return type < 0 || type > TOKEN_BYTE ? 0 : attrs[type];
}

/* An empty token gets the name that llama.cpp gives it. */
static struct slice
text_of(const struct vocab_source *src, size_t i, char spare[32])
{
	int n;

	if (src->tokens[i].n > 0)
		return src->tokens[i];
	n = snprintf(spare, 32, "[EMPTY_%zu]", i);
	return slice_of(spare, (size_t)n);
}

static enum err
add_texts(struct vocab *v, const struct vocab_source *src)
{
	uint64_t total = 0;
	char spare[32];

	for (size_t i = 0; i < src->n_tokens; i++) {
		struct slice s = text_of(src, i, spare);

		if (s.n > VOCAB_TEXT_MAX)
			return ERR_FULL;
		if (s.n > v->longest)
			v->longest = (uint32_t)s.n;
		total += s.n;
	}
	if (total > UINT32_MAX)
		return ERR_FULL;
	v->texts = malloc((size_t)total + 1);
	v->text_at = malloc((src->n_tokens + 1) * sizeof *v->text_at);
	v->attrs = malloc(src->n_tokens);
	if (v->texts == NULL || v->text_at == NULL || v->attrs == NULL)
		return ERR_NOMEM;
	v->text_at[0] = 0;
	for (size_t i = 0; i < src->n_tokens; i++) {
		struct slice s = text_of(src, i, spare);

		memcpy(v->texts + v->text_at[i], s.p, s.n);
		v->text_at[i + 1] = v->text_at[i] + (uint32_t)s.n;
		v->attrs[i] = attr_of(src, i);
	}
	v->n_tokens = (uint32_t)src->n_tokens;
	return OK;
}

static enum err
add_index(struct vocab *v)
{
	struct text_index *x = &v->index;

	x->n_slots = 64;
	while (x->n_slots < (size_t)v->n_tokens * 2)
		x->n_slots *= 2;
	x->slots = calloc(x->n_slots, sizeof *x->slots);
	if (x->slots == NULL)
		return ERR_NOMEM;
	for (uint32_t id = 0; id < v->n_tokens; id++) {
		struct slice text = vocab_token(v, id);
		size_t at = hash_bytes(x->key, text) & (x->n_slots - 1);

		for (; x->slots[at] != 0; at = (at + 1) & (x->n_slots - 1))
			if (slice_eq(vocab_token(v, x->slots[at] - 1), text))
				return ERR_SYNTAX; /* llama.cpp aborts on it */
		x->slots[at] = id + 1;
	}
	return OK;
}

static void
add_attr(struct vocab *v, const char *text, uint8_t attr)
{
	int32_t id = text_index_find(v, slice_str(text));

	if (id != VOCAB_ABSENT)
		v->attrs[id] |= attr;
}

static void
set_attr(struct vocab *v, const char *text, uint8_t attr)
{
	int32_t id = text_index_find(v, slice_str(text));

	if (id != VOCAB_ABSENT)
		v->attrs[id] = attr;
}

static bool
has(const struct vocab *v, const char *text)
{
	return text_index_find(v, slice_str(text)) != VOCAB_ABSENT;
}

/* Tokens that fill in the middle: the first of its names, if no id is given. */
static void
find_fim(struct vocab *v, const struct vocab_source *src)
{
	const struct {
		int64_t given;
		const char *names[8];
	} rows[] = {
	    {src->fim_pre,
		{"<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>",
		    ("<" BAR "fim" LOW "begin" BAR ">"), "<PRE>",
		    "\xe2\x96\x81<PRE>", "<|code_prefix|>", "<|prefix|>"}},
	    {src->fim_suf,
		{"<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>",
		    ("<" BAR "fim" LOW "hole" BAR ">"), "<SUF>",
		    "\xe2\x96\x81<SUF>", "<|code_suffix|>", "<|suffix|>"}},
	    {src->fim_mid,
		{"<|fim_middle|>", "<fim-middle>", "<fim_middle>",
		    ("<" BAR "fim" LOW "end" BAR ">"), "<MID>",
		    "\xe2\x96\x81<MID>", "<|code_middle|>", "<|middle|>"}},
	    {src->fim_pad,
		{"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"}},
	    {src->fim_rep,
		{"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>",
		    "<reponame>"}},
	    {src->fim_sep, {"<|file_sep|>"}},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (rows[i].given >= 0 && rows[i].given < v->n_tokens)
			continue;
		for (size_t k = 0; k < 8 && rows[i].names[k] != NULL; k++)
			if (has(v, rows[i].names[k])) {
				add_attr(v, rows[i].names[k], ATTR_CONTROL);
				break;
			}
	}
}

/* Tokens that look like control tokens are, whatever the file says. */
static void
correct_by_text(struct vocab *v, const struct vocab_source *src)
{
	static const char *const ends[] = {"<|eot_id|>", "<|im_end|>",
	    "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>",
	    "<end_of_turn>", "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>",
	    "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>", "<end_of_utterance>",
	    "<eos>", "<turn|>", "<|tool_response>",
	    ("<" BAR "end" LOW "of" LOW "sentence" BAR ">"), "[e~[",
	    "<|content_model_end_sampling|>"};
	static const char *const shown[] = {
	    "<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"};
	bool has_call = has(v, "<|call|>") || has(v, "<|calls|>");

	find_fim(v, src);
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
		add_attr(v, ends[i], ATTR_CONTROL);
	for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
		set_attr(v, shown[i], ATTR_USER_DEFINED);
	if (has_call && (has(v, "<|return|>") || has(v, "<|flush|>")))
		set_attr(v, "<|end|>", ATTR_USER_DEFINED);
	if (has(v, "<|tool_response>"))
		set_attr(v, "</s>", ATTR_NORMAL);
}

static bool
contains(struct slice s, const char *needle)
{
	char low[256];
	size_t n = s.n < sizeof low ? s.n : sizeof low;

	for (size_t i = 0; i < n; i++)
		low[i] = s.p[i] >= 'A' && s.p[i] <= 'Z'
		    ? (char)(s.p[i] + ('a' - 'A'))
		    : s.p[i];
	return slice_has(slice_of(low, n), slice_str(needle));
}

/*
 * White space that special tokens eat.  No file tells it; llama.cpp goes by
 * the model's name, and where that is not known (/api/show hides it) we go by
 * the architecture.
 */
static void
correct_strips(struct vocab *v, const struct vocab_source *src)
{
	bool is_phi = src->name.n > 0
	    ? contains(src->name, "phi-3") || contains(src->name, "phi3")
	    : slice_is(src->arch, "phi3");
	uint8_t special = ATTR_CONTROL | ATTR_USER_DEFINED | ATTR_UNKNOWN;

	if (contains(src->pre, "jina-v2-de") ||
	    contains(src->pre, "jina-v2-es") ||
	    contains(src->pre, "jina-v2-code") ||
	    contains(src->arch, "nomic-bert-moe") ||
	    contains(src->arch, "jina-bert-v3")) {
		add_attr(v, "<mask>", ATTR_LSTRIP);
	} else if (is_phi) {
		static const char *const plain[] = {
		    "<unk>", "<s>", "<|endoftext|>"};

		for (uint32_t id = 0; id < v->n_tokens; id++)
			if (v->attrs[id] & special)
				v->attrs[id] |= ATTR_RSTRIP;
		add_attr(v, "</s>", ATTR_RSTRIP);
		for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
			int32_t id = text_index_find(v, slice_str(plain[i]));

			if (id != VOCAB_ABSENT)
				v->attrs[id] &= (uint8_t)~ATTR_RSTRIP;
		}
	} else if (contains(src->name, "modern-bert")) {
		add_attr(v, "[MASK]", ATTR_LSTRIP);
	}
}

/* ${given} if it is a token, else ${otherwise}. */
static int32_t
id_or(const struct vocab *v, int64_t given, int32_t otherwise)
{
	return given >= 0 && given < v->n_tokens ? (int32_t)given : otherwise;
}

static bool
flag_or(enum vocab_flag given, bool otherwise)
{
	return given == VOCAB_DEFAULT ? otherwise : given == VOCAB_ON;
}

/* What holds where neither the kind nor the file says otherwise. */
static void
set_defaults(struct vocab *v, enum vocab_kind kind)
{
	static const struct {
		int8_t bos, eos, unk, sep;
		bool add_bos, add_eos, add_sep, space_prefix;
	} rows[VOCAB_KINDS] = {
	    [VOCAB_BPE] = {11, 11, -1, -1, false, false, false, false},
	    [VOCAB_SPM] = {1, 2, 0, -1, true, false, false, true},
	    [VOCAB_WORDPIECE] = {101, -1, 100, 102, true, false, true, false},
	    [VOCAB_UNIGRAM] = {-1, 1, 2, -1, false, true, false, false},
	    [VOCAB_GEMMA4] = {-1, -1, -1, -1, true, false, false, false},
	};

	v->bos = rows[kind].bos;
	v->eos = rows[kind].eos;
	v->unk = rows[kind].unk;
	v->sep = rows[kind].sep;
	v->add_bos = rows[kind].add_bos;
	v->add_eos = rows[kind].add_eos;
	v->add_sep = rows[kind].add_sep;
	v->add_space_prefix = rows[kind].space_prefix;
	v->lowercase = true;
}

static void
set_given(struct vocab *v, const struct vocab_source *src)
{
	v->bos = id_or(v, src->bos, v->bos);
	v->eos = id_or(v, src->eos, v->eos);
	v->unk = id_or(v, src->unk, v->unk);
	v->sep = id_or(v, src->sep, v->sep);
	v->add_bos = flag_or(src->add_bos, v->add_bos);
	v->add_eos = flag_or(src->add_eos, v->add_eos);
	v->add_sep = flag_or(src->add_sep, v->add_sep);
	v->add_space_prefix =
	    flag_or(src->add_space_prefix, v->add_space_prefix);
	v->remove_extra_whitespaces =
	    flag_or(src->remove_extra_whitespaces, v->remove_extra_whitespaces);
	v->lowercase = flag_or(src->lowercase, v->lowercase);
	v->strip_accents = flag_or(src->strip_accents, v->lowercase);
	if (v->kind->kind == VOCAB_WORDPIECE) { /* [CLS] and [SEP], always */
		v->add_bos = v->add_eos = true;
		v->eos = v->sep;
	}
	if (v->kind->kind == VOCAB_GEMMA4)
		v->add_bos = true;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* U+4E00-9FA5 at ${p}, of which ${n} bytes are there? */
static bool
is_han(const char *p, size_t n)
{
	const unsigned char *u = (const unsigned char *)p;

	return n >= 3 && u[0] >= 0xe4 && u[0] <= 0xe9;
}

/* The cuts that would go through the special token ${s}. */
static unsigned
cuts_inside(struct slice s, uint8_t attr)
{
	unsigned cuts = 0;

	for (size_t i = 0; i + 1 < s.n; i++) {
		char a = s.p[i], b = s.p[i + 1];

		if (is_letter(a) && b == ' ')
			cuts |= CUT_SPACE;
		if (is_letter(a) && b == '"')
			cuts |= CUT_QUOTE;
		if (a == '\n')
			cuts |= CUT_LINE;
		if (is_han(s.p + i, s.n - i))
			cuts |= CUT_HAN;
	}
	/* What it eats must not lie on the other side of a cut. */
	if (attr & ATTR_LSTRIP && !(s.p[0] == '<' || s.p[0] == '['))
		cuts = ~0U;
	if (attr & ATTR_RSTRIP && s.p[s.n - 1] != '>')
		cuts = ~0U;
	return cuts;
}

static void
limit_cuts(struct vocab *v)
{
	uint8_t special = ATTR_CONTROL | ATTR_USER_DEFINED | ATTR_UNKNOWN;

	for (uint32_t id = 0; id < v->n_tokens; id++)
		if (v->attrs[id] & special)
			v->cuts &=
			    ~cuts_inside(vocab_token(v, id), v->attrs[id]);
}

enum err
vocab_build(struct vocab *v, const struct vocab_source *src)
{
	const struct kind *kind = kind_find(src->model);
	enum err e;

	if (kind == NULL)
		return ERR_VOCAB_UNKNOWN;
	if (src->n_tokens == 0)
		return ERR_SYNTAX;
	if (src->charsmap_base64.n > 0 && kind->kind == VOCAB_UNIGRAM)
		return ERR_SYNTAX; /* llama.cpp aborts on it */
	if (src->n_tokens > VOCAB_TOKENS_MAX ||
	    src->n_merges > VOCAB_MERGES_MAX || src->pre.n > 64)
		return ERR_FULL;
	if ((e = add_texts(v, src)) != OK || (e = add_index(v)) != OK)
		return e;
	v->pre = strndup(src->pre.n ? src->pre.p : "", src->pre.n);
	if (v->pre == NULL)
		return ERR_NOMEM;
	if (src->scores != NULL) {
		v->scores = malloc(v->n_tokens * sizeof *v->scores);
		if (v->scores == NULL)
			return ERR_NOMEM;
		memcpy(v->scores, src->scores, v->n_tokens * sizeof *v->scores);
	}
	v->kind = kind;
	set_defaults(v, kind->kind);
	if ((e = kind->build(v, src)) != OK)
		return e;
	set_given(v, src);
	correct_by_text(v, src);
	correct_strips(v, src);
	if (kind->settle != NULL && (e = kind->settle(v)) != OK)
		return e;
	limit_cuts(v);
	if ((v->add_bos && v->bos < 0) || (v->add_eos && v->eos < 0))
		return ERR_SYNTAX; /* llama.cpp aborts on it */
	return specials_build(v);
}
