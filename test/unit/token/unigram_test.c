/*
 * Unigram: what a text is normalised to, which row of tokens is the best, and
 * what becomes of files that lie.
 */
#include "made.h"
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define SP "\xe2\x96\x81" /* U+2581 */

enum { BLOCK = 256, CELLS = 64 * BLOCK };

/* A map in the form of the file: children of each cell in their own block. */
struct map {
	uint32_t size, cells[CELLS];
	char texts[1024];
	size_t n_texts, blocks;
};

static struct made made;
static struct map map;

static void
map_init(void)
{
	memset(&map, 0, sizeof map);
	map.size = sizeof map.cells;
	map.cells[0] = BLOCK << 10; /* the root's children */
	map.blocks = 2;
	map.n_texts = 1; /* an empty text, so that there is one */
}

static void
map_add(const char *key, const char *text)
{
	uint32_t place = BLOCK, *cell = NULL, at = 0;

	for (; *key != '\0'; key++) {
		unsigned char c = (unsigned char)*key;

		at = place ^ c;
		cell = &map.cells[at];
		if ((*cell & 0xff) != c)
			*cell =
			    (at ^ (uint32_t)(map.blocks++ * BLOCK)) << 10 | c;
		place = at ^ *cell >> 10;
	}
	*cell |= 1U << 8;
	map.cells[place] = 1U << 31 | (uint32_t)map.n_texts;
	memcpy(map.texts + map.n_texts, text, strlen(text) + 1);
	map.n_texts += strlen(text) + 1;
}

static struct slice
map_bytes(void)
{
	return slice_of((const char *)&map,
	    sizeof map.size + sizeof map.cells + map.n_texts);
}

/* Tokens with scores; white space as T5's: one for each run. */
static void
small(void)
{
	static const struct {
		const char *text;
		float score;
	} rows[] = {{SP, -2}, {SP "a", -3}, {"a", -4}, {"b", -5}, {"ab", -6},
	    {SP "ab", -7.5F}, {"abb", -11.5F}, {"c", -3.25F}, {"cc", -6.5F},
	    {"\xc3\xa9", -6}, {"e", -4}, {"x", -20}, {"xy", -30}};

	made_init(&made, "t5");
	made_token(&made, "<pad>", 0, TOKEN_CONTROL);
	made_token(&made, "</s>", 0, TOKEN_CONTROL);
	made_token(&made, "<unk>", 0, TOKEN_UNKNOWN);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		made_token(&made, rows[i].text, rows[i].score, TOKEN_NORMAL);
	made_token(&made, "<user>", -1000, TOKEN_USER_DEFINED);
	made_token(&made, "<0x41>", 0, TOKEN_BYTE);
	made.source.unk = 2;
	made.source.add_space_prefix = VOCAB_ON;
	made.source.remove_extra_whitespaces = VOCAB_ON;
	map_init();
	map_add("\n", " ");
	map_add("\t", " ");
	map_add("e\xcc\x81", "\xc3\xa9");
	map_add("\xef\xbd\x81", "a"); /* U+FF41 */
	map_add("\xe3\x80\x80", " ");
	map_add("\x01", "");
	map_add("\xc2\xbd", "a b");
	made.source.charsmap = map_bytes();
}

static void
check(struct counter *c, struct slice text, unsigned how, const char *want)
{
	const char *got = made_split(c, text, how);

	if (strcmp(got, want) != 0)
		fail_msg("\"%.*s\": %s, not %s", SLICE_ARG(text), got, want);
}

static void
test_texts(void **state)
{
	static const struct {
		struct slice text;
		const char *want;
	} rows[] = {
	    {SLICE(""), ""},
	    {SLICE("a"), SP "a"},
	    {SLICE("ab"), SP "ab"},    /* -7.5, not -8 */
	    {SLICE("abb"), SP "ab|b"}, /* -12.5, not -13.5 */
	    {SLICE("cc"), SP "|cc"},   /* equal: the longer one */
	    {SLICE("a a"), SP "a|" SP "a"},
	    {SLICE("  a \n\t a  "), SP "a|" SP "a"},
	    {SLICE(" "), ""},
	    {SLICE("\x01"), ""},
	    {SLICE("a\x01"
		   "b"),
		SP "ab"},
	    {SLICE("z"), SP "|<unk>"},
	    {SLICE("zz"), SP "|<unk>"}, /* one for all that meet */
	    {SLICE("zaz z"), SP "|<unk>|a|<unk>|" SP "|<unk>"},
	    {SLICE("x"), SP "|x"},
	    {SLICE("xy"), SP "|xy"}, /* y would be unknown */
	    {SLICE("e\xcc\x81"), SP "|\xc3\xa9"},
	    {SLICE("e\xcc\x82"), SP "|e|<unk>"},
	    {SLICE("\xef\xbd\x81"), SP "a"},
	    {SLICE("a\xe3\x80\x80"
		   "a"),
		SP "a|" SP "a"},
	    {SLICE("\xc2\xbd"), SP "a|" SP "|b"},
	    {SLICE("a\xc2\xbd"), SP "a|a|" SP "|b"},
	    {SLICE("a\xff"
		   "a"),
		SP "a|<unk>|a"},
	    {SLICE("a\xc3"), SP "a|<unk>"},
	    {SLICE(SP "a"), SP "|" SP "a"}, /* as it stands */
	    /* The user's token is split out; its front is left as it is. */
	    {SLICE("a<user>a"), SP "a|<user>|" SP "a"},
	    {SLICE("<0x41>"), SP "|<unk>|x|<unk>"},
	};
	struct counter *c;

	(void)state;
	small();
	c = made_counter(&made);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		check(c, rows[i].text, 0, rows[i].want);
	check(c, slice_str("a"), COUNT_AS_ENGINE, SP "a|</s>");
	check(c, slice_str("a</s>a"), COUNT_PARSE_SPECIAL, SP "a|</s>|" SP "a");
	counter_free(c);
}

