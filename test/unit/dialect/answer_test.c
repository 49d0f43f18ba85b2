/* Usage and end marks; the lines are those of real engines. */
#include "dialect/answer.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { ARENA_MAX = 65536, PIECES = 12 };

enum {
	CONTENT = ANSWER_CONTENT,
	USAGE = ANSWER_USAGE,
	ONLY = ANSWER_USAGE | ANSWER_USAGE_ONLY,
	END = ANSWER_END,
	ERROR = ANSWER_ERROR,
	BAD = ANSWER_BAD
};

struct stream {
	const char *what;
	enum route_id id;
	struct {
		const char *name; /* of an event; NULL: none, or a line */
		const char *data;
		unsigned marks;
	} pieces[PIECES];
	int64_t input, output, cached;
	enum answer_stop stop;
	enum err end;
};

#define OLL "{\"model\":\"m\",\"created_at\":\"2026-11-22T10:00:50.6Z\","
#define OAI                                                                    \
	"{\"id\":\"chatcmpl-593\",\"object\":\"chat.completion.chunk\","       \
	"\"created\":1795341652,\"model\":\"m\",\"system_fingerprint\":"       \
	"\"fp_ollama\",\"choices\":["
#define DELTA(x) OAI "{\"index\":0,\"delta\":" x ",\"finish_reason\":null}]}"
#define TIMINGS                                                                \
	"\"timings\":{\"cache_n\":4,\"prompt_n\":1,\"prompt_ms\":0.3,"         \
	"\"predicted_n\":6,\"predicted_ms\":1.3}"

