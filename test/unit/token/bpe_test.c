/*
 * Byte-level BPE: what merges first, what stays whole, and a reference that
 * does literally what llama.cpp's rule says, on random merges and texts.
 */
#include "small.h"
#include <setjmp.h>
#include <stdarg.h>
#include <time.h>
#include <cmocka.h>

static uint64_t seed;

static uint32_t
draw(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % below);
}

static void
check(const char *pre, const char *const *merges, const char *text,
    const char *want)
{
	struct small *s = malloc(sizeof *s);
	struct counter *c;

	assert_non_null(s);
	small_init(s, pre);
	for (size_t i = 0; merges[i] != NULL; i++)
		small_merge(s, merges[i]);
	c = small_counter(s);
	assert_string_equal(small_split(c, slice_str(text), 0), want);
	counter_free(c);
	free(s);
}

#define MERGES(...)                                                            \
	(const char *const[])                                                  \
	{                                                                      \
		__VA_ARGS__, NULL                                              \
	}

static void
test_least_rank_first_leftmost_of_equals(void **state)
{
	/* b c first, though a b is further left */
	check("qwen2", MERGES("b c", "a b"), "abc", "a|bc");
	check("qwen2", MERGES("a b", "b c"), "abc", "ab|c");
	/* aaa: the left pair */
	check("qwen2", MERGES("a a"), "aaaaa", "aa|aa|a");
	check("qwen2", MERGES("a a", "aa aa", "aa a"), "aaaaaaa", "aaaa|aaa");
	/* a merge that is listed twice has its first rank */
	check("qwen2", MERGES("a b", "b c", "a b"), "abc", "ab|c");
	/* space is written as U+0120 */
	check("qwen2", MERGES("\xc4\xa0 a"), "b a",
	    "b|\xc4\xa0"
	    "a");
}

static void
test_words_that_are_tokens(void **state)
{
	/* llama-bpe takes a word that is a token as it is, qwen2 merges */
	static const char *const merges[] = {
	    "b c", "a bc", "a b", "ab c", NULL};
	struct small *s = malloc(sizeof *s);
	struct counter *c;

	assert_non_null(s);
	for (int ignores = 0; ignores < 2; ignores++) {
		small_init(s, ignores ? "llama-bpe" : "qwen2");
		for (size_t i = 0; i < 4; i++)
			small_merge(s, merges[i]);
		small_token(s, "xyz", TOKEN_NORMAL); /* no merge makes it */
		s->source.add_bos = VOCAB_OFF;
		c = small_counter(s);
		assert_string_equal(small_split(c, slice_str("abc xyz"), 0),
		    "abc|\xc4\xa0|x|y|z"); /* " xyz" is none */
		assert_string_equal(small_split(c, slice_str("xyz"), 0),
		    ignores ? "xyz" : "x|y|z");
		counter_free(c);
	}
	free(s);
}

/* A result that is no token: its bytes are looked up one by one. */
static void
test_results_without_a_token(void **state)
{
	struct small *s = malloc(sizeof *s);
	struct counter *c;

	assert_non_null(s);
	small_init(s, "qwen2");
	small_merge(s, "a b");
	s->source.n_tokens--; /* "ab" is no token after all */
	small_merge(s, "ab c");
	c = small_counter(s);
	assert_string_equal(small_split(c, slice_str("ab"), 0), "a|b");
	assert_string_equal(small_split(c, slice_str("abc"), 0), "abc");
	counter_free(c);
	free(s);
}

static void
test_no_utf8(void **state)
{
	/* U+FFFD for each byte that begins no character */
	check("qwen2", MERGES("\xc3\xaf \xc2\xbf", "\xc3\xaf\xc2\xbf \xc2\xbd"),
	    "a\xff\xc3(",
	    "a|\xc3\xaf\xc2\xbf\xc2\xbd|\xc3\xaf\xc2\xbf\xc2\xbd|(");
}

static void
test_unknown_names_are_not_guessed(void **state)
{
	struct small *s = malloc(sizeof *s);
	struct vocab *v;

	assert_non_null(s);
	small_init(s, "qwen2-of-tomorrow");
	assert_int_equal(vocab_new(&s->source, &v), ERR_VOCAB_UNKNOWN);
	s->source.pre = slice_str("qwen2");
	s->source.model = slice_str("rwkv");
	assert_int_equal(vocab_new(&s->source, &v), ERR_VOCAB_UNKNOWN);
	s->source.model = slice_str("gpt2");
	s->tokens[300 % s->source.n_tokens] = s->tokens[7]; /* twice */
	assert_int_equal(vocab_new(&s->source, &v), ERR_SYNTAX);
	free(s);
}

/* --- the rule itself, on strings, with no other data structure --- */

struct piece {
	char text[64];
};

static size_t
rank_of(const struct small *s, const char *left, const char *right)
{
	char both[130];

	(void)snprintf(both, sizeof both, "%s %s", left, right);
	for (size_t i = 0; i < s->source.n_merges; i++)
		if (slice_is(s->merges[i], both))
			return i;
	return SIZE_MAX;
}

