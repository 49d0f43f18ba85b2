/* How Ollama and llama-server are asked what they make of a prompt. */
#include "dialect/render.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define ASKS                                                                   \
	"\"stream\":false,\"truncate\":false,\"_debug_render_only\":true,"     \
	"\"options\":{\"num_predict\":1}}"
#define CHAT "{\"model\":\"m:x\",\"messages\":["

static struct inspect in;

static void
read_body(enum route_id id, const char *body)
{
	struct inspect_opt opt = {
	    .route = route_get(id), .body = slice_str(body)};

	inspect_init(&in, &opt);
	assert_int_equal(inspect_run(&in, 1 << 20), INSPECT_DONE);
}

/* Expectations: FromChatRequest and its like in Ollama's sources. */
static const struct {
	enum route_id id;
	const char *body, *path, *want; /* NULL: it cannot be asked for */
} asks[] = {
    {ROUTE_API_CHAT, "{\"model\":\"m\",\"messages\":[]}", "/api/chat",
	"{\"model\":\"m\",\"messages\":[]," ASKS},
    {ROUTE_API_GENERATE, "{\"model\":\"m\",\"prompt\":\"a\"\n} ",
	"/api/generate", "{\"model\":\"m\",\"prompt\":\"a\"\n," ASKS},
    {ROUTE_V1_COMPLETIONS, "{\"model\":\"m\",\"prompt\":\"a\\n\"}",
	"/api/generate", "{\"model\":\"m:x\",\"prompt\":\"a\\n\"," ASKS},
    {ROUTE_V1_COMPLETIONS, "{\"model\":\"m\",\"prompt\":[\"a\"]}", NULL, NULL},
    {ROUTE_V1_EMBEDDINGS, "{\"model\":\"m\",\"input\":\"a\"}", NULL, NULL},
    /* OpenAI: each part is a message. */
    {ROUTE_V1_CHAT,
	"{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":"
	"\"s\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
	"\"a\"},{\"type\":\"text\",\"text\":\"b\"}]}]}",
	"/api/chat",
	CHAT "{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\","
	     "\"content\":\"a\"},{\"role\":\"user\",\"content\":\"b\"}]," ASKS},
    {ROUTE_V1_CHAT,
	"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{"
	"\"type\":\"audio\",\"text\":\"a\"}]}]}",
	NULL, NULL},
    {ROUTE_V1_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\"}]}",
	NULL, NULL},
    {ROUTE_V1_CHAT, "{\"model\":\"m\",\"messages\":[7]}", NULL, NULL},
    /* Calls of tools: arguments become an object, results get the name. */
    {ROUTE_V1_CHAT,
	"{\"model\":\"m\",\"reasoning_effort\":\"none\",\"messages\":[{"
	"\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":"
	"\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\","
	"\"arguments\":\"{\\\"x\\\":1}\"}}]},{\"role\":\"tool\","
	"\"tool_call_id\":\"c\",\"content\":\"r\"}],\"tools\":[{\"type\":"
	"\"function\"}]}",
	"/api/chat",
	CHAT "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\","
	     "\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1}}}]},{"
	     "\"role\":\"tool\",\"content\":\"r\",\"tool_name\":\"f\","
	     "\"tool_call_id\":\"c\"}],\"think\":false,\"tools\":[{\"type\":"
	     "\"function\"}]," ASKS},
    {ROUTE_V1_CHAT,
	"{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\","
	"\"tool_calls\":[{\"function\":{\"arguments\":\"[\"}}]}]}",
	NULL, NULL},
    {ROUTE_V1_CHAT,
	"{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\","
	"\"tool_calls\":[{\"function\":{\"arguments\":\"{}}}]}],"
	"\\\"keep_alive\\\":0,\\\"a\\\":[{\\\"b\\\":[{\"}}]}]}",
	NULL, NULL},
    /* Anthropic: texts are joined, results come first. */
    {ROUTE_V1_MESSAGES,
	"{\"model\":\"m\",\"max_tokens\":1,\"system\":[{\"type\":\"text\","
	"\"text\":\"s\"},{\"type\":\"text\",\"text\":\"t\"}],\"messages\":[{"
	"\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\","
	"\"content\":[{\"type\":\"text\",\"text\":\"b\"},{\"type\":"
	"\"tool_use\",\"id\":\"i\",\"name\":\"f\",\"input\":{}}]},{\"role\":"
	"\"user\",\"content\":[{\"type\":\"text\",\"text\":\"d\"},{\"type\":"
	"\"tool_result\",\"tool_use_id\":\"i\",\"content\":\"r\"}]}],"
	"\"tools\":[{\"name\":\"f\",\"input_schema\":{\"a\":1}}]}",
	"/api/chat",
	CHAT "{\"role\":\"system\",\"content\":\"st\"},{\"role\":\"user\","
	     "\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\","
	     "\"tool_calls\":[{\"id\":\"i\",\"function\":{\"name\":\"f\","
	     "\"arguments\":{}}}]},{\"role\":\"tool\",\"content\":\"r\","
	     "\"tool_call_id\":\"i\"},{\"role\":\"user\",\"content\":\"d\"}],"
	     "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
	     "\"parameters\":{\"a\":1}}}]," ASKS},
    {ROUTE_V1_MESSAGES,
	"{\"model\":\"m\",\"max_tokens\":1,\"messages\":[{\"role\":\"user\","
	"\"content\":[{\"type\":\"document\"}]}]}",
	NULL, NULL},
    /* Responses. */
    {ROUTE_V1_RESPONSES,
	"{\"model\":\"m\",\"instructions\":\"s\",\"input\":\"a\"}", "/api/chat",
	CHAT "{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\","
	     "\"content\":\"a\"}]," ASKS},
    {ROUTE_V1_RESPONSES,
	"{\"model\":\"m\",\"input\":[{\"role\":\"user\",\"content\":[{"
	"\"type\":\"input_text\",\"text\":\"a\"}]}]}",
	"/api/chat", CHAT "{\"role\":\"user\",\"content\":\"a\"}]," ASKS},
    {ROUTE_V1_RESPONSES,
	"{\"model\":\"m\",\"input\":[{\"role\":\"user\",\"content\":\"a\"},{"
	"\"type\":\"reasoning\",\"encrypted_content\":\"t\"},{\"type\":"
	"\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{"
	"\\\"x\\\":1}\"},{\"type\":\"function_call\",\"call_id\":\"d\","
	"\"name\":\"g\",\"arguments\":\"\"},{\"type\":\"function_call_output\","
	"\"call_id\":\"c\",\"output\":\"r\"},{\"type\":\"web_search_call\","
	"\"id\":\"w\"}]}",
	"/api/chat",
	CHAT
	"{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\","
	"\"content\":\"\",\"thinking\":\"t\",\"tool_calls\":[{\"id\":\"c\","
	"\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1}}},{\"id\":\"d\","
	"\"function\":{\"name\":\"g\",\"arguments\":{}}}]},{\"role\":\"tool\","
	"\"content\":\"r\",\"tool_call_id\":\"c\"}]," ASKS},
    {ROUTE_V1_RESPONSES,
	"{\"model\":\"m\",\"input\":[{\"role\":\"assistant\",\"content\":\"a\"}"
	",{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\","
	"\"arguments\":\"{}\"},{\"role\":\"assistant\",\"content\":\"b\"},{"
	"\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":[{"
	"\"type\":\"input_text\",\"text\":\"r\"}]},{\"role\":\"assistant\","
	"\"content\":\"z\"},{\"type\":\"reasoning\",\"encrypted_content\":"
	"\"t\"}]}",
	"/api/chat",
	CHAT "{\"role\":\"assistant\",\"content\":\"a\\nb\",\"tool_calls\":[{"
	     "\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":{}}}]},{"
	     "\"role\":\"tool\",\"content\":\"r\",\"tool_call_id\":\"c\"},{"
	     "\"role\":\"assistant\",\"content\":\"z\"},{\"role\":"
	     "\"assistant\",\"content\":\"\",\"thinking\":\"t\"}]," ASKS},
    {ROUTE_V1_RESPONSES,
	"{\"model\":\"m\",\"input\":[{\"role\":\"user\",\"content\":[{\"type\":"
	"\"input_file\",\"file_data\":\"x\"}]}]}",
	NULL, NULL},
    {ROUTE_V1_RESPONSES,
	"{\"model\":\"m\",\"input\":[{\"type\":\"function_call\",\"name\":"
	"\"f\",\"arguments\":\"[\"}]}",
	NULL, NULL},
    /* Requests for the count alone. */
    {ROUTE_V1_COUNT_TOKENS,
	"{\"model\":\"m\",\"system\":\"s\",\"messages\":[]}", "/api/chat",
	CHAT "{\"role\":\"system\",\"content\":\"s\"}]," ASKS},
    {ROUTE_WEIR_COUNT, "{\"model\":\"m\",\"input\":\"a\"}", "/api/chat",
	CHAT "{\"role\":\"user\",\"content\":\"a\"}]," ASKS},
    {ROUTE_WEIR_COUNT, "{\"model\":\"m\",\"prompt\":\"a\"}", "/api/generate",
	"{\"model\":\"m:x\",\"prompt\":\"a\"," ASKS},
    {ROUTE_WEIR_COUNT, "{\"model\":\"m\",\"content\":\"a\"}", NULL, NULL},
};

