#include "dialect/overflow.h"

/* ${text} must occur; numbers stand behind the other two, where there are. */
static const struct words {
	struct slice text, prompt, context;
} words[] = {
    /* llama-server, and Ollama's quoting of it: JSON inside of a string. */
    {SLICE("exceed_context_size_error"), SLICE("n_prompt_tokens"),
	SLICE("n_ctx")},
    /* Ollama: rendered by itself; MLX; embeddings. */
    {SLICE("the prompt is longer than the context length"), SLICE(""),
	SLICE("")},
    {SLICE("exceeds the model's maximum context length"),
	SLICE("input length ("), SLICE("maximum context length (")},
    {SLICE("the input length exceeds the context length"), SLICE(""),
	SLICE("")},
    /* llama-server: an embedding beyond the physical batch. */
    {SLICE("too large to process"), SLICE("input ("),
	SLICE("current batch size: ")},
    /* vLLM, by release. */
    {SLICE("maximum context length is"), SLICE("prompt contains "),
	SLICE("maximum context length is ")},
    {SLICE("longer than the maximum model length"), SLICE("prompt (length "),
	SLICE("maximum model length of ")},
    /* LM Studio. */
    {SLICE("tokens when context the overflows"),
	SLICE("Trying to keep the first "), SLICE("context length of only ")},
};

/* The number in ${body} behind ${name} and at most a few quotes and colons. */
static int64_t
number_behind(struct slice body, struct slice name)
{
	enum { BETWEEN = 6 };
	const char *at;
	struct slice rest;
	int64_t v = 0;

	if (name.n == 0 ||
	    (at = memmem(body.p, body.n, name.p, name.n)) == NULL)
		return -1;
	rest = slice_from(body, (size_t)(at - body.p) + name.n);
	for (int i = 0;
	     i < BETWEEN && rest.n > 0 && (unsigned)rest.p[0] - '0' > 9; i++)
		rest = slice_from(rest, 1);
	if (rest.n == 0 || (unsigned)rest.p[0] - '0' > 9)
		return -1;
	for (; rest.n > 0 && (unsigned)rest.p[0] - '0' <= 9;
	     rest = slice_from(rest, 1)) {
		v = v * 10 + (rest.p[0] - '0');
		if (v > INT32_MAX)
			return -1;
	}
	return v;
}

bool
overflow_read(int status, struct slice body, struct overflow *out)
{
	if (status < 400)
		return false;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		const struct words *w = &words[i];

		if (!slice_has(body, w->text))
			continue;
		out->prompt_tok = number_behind(body, w->prompt);
		out->context_tok = number_behind(body, w->context);
		return true;
	}
	return false;
}
