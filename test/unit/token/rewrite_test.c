/*
 * What Ollama changes at load: expectations from its
 * llama/compat/llama-ollama-compat.cpp.
 */
#include "token/rewrite.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum { N_LLAMA3 = 128256 };

#define CHAT "{{'<|start_header_id|>'}}"

static struct slice llama3[N_LLAMA3];

/* The names alone. */
static void
test_names(void **state)
{
	static const struct {
		const char *arch, *model, *pre;
		struct rewrite_facts facts;
		const char *new_model, *new_pre;
	} rows[] = {
	    {"gptoss", "gpt2", "default", {0}, "gpt2", "gpt-4o"},
	    {"gptoss", "gpt2", "", {0}, "gpt2", "gpt-4o"},
	    {"gpt-oss", "gpt2", "gpt-4o", {0}, "gpt2", "gpt-4o"},
	    {"gemma4", "llama", "gemma4", {0}, "gemma4", "gemma4"},
	    {"gemma4", "gemma4", "", {0}, "gemma4", ""},
	    {"gemma3", "llama", "default", {0}, "llama", "default"},
	    {"mistral3", "gpt2", "default", {.has_vision = true}, "gpt2",
		"tekken"},
	    {"mistral3", "gpt2", "", {.has_scaling_keys = true}, "gpt2",
		"tekken"},
	    {"mistral3", "gpt2", "default", {0}, "gpt2", "default"},
	    {"mistral3", "gpt2", "qwen2", {.has_vision = true}, "gpt2",
		"qwen2"},
	    {"lfm2", "gpt2", "llama-bpe", {.has_output_norm = true}, "gpt2",
		"lfm2"},
	    {"lfm2", "gpt2", "llama-bpe",
		{.has_output_norm = true, .has_embd_norm = true}, "gpt2",
		"llama-bpe"},
	    {"glm4moelite", "gpt2", "default", {0}, "gpt2", "glm4"},
	    {"glmocr", "gpt2", "llama-bpe", {0}, "gpt2", "chatglm-bpe"},
	    {"qwen2", "gpt2", "qwen2", {0}, "gpt2", "qwen2"},
	    {"llama", "gpt2", "default", {0}, "gpt2", "default"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct rewrite r = {NULL, NULL};
		struct vocab_source s;

		vocab_source_init(&s);
		s.arch = slice_str(rows[i].arch);
		s.model = slice_str(rows[i].model);
		s.pre = slice_str(rows[i].pre);
		assert_int_equal(rewrite_apply(&s, &rows[i].facts, &r), OK);
		if (!slice_is(s.model, rows[i].new_model) ||
		    !slice_is(s.pre, rows[i].new_pre))
			fail_msg("row %zu: %.*s, %.*s", i, SLICE_ARG(s.model),
			    SLICE_ARG(s.pre));
		rewrite_fini(&r);
	}
}

static void
test_truncate(void **state)
{
	static const struct slice tokens[] = {SLICE("<pad>"), SLICE("<0x0A>"),
	    SLICE("<unused1>"), SLICE("a"), SLICE("<image>")};
	static const int32_t types[] = {TOKEN_CONTROL, TOKEN_NORMAL,
	    TOKEN_CONTROL, TOKEN_NORMAL, TOKEN_CONTROL};
	struct rewrite_facts facts = {.rows = 4};
	struct rewrite r = {NULL, NULL};
	struct vocab_source s;

	(void)state;
	vocab_source_init(&s);
	s.model = slice_str("llama");
	s.tokens = tokens;
	s.types = types;
	s.n_tokens = 5;
	s.arch = slice_str("gemma3");
	assert_int_equal(rewrite_apply(&s, &facts, &r), OK);
	assert_int_equal(s.n_tokens, 4);

	/* An embedding model keeps all; so does one of unknown size. */
	s.n_tokens = 5;
	facts.has_dense = true;
	assert_int_equal(rewrite_apply(&s, &facts, &r), OK);
	assert_int_equal(s.n_tokens, 5);
	facts = (struct rewrite_facts){0};
	assert_int_equal(rewrite_apply(&s, &facts, &r), OK);
	assert_int_equal(s.n_tokens, 5);

	s.arch = slice_str("gemma3n");
	s.model = slice_str("gemma3n");
	facts.rows = facts.layer_rows = 5;
	assert_int_equal(rewrite_apply(&s, &facts, &r), OK);
	assert_true(slice_is(s.model, "gemma3n")); /* nothing to correct */
	facts.layer_rows = 4;
	assert_int_equal(rewrite_apply(&s, &facts, &r), OK);
	assert_true(slice_is(s.model, "llama"));
	assert_int_equal(s.n_tokens, 4);
	assert_int_equal(s.types[0], TOKEN_CONTROL);
	assert_int_equal(s.types[1], TOKEN_BYTE);
	assert_int_equal(s.types[2], TOKEN_NORMAL);
	assert_int_equal(s.types[3], TOKEN_NORMAL);
	assert_int_equal(types[1], TOKEN_NORMAL); /* the source's are its own */
	rewrite_fini(&r);
}

/* A map of characters that is written as text. */
static void
test_charsmap(void **state)
{
	static const struct {
		const char *arch, *model, *text;
		size_t n; /* bytes of the map, 0: not touched */
	} rows[] = {
	    {"bert", "t5", "AQIDBA==", 4},
	    {"bert", "t5", "AQIDB", 0},
	    {"bert", "bert", "AQIDBA==", 0},
	    {"t5", "t5", "AQIDBA==", 0},
	};
	struct rewrite_facts facts = {0};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct rewrite r = {NULL, NULL};
		struct vocab_source s;

		vocab_source_init(&s);
		s.arch = slice_str(rows[i].arch);
		s.model = slice_str(rows[i].model);
		s.charsmap_base64 = slice_str(rows[i].text);
		assert_int_equal(rewrite_apply(&s, &facts, &r), OK);
		assert_int_equal(s.charsmap.n, rows[i].n);
		assert_int_equal(s.charsmap_base64.n == 0, rows[i].n > 0);
		if (rows[i].n > 0)
			assert_memory_equal(s.charsmap.p, "\1\2\3\4", 4);
		rewrite_fini(&r);
	}
}