static void
ollama_is_asked_for_the_chat_that_it_makes(void **state)
{
	for (size_t i = 0; i < COUNT(asks); i++) {
		struct render_question q = {.path = NULL};
		enum err e;

		print_message("%s\n", asks[i].body);
		read_body(asks[i].id, asks[i].body);
		buf_init(&q.body, 1 << 16);
		e = render_ask_ollama(&in, slice_str(asks[i].body),
		    slice_str("m:x"), RENDER_TEXT, &q);
		assert_int_equal(e, asks[i].want ? OK : ERR_NOT_FOUND);
		if (asks[i].want) {
			assert_string_equal(q.path, asks[i].path);
			assert_int_equal(buf_add_char(&q.body, 0), OK);
			assert_string_equal(q.body.p, asks[i].want);
		}
		buf_fini(&q.body);
	}
}

static void
a_body_beyond_the_bound_is_not_asked(void **state)
{
	struct render_question q;

	read_body(ROUTE_V1_CHAT, asks[5].body);
	for (size_t max = 0; max < 60; max++) {
		buf_init(&q.body, max);
		assert_int_equal(render_ask_ollama(&in, in.opt.body,
				     slice_str("m"), RENDER_TEXT, &q),
		    ERR_FULL);
		buf_fini(&q.body);
	}
}

