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
	"{\"model\":\"m\",\"input\":[{\"type\":\"function_call\"}]}", NULL,
	NULL},
};

static void
ollama_is_asked_for_the_chat_that_it_makes(void **state)
{
	for (size_t i = 0; i < COUNT(asks); i++) {
		const char *path = NULL;
		struct buf out;
		enum err e;

		print_message("%s\n", asks[i].body);
		read_body(asks[i].id, asks[i].body);
		buf_init(&out, 1 << 16);
		e = render_ask_ollama(&in, slice_str(asks[i].body),
		    slice_str("m:x"), &out, &path);
		assert_int_equal(e, asks[i].want ? OK : ERR_NOT_FOUND);
		if (asks[i].want) {
			assert_string_equal(path, asks[i].path);
			assert_int_equal(buf_add_char(&out, 0), OK);
			assert_string_equal(out.p, asks[i].want);
		}
		buf_fini(&out);
	}
}

static void
a_body_beyond_the_bound_is_not_asked(void **state)
{
	const char *path;
	struct buf out;

	read_body(ROUTE_V1_CHAT, asks[5].body);
	for (size_t max = 0; max < 60; max++) {
		buf_init(&out, max);
		assert_int_equal(render_ask_ollama(&in, in.opt.body,
				     slice_str("m"), &out, &path),
		    ERR_FULL);
		buf_fini(&out);
	}
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
		struct slice prompt = {0};
		int64_t tok;

		print_message("%s\n", cases[i].answer);
		assert_int_equal(
		    render_read(slice_str(cases[i].answer), &prompt, &tok),
		    cases[i].err);
		if (cases[i].err != OK)
			continue;
		assert_int_equal(tok, cases[i].tok);
		assert_true(
		    slice_is(prompt, cases[i].prompt ? cases[i].prompt : ""));
	}
}

static void
llama_server_counts_chats_only(void **state)
{
	assert_string_equal(render_path_llama(route_get(ROUTE_V1_MESSAGES)),
	    "/v1/messages/count_tokens");
	assert_null(render_path_llama(route_get(ROUTE_V1_EMBEDDINGS)));
	assert_null(render_path_llama(route_get(ROUTE_API_CHAT)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ollama_is_asked_for_the_chat_that_it_makes),
	    cmocka_unit_test(a_body_beyond_the_bound_is_not_asked),
	    cmocka_unit_test(the_first_message_tells_whose_system_it_is),
	    cmocka_unit_test(answers_are_a_text_or_a_number),
	    cmocka_unit_test(llama_server_counts_chats_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