/* Runs of spaces as they are, with and without one in front. */
static void
test_spaces(void **state)
{
	struct counter *c;

	(void)state;
	small();
	made.source.remove_extra_whitespaces = VOCAB_OFF;
	c = made_counter(&made);
	check(c, slice_str("  a"), 0, SP "|" SP "|" SP "a");
	check(c, slice_str("a "), 0, SP "a|" SP);
	check(c, slice_str(" "), 0, SP);
	check(c, slice_str("a<user> a"), 0, SP "a|<user>|" SP "|" SP "a");
	counter_free(c);
	made.source.add_space_prefix = VOCAB_OFF;
	c = made_counter(&made);
	check(c, slice_str("a"), 0, "a");
	check(c, slice_str("a a"), 0, "a|" SP "a");
	counter_free(c);
}

/* The user's tokens keep the map away, even where they do not go on. */
static void
test_user_prefix(void **state)
{
	struct counter *c;

	(void)state;
	small();
	made_token(&made, "e!", 0, TOKEN_USER_DEFINED);
	made_token(&made, "\xc3\xbc!", 0, TOKEN_USER_DEFINED);
	c = made_counter(&made);
	check(c, slice_str("e\xcc\x81"), 0, SP "|e|<unk>");
	check(c, slice_str("e!"), 0, "e!");
	/* One byte of e with an accent is that of the token; one is lost. */
	check(c, slice_str("\xc3\xa9"), 0, SP "|<unk>");
	/* llama.cpp takes two bytes for a character, whatever the second is. */
	check(c, slice_str("\xc3\na"), 0, SP "|<unk>|a");
	check(c, slice_str("b \xc3"), 0, SP "|b|" SP "|<unk>");
	counter_free(c);
}

/* Tokens that are looked for where they score 0, or where none may be cut. */
static void
test_odd_tokens(void **state)
{
	struct counter *c;

	(void)state;
	small();
	made_token(&made, "a" SP "a", -1, TOKEN_NORMAL);
	made_token(&made, "b" SP, -1, TOKEN_UNUSED);
	c = made_counter(&made);
	check(c, slice_str("a a"), 0, SP "|a" SP "a");
	check(c, slice_str("b a"), 0, SP "|b" SP "|a");
	check(c, slice_str("c a"), 0, SP "|c|" SP "a");
	counter_free(c);
	small();
	made.source.unk = made_find(&made, slice_str("b"));
	c = made_counter(&made); /* b, too, is one with its neighbours */
	check(c, slice_str("cbbzc"), 0, SP "|c|b|c");
	counter_free(c);
	made_init(&made, "t5"); /* no U+2581: what is unknown meets */
	made_token(&made, "<unk>", 0, TOKEN_UNKNOWN);
	made_token(&made, "</s>", 0, TOKEN_CONTROL);
	made_token(&made, "a", -1, TOKEN_NORMAL);
	made.source.unk = 0;
	made.source.remove_extra_whitespaces = VOCAB_ON;
	c = made_counter(&made);
	check(c, slice_str("z z"), 0, "<unk>");
	check(c, slice_str("a a"), 0, "<unk>|a|<unk>|a");
	counter_free(c);
}

/*
 * The greatest sum without any structure: all tokens at all places, of equal
 * ones the longest.
 */
static uint64_t
slowly(const char *text, size_t n)
{
	static double best[1 << 16];
	static size_t from[1 << 16];
	uint64_t count = 0;

	for (size_t at = 1; at <= n; at++) {
		best[at] = -DBL_MAX;
		for (size_t i = 3; i < made.source.n_tokens; i++) {
			struct slice t = made.tokens[i];
			double sum;

			if (made.types[i] != TOKEN_NORMAL || t.n > at ||
			    memcmp(text + at - t.n, t.p, t.n) != 0)
				continue;
			sum = best[at - t.n] + (double)made.scores[i];
			if (sum > best[at] ||
			    (sum == best[at] && at - t.n < from[at])) {
				best[at] = sum;
				from[at] = at - t.n;
			}
		}
	}
	for (size_t at = n; at > 0; at = from[at])
		count++;
	return count;
}

