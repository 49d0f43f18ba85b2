/*
 * Special tokens in a text: which of overlapping ones is taken (the longest
 * first, through the whole text), what counts when, and the white space that
 * some of them eat.
 */
#include "small.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { PARSE = COUNT_PARSE_SPECIAL };

struct row {
	const char *text, *want;
	unsigned how;
};

static void
check_rows(struct small *s, const struct row *rows, size_t n)
{
	struct counter *c = small_counter(s);

	for (size_t i = 0; i < n; i++) {
		const char *got =
		    small_split(c, slice_str(rows[i].text), rows[i].how);

		if (strcmp(got, rows[i].want) != 0)
			fail_msg(
			    "%s: %s, want %s", rows[i].text, got, rows[i].want);
	}
	counter_free(c);
	free(s);
}

#define CHECK(s, rows) check_rows(s, rows, sizeof(rows) / sizeof(rows)[0])

static struct small *
make(const char *pre)
{
	struct small *s = malloc(sizeof *s);

	assert_non_null(s);
	small_init(s, pre);
	return s;
}

static void
test_which_are_taken(void **state)
{
	static const struct row rows[] = {
	    {"a<|x|>b", "a|<|x|>|b", PARSE},
	    {"<|x|><|x|>", "<|x|>|<|x|>", PARSE},
	    /* control tokens only where they are asked for */
	    {"<|x|>", "<|||x|||>", 0},
	    /* tokens that the user defined always */
	    {"a[u]b", "a|[u]|b", 0},
	    /* cdef is longer than abc, so it goes first */
	    {"abcdefg", "a|b|cdef|g", PARSE},
	    {"abcd", "abc|d", PARSE},
	    {"abcabcdef", "abc|a|b|cdef", PARSE},
	    /* of one token the leftmost, then the next behind it */
	    {"ZZZZZ", "ZZ|ZZ|Z", PARSE},
	    {"", "", PARSE},
	};
	struct small *s = make("qwen2");

	small_token(s, "<|x|>", TOKEN_CONTROL);
	small_token(s, "[u]", TOKEN_USER_DEFINED);
	small_token(s, "abc", TOKEN_CONTROL);
	small_token(s, "cdef", TOKEN_CONTROL);
	small_token(s, "ZZ", TOKEN_CONTROL);
	CHECK(s, rows);
}

/* Many lengths at each place, all of them overlapping: newlines in Gemma. */
static void
test_runs(void **state)
{
	static const struct row rows[] = {
	    {"=", "=", PARSE},
	    {"===", "===", PARSE},
	    {"=======", "=====|==", PARSE},
	    {"===========x==", "=====|=====|=|x|==", PARSE},
	};
	struct small *s = make("qwen2");

	small_token(s, "==", TOKEN_USER_DEFINED);
	small_token(s, "===", TOKEN_USER_DEFINED);
	small_token(s, "====", TOKEN_USER_DEFINED);
	small_token(s, "=====", TOKEN_USER_DEFINED);
	CHECK(s, rows);
}

static void
test_white_space_that_is_eaten(void **state)
{
	static const struct row right[] = {
	    {"<|e|>  \n a", "<|e|>|a", PARSE},
	    {"<|e|>  ", "<|e|>", PARSE},
	    {" <|e|>a", "\xc4\xa0|<|e|>|a", PARSE},
	    {"<s> a", "<s>|\xc4\xa0|a", PARSE},
	    {"<|e|> <|e|>", "<|e|>|<|e|>", PARSE},
	};
	static const struct row left[] = {
	    {"a \t<mask> b", "a|<mask>|\xc4\xa0|b", PARSE},
	    {" <mask>", "<mask>", PARSE},
	    {"<mask><mask>", "<mask>|<mask>", PARSE},
	};
	struct small *s = make("qwen2");

	s->source.name = slice_str("Phi-3 mini");
	small_token(s, "<|e|>", TOKEN_CONTROL);
	small_token(s, "<s>", TOKEN_CONTROL);
	CHECK(s, right);
	/* where the name is hidden, the architecture tells it */
	s = make("qwen2");
	s->source.arch = slice_str("phi3");
	small_token(s, "<|e|>", TOKEN_CONTROL);
	small_token(s, "<s>", TOKEN_CONTROL);
	CHECK(s, right);
	s = make("jina-v2-code");
	small_token(s, "<mask>", TOKEN_CONTROL);
	CHECK(s, left);
}

/* What looks like a control token is one, whatever its type in the file. */
static void
test_types_corrected_by_text(void **state)
{
	static const struct row rows[] = {
	    {"<|im_end|>", "<|im_end|>", PARSE},
	    {"<|im_end|>", "<|||i|m|_|e|n|d|||>", 0},
	    {"<|channel|>", "<|channel|>", 0},
	    {"<|end|>", "<|end|>", 0}, /* beside <|return|> and <|call|> */
	    {"<PRE>", "<PRE>", PARSE},
	    {"<other>", "<|o|t|h|e|r|>", PARSE},
	};
	struct small *s = make("gpt-4o");

	small_token(s, "<|im_end|>", TOKEN_NORMAL);
	small_token(s, "<|channel|>", TOKEN_CONTROL);
	small_token(s, "<|end|>", TOKEN_CONTROL);
	small_token(s, "<|return|>", TOKEN_CONTROL);
	small_token(s, "<|call|>", TOKEN_CONTROL);
	small_token(s, "<PRE>", TOKEN_NORMAL);
	small_token(s, "<other>", TOKEN_NORMAL);
	CHECK(s, rows);
}

static void
test_first_and_last_tokens(void **state)
{
	struct small *s = make("qwen2");
	struct counter *c;
	struct vocab *v;

	small_token(s, "<b>", TOKEN_CONTROL);
	small_token(s, "<e>", TOKEN_CONTROL);
	s->source.bos = (int64_t)s->source.n_tokens - 2;
	s->source.eos = (int64_t)s->source.n_tokens - 1;
	c = small_counter(s);
	assert_string_equal(
	    small_split(c, slice_str("a"), COUNT_AS_ENGINE), "a");
	assert_int_equal(vocab_bos(counter_vocab(c)), VOCAB_ABSENT);
	counter_free(c);
	s->source.add_bos = s->source.add_eos = VOCAB_ON;
	c = small_counter(s);
	assert_string_equal(
	    small_split(c, slice_str("a"), COUNT_AS_ENGINE), "<b>|a|<e>");
	assert_string_equal(
	    small_split(c, slice_str(""), COUNT_AS_ENGINE), "<b>|<e>");
	assert_string_equal(small_split(c, slice_str("a"), PARSE), "a");
	counter_free(c);
	/* llama-bpe begins with BOS unless the file says no */
	s->source.pre = slice_str("llama-bpe");
	s->source.add_bos = VOCAB_DEFAULT;
	s->source.add_eos = VOCAB_OFF;
	c = small_counter(s);
	assert_string_equal(
	    small_split(c, slice_str("a"), COUNT_AS_ENGINE), "<b>|a");
	counter_free(c);
	/* glm4 has none by itself: adding it is the file's mistake */
	s->source.pre = slice_str("glm4");
	s->source.add_bos = VOCAB_ON;
	s->source.bos = VOCAB_ABSENT;
	assert_int_equal(vocab_new(&s->source, &v), ERR_SYNTAX);
	free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_which_are_taken),
	    cmocka_unit_test(test_runs),
	    cmocka_unit_test(test_white_space_that_is_eaten),
	    cmocka_unit_test(test_types_corrected_by_text),
	    cmocka_unit_test(test_first_and_last_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
