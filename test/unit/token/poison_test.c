/* Prompts that crash tokenizers: long runs of one class of characters. */
#include "small.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void
test_runs_of_one_class(void **state)
{
	enum { LIMIT = 1000 };
	static const struct {
		const char *unit;
		bool is_one_class;
	} rows[] = {{"a", true}, {" ", true}, {"7", true}, {"=", true},
	    {"\xc3\xa9", true}, {"\xe4\xb8\xad", true},
	    {"\xf0\x9f\x98\x80", true}, {"a1", false}, {"a ", false},
	    {"ab\xe4\xb8\xad", true}, {"\xff", true}, {"\xe4", true},
	    {"a=", false}, {" \n\t", true}};
	struct small *small = malloc(sizeof *small);
	static char text[4 * LIMIT];
	struct counter *c;
	struct vocab *v;

	assert_non_null(small);
	small_init(small, "gpt-4o");
	c = small_counter(small);
	v = counter_vocab(c);
	assert_true(vocab_poison_run(v) > 10000);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (size_t before = 0; before < 2 * LIMIT; before += 97) {
			size_t k = strlen(rows[i].unit), n = before;

			for (size_t j = 0; j < before; j++)
				text[j] = (j / 10) % 2 ? 'x' : '.';
			if (before > 0) /* so that the run begins here */
				text[before - 1] = rows[i].unit[0] == '=' ||
					(unsigned char)rows[i].unit[0] >= 0xe4
				    ? ' '
				    : '=';
			while (n + k <= before + LIMIT + k)
				for (size_t j = 0; j < k; j++)
					text[n++] = rows[i].unit[j];
			assert_int_equal(
			    count_is_poison(v, slice_of(text, n), LIMIT),
			    rows[i].is_one_class);
			assert_false(count_is_poison(
			    v, slice_of(text, before + LIMIT - 1), LIMIT));
		}
	counter_free(c);
	/* where llama.cpp has a scanner of its own nothing is poison */
	small_init(small, "qwen2");
	c = small_counter(small);
	memset(text, 'a', sizeof text);
	assert_false(
	    count_is_poison(counter_vocab(c), slice_of(text, sizeof text), 0));
	counter_free(c);
	free(small);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_runs_of_one_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
