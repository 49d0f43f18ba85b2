/*
 * The pre-tokenizers that differ by rules only: those after GPT-4's regex and
 * those after GPT-2's.  Names, rules and peculiarities are llama.cpp's
 * (llama-vocab.cpp, unicode.cpp): where it departs from the model's own
 * tokenizer we do too.
 */
#include "token/pre.h"
#include "token/scan.h"

/* What tells the pre-tokenizers of GPT-4's family from each other. */
struct rules {
	bool leading;	 /* contractions are words of their own: 's 're ... */
	bool trailing;	 /* contractions end the words before them */
	bool cased;	 /* a word ends where capitals begin */
	bool marks;	 /* combining marks are letters */
	bool slashes;	 /* signs are followed by line ends and slashes */
	unsigned digits; /* at most so many in a row, 1 or 3 */
};

/*
 * `((?=\p{L})[^a-z])*((?=\p{L})[^A-Z])+`, and where that fails
 * `((?=\p{L})[^a-z])+((?=\p{L})[^A-Z])*`: capitals, then small letters.  A
 * letter that is not ASCII is both.  ${p} is a letter.
 */
SCAN_INLINE const unsigned char *
cased_word(const uint8_t *classes, const unsigned char *p,
    const unsigned char *end, unsigned letters)
{
	const unsigned char *both = NULL; /* behind the last such letter */
	size_t n;

	while (p < end && !(*p >= 'a' && *p <= 'z') &&
	    scan_class(classes, p, &n) & letters) {
		if (n > 1)
			both = p + n;
		p += n;
	}
	if (p == end || !(*p >= 'a' && *p <= 'z'))
		return both != NULL ? both : p;
	while (p < end && !(*p >= 'A' && *p <= 'Z') &&
	    scan_class(classes, p, &n) & letters)
		p += n;
	return p;
}

SCAN_INLINE const unsigned char *
letters_word(struct rules u, const uint8_t *classes, const unsigned char *p,
    const unsigned char *end)
{
	unsigned letters = UCAT_LETTER | (u.marks ? UCAT_MARK : 0);

	if (u.cased)
		p = cased_word(classes, p, end, letters);
	else
		p = scan_letters(classes, p, end, letters);
	if (u.trailing && p < end && *p == '\'')
		p += scan_contraction(p, end, true);
	return p;
}

/* The end of the word that begins at ${p}. */
SCAN_INLINE const unsigned char *
gpt4_word(struct rules u, const uint8_t *classes, const unsigned char *p,
    const unsigned char *end)
{
	unsigned letters = UCAT_LETTER | (u.marks ? UCAT_MARK : 0);
	unsigned words = letters | UCAT_NUMBER | UCAT_SPACE;
	size_t n, next;
	unsigned class = scan_class(classes, p, &n);

	if (u.leading && *p == '\'') {
		size_t k = scan_contraction(p, end, true);

		if (k > 0)
			return p + k;
	}
	if (class & letters)
		return letters_word(u, classes, p, end);
	if (class & UCAT_NUMBER) {
		for (unsigned k = 0; k < u.digits && p < end &&
		     scan_class(classes, p, &n) & UCAT_NUMBER;
		     k++)
			p += n;
		return p;
	}
	if (p + n < end && *p != '\n' && *p != '\r' &&
	    scan_class(classes, p + n, &next) & letters)
		return letters_word(u, classes, p + n, end);
	if (*p == ' ' && p + 1 < end &&
	    !(scan_class(classes, p + 1, &next) & words))
		p++;
	else if (class & UCAT_SPACE)
		return scan_space(classes, p, end, true);
	return scan_line_ends(
	    scan_until(classes, p, end, words), end, u.slashes);
}

/*
 * Most of what people write: up to 15 bytes of ASCII letters, perhaps behind
 * one other character.  The length of such a word at ${p}, or 0: look closer.
 */
SCAN_INLINE size_t
quick_word(struct rules u, const uint8_t *classes, const unsigned char *p,
    const unsigned char *end)
{
#if TOKEN_SIMD
	unsigned k, letters, first = !(classes[*p] & UCAT_LETTER);

	if (*p >= 0x80 || *p == '\n' || *p == '\r' || *p == '\'' ||
	    classes[*p] & UCAT_NUMBER)
		return 0;
	letters = simd_letters(p + first);
	k = (unsigned)__builtin_ctz(~letters);
	if (k == 0 || first + k > WORD_MAX || p + first + k >= end ||
	    p[first + k] >= 0x80)
		return 0;
	if (u.cased) {
		/* one capital at most, and that in front */
		unsigned small = simd_small(p + first) | 1;

		if ((small & ((1U << k) - 1)) != (1U << k) - 1)
			return 0;
	}
	if (u.trailing && p[first + k] == '\'')
		return 0;
	return first + k;
#else
	return 0;
#endif
}

SCAN_INLINE void
gpt4_split(struct bpe_run *r, struct rules u, const unsigned char *p,
    const unsigned char *end)
{
	const uint8_t *classes = r->classes;

	while (p < end) {
		const unsigned char *from = p;
		/* Where it is short to look closer, only behind a space. */
		size_t n =
		    u.cased || *p == ' ' ? quick_word(u, classes, p, end) : 0;

		p = n > 0 ? p + n : gpt4_word(u, classes, p, end);
		bpe_word(r, from, (size_t)(p - from));
	}
}