/* --- other questions --- */

enum engine { OLLAMA_ONE, OLLAMA_LOAD, VLLM };

static enum err
ask(enum engine engine, struct render_question *q)
{
	struct slice model = slice_str("m:x");

	if (engine == VLLM)
		return render_ask_vllm(&in, model, q);
	return render_ask_ollama(&in, in.opt.body, model,
	    engine == OLLAMA_LOAD ? RENDER_LOAD : RENDER_ONE_TOKEN, q);
}

static const struct {
	enum route_id id;
	enum engine engine;
	const char *path, *body, *want; /* NULL: it cannot be asked for */
} others[] = {
    {ROUTE_V1_CHAT, OLLAMA_ONE, "/api/chat",
	"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{"
	"\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image_url\",\"image_"
	"url\":{\"url\":\"data:image\\/png;base64,AA\\/"
	"=\"}},{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"BB\"}}]}]"
	"}",
	"{\"model\":\"m:x\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}"
	",{\"role\":\"user\",\"images\":[\"AA\\/"
	"=\"]},{\"role\":\"user\",\"images\":[\"BB\"]}],\"stream\":false,"
	"\"truncate\":false,\"options\":{\"num_predict\":1}}"},
    {ROUTE_V1_CHAT, OLLAMA_ONE, NULL,
	"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{"
	"\"type\":\"image_url\",\"image_url\":\"http://x/base64,\"}]}]}",
	NULL},
    {ROUTE_V1_MESSAGES, OLLAMA_ONE, "/api/chat",
	"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{"
	"\"type\":\"image\",\"source\":{\"type\":\"base64\",\"data\":\"AA\"}},{"
	"\"type\":\"image\",\"source\":{\"type\":\"base64\",\"data\":\"BB\"}},{"
	"\"type\":\"text\",\"text\":\"a\"}]}]}",
	"{\"model\":\"m:x\",\"messages\":[{\"role\":\"user\",\"content\":\"a\","
	"\"images\":[\"AA\",\"BB\"]}],\"stream\":false,\"truncate\":false,"
	"\"options\":{\"num_predict\":1}}"},
    {ROUTE_V1_MESSAGES, OLLAMA_ONE, NULL,
	"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{"
	"\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"x\"}}]}]}",
	NULL},
    {ROUTE_V1_RESPONSES, OLLAMA_ONE, "/api/chat",
	"{\"model\":\"m\",\"input\":[{\"role\":\"user\",\"content\":[{\"type\":"
	"\"input_text\",\"text\":\"a\"},{\"type\":\"input_image\",\"image_"
	"url\":\"data:image/"
	"png;base64,AA\"},{\"type\":\"input_image\",\"image_url\":\"data:image/"
	"png;base64,BB\"}]}]}",
	"{\"model\":\"m:x\",\"messages\":[{\"role\":\"user\",\"content\":\"a\","
	"\"images\":[\"AA\",\"BB\"]}],\"stream\":false,\"truncate\":false,"
	"\"options\":{\"num_predict\":1}}"},
    {ROUTE_V1_COMPLETIONS, OLLAMA_LOAD, "/api/generate",
	"{\"model\":\"m\",\"prompt\":\"a\"}",
	"{\"model\":\"m:x\",\"stream\":false}"},
    {ROUTE_API_EMBED, OLLAMA_LOAD, "/api/embed",
	"{\"model\":\"m\",\"input\":\"a\",\"options\":{\"num_ctx\":9}}",
	"{\"model\":\"m:x\",\"options\":{\"num_ctx\":9},\"input\":[]}"},
    {ROUTE_V1_CHAT, VLLM, "/tokenize",
	"{\"model\":\"m\",\"max_tokens\":9,\"tool_choice\":\"auto\","
	"\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"tools\":[],"
	"\"chat_template_kwargs\":{\"enable_thinking\":false},\"add_generation_"
	"prompt\":true}",
	"{\"model\":\"m:x\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}"
	"],\"tools\":[],\"chat_template_kwargs\":{\"enable_thinking\":false},"
	"\"add_generation_prompt\":true}"},
    {ROUTE_V1_CHAT, VLLM, NULL,
	"{\"model\":\"m\",\"messages\":[],\"reasoning_effort\":\"low\"}", NULL},
    {ROUTE_V1_CHAT, VLLM, NULL,
	"{\"model\":\"m\",\"messages\":[],\"tool_choice\":\"none\"}", NULL},
    {ROUTE_V1_CHAT, VLLM, NULL,
	"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{"
	"\"type\":\"image_url\",\"image_url\":{\"url\":\"data:\"}}]}]}",
	NULL},
    {ROUTE_V1_COMPLETIONS, VLLM, "/tokenize",
	"{\"model\":\"m\",\"prompt\":\"a\",\"add_special_tokens\":false}",
	"{\"model\":\"m:x\",\"prompt\":\"a\",\"add_special_tokens\":false}"},
    {ROUTE_V1_COMPLETIONS, VLLM, NULL, "{\"model\":\"m\",\"prompt\":[1,2]}",
	NULL},
    {ROUTE_V1_COMPLETIONS, VLLM, NULL,
	"{\"model\":\"m\",\"prompt\":\"a\",\"truncate_prompt_tokens\":5}",
	NULL},
    {ROUTE_V1_RESPONSES, VLLM, NULL, "{\"model\":\"m\",\"input\":\"a\"}", NULL},
};

