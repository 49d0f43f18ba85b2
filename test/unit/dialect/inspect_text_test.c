/* Texts, spans, depth and memory of the inspection. */
#include "inspect_help.h"

/* All texts with a bar behind each. */
static void
join(const struct inspect *in, char *out, size_t cap)
{
	size_t n = 0;

	out[0] = 0;
	for (struct inspect_chunk *c = in->texts; c; c = c->next)
		for (unsigned i = 0; i < c->n; i++)
			n += (size_t)snprintf(
			    out + n, cap - n, "%.*s|", SLICE_ARG(c->texts[i]));
}

static void
test_texts(void **state)
{
	static const struct {
		enum route_id id;
		const char *body, *texts;
		unsigned messages, images, tools;
		uint64_t token_ids;
	} cases[] = {
	    {ROUTE_API_CHAT,
		MODEL "\"messages\":[{\"role\":\"system\",\"content\":\"a\"},"
		      "{\"content\":\"b\\n\",\"images\":[\"AAAA\",\"BBBB\"]},"
		      "{\"content\":\"\",\"thinking\":\"t\",\"tool_calls\":"
		      "[{\"function\":{}}]}]}",
		"a|b\\n|t|[{\"function\":{}}]|", 3, 2, 0, 0},
	    {ROUTE_API_GENERATE,
		MODEL "\"prompt\":\"p\",\"system\":\"s\",\"suffix\":\"x\","
		      "\"template\":\"t\",\"images\":[\"AAAA\"]}",
		"p|s|x|t|", 0, 1, 0, 0},
	    {ROUTE_V1_CHAT,
		MODEL "\"messages\":[{\"content\":[{\"type\":\"text\","
		      "\"text\":\"a\"},{\"type\":\"image_url\","
		      "\"image_url\":{\"url\":\"data:x\"}},\"b\"]}],"
		      "\"tools\":[{\"type\":\"function\"},{}]}",
		"a|b|{\"type\":\"function\"}|{}|", 1, 1, 2, 0},
	    {ROUTE_V1_MESSAGES,
		MODEL "\"system\":[{\"type\":\"text\",\"text\":\"s\"}],"
		      "\"messages\":[{\"content\":[{\"type\":\"tool_result\","
		      "\"content\":[{\"type\":\"text\",\"text\":\"r\"}]},"
		      "{\"type\":\"image\",\"source\":{\"data\":\"AA\"}},"
		      "{\"type\":\"tool_use\",\"input\":{\"q\":1}}]}]}",
		"s|r|{\"q\":1}|", 1, 1, 0, 0},
	    {ROUTE_V1_RESPONSES,
		MODEL "\"instructions\":\"i\",\"input\":[{\"role\":\"user\","
		      "\"content\":[{\"type\":\"input_text\",\"text\":\"u\"},"
		      "{\"type\":\"input_image\",\"image_url\":\"d\"}]},"
		      "{\"type\":\"function_call\",\"arguments\":\"{}\"},"
		      "{\"type\":\"function_call_output\",\"output\":\"o\"}]}",
		"i|u|{}|o|", 3, 1, 0, 0},
	    {ROUTE_V1_RESPONSES, MODEL "\"input\":\"u\"}", "u|", 0, 0, 0, 0},
	    {ROUTE_V1_EMBEDDINGS, MODEL "\"input\":[\"a\",\"b\"]}", "a|b|", 0,
		0, 0, 0},
	    {ROUTE_V1_EMBEDDINGS, MODEL "\"input\":[1,2,3]}", "", 0, 0, 0, 3},
	    {ROUTE_V1_EMBEDDINGS, MODEL "\"input\":[[1,2],[3]]}", "", 0, 0, 0,
		3},
	    {ROUTE_V1_COMPLETIONS, MODEL "\"prompt\":[\"a\",[1,2]]}", "a|", 0,
		0, 0, 2},
	    {ROUTE_LLAMA_COMPLETION, "{\"prompt\":{\"prompt_string\":\"x\"}}",
		"{\"prompt_string\":\"x\"}|", 0, 0, 0, 0},
	    {ROUTE_V1_RERANK,
		MODEL "\"query\":\"q\",\"documents\":[\"d\",{\"text\":\"e\"}]}",
		"q|d|e|", 0, 0, 0, 0},
	    {ROUTE_TOKENIZE, "{\"content\":\"c\"}", "c|", 0, 0, 0, 0},
	    {ROUTE_V1_RESPONSES,
		MODEL "\"input\":[{\"role\":\"user\",\"content\":[{\"text\":"
		      "\"a\"},{\"text\":\"b\"}]},{\"output\":\"c\"},\"d\"]}",
		"a|b|c|d|", 2, 0, 0, 0},
	    {ROUTE_API_CHAT, MODEL "\"messages\":[7,\"x\",[\"y\"],null]}",
		"x|y|", 4, 0, 0, 0},
	};
	char texts[512];

	(void)state;
	for (size_t i = 0; i < COUNT(cases) * COUNT(budgets); i++) {
		size_t at = i / COUNT(budgets);
		struct run r;

		run_open(&r, cases[at].id, slice_str(cases[at].body),
		    budgets[i % COUNT(budgets)]);
		assert_int_equal(r.step, INSPECT_DONE);
		join(&r.in, texts, sizeof texts);
		assert_string_equal(texts, cases[at].texts);
		assert_int_equal(r.in.n_messages, cases[at].messages);
		assert_int_equal(r.in.n_images, cases[at].images);
		assert_int_equal(r.in.n_tools, cases[at].tools);
		assert_int_equal(r.in.token_ids, cases[at].token_ids);
		assert_int_equal(r.in.text_bytes + r.in.n_texts, strlen(texts));
		run_close(&r);
	}
}

