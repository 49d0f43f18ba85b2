/*
 * Counting: what is remembered never changes a count; chunks end where no
 * token can cross; texts, digests and classes of characters by their
 * definitions.
 */
#include "token/chunk.h"
#include "token/digest.h"
#include "token/kind.h"
#include "token/text.h"
#include "token/ucat.h"
#include "small.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static uint64_t seed;

static uint32_t
draw(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % below);
}

static struct small *
english(const char *pre)
{
	static const char *const merges[] = {"t h", "th e", "\xc4\xa0 the",
	    "i n", "e r", "a n", "an d", "\xc4\xa0 and", "\xc4\xa0 a", "e s",
	    "\" a", "\xe4\xb8 \xad", "\xc4\xa0 \xc4\xa0", "\xc4\x8a \xc4\x8a",
	    "o \xc4\xa0"};
	struct small *s = malloc(sizeof *s);

	assert_non_null(s);
	small_init(s, pre);
	for (size_t i = 0; i < sizeof merges / sizeof merges[0]; i++)
		small_merge(s, merges[i]);
	small_token(s, "<|end|>", TOKEN_CONTROL);
	small_token(s, "<|e", TOKEN_USER_DEFINED);
	return s;
}

/* Text with all that decides where a chunk may end. */
static size_t
draw_text(char *out, size_t max)
{
	static const char *const bits[] = {" the", " and", "the ", "in", "\n",
	    "\n\n", "  ", " ", "\"", "\"a", "er\"", "12", "A",
	    "x\"y\": ", "<|end|>", "<|e", "\xe4\xb8\xad\xe6\x96\x87",
	    "\xe3\x80\x82", "\xef\xbc\x8c", "\xc3\xa9", ".", "'s", "\r\n", "\t",
	    "\xff", "o"};
	size_t n = 0;

	for (;;) {
		const char *s = bits[draw(sizeof bits / sizeof bits[0])];

		if (n + strlen(s) > max)
			return n;
		memcpy(out + n, s, strlen(s));
		n += strlen(s);
	}
}

static const char *const pres[] = {"llama-bpe", "qwen2", "qwen35", "gpt-4o",
    "tekken", "deepseek-v3", "deepseek-coder", "deepseek-llm", "gpt-2",
    "starcoder", "falcon", "default", "bloom", "viking"};

/* Ids are made of the whole text at once, counts chunk by chunk. */
static void
test_chunks_add_up(void **state)
{
	enum { N = 20000 };
	static char text[N];

	for (size_t i = 0; i < sizeof pres / sizeof pres[0]; i++) {
		struct small *s = english(pres[i]);
		struct counter *c;

		s->source.add_bos = VOCAB_OFF;
		c = small_counter(s);
		for (unsigned round = 0; round < 6; round++) {
			size_t n = draw_text(text, N - draw(N / 2));
			unsigned how = round & COUNT_AS_ENGINE;
			uint64_t whole, parts, again;

			assert_int_equal(count_ids(c, slice_of(text, n), how,
					     NULL, 0, &whole),
			    OK);
			assert_int_equal(
			    count_text(c, slice_of(text, n), how, &parts), OK);
			assert_int_equal(
			    count_text(c, slice_of(text, n), how, &again), OK);
			if (parts != whole || again != whole)
				fail_msg("%s: %llu, %llu, %llu", pres[i],
				    (unsigned long long)whole,
				    (unsigned long long)parts,
				    (unsigned long long)again);
		}
		counter_free(c);
		free(s);
	}
}

/* A text that grows keeps its chunks. */
static void
test_growing_texts_keep_their_chunks(void **state)
{
	enum { N = 60000 };
	static char text[N];
	size_t n = draw_text(text, N), at = 0, same = 0;
	unsigned cuts = CUT_SPACE | CUT_QUOTE | CUT_LINE | CUT_HAN;

	while (at < n / 2) {
		struct slice a = chunk_next(slice_of(text + at, n - at), cuts);
		struct slice b =
		    chunk_next(slice_of(text + at, n / 2 - at), cuts);

		assert_true(a.n > 0 && a.p == text + at);
		if (a.n != b.n)
			break;
		at += a.n;
		same++;
	}
	assert_true(same >= N / 2 / CHUNK_LEAST / 4);
}

static void
test_cuts(void **state)
{
	static const struct {
		unsigned cuts;
		const char *left, *right;
		bool is_cut;
	} rows[] = {
	    {CUT_SPACE, "a", " b", true},
	    {CUT_SPACE, "a", "  b", false},
	    {CUT_SPACE, ".", " b", false},
	    {CUT_SPACE, "a", " 1", false},
	    {CUT_QUOTE, "a", " b", false},
	    {CUT_QUOTE, "a", "\"b", true},
	    {CUT_QUOTE, "1", "\"b", false},
	    {CUT_LINE, "\n", "b", true},
	    {CUT_LINE, "\n", "1", true},
	    {CUT_LINE, "\n", "/", false},
	    {CUT_LINE, "\n", "\n", false},
	    {CUT_HAN, "\xe4\xb8\xad", "\xe3\x80\x82\xe4\xb8\xad", true},
	    {CUT_HAN, "\xe4\xb8\xad", "\xef\xbc\x8c\xe4\xb8\xad", true},
	    {CUT_HAN, "\xe4\xb8\xad", "\xe3\x80\x82", false},
	    {CUT_HAN, "\xe3\x81\x82", "\xe3\x80\x82\xe4\xb8\xad", false},
	    {0, "a", " b", false},
	};
	static char text[CHUNK_LEAST + 16];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t l = strlen(rows[i].left), r = strlen(rows[i].right);
		struct slice whole, chunk;

		memset(text, '.', sizeof text);
		memcpy(text + CHUNK_LEAST - l, rows[i].left, l);
		memcpy(text + CHUNK_LEAST, rows[i].right, r);
		whole = slice_of(text, CHUNK_LEAST + r);
		chunk = chunk_next(whole, rows[i].cuts);
		if ((chunk.n == CHUNK_LEAST) != rows[i].is_cut)
			fail_msg("row %zu: chunk of %zu", i, chunk.n);
		assert_true(rows[i].is_cut || chunk.n == whole.n);
	}
}