/* Random words: the sum is the greatest, and cutting changes nothing. */
static void
test_best(void **state)
{
	enum { TEXTS = 300, WORDS = 900 };
	static char text[WORDS * 8], plain[WORDS * 12];
	uint64_t seed = 20261123;
	struct counter *c;

	(void)state;
	small();
	for (unsigned i = 0; i < 60; i++) {
		char name[12] = SP;
		size_t n = i % 2 ? 3 : 0, len = 2 + made_draw(&seed, 3);

		for (size_t k = 0; k < len; k++)
			name[n++] = "abc"[made_draw(&seed, 3)];
		name[n] = '\0';
		made_token(&made, name,
		    -1 - (float)made_draw(&seed, 1 << 16) / 4096.0F,
		    TOKEN_NORMAL);
	}
	c = made_counter(&made);
	for (unsigned i = 0; i < TEXTS; i++) {
		size_t n = 0, m = 0;
		uint64_t want, got, again, ids;
		unsigned words = made_draw(&seed, i % 16 == 0 ? WORDS : 12);

		for (unsigned w = 0; w <= words; w++) {
			size_t len = 1 + made_draw(&seed, 6);

			if (w > 0)
				text[n++] = " \n"[made_draw(&seed, 8) == 0];
			memcpy(plain + m, SP, 3);
			m += 3;
			for (; len > 0; len--)
				text[n++] = plain[m++] =
				    "abc"[made_draw(&seed, 3)];
		}
		want = slowly(plain, m);
		assert_int_equal(count_text(c, slice_of(text, n), 0, &got), OK);
		assert_int_equal(
		    count_text(c, slice_of(text, n), 0, &again), OK);
		assert_int_equal(
		    count_ids(c, slice_of(text, n), 0, NULL, 0, &ids), OK);
		if (got != want || again != want || ids != want)
			fail_msg("%u: %u and %u, not %u", i, (unsigned)got,
			    (unsigned)ids, (unsigned)want);
	}
	counter_free(c);
}

/* Scores whose sums are rounded: nothing is cut, ids and counts agree. */
static void
test_rounded(void **state)
{
	struct counter *c;

	(void)state;
	small();
	made_token(&made, "q", -FLT_MIN, TOKEN_NORMAL);
	c = made_counter(&made);
	check(c, slice_str("ab ab qa"), 0, SP "ab|" SP "ab|" SP "|q|a");
	counter_free(c);
}

static void
test_refused(void **state)
{
	struct vocab *v;
	struct counter *c;
	uint64_t n;

	(void)state;
	small();
	made.scores[4] = NAN;
	assert_int_equal(vocab_new(&made.source, &v), ERR_VOCAB_UNKNOWN);
	small();
	made.source.unk = VOCAB_ABSENT; /* 2, as llama.cpp has it */
	assert_int_equal(vocab_new(&made.source, &v), OK);
	vocab_drop(v);
	made.source.charsmap = slice_of((const char *)&map, 3);
	assert_int_equal(vocab_new(&made.source, &v), ERR_SYNTAX);
	made.source.charsmap = slice_of((const char *)&map, 1000);
	assert_int_equal(vocab_new(&made.source, &v), ERR_SYNTAX);
	/* No end behind the last text: known when it is needed. */
	small();
	made.source.charsmap.n--;
	c = made_counter(&made);
	assert_int_equal(count_text(c, slice_str("a"), 0, &n), OK);
	assert_int_equal(
	    count_text(c, slice_str("\xc2\xbd"), 0, &n), ERR_VOCAB_UNKNOWN);
	counter_free(c);
	/* A key without an end: its last byte leads to itself. */
	small();
	map_add("\xce\xa9", "o");
	map.cells[BLOCK ^ 0xce] = ((BLOCK ^ 0xce) ^ BLOCK) << 10 | 0xce;
	made.source.charsmap = map_bytes();
	c = made_counter(&made);
	assert_int_equal(count_text(c, slice_str("\xce\xa9"), 0, &n), OK);
	{
		char run[200];

		memset(run, 0xce, sizeof run);
		assert_int_equal(
		    count_text(c, slice_of(run, sizeof run), 0, &n),
		    ERR_VOCAB_UNKNOWN);
	}
	counter_free(c);
}

/* A megabyte of one letter, and of one that is unknown. */
static void
test_long(void **state)
{
	enum { N = 1 << 20 };
	char *text = malloc(5 * N);
	struct counter *c;
	uint64_t n;

	(void)state;
	small();
	c = made_counter(&made);
	memset(text, 'a', N);
	assert_int_equal(count_text(c, slice_of(text, N), 0, &n), OK);
	assert_int_equal(n, N);
	memset(text, 'z', N);
	assert_int_equal(count_text(c, slice_of(text, N), 0, &n), OK);
	assert_int_equal(n, 2);
	memset(text, 'z', 5 * (size_t)N);
	assert_int_equal(
	    count_text(c, slice_of(text, 5 * (size_t)N), 0, &n), ERR_FULL);
	free(text);
	counter_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_texts),
	    cmocka_unit_test(test_spaces),
	    cmocka_unit_test(test_user_prefix),
	    cmocka_unit_test(test_odd_tokens),
	    cmocka_unit_test(test_best),
	    cmocka_unit_test(test_rounded),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
