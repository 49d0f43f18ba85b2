/*
 * Pre-tokenizers that llama.cpp runs as several regular expressions, one after
 * another: each is applied to every piece that the one before it left, its
 * matches and what lies between them are the next pieces.
 *
 * White space beyond ASCII is in none of their lists of characters, because
 * llama.cpp makes a control character of it first.  Until the summer of 2026
 * its "~" was no symbol; here it is one.
 */
#include "token/pre.h"
#include "token/scan.h"

typedef unsigned char byte;

/*
 * The end of a match at ${p}, or NULL; then *${next} is where the next one may
 * begin.
 */
struct pass {
	const byte *(*match)(const uint8_t *classes, const byte *p,
	    const byte *end, const byte **next);
};

enum { PASSES_MAX = 6 };

/* A run of characters, both ends included. */
struct range {
	uint32_t from, to;
};

static uint32_t
char_at(const byte *p, size_t n)
{
	static const byte lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t c = p[0] & lead[n];

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3fU);
	return c;
}

static bool
is_in(uint32_t c, const struct range *ranges, size_t n)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (c > ranges[middle].to)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && c >= ranges[low].from;
}

/* The run of characters of ${ranges} (or of all others) at ${p}. */
SCAN_INLINE const byte *
listed(const uint8_t *classes, const byte *p, const byte *end,
    const struct range *ranges, size_t n_ranges, bool others)
{
	size_t n;

	while (p < end && !(scan_class(classes, p, &n) & UCAT_SPACE) &&
	    is_in(char_at(p, n), ranges, n_ranges) != others)
		p += n;
	return p;
}

/* ${to}, if anything lies between, else none; on with the next character. */
static const byte *
match_or_next(const uint8_t *classes, const byte *from, const byte *least,
    const byte *to, const byte **next)
{
	size_t n;

	if (to > least)
		return to;
	(void)scan_class(classes, from, &n);
	*next = from + n;
	return NULL;
}

/* Behind a white space character at ${p}, if one is there: `\s?`. */
static const byte *
after_space(const uint8_t *classes, const byte *p, const byte *end)
{
	size_t n;

	return p < end && scan_class(classes, p, &n) & UCAT_SPACE ? p + n : p;
}

/* `\p{N}{1,3}` */
static const byte *
up_to_three_digits(
    const uint8_t *classes, const byte *p, const byte *end, const byte **next)
{
	const byte *q = p;
	size_t n;

	for (int i = 0; i < 3 && q < end; i++) {
		if (!(scan_class(classes, q, &n) & UCAT_NUMBER))
			break;
		q += n;
	}
	return match_or_next(classes, p, p, q, next);
}

/* `\p{N}` */
static const byte *
one_digit(
    const uint8_t *classes, const byte *p, const byte *end, const byte **next)
{
	size_t n;
	bool is = scan_class(classes, p, &n) & UCAT_NUMBER;

	return match_or_next(classes, p, p, is ? p + n : p, next);
}

/* `\p{N}+` */
static const byte *
all_digits(
    const uint8_t *classes, const byte *p, const byte *end, const byte **next)
{
	return match_or_next(
	    classes, p, p, scan_run(classes, p, end, UCAT_NUMBER), next);
}

/* `[0-9][0-9][0-9]` */
static const byte *
three_ascii_digits(
    const uint8_t *classes, const byte *p, const byte *end, const byte **next)
{
	bool is = end - p >= 3;

	for (int i = 0; is && i < 3; i++)
		is = p[i] >= '0' && p[i] <= '9';
	return match_or_next(classes, p, p, is ? p + 3 : p, next);
}

/* `[一-龥぀-ゟ゠-ヿ]+` */
static const byte *
han_and_kana(
    const uint8_t *classes, const byte *p, const byte *end, const byte **next)
{
	static const struct range set[] = {{0x3040, 0x30ff}, {0x4e00, 0x9fa5}};

	return match_or_next(
	    classes, p, p, listed(classes, p, end, set, 2, false), next);
}

