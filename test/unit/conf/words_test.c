/* Command lines as words. */
#include "conf/words.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

static const struct {
	const char *text, *words; /* | behind each word */
	enum err e;
} cases[] = {
    {"ollama serve", "ollama|serve|", OK},
    {"  a\t b\n c ", "a|b|c|", OK},
    {"a 'b  c' d", "a|b  c|d|", OK},
    {"a \"b 'c\" d", "a|b 'c|d|", OK},
    {"a b\\ c", "a|b c|", OK},
    {"a 'b\\n'", "a|b\\n|", OK},
    {"a \"b\\\"c\\\\d\\e\"", "a|b\"c\\d\\e|", OK},
    {"--x='y z'w", "--x=y zw|", OK},
    {"a '' \"\"", "a|||", OK},
    {"$HOME ~ *", "$HOME|~|*|", OK},
    {"", "", ERR_SYNTAX},
    {"   ", "", ERR_SYNTAX},
    {"a 'b", "", ERR_SYNTAX},
    {"a \"b", "", ERR_SYNTAX},
    {"a \"b\\\"", "", ERR_SYNTAX},
};

static void
test_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf b;
		size_t n, bars = 0;
		enum err e;

		buf_init(&b, 1000);
		e = conf_words(slice_str(cases[i].text), &b, &n);
		if (e != cases[i].e)
			fail_msg("%s: %d", cases[i].text, e);
		for (size_t k = 0; k < b.n; k++)
			if (b.p[k] == 0) {
				b.p[k] = '|';
				bars++;
			}
		if (e == OK && !slice_is(buf_slice(&b), cases[i].words))
			fail_msg("%s: %.*s", cases[i].text,
			    SLICE_ARG(buf_slice(&b)));
		if (e == OK)
			assert_int_equal(n, bars);
		buf_fini(&b);
	}
}

static void
test_bounds(void **state)
{
	static char many[2 * CONF_WORDS_MAX + 2];
	struct buf b;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof many; i++)
		many[i] = i % 2 ? ' ' : 'w';
	buf_init(&b, 10000);
	assert_int_equal(
	    conf_words(slice_of(many, 2 * CONF_WORDS_MAX), &b, &n), OK);
	assert_int_equal(n, CONF_WORDS_MAX);
	assert_int_equal(
	    conf_words(slice_of(many, sizeof many), &b, &n), ERR_RANGE);
	buf_fini(&b);
	buf_init(&b, 3);
	assert_int_equal(conf_words(slice_str("long"), &b, &n), ERR_FULL);
	buf_fini(&b);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
