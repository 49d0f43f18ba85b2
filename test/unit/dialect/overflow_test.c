/* Engines' words for a prompt that is too long, as they were recorded. */
#include "dialect/overflow.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct overflow_case {
	const char *name;
	int status;
	const char *body;
	bool is_overflow;
	int64_t prompt_tok, context_tok;
} cases[] = {
    {"llama-server", 400,
	"{\"error\":{\"code\":400,\"message\":\"request (1322 tokens) exceeds "
	"the available context size (512 tokens), try increasing it\",\"type\":"
	"\"exceed_context_size_error\",\"n_prompt_tokens\":1322,\"n_ctx\":512}"
	"}",
	true, 1322, 512},
    {"Ollama, which quotes it", 400,
	"{\"error\":\"{\\\"error\\\":{\\\"code\\\":400,\\\"message\\\":"
	"\\\"request (1322 tokens) exceeds the available context size (512 "
	"tokens), try increasing it\\\",\\\"type\\\":"
	"\\\"exceed_context_size_error\\\",\\\"n_prompt_tokens\\\":1322,"
	"\\\"n_ctx\\\":512}}\"}",
	true, 1322, 512},
    {"Ollama, embeddings", 400,
	"{\"error\":\"the input length exceeds the context length\"}", true, -1,
	-1},
    {"Ollama, shift off", 400,
	"{\"error\":\"the prompt is longer than the context length currently "
	"available\"}",
	true, -1, -1},
    {"Ollama, MLX", 400,
	"{\"error\":\"input length (9000 tokens) exceeds the model's maximum "
	"context length (8192 tokens)\"}",
	true, 9000, 8192},
    {"an embedding beyond the batch", 500,
	"{\"error\":{\"code\":500,\"message\":\"input (703 tokens) is too "
	"large "
	"to process. increase the physical batch size (current batch size: "
	"512)\",\"type\":\"server_error\"}}",
	true, 703, 512},
    {"vLLM", 400,
	"{\"error\":{\"message\":\"This model's maximum context length is 4096 "
	"tokens. However, you requested 5000 tokens\"}}",
	true, -1, 4096},
    {"LM Studio", 400,
	"{\"error\":\"Trying to keep the first 5120 tokens when context the "
	"overflows. However, the model is loaded with context length of only "
	"4096 tokens\"}",
	true, 5120, 4096},
    {"a number that is too large is none", 400,
	"exceed_context_size_error n_prompt_tokens\":99999999999,\"n_ctx\":1",
	true, -1, 1},
    {"a cut number", 400, "exceed_context_size_error n_ctx\":", true, -1, -1},
    {"success is none", 200, "exceed_context_size_error", false, 0, 0},
    {"another fault", 400, "{\"error\":\"model is required\"}", false, 0, 0},
    {"nothing", 400, "", false, 0, 0},
};

static void
answers_are_understood(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct overflow_case *c = &cases[i];
		struct overflow o = {0, 0};

		print_message("case: %s\n", c->name);
		assert_int_equal(
		    overflow_read(c->status, slice_str(c->body), &o),
		    c->is_overflow);
		assert_int_equal(o.prompt_tok, c->prompt_tok);
		assert_int_equal(o.context_tok, c->context_tok);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers_are_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