/* `[一-龥ࠀ-一가-퟿]+` */
static const byte *
beyond_western(
    const uint8_t *classes, const byte *p, const byte *end, const byte **next)
{
	static const struct range set[] = {{0x0800, 0x9fa5}, {0xac00, 0xd7ff}};

	return match_or_next(
	    classes, p, p, listed(classes, p, end, set, 2, false), next);
}

static bool
is_sign(const uint8_t *classes, const byte *p, size_t *n)
{
	return scan_class(classes, p, n) & (UCAT_PUNCTUATION | UCAT_SYMBOL);
}

/* The last regular expression of deepseek-v3. */
static const byte *
deepseek_word(
    const uint8_t *classes, const byte *p, const byte *end, const byte **next)
{
	unsigned letters = UCAT_LETTER | UCAT_MARK, class;
	const byte *q = p;
	size_t n, k;

	/* `[!-/:-@[-`{-~][A-Za-z]+` */
	class = scan_class(classes, p, &n);
	if (*p < 0x80 && class & (UCAT_PUNCTUATION | UCAT_SYMBOL)) {
		for (q = p + 1;
		     q < end && *q < 0x80 && classes[*q] & UCAT_LETTER;)
			q++;
		if (q > p + 1)
			return q;
	}
	/* `[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+` */
	if (class & letters)
		return scan_letters(classes, p, end, letters);
	if (!is_sign(classes, p, &k) && *p != '\r' && *p != '\n' &&
	    p + n < end && scan_class(classes, p + n, &k) & letters)
		return scan_letters(classes, p + n, end, letters);
	/* ` ?[\p{P}\p{S}]+[\r\n]*` */
	q = *p == ' ' && p + 1 < end ? p + 1 : p;
	if (is_sign(classes, q, &k)) {
		while (q < end && is_sign(classes, q, &k))
			q += k;
		return scan_line_ends(q, end, false);
	}
	if (class & UCAT_SPACE)
		return scan_space(classes, p, end, true);
	*next = p + n;
	return NULL;
}

/* `[\r\n]` */
static const byte *
line_end(
    const uint8_t *classes, const byte *p, const byte *end, const byte **next)
{
	bool is = *p == '\n' || *p == '\r';

	return match_or_next(classes, p, p, is ? p + 1 : p, next);
}

/* `\s?\p{L}+` */
static const byte *
space_letters(
    const uint8_t *classes, const byte *p, const byte *end, const byte **next)
{
	const byte *q = after_space(classes, p, end);

	return match_or_next(
	    classes, p, q, scan_letters(classes, q, end, UCAT_LETTER), next);
}

/* `\s?\p{P}+` */
static const byte *
space_punctuation(
    const uint8_t *classes, const byte *p, const byte *end, const byte **next)
{
	const byte *q = after_space(classes, p, end);

	return match_or_next(
	    classes, p, q, scan_run(classes, q, end, UCAT_PUNCTUATION), next);
}