static const struct stream streams[] = {
    {"ollama chat", ROUTE_API_CHAT,
	{{NULL,
	     OLL "\"message\":{\"role\":\"assistant\",\"content\":\",\"},"
		 "\"done\":false}",
	     CONTENT},
	    {NULL,
		OLL "\"message\":{\"role\":\"assistant\",\"content\":\" a\"},"
		    "\"done\":false}",
		CONTENT},
	    {NULL,
		OLL "\"message\":{\"role\":\"assistant\",\"content\":\"\"},"
		    "\"done\":true,\"done_reason\":\"length\","
		    "\"total_duration\":6840204,\"load_duration\":908346,"
		    "\"prompt_eval_count\":5,\"prompt_eval_duration\":544000,"
		    "\"eval_count\":10,\"eval_duration\":2984000}",
		USAGE | END}},
	5, 10, -1, STOP_LENGTH, OK},
    {"ollama generate", ROUTE_API_GENERATE,
	{{NULL, OLL "\"response\":\"\",\"done\":false}", 0},
	    {NULL, OLL "\"response\":\" there\",\"done\":false}", CONTENT},
	    {NULL,
		OLL "\"response\":\"\",\"done\":true,\"done_reason\":\"stop\","
		    "\"context\":[403,407],\"prompt_eval_count\":5,"
		    "\"eval_count\":6}",
		USAGE | END}},
	5, 6, -1, STOP_END, OK},
    {"ollama load", ROUTE_API_GENERATE,
	{{NULL, OLL "\"response\":\"\",\"done\":true,\"done_reason\":\"load\"}",
	    END}},
	-1, -1, -1, STOP_LOAD, OK},
    {"ollama thinking and tools", ROUTE_API_CHAT,
	{{NULL,
	     OLL "\"message\":{\"role\":\"assistant\",\"content\":\"\","
		 "\"thinking\":\"hm\"},\"done\":false}",
	     CONTENT},
	    {NULL,
		OLL "\"message\":{\"content\":\"\",\"tool_calls\":[{"
		    "\"function\":{\"name\":\"f\",\"arguments\":{\"done\":"
		    "true,\"error\":\"x\",\"eval_count\":7}}}]},"
		    "\"done\":false}",
		CONTENT},
	    {NULL,
		OLL "\"message\":{\"content\":\"\"},\"done\":true,"
		    "\"eval_count\":1}",
		USAGE | END}},
	-1, 1, -1, STOP_UNKNOWN, OK},
    {"ollama runner killed", ROUTE_API_CHAT,
	{{NULL, OLL "\"message\":{\"content\":\"a\"},\"done\":false}", CONTENT},
	    {NULL,
		"{\"error\":\"an error was encountered while running the "
		"model: unexpected EOF\"}",
		ERROR}},
	-1, -1, -1, STOP_UNKNOWN, ERR_ENGINE_ERROR_IN_STREAM},
    {"ollama without end", ROUTE_API_CHAT,
	{{NULL, OLL "\"message\":{\"content\":\"a\"},\"done\":false}",
	    CONTENT}},
	-1, -1, -1, STOP_UNKNOWN, ERR_UPSTREAM_INCOMPLETE},
    {"ollama text that lies", ROUTE_API_CHAT,
	{{NULL,
	     OLL "\"message\":{\"content\":\"\\\"done\\\":true\"},"
		 "\"done\":false}",
	     CONTENT},
	    {NULL,
		OLL "\"message\":{\"content\":\"{\\\"error\\\":1,"
		    "\\\"done\\\":true}\"},\"done\":false}",
		CONTENT},
	    {NULL,
		OLL "\"message\":{\"content\":\",\\\"done\\\":false}\"},"
		    "\"done\":true}",
		CONTENT | END}},
	-1, -1, -1, STOP_UNKNOWN, OK},
    {"pull", ROUTE_API_PULL,
	{{NULL, "{\"status\":\"pulling manifest\"}", 0},
	    {NULL, "{\"status\":\"pulling 00ff\",\"total\":7}", 0},
	    {NULL, "{\"status\":\"success\"}", END}},
	-1, -1, -1, STOP_UNKNOWN, OK},
    {"pull offline", ROUTE_API_PULL,
	{{NULL, "{\"status\":\"pulling manifest\"}", 0},
	    {NULL, "{\"error\":\"dial tcp: lookup\"}", ERROR}},
	-1, -1, -1, STOP_UNKNOWN, ERR_ENGINE_ERROR_IN_STREAM},
    {"openai with usage", ROUTE_V1_CHAT,
	{{NULL, DELTA("{\"role\":\"assistant\",\"content\":\"\"}"), 0},
	    {NULL, DELTA("{\"content\":\",\"}"), CONTENT},
	    {NULL, DELTA("{\"content\":\" there\"}"), CONTENT},
	    {NULL, DELTA("{\"content\":\" \\\"was\\\"\"}"), CONTENT},
	    {NULL,
		OAI "{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}]}",
		0},
	    {NULL,
		OAI "],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":6,"
		    "\"total_tokens\":11,\"prompt_tokens_details\":"
		    "{\"cached_tokens\":4}}}",
		ONLY},
	    {NULL, "[DONE]", END}},
	5, 6, 4, STOP_LENGTH, OK},
    {"openai, usage null everywhere", ROUTE_V1_CHAT,
	{{NULL,
	     OAI "{\"index\":0,\"delta\":{\"content\":\"a\"}}],"
		 "\"usage\":null}",
	     CONTENT},
	    {NULL, OAI "],\"usage\":null}", 0}, {NULL, "[DONE]", END}},
	-1, -1, -1, STOP_UNKNOWN, OK},
    {"openai, usage on every chunk", ROUTE_V1_COMPLETIONS,
	{{NULL,
	     OAI "{\"text\":\"a\"}],\"usage\":{\"prompt_tokens\":0,"
		 "\"completion_tokens\":0}}",
	     CONTENT | USAGE},
	    {NULL,
		OAI "{\"text\":\"\",\"finish_reason\":\"stop\"}],\"usage\":"
		    "{\"prompt_tokens\":5,\"completion_tokens\":1}}",
		USAGE},
	    {NULL, "[DONE]", END}},
	5, 1, -1, STOP_END, OK},
    {"openai, timings instead of usage", ROUTE_V1_CHAT,
	{{NULL, DELTA("{\"content\":\"a\"}"), CONTENT},
	    {NULL,
		OAI "{\"finish_reason\":\"length\",\"delta\":{}}]," TIMINGS "}",
		0},
	    {NULL, "[DONE]", END}},
	5, 6, 4, STOP_LENGTH, OK},
    {"openai, usage beats timings", ROUTE_V1_CHAT,
	{{NULL,
	     OAI "],\"usage\":{\"prompt_tokens\":50,"
		 "\"completion_tokens\":60}," TIMINGS "}",
	     ONLY},
	    {NULL, "[DONE]", END}},
	50, 60, 4, STOP_UNKNOWN, OK},
    {"openai tools and reasoning", ROUTE_V1_CHAT,
	{{NULL, DELTA("{\"reasoning_content\":\"hm\"}"), CONTENT},
	    {NULL,
		DELTA("{\"tool_calls\":[{\"index\":0,\"function\":{"
		      "\"arguments\":\"{\\\"usage\\\":{}}\"}}]}"),
		CONTENT},
	    {NULL, OAI "{\"delta\":{},\"finish_reason\":\"tool_calls\"}]}", 0},
	    {NULL, "[DONE]", END}},
	-1, -1, -1, STOP_TOOL, OK},
    {"openai broken off", ROUTE_V1_CHAT,
	{{NULL, DELTA("{\"content\":\"a\"}"), CONTENT},
	    {NULL, OAI "{\"delta\":{},\"finish_reason\":\"stop\"}]}", 0}},
	-1, -1, -1, STOP_END, ERR_UPSTREAM_INCOMPLETE},
    {"openai error, then DONE", ROUTE_V1_CHAT,
	{{NULL, DELTA("{\"content\":\"a\"}"), CONTENT},
	    {NULL,
		"{\"error\":{\"code\":500,\"message\":\"x\",\"type\":\"y\"}}",
		ERROR},
	    {NULL, "[DONE]", END}},
	-1, -1, -1, STOP_UNKNOWN, ERR_ENGINE_ERROR_IN_STREAM},
    {"old vllm error", ROUTE_V1_CHAT,
	{{NULL, "{\"object\":\"error\",\"message\":\"x\",\"code\":400}",
	    ERROR}},
	-1, -1, -1, STOP_UNKNOWN, ERR_ENGINE_ERROR_IN_STREAM},
    {"openai text that lies", ROUTE_V1_CHAT,
	{{NULL, DELTA("{\"content\":\"[DONE]\"}"), CONTENT},
	    {NULL,
		DELTA("{\"content\":\"\\\"usage\\\":{\\\"prompt_tokens\\\":9}"
		      ",\\\"error\\\":1\"}"),
		CONTENT},
	    {NULL, DELTA("{\"content\":\"\\\\\"}"), CONTENT},
	    {NULL, DELTA("{\"content\":\"x\\\\\"}"), CONTENT},
	    {NULL, DELTA("{\"content\":\"y\",\"error\":\"z\"}"), CONTENT},
	    {NULL, "not json", BAD}, {NULL, "[DONE] ", BAD}},
	-1, -1, -1, STOP_UNKNOWN, ERR_UPSTREAM_INCOMPLETE},
    {"responses", ROUTE_V1_RESPONSES,
	{{"response.created",
	     "{\"type\":\"response.created\",\"response\":{\"status\":"
	     "\"in_progress\",\"error\":null,\"usage\":null}}",
	     0},
	    {"response.output_text.delta",
		"{\"type\":\"response.output_text.delta\",\"delta\":\",\"}",
		CONTENT},
	    {"response.output_text.delta",
		"{\"type\":\"response.output_text.delta\",\"delta\":\"a\"}",
		CONTENT},
	    {"response.output_text.done",
		"{\"type\":\"response.output_text.done\",\"text\":\"a\"}", 0},
	    {"response.completed",
		"{\"type\":\"response.completed\",\"response\":{\"status\":"
		"\"completed\",\"output\":[{}],\"usage\":{\"input_tokens\":5,"
		"\"output_tokens\":4,\"input_tokens_details\":"
		"{\"cached_tokens\":3}}}}",
		CONTENT | USAGE | END}},
	5, 4, 3, STOP_END, OK},
    {"responses failed", ROUTE_V1_RESPONSES,
	{{"response.failed",
	    "{\"type\":\"response.failed\",\"response\":{\"status\":"
	    "\"failed\",\"error\":{\"code\":\"x\"}}}",
	    ERROR | END}},
	-1, -1, -1, STOP_UNKNOWN, ERR_ENGINE_ERROR_IN_STREAM},
    {"responses incomplete", ROUTE_V1_RESPONSES,
	{{NULL,
	    "{\"type\":\"response.incomplete\",\"response\":{\"status\":"
	    "\"incomplete\",\"usage\":{\"input_tokens\":1,"
	    "\"output_tokens\":2}}}",
	    USAGE | END}},
	1, 2, -1, STOP_LENGTH, OK},
    {"anthropic, ollama's", ROUTE_V1_MESSAGES,
	{{"message_start",
	     "{\"type\":\"message_start\",\"message\":{\"type\":\"message\","
	     "\"content\":[],\"usage\":{\"input_tokens\":7,"
	     "\"output_tokens\":0}}}",
	     USAGE},
	    {"ping", "{\"type\":\"ping\"}", 0},
	    {"content_block_start",
		"{\"type\":\"content_block_start\",\"index\":0,"
		"\"content_block\":{\"type\":\"text\",\"text\":\"\"}}",
		0},
	    {"content_block_delta",
		"{\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
		"{\"type\":\"text_delta\",\"text\":\",\"}}",
		CONTENT},
	    {"content_block_delta",
		"{\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
		"{\"type\":\"text_delta\",\"text\":\" error\"}}",
		CONTENT},
	    {"content_block_stop", "{\"type\":\"content_block_stop\"}", 0},
	    {"message_delta",
		"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
		"\"max_tokens\"},\"usage\":{\"input_tokens\":5,"
		"\"output_tokens\":5}}",
		USAGE},
	    {"message_stop", "{\"type\":\"message_stop\"}", END}},
	5, 5, -1, STOP_LENGTH, OK},
    {"anthropic, llama-server's", ROUTE_V1_MESSAGES,
	{{"message_start",
	     "{\"type\":\"message_start\",\"message\":{\"content\":[],"
	     "\"stop_reason\":null,\"usage\":{\"cache_read_input_tokens\":4,"
	     "\"input_tokens\":1,\"output_tokens\":0}}}",
	     USAGE},
	    {"message_delta",
		"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
		"\"end_turn\"},\"usage\":{\"output_tokens\":6}}",
		USAGE},
	    {"message_stop", "{\"type\":\"message_stop\"}", END}},
	5, 6, 4, STOP_END, OK},
    {"anthropic error", ROUTE_V1_MESSAGES,
	{{"error",
	    "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
	    "\"message\":\"x\"}}",
	    ERROR}},
	-1, -1, -1, STOP_UNKNOWN, ERR_ENGINE_ERROR_IN_STREAM},
    {"llama-server's own", ROUTE_LLAMA_COMPLETION,
	{{NULL,
	     "{\"index\":0,\"content\":\",\",\"tokens\":[432],\"stop\":false,"
	     "\"tokens_predicted\":1,\"tokens_evaluated\":5}",
	     CONTENT | USAGE},
	    {NULL,
		"{\"index\":0,\"content\":\"\",\"stop\":true,"
		"\"tokens_predicted\":4,\"tokens_evaluated\":5,"
		"\"generation_settings\":{\"stop\":[]},\"prompt\":"
		"\"\\\"stop\\\":false\",\"stop_type\":\"limit\"," TIMINGS "}",
		USAGE | END}},
	5, 4, 4, STOP_LENGTH, OK},
    {"lm studio", ROUTE_LMS_CHAT,
	{{"chat.start", "{\"type\":\"chat.start\"}", 0},
	    {"message.delta", "{\"type\":\"message.delta\",\"content\":\"a\"}",
		CONTENT},
	    {"message.delta", "{\"type\":\"message.delta\",\"content\":\"b\"}",
		CONTENT},
	    {"chat.end",
		"{\"type\":\"chat.end\",\"result\":{\"output\":[],\"stats\":"
		"{\"input_tokens\":3,\"total_output_tokens\":2}}}",
		USAGE | END}},
	3, 2, -1, STOP_UNKNOWN, OK},
};

