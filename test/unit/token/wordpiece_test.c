/* WordPiece: how a text becomes words, and words become tokens. */
#include "made.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define SP "\xe2\x96\x81" /* U+2581, which begins a word */

static struct made made;

static struct counter *
small(enum vocab_flag lowercase, enum vocab_flag strip)
{
	static const char *const words[] = {SP "hello", SP "wor", "ld", "l",
	    "d", SP "cafe", SP "caf\xc3\xa9", SP "a", "b", "ab", SP "!", SP "$",
	    SP "~", SP "\xe4\xb8\xad", SP "\xe6\x96\x87", SP, "\xe2\x82\xac",
	    SP "Hello", SP "\xe3\x80\x82", SP "\xe1\x84\x92", "\xc3\xa9"};

	made_init(&made, "bert");
	made_token(&made, "[PAD]", 0, TOKEN_UNUSED);
	made_token(&made, "[UNK]", 0, TOKEN_UNKNOWN);
	made_token(&made, "[CLS]", 0, TOKEN_CONTROL);
	made_token(&made, "[SEP]", 0, TOKEN_CONTROL);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		made_token(&made, words[i], 0, TOKEN_NORMAL);
	made.source.unk = 1;
	made.source.bos = 2;
	made.source.sep = 3;
	made.source.lowercase = lowercase;
	made.source.strip_accents = strip;
	return made_counter(&made);
}

static void
check(struct counter *c, struct slice text, unsigned how, const char *want)
{
	const char *got = made_split(c, text, how);

	if (strcmp(got, want) != 0)
		fail_msg("\"%.*s\": %s, not %s", SLICE_ARG(text), got, want);
}

static void
test_words(void **state)
{
	static const struct {
		struct slice text;
		const char *want;
	} rows[] = {
	    {SLICE(""), ""},
	    {SLICE(" \n\t\r\xc2\xa0\xe3\x80\x80"), ""},
	    {SLICE("hello"), SP "hello"},
	    {SLICE("HeLLo"), SP "hello"},
	    {SLICE("world"), SP "wor|ld"}, /* the longest first */
	    {SLICE("worl"), SP "wor|l"},
	    {SLICE("worx"), "[UNK]"}, /* all of the word */
	    {SLICE("worx hello"), "[UNK]|" SP "hello"},
	    {SLICE("hello!"), SP "hello|" SP "!"},
	    {SLICE("!!"), SP "!|" SP "!"},
	    {SLICE("$~"), SP "$|" SP "~"},		 /* symbols of ASCII */
	    {SLICE("\xe2\x82\xac"), SP "|\xe2\x82\xac"}, /* others are not */
	    {SLICE("caf\xc3\xa9"), SP "cafe"},
	    {SLICE("CAF\xc3\x89"), SP "cafe"},
	    {SLICE("cafe\xcc\x81"), SP "cafe"}, /* U+0301 behind an e */
	    {SLICE("\xe4\xb8\xad\xe6\x96\x87"),
		SP "\xe4\xb8\xad|" SP "\xe6\x96\x87"},
	    {SLICE("hello\xe4\xb8\xadhello"),
		SP "hello|" SP "\xe4\xb8\xad|" SP "hello"},
	    {SLICE("\xe3\x80\x82"), SP "\xe3\x80\x82"},
	    /* Nothing: control characters, U+0000, U+FFFD, no UTF-8. */
	    {SLICE("hel\0lo"), SP "hello"},
	    {SLICE("hel\x01lo"), SP "hello"},
	    {SLICE("hel\xef\xbf\xbdlo"), SP "hello"},
	    {SLICE("hel\xff"
		   "lo"),
		SP "hello"},
	    {SLICE("hel\xe2\x80\x8blo"), SP "hello"}, /* U+200B */
	    {SLICE("\x01"), ""},
	    /* Of a Hangul syllable, its first part (llama.cpp's NFD). */
	    {SLICE("\xed\x95\x9c"), SP "\xe1\x84\x92"},
	};
	struct counter *c = small(VOCAB_DEFAULT, VOCAB_DEFAULT);

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		check(c, rows[i].text, 0, rows[i].want);
	counter_free(c);
}

static void
test_special(void **state)
{
	struct counter *c = small(VOCAB_DEFAULT, VOCAB_DEFAULT);
	struct slice text = slice_str("hello[SEP]hello");

	(void)state;
	check(c, slice_str(""), COUNT_ADD_SPECIAL, "[CLS]|[SEP]");
	check(c, slice_str("a"), COUNT_ADD_SPECIAL, "[CLS]|" SP "a|[SEP]");
	check(c, text, COUNT_PARSE_SPECIAL, SP "hello|[SEP]|" SP "hello");
	check(c, text, 0, SP "hello|[UNK]|[UNK]|[UNK]|" SP "hello");
	counter_free(c);
}

/* Cased vocabularies say so; accents follow the case unless they are told. */
static void
test_options(void **state)
{
	struct counter *c = small(VOCAB_OFF, VOCAB_DEFAULT);

	(void)state;
	check(c, slice_str("Hello"), 0, SP "Hello");
	check(c, slice_str("hello"), 0, SP "hello");
	check(c, slice_str("caf\xc3\xa9"), 0, SP "caf\xc3\xa9");
	counter_free(c);
	c = small(VOCAB_OFF, VOCAB_ON);
	check(c, slice_str("caf\xc3\xa9"), 0, SP "cafe");
	check(c, slice_str("HELLO"), 0, "[UNK]");
	counter_free(c);
	c = small(VOCAB_ON, VOCAB_OFF);
	check(c, slice_str("CAF\xc3\x89"), 0, SP "caf\xc3\xa9");
	counter_free(c);
}

/* One word of a megabyte, and one that fails at its very end. */
static void
test_long(void **state)
{
	enum { N = 1 << 20 };
	struct counter *c = small(VOCAB_DEFAULT, VOCAB_DEFAULT);
	char *text = malloc(N);
	uint64_t n;

	(void)state;
	text[0] = 'a';
	for (size_t i = 1; i < N; i++)
		text[i] = "ba"[i % 2];
	/* _a, then ab, ab and so on */
	assert_int_equal(count_text(c, slice_of(text, N - 1), 0, &n), OK);
	assert_int_equal(n, N / 2);
	text[N - 2] = 'x';
	assert_int_equal(count_text(c, slice_of(text, N - 1), 0, &n), OK);
	assert_int_equal(n, 1);
	free(text);
	counter_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_special),
	    cmocka_unit_test(test_options),
	    cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