/* A special token that spans a cut takes that kind of cut away. */
static void
test_cuts_through_special_tokens(void **state)
{
	struct small *s = english("qwen2");
	struct counter *c = small_counter(s);

	assert_int_equal(
	    counter_vocab(c)->cuts, CUT_SPACE | CUT_QUOTE | CUT_LINE | CUT_HAN);
	counter_free(c);
	small_token(s, "<a b>", TOKEN_CONTROL);
	small_token(s, "\nx", TOKEN_CONTROL);
	c = small_counter(s);
	assert_int_equal(counter_vocab(c)->cuts, CUT_QUOTE | CUT_HAN);
	counter_free(c);
	free(s);
}

static void
test_utf8_by_definition(void **state)
{
	static const struct {
		const char *bytes, *made;
	} rows[] = {
	    {"a\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80", NULL},
	    {"\x80", "\xef\xbf\xbd"}, {"\xc3", "\xef\xbf\xbd"},
	    {"\xc3(", "\xef\xbf\xbd("},
	    {"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
	    {"\xe0\x9b\x8c", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	    {"\xe4\xb8x", "\xef\xbf\xbd\xef\xbf\xbdx"},
	    {"\xf4\x90\x80\x80",
		"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	    {"\xed\xa0\x80", NULL}, /* a surrogate stays, as in llama.cpp */
	};
	char out[64];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct slice s = slice_str(rows[i].bytes);
		size_t n = text_repair(s, NULL);

		assert_int_equal(text_is_utf8(s), rows[i].made == NULL);
		assert_int_equal(text_repair(s, out), n);
		assert_true(slice_is(slice_of(out, n),
		    rows[i].made ? rows[i].made : rows[i].bytes));
	}
}

static void
test_digests(void **state)
{
	static struct digest_key k, other;
	static char text[3 * DIGEST_BLOCK + 7];
	struct hash_key a = {1, 2}, b = {1, 3};

	digest_key_init(&k, a);
	digest_key_init(&other, b);
	for (size_t n = 1; n < sizeof text; n = n * 3 + 1) {
		struct digest before = digest_of(&k, slice_of(text, n));
		struct digest x = digest_of(&other, slice_of(text, n));

		assert_true(before.a != x.a || before.b != x.b);
		/* any byte counts */
		for (int i = 0; i < 40; i++) {
			size_t at = draw((uint32_t)n);

			text[at] ^= (char)(1 << draw(8));
			x = digest_of(&k, slice_of(text, n));
			assert_true(before.a != x.a || before.b != x.b);
			before = x;
		}
	}
}

/* Some of each class, from the Unicode data. */
static void
test_classes(void **state)
{
	static const struct {
		uint32_t c;
		unsigned class;
	} rows[] = {{'a', UCAT_LETTER}, {'Z', UCAT_LETTER}, {'0', UCAT_NUMBER},
	    {' ', UCAT_SPACE}, {'\n', UCAT_SPACE | UCAT_CONTROL},
	    {0x85, UCAT_SPACE | UCAT_CONTROL}, {0x3000, UCAT_SPACE},
	    {'!', UCAT_PUNCTUATION}, {'$', UCAT_SYMBOL}, {'~', UCAT_SYMBOL},
	    {0xb2, UCAT_NUMBER}, {0x2160, UCAT_NUMBER}, {0x301, UCAT_MARK},
	    {0x4e2d, UCAT_LETTER}, {0x1f600, UCAT_SYMBOL},
	    {0x200b, UCAT_CONTROL}, {0xe000, UCAT_CONTROL}, {0x378, 0},
	    {0x10ffff, 0}, {0x2ebf0, UCAT_LETTER} /* since 15.1 */};

	ucat_init();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (ucat_table()[rows[i].c] != rows[i].class)
			fail_msg(
			    "U+%04X is %u", rows[i].c, ucat_table()[rows[i].c]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_chunks_add_up),
	    cmocka_unit_test(test_growing_texts_keep_their_chunks),
	    cmocka_unit_test(test_cuts),
	    cmocka_unit_test(test_cuts_through_special_tokens),
	    cmocka_unit_test(test_utf8_by_definition),
	    cmocka_unit_test(test_digests),
	    cmocka_unit_test(test_classes),
	};
	const char *given = getenv("WEIR_SEED");

	seed = given != NULL ? strtoull(given, NULL, 10) : 20261123;
	printf("# WEIR_SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