static void
check_stream(const struct stream *s, struct arena *arena)
{
	const struct route *route = route_get(s->id);
	struct answer a;

	answer_init(&a, route, true, arena);
	for (size_t i = 0; i < PIECES && s->pieces[i].data; i++) {
		struct slice data = slice_str(s->pieces[i].data);
		char *copy = malloc(data.n);
		unsigned marks;

		assert_non_null(copy);
		memcpy(copy, data.p, data.n);
		data.p = copy;
		marks = route_framing(route->shape) == FRAMING_SSE
		    ? answer_event(&a, slice_str(s->pieces[i].name), data)
		    : answer_line(&a, data);
		free(copy);
		if (marks != s->pieces[i].marks)
			fail_msg("%s: piece %zu has %#x", s->what, i, marks);
	}
	if (a.input_tok != s->input || a.output_tok != s->output ||
	    a.cached_tok != s->cached)
		fail_msg("%s: %lld in, %lld out, %lld cached", s->what,
		    (long long)a.input_tok, (long long)a.output_tok,
		    (long long)a.cached_tok);
	if (a.stop != s->stop || answer_end(&a) != s->end)
		fail_msg("%s: stop %d, end %d", s->what, a.stop,
		    (int)answer_end(&a));
}

static void
test_streams(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(streams); i++) {
		struct arena arena;

		arena_init(&arena, ARENA_MAX);
		check_stream(&streams[i], &arena);
		arena_fini(&arena);
		check_stream(&streams[i], NULL);
	}
}