/* Many texts: the list grows, is bounded, and the numbers stay right. */
static void
test_many_texts(void **state)
{
	enum { N = 5000 };
	static char body[N * 6 + 64];
	size_t n = (size_t)sprintf(body, MODEL "\"input\":[");
	struct inspect_opt opt = {
	    .route = route_get(ROUTE_V1_EMBEDDINGS), .wants_texts = true};
	struct arena arena;
	struct inspect in;
	unsigned listed = 0;

	(void)state;
	for (int i = 0; i < N; i++)
		n += (size_t)sprintf(body + n, "\"%03d\",", i % 1000);
	n--;
	n += (size_t)sprintf(body + n, "]}");
	arena_init(&arena, 16384);
	opt.arena = &arena;
	opt.body = slice_of(body, n);
	inspect_init(&in, &opt);
	while (inspect_run(&in, 4096) == INSPECT_MORE)
		;
	for (struct inspect_chunk *c = in.texts; c; c = c->next)
		listed += c->n;
	assert_int_equal(in.n_texts, N);
	assert_int_equal(in.text_bytes, 3 * N);
	assert_true(in.texts_cut);
	assert_in_range(listed, INSPECT_CHUNK, N - 1);
	assert_int_equal(listed % INSPECT_CHUNK, 0);
	arena_fini(&arena);
}

/* --- spans, depth, memory --- */

static void
test_spans(void **state)
{
	static const char body[] =
	    "{ \"model\" : \"m\", \"keep_alive\": \"5m\", \"options\": "
	    "{\"num_ctx\": 4096, \"x\":[1]} , \"stream\":false }";
	struct run r;

	(void)state;
	for (size_t i = 0; i < COUNT(budgets); i++) {
		run_open(&r, ROUTE_API_CHAT, slice_str(body), budgets[i]);
		assert_int_equal(r.step, INSPECT_DONE);
		assert_true(slice_is(r.in.raw[FIELD_MODEL], "\"m\""));
		assert_true(slice_is(r.in.raw[FIELD_KEEP_ALIVE], "\"5m\""));
		assert_true(slice_is(
		    r.in.raw[FIELD_OPTIONS], "{\"num_ctx\": 4096, \"x\":[1]}"));
		assert_true(slice_is(r.in.raw[FIELD_NUM_CTX], "4096"));
		assert_true(slice_is(r.in.raw[FIELD_STREAM], "false"));
		assert_int_equal(r.in.raw[FIELD_NUM_PREDICT].n, 0);
		assert_true(slice_is(r.in.root, body));
		assert_int_equal(r.in.num_ctx, 4096);
		assert_int_equal(inspect_offset(&r.in, r.in.raw[FIELD_NUM_CTX]),
		    strstr(body, "4096") - body);
		run_close(&r);
	}
}

