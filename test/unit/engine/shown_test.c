/* Answers of /api/show with "verbose": true, cut down to what counts. */
#include "engine/shown.h"
#include "token/count.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define INFO(arch, more)                                                       \
	"{\"license\":\"x\",\"details\":{\"a\":[1,{}]},\"model_info\":{"       \
	"\"general.architecture\":\"" arch "\",\"x.y\":null,\"z\":[1,2]," more \
	"}"
#define TOKENS                                                                 \
	"\"tokenizer.ggml.tokens\":[\"\\u003cunk\\u003e\",\"\\u003cs\\u003e\"" \
	",\"\\u2581a\",\"\\u2581\",\"a\",\"<0x0A>\"],"
#define SPM                                                                    \
	TOKENS "\"tokenizer.ggml.model\":\"llama\","                           \
	       "\"tokenizer.ggml.scores\":[0,0,-1,-2.5,-3e0,0],"               \
	       "\"tokenizer.ggml.token_type\":[2,3,1,1,1,6],"                  \
	       "\"tokenizer.ggml.bos_token_id\":1,"                            \
	       "\"tokenizer.ggml.add_bos_token\":true"
#define UGM                                                                    \
	"\"tokenizer.ggml.tokens\":[\"<pad>\",\"</s>\",\"<unk>\",\"\\u2581\"," \
	"\"\\u2581bb\",\"b\"],\"tokenizer.ggml.model\":\"t5\","                \
	"\"tokenizer.ggml.scores\":[0,0,0,-2,-3,-4],"                          \
	"\"tokenizer.ggml.token_type\":[3,3,2,1,1,1],"                         \
	"\"tokenizer.ggml.add_space_prefix\":true"

static uint64_t
count(struct vocab *v, const char *text, unsigned how)
{
	struct counter *c;
	uint64_t n;

	assert_int_equal(counter_new(v, NULL, &c), OK);
	assert_int_equal(count_text(c, slice_str(text), how, &n), OK);
	counter_free(c);
	return n;
}

static void
test_vocab(void **state)
{
	struct vocab *v;

	(void)state;
	assert_int_equal(
	    shown_vocab(slice_str(INFO("llama", SPM) "}"), &v), OK);
	assert_int_equal(vocab_kind(v), VOCAB_SPM);
	assert_int_equal(vocab_n_tokens(v), 6);
	assert_int_equal(vocab_find(v, slice_str("<unk>")), 0);
	assert_int_equal(vocab_bos(v), 1);
	assert_int_equal(count(v, "a", 0), 1);	/* _a */
	assert_int_equal(count(v, "aa", 0), 2); /* _a, a */
	assert_int_equal(count(v, "a\n", COUNT_AS_ENGINE), 3);
	vocab_drop(v);
}

/* The tensors tell how many of the tokens there are, as Ollama has it. */
static void
test_rewritten(void **state)
{
	static const char text[] = INFO("gemma3",
	    SPM) ",\"tensors\":[{\"name\":\"blk.0.x\",\"type\":\"F32\","
		 "\"shape\":[4]},{\"name\":\"token_embd.weight\","
		 "\"shape\":[2,5]}]}";
	struct vocab *v;

	(void)state;
	assert_int_equal(shown_vocab(slice_str(text), &v), OK);
	assert_int_equal(vocab_n_tokens(v), 5);
	vocab_drop(v);
}

/* A map of characters, "a" to "b", in the three ways it may be shown. */
enum { CELLS = 512, MAP_BYTES = 4 + 4 * CELLS + 3 };

static void
make_map(unsigned char bytes[MAP_BYTES])
{
	uint32_t map[1 + CELLS] = {4 * CELLS};

	map[1] = 256 << 10; /* the root's children */
	map[1 + (256 ^ 'a')] = 256 << 10 | 1 << 8 | 'a'; /* below: at 'a' */
	map[1 + 'a'] = 1U << 31;			 /* the text at 0 */
	memcpy(bytes, map, sizeof map);
	memcpy(bytes + sizeof map, "b\0", 3);
}

static size_t
show_number(char *to, const unsigned char *p)
{
	return (size_t)sprintf(
	    to, "%d,%d,%d,", (signed char)p[0], (signed char)p[1], p[2]);
}

static size_t
show_letters(char *to, const unsigned char *p, const char *form)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij"
				      "klmnopqrstuvwxyz0123456789+/";
	unsigned bits = (unsigned)p[0] << 16 | (unsigned)p[1] << 8 | p[2];
	size_t n = 0;

	for (int shift = 18; shift >= 0; shift -= 6)
		n += (size_t)sprintf(to + n, form, letters[bits >> shift & 63]);
	return n;
}

static void
test_charsmap(void **state)
{
	static char text[1 << 16];
	unsigned char map[MAP_BYTES];
	struct vocab *v;

	(void)state;
	make_map(map);
	for (int way = 0; way < 3; way++) {
		size_t n = (size_t)sprintf(text, "%s%s",
		    "{\"model_info\":{\"general.architecture\":\"bert\"," UGM
		    ",\"tokenizer.ggml.precompiled_charsmap\":",
		    way == 0 ? "\"" : "[");

		for (size_t i = 0; i < MAP_BYTES; i += 3)
			n += way == 2 ? show_number(text + n, map + i)
				      : show_letters(text + n, map + i,
					    way == 0 ? "%c" : "\"%c\",");
		n -= way != 0; /* the last comma */
		n += (size_t)sprintf(text + n, "%s}}", way == 0 ? "\"" : "]");
		assert_int_equal(shown_vocab(slice_of(text, n), &v), OK);
		assert_int_equal(vocab_kind(v), VOCAB_UNIGRAM);
		assert_int_equal(count(v, "ab", 0), 1);
		assert_int_equal(count(v, "a", COUNT_AS_ENGINE), 3);
		vocab_drop(v);
	}
}

static void
test_refused(void **state)
{
	static const struct {
		const char *text;
		enum err err;
	} rows[] = {
	    {"", ERR_SYNTAX}, {"[]", ERR_SYNTAX}, {"{}", ERR_NOT_FOUND},
	    /* Not verbose: long arrays are null. */
	    {INFO("llama", "\"tokenizer.ggml.tokens\":null") "}",
		ERR_NOT_FOUND},
	    {INFO("llama", "\"tokenizer.ggml.tokens\":[1]") "}", ERR_SYNTAX},
	    {INFO("llama", TOKENS "\"tokenizer.ggml.scores\":[1]") "}",
		ERR_SYNTAX},
	    {INFO("llama", TOKENS "\"tokenizer.ggml.model\":\"rwkv\"") "}",
		ERR_VOCAB_UNKNOWN},
	    {INFO("llama", SPM), ERR_SYNTAX}, /* cut */
	};
	struct vocab *v;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		enum err e = shown_vocab(slice_str(rows[i].text), &v);

		if (e != rows[i].err)
			fail_msg("row %zu: %s", i, err_get(e)->name);
	}
}

/* Wherever the answer ends too early, nothing is built and nothing leaks. */
static void
test_cut(void **state)
{
	static const char text[] = INFO("llama", SPM) "}";
	struct vocab *v;

	(void)state;
	for (size_t n = 0; n + 1 < sizeof text; n++) {
		char *part = malloc(n + 1);

		memcpy(part, text, n);
		assert_int_not_equal(shown_vocab(slice_of(part, n), &v), OK);
		free(part);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_vocab),
	    cmocka_unit_test(test_rewritten),
	    cmocka_unit_test(test_charsmap),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