/* `\s?[A-Za-zµÀ-ÖØ-ö...]+`: the letters that have a case */
static const byte *
space_cased(
    const uint8_t *classes, const byte *p, const byte *end, const byte **next)
{
	static const struct range set[] = {{'A', 'Z'}, {'a', 'z'}, {0xb5, 0xb5},
	    {0xc0, 0xd6}, {0xd8, 0xf6}, {0xf8, 0x1ba}, {0x1bc, 0x1bf},
	    {0x1c4, 0x293}, {0x295, 0x2af}, {0x370, 0x373}, {0x376, 0x377},
	    {0x37b, 0x37d}, {0x37f, 0x37f}, {0x386, 0x386}, {0x388, 0x38a},
	    {0x38c, 0x38c}, {0x38e, 0x3a1}, {0x3a3, 0x3f5}, {0x3f7, 0x481},
	    {0x48a, 0x52f}, {0x531, 0x556}, {0x10a0, 0x10c5}, {0x13a0, 0x13f5},
	    {0x13f8, 0x13fd}, {0x1c90, 0x1cba}, {0x1cbd, 0x1cbf},
	    {0x1d00, 0x1d2b}, {0x1d6b, 0x1d77}, {0x1d79, 0x1d9a},
	    {0x1e00, 0x1f15}, {0x1f18, 0x1f1d}, {0x1f20, 0x1f45},
	    {0x1f48, 0x1f4d}, {0x1f50, 0x1f57}, {0x1f59, 0x1f59},
	    {0x1f5b, 0x1f5b}, {0x1f5d, 0x1f5d}, {0x1f5f, 0x1f7d},
	    {0x1f80, 0x1fb4}, {0x1fb6, 0x1fbc}, {0x1fbe, 0x1fbe},
	    {0x1fc2, 0x1fc4}, {0x1fc6, 0x1fcc}, {0x1fd0, 0x1fd3},
	    {0x1fd6, 0x1fdb}, {0x1fe0, 0x1fec}, {0x1ff2, 0x1ff4},
	    {0x1ff6, 0x1ffc}, {0x2102, 0x2102}, {0x2107, 0x2107},
	    {0x210a, 0x2113}, {0x2115, 0x2115}, {0x2119, 0x211d},
	    {0x2124, 0x2124}, {0x2126, 0x2126}, {0x2128, 0x2128},
	    {0x212a, 0x212d}, {0x212f, 0x2134}, {0x2139, 0x2139},
	    {0x213c, 0x213f}, {0x2145, 0x2149}, {0x214e, 0x214e},
	    {0x2183, 0x2184}, {0x2c00, 0x2c7b}, {0x2c7e, 0x2ce4},
	    {0x2ceb, 0x2cee}, {0x2cf2, 0x2cf3}, {0xa640, 0xa66d},
	    {0xa680, 0xa69b}, {0xa722, 0xa76f}, {0xa771, 0xa787},
	    {0xa78b, 0xa78e}, {0xab70, 0xabbf}, {0xfb00, 0xfb06},
	    {0xfb13, 0xfb17}, {0xff21, 0xff3a}, {0xff41, 0xff5a},
	    {0x10400, 0x1044f}, {0x104b0, 0x104d3}, {0x104d8, 0x104fb},
	    {0x10c80, 0x10cb2}, {0x10cc0, 0x10cf2}, {0x118a0, 0x118df},
	    {0x1e900, 0x1e943}};
	const byte *q = after_space(classes, p, end);

	return match_or_next(classes, p, q,
	    listed(classes, q, end, set, sizeof set / sizeof set[0], false),
	    next);
}

/* `\s?[!-/:-~！-／：-～‘-‟　-。]+` */
static const byte *
space_signs(
    const uint8_t *classes, const byte *p, const byte *end, const byte **next)
{
	static const struct range set[] = {{'!', '/'}, {':', '~'},
	    {0x2018, 0x201f}, {0x3000, 0x3002}, {0xff01, 0xff0f},
	    {0xff1a, 0xff5e}};
	const byte *q = after_space(classes, p, end);

	return match_or_next(
	    classes, p, q, listed(classes, q, end, set, 6, false), next);
}

/* `\s+$` */
static const byte *
space_at_end(
    const uint8_t *classes, const byte *p, const byte *end, const byte **next)
{
	const byte *q = scan_run(classes, p, end, UCAT_SPACE);

	if (q == end)
		return q;
	return match_or_next(classes, q, q, q, next);
}

/* `[\p{P}$+<=>^~|`]+`, the last one only where ${backtick} */
SCAN_INLINE const byte *
signs(const uint8_t *classes, const byte *p, const byte *end, bool backtick,
    const byte **next)
{
	const byte *q = p;
	size_t n;

	while (q < end &&
	    (scan_class(classes, q, &n) & UCAT_PUNCTUATION ||
		(*q < 0x80 && classes[*q] & UCAT_SYMBOL &&
		    (backtick || *q != '`'))))
		q += n;
	return match_or_next(classes, p, p, q, next);
}

static const byte *
falcon_signs(
    const uint8_t *classes, const byte *p, const byte *end, const byte **next)
{
	return signs(classes, p, end, true, next);
}