static void
other_questions(void **state)
{
	for (size_t i = 0; i < COUNT(others); i++) {
		struct render_question q = {.path = NULL};
		enum err e;

		print_message("%s\n", others[i].body);
		read_body(others[i].id, others[i].body);
		buf_init(&q.body, 1 << 16);
		e = ask(others[i].engine, &q);
		assert_int_equal(e, others[i].want ? OK : ERR_NOT_FOUND);
		if (others[i].want) {
			assert_string_equal(q.path, others[i].path);
			assert_int_equal(buf_add_char(&q.body, 0), OK);
			assert_string_equal(q.body.p, others[i].want);
		}
		buf_fini(&q.body);
	}
}

static void
a_text_s_tokens_are_asked_for(void **state)
{
	struct render_question q;

	buf_init(&q.body, 1 << 10);
	assert_int_equal(render_ask_tokens(slice_str("a\\n"), &q), OK);
	assert_string_equal(q.path, "/tokenize");
	assert_true(slice_is(buf_slice(&q.body),
	    "{\"add_special\":true,\"parse_special\":true,\"content\":"
	    "\"a\\n\"}"));
	buf_fini(&q.body);
}

static void
the_first_message_tells_whose_system_it_is(void **state)
{
	static const struct {
		enum route_id id;
		const char *body;
		bool has;
	} cases[] = {
	    {ROUTE_V1_CHAT,
		"{\"model\":\"m\",\"messages\":[{\"content\":{\"role\":1},"
		"\"role\":\"system\"}]}",
		true},
	    {ROUTE_V1_CHAT,
		"{\"model\":\"m\",\"messages\":[{\"role\":\"developer\"}]}",
		true},
	    {ROUTE_V1_CHAT,
		"{\"model\":\"m\",\"messages\":[{\"role\":\"user\"},{"
		"\"role\":\"system\"}]}",
		false},
	    {ROUTE_V1_CHAT, "{\"model\":\"m\",\"messages\":[]}", false},
	    {ROUTE_V1_CHAT, "{\"model\":\"m\"}", false},
	    {ROUTE_V1_MESSAGES,
		"{\"model\":\"m\",\"system\":\"s\",\"messages\":[]}", true},
	    {ROUTE_V1_MESSAGES,
		"{\"model\":\"m\",\"system\":\"\",\"messages\":[]}", false},
	    {ROUTE_V1_RESPONSES, "{\"model\":\"m\",\"instructions\":\"s\"}",
		true},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		print_message("%s\n", cases[i].body);
		read_body(cases[i].id, cases[i].body);
		assert_int_equal(render_has_system(&in), cases[i].has);
	}
}