/*
 * The short cut against the parser: pieces made of hostile texts give the same
 * with memory to compare (short cuts) and without.
 */
static void
test_short_cut(void **state)
{
	static const char *const texts[] = {"a", " there", "\\\"", "\\\\",
	    "\\\\\\\"", "x\\", "\"", "\"}}],\\\"usage\\\":1", "\\u0022",
	    "a\",\"error\":\"b", "\",\"finish_reason\":\"stop", "", "\xc3\xa9",
	    "{}[],:"};
	struct arena arena;
	struct answer fast, slow;
	unsigned cut = 0;
	char data[512];

	(void)state;
	arena_init(&arena, ARENA_MAX);
	for (size_t i = 0; i < COUNT(texts); i++)
		for (size_t j = 0; j < COUNT(texts); j++) {
			const char *pair[] = {"ok", texts[i], texts[j], "ok"};

			answer_init(
			    &fast, route_get(ROUTE_V1_CHAT), true, &arena);
			answer_init(
			    &slow, route_get(ROUTE_V1_CHAT), true, NULL);
			for (size_t k = 0; k < COUNT(pair); k++) {
				struct slice s = slice_of(data,
				    (size_t)snprintf(data, sizeof data,
					DELTA("{\"content\":\"%s\"}"),
					pair[k]));
				struct slice no = {0};

				assert_int_equal(answer_event(&fast, no, s),
				    answer_event(&slow, no, s));
			}
			cut += fast.head_n > 0;
			assert_int_equal(fast.pieces, slow.pieces);
			assert_int_equal(fast.stop, slow.stop);
			assert_int_equal(fast.is_failed, slow.is_failed);
			arena_reset(&arena);
		}
	assert_int_equal(cut, COUNT(texts) * COUNT(texts));
	arena_fini(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_streams),
	    cmocka_unit_test(test_short_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