static void
test_depth(void **state)
{
	static char deep[4096];
	struct inspect_opt opt = {
	    .route = route_get(ROUTE_API_CHAT), .depth = 32};
	struct inspect in;
	size_t n;

	(void)state;
	for (unsigned levels = 31; levels <= 32; levels++) {
		n = (size_t)sprintf(deep, MODEL "\"format\":");
		memset(deep + n, '[', levels);
		memset(deep + n + levels, ']', levels);
		deep[n + 2 * levels] = '}';
		opt.body = slice_of(deep, n + 2 * levels + 1);
		inspect_init(&in, &opt);
		if (levels == 31) {
			assert_int_equal(inspect_run(&in, 4096), INSPECT_DONE);
			continue;
		}
		assert_int_equal(inspect_run(&in, 4096), INSPECT_REFUSED);
		assert_int_equal(in.why.err, ERR_BODY_TOO_DEEP);
		assert_int_equal(in.why.limit, 32);
	}
	/* Deeper than the walk: counted as it stands. */
	n = (size_t)sprintf(deep, MODEL "\"messages\":[");
	for (int i = 0; i < 100; i++)
		n += (size_t)sprintf(deep + n, "{\"content\":[");
	n += (size_t)sprintf(deep + n, "\"text\"");
	for (int i = 0; i < 100; i++)
		n += (size_t)sprintf(deep + n, "]}");
	n += (size_t)sprintf(deep + n, "]}");
	opt.depth = 0;
	opt.body = slice_of(deep, n);
	inspect_init(&in, &opt);
	assert_int_equal(inspect_run(&in, 4096), INSPECT_DONE);
	assert_int_equal(in.n_texts, 1);
	assert_true(in.text_bytes > 1000);
}

static void
test_bad_place(void **state)
{
	struct run r;

	(void)state;
	run_open(
	    &r, ROUTE_API_CHAT, slice_str("{\"model\":\"m\",\"x\":tru}"), 1000);
	assert_int_equal(r.in.why.err, ERR_BODY_NOT_JSON);
	assert_int_equal(r.in.why.value, 17);
	assert_true(r.in.why.reason.n > 0);
	run_close(&r);
}

/* A name too long is no name, escaped or not; without memory it is INTERNAL. */
static void
test_long_names(void **state)
{
	static char body[8192];
	struct inspect_opt opt = {.route = route_get(ROUTE_API_CHAT),
	    .body = SLICE("{\"model\":\"\\u0061\"}")};
	struct inspect in;
	struct run r;

	(void)state;
	memset(body, 'a', sizeof body);
	memcpy(body, "{\"model\":\"", 10);
	memcpy(body + 600, "\"}", 3);
	run_open(&r, ROUTE_API_CHAT, slice_str(body), 10000);
	assert_int_equal(r.in.why.err, ERR_MODEL_NAME);
	run_close(&r);
	memset(body + 600, 'a', 3);
	memcpy(body + 7000, "\"}", 3);
	memcpy(body + 20, "\\u0061", 6);
	run_open(&r, ROUTE_API_CHAT, slice_str(body), 10000);
	assert_int_equal(r.in.why.err, ERR_MODEL_NAME);
	run_close(&r);
	inspect_init(&in, &opt);
	assert_int_equal(inspect_run(&in, 100), INSPECT_REFUSED);
	assert_int_equal(in.why.err, ERR_INTERNAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_texts),
	    cmocka_unit_test(test_many_texts),
	    cmocka_unit_test(test_spans),
	    cmocka_unit_test(test_depth),
	    cmocka_unit_test(test_bad_place),
	    cmocka_unit_test(test_long_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