static void
answers_are_a_text_or_a_number(void **state)
{
	static const struct {
		const char *answer, *prompt; /* NULL: none */
		int64_t tok;
		enum err err;
	} cases[] = {
	    /* An older llama-server's text, and the tokens of that. */
	    {"{\"prompt\":\"<s>a\"}", "<s>a", -1, OK},
	    {"{\"tokens\":[1,{\"id\":2},3,4]}", NULL, 4, OK},
	    {"{\"tokens\":[]}", NULL, 0, OK},
	    {"{\"error\":\"Unexpected endpoint\"}", NULL, 0, ERR_NOT_FOUND},
	    {"{\"model\":\"m\",\"_debug_info\":{\"image_count\":0,"
	     "\"rendered_template\":\"\\u003cs>a\"}}",
		"\\u003cs>a", -1, OK},
	    {"{\"input_tokens\":17}", NULL, 17, OK},
	    {"{\"object\":{\"input_tokens\":1},\"input_tokens\":2}", NULL, 2,
		OK},
	    /* One that does not know the field has made a token. */
	    {"{\"response\":\"a\",\"prompt_eval_count\":9}", NULL, 9, OK},
	    {"{\"input_tokens\":-1}", NULL, 0, ERR_NOT_FOUND},
	    {"{\"input_tokens\":\"1\"}", NULL, 0, ERR_NOT_FOUND},
	    {"{\"_debug_info\":{}}", NULL, 0, ERR_NOT_FOUND},
	    {"[]", NULL, 0, ERR_NOT_FOUND},
	    {"{\"inp", NULL, 0, ERR_NOT_FOUND},
	    {"", NULL, 0, ERR_NOT_FOUND},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct render_told t;

		print_message("%s\n", cases[i].answer);
		assert_int_equal(
		    render_read(slice_str(cases[i].answer), &t), cases[i].err);
		if (cases[i].err != OK)
			continue;
		assert_int_equal(t.tok, cases[i].tok);
		assert_true(
		    slice_is(t.prompt, cases[i].prompt ? cases[i].prompt : ""));
	}
}

static void
vllm_tells_its_context(void **state)
{
	struct render_told t;

	assert_int_equal(
	    render_read(slice_str("{\"count\":3,\"max_model_len\":4096,"
				  "\"tokens\":[1,2,3],\"token_strs\":null}"),
		&t),
	    OK);
	assert_int_equal(t.tok, 3);
	assert_int_equal(t.context, 4096);
}

static void
llama_server_counts_chats_only(void **state)
{
	assert_string_equal(render_path_llama(route_get(ROUTE_V1_MESSAGES)),
	    "/v1/messages/count_tokens");
	assert_null(render_path_llama(route_get(ROUTE_V1_EMBEDDINGS)));
	assert_null(render_path_llama(route_get(ROUTE_API_CHAT)));
	assert_string_equal(
	    render_path_template(route_get(ROUTE_V1_CHAT)), "/apply-template");
	assert_null(render_path_template(route_get(ROUTE_V1_MESSAGES)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ollama_is_asked_for_the_chat_that_it_makes),
	    cmocka_unit_test(a_body_beyond_the_bound_is_not_asked),
	    cmocka_unit_test(the_first_message_tells_whose_system_it_is),
	    cmocka_unit_test(other_questions),
	    cmocka_unit_test(a_text_s_tokens_are_asked_for),
	    cmocka_unit_test(answers_are_a_text_or_a_number),
	    cmocka_unit_test(vllm_tells_its_context),
	    cmocka_unit_test(llama_server_counts_chats_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