static size_t
merge_by_rule(const struct small *s, const char *text, struct piece *p)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		(void)snprintf(p[i].text, sizeof p[i].text, "%c", text[i]);
	for (;;) {
		size_t least = SIZE_MAX, at = 0;
		char both[130];

		for (size_t i = 0; i + 1 < n; i++) {
			size_t r = rank_of(s, p[i].text, p[i + 1].text);

			if (r < least) {
				least = r;
				at = i;
			}
		}
		if (least == SIZE_MAX)
			return n;
		(void)snprintf(
		    both, sizeof both, "%s%s", p[at].text, p[at + 1].text);
		memcpy(p[at].text, both, sizeof p->text);
		memmove(p + at + 1, p + at + 2, (n - at - 2) * sizeof *p);
		n--;
	}
}

/* Merges in any order, as no training would make them. */
static void
random_merges(struct small *s, char store[][64], size_t n)
{
	small_init(s, "qwen2");
	for (size_t i = 0; i < n; i++) {
		const char *a = &"abc"[draw(3)], *b = &"abc"[draw(3)];
		char left[32], right[32];

		(void)snprintf(left, sizeof left, "%c", *a);
		(void)snprintf(right, sizeof right, "%c", *b);
		if (i > 0 && draw(2))
			(void)snprintf(left, sizeof left, "%.16s",
			    s->results[draw((uint32_t)i)]);
		if (i > 0 && draw(2))
			(void)snprintf(right, sizeof right, "%.16s",
			    s->results[draw((uint32_t)i)]);
		(void)snprintf(store[i], 64, "%.15s %.15s", left, right);
		small_merge(s, store[i]);
	}
}

static void
test_the_rule_on_random_merges(void **state)
{
	struct small *s = malloc(sizeof *s);
	struct piece *p = malloc(700 * sizeof *p);
	static char store[64][64], text[700], want[4096];

	assert_true(s && p);
	for (int round = 0; round < 60; round++) {
		struct counter *c;

		random_merges(s, store, 1 + draw(40));
		c = small_counter(s);
		for (int k = 0; k < 8; k++) {
			/* short words, and such as bpe_long.c takes */
			size_t n = k < 6 ? 1 + draw(40) : 129 + draw(500), m;
			size_t at = 0;

			for (size_t i = 0; i < n; i++)
				text[i] = (char)("abc"[draw(3)]);
			text[n] = '\0';
			m = merge_by_rule(s, text, p);
			want[0] = '\0';
			for (size_t i = 0; i < m; i++)
				at += (size_t)snprintf(want + at,
				    sizeof want - at, "%s%s", i ? "|" : "",
				    p[i].text);
			assert_string_equal(
			    small_split(c, slice_str(text), 0), want);
		}
		counter_free(c);
	}
	free(p);
	free(s);
}

/* The bound is wide: these tests run with sanitizers, on busy machines. */
static void
test_one_letter_for_a_megabyte(void **state)
{
	struct small *s = malloc(sizeof *s);
	size_t n = 1 << 20;
	char *text = malloc(n);
	struct counter *c;
	uint64_t count;
	clock_t from;

	assert_true(s && text);
	small_init(s, "qwen2");
	small_merge(s, "a a");
	small_merge(s, "aa aa");
	small_merge(s, "aaaa aaaa");
	c = small_counter(s);
	memset(text, 'a', n);
	from = clock();
	assert_int_equal(count_text(c, slice_of(text, n), 0, &count), OK);
	assert_int_equal(count, n / 8);
	assert_true(counter_bytes(c) < (3 << 20)); /* nothing big is kept */
	assert_true((clock() - from) / CLOCKS_PER_SEC < 5);
	counter_free(c);
	free(text);
	free(s);
}

static void
test_words_beyond_the_bound_are_left_to_the_engine(void **state)
{
	struct small *s = malloc(sizeof *s);
	size_t n = COUNT_WORD_MAX + 1;
	char *text = malloc(n);
	struct counter *c;
	uint64_t count = 7;

	assert_true(s && text);
	small_init(s, "qwen2");
	c = small_counter(s);
	memset(text, 'a', n);
	assert_int_equal(count_text(c, slice_of(text, n), 0, &count), ERR_FULL);
	assert_int_equal(count, 7);
	assert_int_equal(
	    count_text(
		c, slice_of(text, (size_t)COUNT_TEXT_MAX + 1), 0, &count),
	    ERR_FULL);
	counter_free(c);
	free(text);
	free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_least_rank_first_leftmost_of_equals),
	    cmocka_unit_test(test_words_that_are_tokens),
	    cmocka_unit_test(test_results_without_a_token),
	    cmocka_unit_test(test_no_utf8),
	    cmocka_unit_test(test_unknown_names_are_not_guessed),
	    cmocka_unit_test(test_the_rule_on_random_merges),
	    cmocka_unit_test(test_one_letter_for_a_megabyte),
	    cmocka_unit_test(
		test_words_beyond_the_bound_are_left_to_the_engine),
	};
	const char *given = getenv("WEIR_SEED");

	seed = given != NULL ? strtoull(given, NULL, 10) : 20261123;
	printf("# WEIR_SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