/* `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)` */
SCAN_INLINE const unsigned char *
gpt2_word(const uint8_t *classes, const unsigned char *p,
    const unsigned char *end, bool single_digits)
{
	unsigned words = UCAT_LETTER | UCAT_NUMBER | UCAT_SPACE;
	const unsigned char *q;
	unsigned class;
	size_t n;

	if (*p == '\'' && (n = scan_contraction(p, end, false)) > 0)
		return p + n;
	q = *p == ' ' && p + 1 < end ? p + 1 : p;
	class = scan_class(classes, q, &n);
	if (class & UCAT_LETTER)
		return scan_letters(classes, q, end, UCAT_LETTER);
	if (class & UCAT_NUMBER)
		return single_digits ? q + n
				     : scan_run(classes, q, end, UCAT_NUMBER);
	if (!(class & UCAT_SPACE))
		return scan_until(classes, q, end, words);
	return scan_space(classes, p, end, false);
}

const unsigned char *
pre_gpt2_word(
    const uint8_t *classes, const unsigned char *p, const unsigned char *end)
{
	return gpt2_word(classes, p, end, false);
}

static void
split_gpt2(struct bpe_run *r, const unsigned char *p, const unsigned char *end)
{
	const uint8_t *classes = r->classes;

	while (p < end) {
		const unsigned char *from = p;

		p = gpt2_word(classes, p, end, false);
		bpe_word(r, from, (size_t)(p - from));
	}
}

/* As above, but each digit was cut out before: `\p{N}` first. */
static void
split_single_digits(
    struct bpe_run *r, const unsigned char *p, const unsigned char *end)
{
	const uint8_t *classes = r->classes;

	while (p < end) {
		/* Up to the next digit, as if the text ended there. */
		const unsigned char *stop =
		    scan_until(classes, p, end, UCAT_NUMBER);
		size_t n;

		while (p < stop) {
			const unsigned char *from = p;

			p = gpt2_word(classes, p, stop, true);
			bpe_word(r, from, (size_t)(p - from));
		}
		if (p < end) {
			(void)scan_class(classes, p, &n);
			bpe_word(r, p, n);
			p += n;
		}
	}
}

static void
split_llama3(
    struct bpe_run *r, const unsigned char *p, const unsigned char *end)
{
	gpt4_split(r, (struct rules){.leading = true, .digits = 3}, p, end);
}

static void
split_qwen2(struct bpe_run *r, const unsigned char *p, const unsigned char *end)
{
	gpt4_split(r, (struct rules){.leading = true, .digits = 1}, p, end);
}

static void
split_qwen35(
    struct bpe_run *r, const unsigned char *p, const unsigned char *end)
{
	gpt4_split(r,
	    (struct rules){.leading = true, .marks = true, .digits = 1}, p,
	    end);
}

static void
split_gpt4o(struct bpe_run *r, const unsigned char *p, const unsigned char *end)
{
	gpt4_split(r,
	    (struct rules){
		.trailing = true, .cased = true, .slashes = true, .digits = 3},
	    p, end);
}

static void
split_tekken(
    struct bpe_run *r, const unsigned char *p, const unsigned char *end)
{
	gpt4_split(r,
	    (struct rules){.cased = true, .slashes = true, .digits = 1}, p,
	    end);
}

enum {
	CUTS_GPT2 = CUT_SPACE | CUT_QUOTE | CUT_HAN,
	CUTS_GPT4 = CUTS_GPT2 | CUT_LINE
};

static const struct pre rows[] = {
    {.names = "llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 "
	      "lfm2 jina-v5-nano",
	.split = split_llama3,
	.cuts = CUTS_GPT4,
	.ignore_merges = true,
	.add_bos = true},
    {.names = "dbrx smaug-bpe", .split = split_llama3, .cuts = CUTS_GPT4},
    {.names = "glm4 chatglm-bpe",
	.split = split_llama3,
	.cuts = CUTS_GPT4,
	.no_bos = true},
    {.names = "qwen2 deepseek-r1-qwen kormo f2llmv2 megrez stablelm2 hunyuan "
	      "solar-open grok-2",
	.split = split_qwen2,
	.cuts = CUTS_GPT4},
    {.names = "qwen35", .split = split_qwen35, .cuts = CUTS_GPT4},
    {.names = "gpt-4o llama4 kanana2 talkie minimax-m2",
	.split = split_gpt4o,
	.cuts = CUTS_GPT4,
	.is_regex = true},
    {.names = "tekken",
	.split = split_tekken,
	.cuts = CUTS_GPT4,
	.ignore_merges = true,
	.add_bos = true,
	.is_regex = true},
    {.names = "gpt-2 phi-2 jina-es jina-de gigachat jina-v2-es jina-v2-de "
	      "a.x-4.0 mellum modern-bert jina-v1-en jina-v2-code "
	      "roberta-bpe exaone4 mpt olmo jais trillion granite-docling",
	.split = split_gpt2,
	.cuts = CUTS_GPT2},
    {.names = "starcoder refact command-r smollm codeshell exaone minerva-7b "
	      "mellum2",
	.split = split_single_digits,
	.cuts = CUTS_GPT2},
};

/* Is ${name} one of the words of ${names}? */
static bool
is_among(struct slice name, const char *names)
{
	struct slice rest = slice_str(names);

	while (rest.n > 0)
		if (slice_eq(slice_cut(&rest, ' '), name))
			return true;
	return false;
}

const struct pre *
pre_find(struct slice name)
{
	size_t n;
	const struct pre *others = pre_sequences(&n);

	if (name.n == 0)
		name = slice_str("default");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (is_among(name, rows[i].names))
			return &rows[i];
	for (size_t i = 0; i < n; i++)
		if (is_among(name, others[i].names))
			return &others[i];
	return NULL;
}