static const byte *
default_signs(
    const uint8_t *classes, const byte *p, const byte *end, const byte **next)
{
	return signs(classes, p, end, false, next);
}

/* ` ?[^(\s|.,!?…。，、।۔،)]+` */
static const byte *
bloom_word(
    const uint8_t *classes, const byte *p, const byte *end, const byte **next)
{
	static const struct range set[] = {{'!', '!'}, {'(', ')'}, {',', ','},
	    {'.', '.'}, {'?', '?'}, {'|', '|'}, {0x60c, 0x60c}, {0x6d4, 0x6d4},
	    {0x964, 0x964}, {0x2026, 0x2026}, {0x3001, 0x3002},
	    {0xff0c, 0xff0c}};
	const byte *q = *p == ' ' ? p + 1 : p;

	return match_or_next(classes, p, q,
	    listed(classes, q, end, set, sizeof set / sizeof set[0], true),
	    next);
}

static const byte *
gpt2_word(
    const uint8_t *classes, const byte *p, const byte *end, const byte **next)
{
	(void)next;
	return pre_gpt2_word(classes, p, end);
}

/* The piece from ${p} to ${end} through ${passes} and those behind. */
static void
split(struct bpe_run *r, const struct pass *passes, const byte *p,
    const byte *end)
{
	const byte *gap = p, *to, *next;

	if (passes->match == NULL) {
		bpe_word(r, p, (size_t)(end - p));
		return;
	}
	while (p < end) {
		to = passes->match(r->classes, p, end, &next);
		if (to == NULL) {
			p = next;
			continue;
		}
		if (p > gap)
			split(r, passes + 1, gap, p);
		split(r, passes + 1, p, to);
		p = gap = to;
	}
	if (end > gap)
		split(r, passes + 1, gap, end);
}

/* A splitter of these passes. */
#define SEQUENCE(name, ...)                                                    \
	static void split_##name(                                              \
	    struct bpe_run *r, const byte *p, const byte *end)                 \
	{                                                                      \
		static const struct pass passes[PASSES_MAX + 1] = {            \
		    __VA_ARGS__, {NULL}};                                      \
                                                                               \
		split(r, passes, p, end);                                      \
	}

SEQUENCE(deepseek_v3, {up_to_three_digits}, {han_and_kana}, {deepseek_word})
SEQUENCE(deepseek_coder, {line_end}, {space_letters}, {space_punctuation},
    {beyond_western}, {one_digit})
SEQUENCE(deepseek_llm, {line_end}, {space_cased}, {space_signs}, {space_at_end},
    {beyond_western}, {all_digits})
SEQUENCE(falcon, {falcon_signs}, {gpt2_word}, {three_ascii_digits})
SEQUENCE(
    default, {default_signs}, {gpt2_word}, {all_digits}, {three_ascii_digits})
SEQUENCE(bloom, {bloom_word})
SEQUENCE(viking, {bloom_word}, {one_digit})

const struct pre *
pre_sequences(size_t *n)
{
	enum { CUTS = CUT_SPACE | CUT_QUOTE | CUT_HAN };
	static const struct pre rows[] = {
	    {.names = "deepseek-v3 hunyuan-dense joyai-llm",
		.split = split_deepseek_v3,
		.cuts = CUTS | CUT_LINE,
		.is_regex = true},
	    {.names = "deepseek-coder",
		.split = split_deepseek_coder,
		.cuts = CUTS,
		.is_regex = true},
	    {.names = "deepseek-llm",
		.split = split_deepseek_llm,
		.cuts = CUTS,
		.is_regex = true},
	    {.names = "falcon",
		.split = split_falcon,
		.cuts = CUTS,
		.is_regex = true},
	    {.names = "default",
		.split = split_default,
		.cuts = CUTS,
		.is_regex = true},
	    {.names = "bloom poro-chat gpt3-finnish",
		.split = split_bloom,
		.cuts = CUT_SPACE,
		.is_regex = true},
	    {.names = "viking",
		.split = split_viking,
		.cuts = CUT_SPACE,
		.is_regex = true},
	};

	*n = sizeof rows / sizeof rows[0];
	return rows;
}