static void
test_llama3(void **state)
{
	static const struct {
		const char *pre, *chat;
		int64_t eos;
		const char *new_pre;
		int64_t new_eos;
	} rows[] = {
	    {"", CHAT, 128001, "llama-bpe", 128009},
	    {"default", CHAT, 128009, "llama-bpe", 128009},
	    {"default", "", 128001, "default", 128001}, /* no chat model */
	    {"llama-bpe", CHAT, 128001, "llama-bpe", 128009},
	    {"llama-bpe", CHAT, 128009, "llama-bpe", 128009},
	    {"smaug-bpe", CHAT, VOCAB_ABSENT, "smaug-bpe", VOCAB_ABSENT},
	};

	(void)state;
	llama3[128009] = slice_str("<|eot_id|>");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct rewrite_facts facts = {
		    .chat_template = slice_str(rows[i].chat)};
		struct rewrite r = {NULL, NULL};
		struct vocab_source s;

		vocab_source_init(&s);
		s.arch = slice_str("llama");
		s.model = slice_str("gpt2");
		s.pre = slice_str(rows[i].pre);
		s.tokens = llama3;
		s.n_tokens = N_LLAMA3;
		s.eos = rows[i].eos;
		assert_int_equal(rewrite_apply(&s, &facts, &r), OK);
		if (!slice_is(s.pre, rows[i].new_pre) ||
		    s.eos != rows[i].new_eos)
			fail_msg("row %zu: %.*s, %d", i, SLICE_ARG(s.pre),
			    (int)s.eos);
		rewrite_fini(&r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_truncate),
	    cmocka_unit_test(test_charsmap),
	    cmocka_unit_test(test_llama3),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
