/* See shape.h. */
#include "tool/shape.h"

#include <stddef.h>

/* clang-format off: templates read best one JSON object a line */

#define SSE "text/event-stream"
#define OLLAMA(what)                                                           \
	"{\"model\":\"$M\",\"created_at\":\"2026-01-01T00:00:00."              \
	"000000000Z\"," what
#define OLLAMA_END                                                             \
	"\"done\":true,\"done_reason\":\"stop\",\"total_duration\":9000000,"   \
	"\"load_duration\":1000000,\"prompt_eval_count\":26,"                  \
	"\"prompt_eval_duration\":2000000,\"eval_count\":$N,"                  \
	"\"eval_duration\":6000000}"
#define OPENAI(object, what)                                                   \
	"{\"id\":\"chatcmpl-1\",\"object\":\"" object                          \
	"\",\"created\":1767225600,"                                           \
	"\"model\":\"$M\",\"choices\":[" what "]"
#define USAGE                                                                  \
	",\"usage\":{\"prompt_tokens\":26,\"completion_tokens\":$N,\"total_"   \
	"tokens\":$S}}"
#define DATA(json) "data: " json "\n\n"
#define EVENT(name, rest)                                                      \
	"event: " name "\ndata: {\"type\":\"" name "\"" rest "}\n\n"
#define DONE "data: [DONE]\n\n"

#define MESSAGE(text)                                                          \
	"\"message\":{\"role\":\"assistant\",\"content\":\"" text "\"},"
#define RESPONSE(text) "\"response\":\"" text "\","
#define CHUNK(what) OPENAI("chat.completion.chunk", what)
#define CHUNK_END                                                              \
	DATA(CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}") "}")
#define TEXT(text, reason)                                                     \
	OPENAI("text_completion",                                              \
	    "{\"text\":\"" text "\",\"index\":0,\"finish_reason\":" reason     \
	    "}")

static const struct shape shapes[] = {
    [SHAPE_OLLAMA_CHAT] =
	{
	    .type = "application/x-ndjson",
	    .whole = OLLAMA(MESSAGE("$T")) OLLAMA_END,
	    .open = "",
	    .event = OLLAMA(MESSAGE("$T")) "\"done\":false}\n",
	    .close = OLLAMA(MESSAGE("")) OLLAMA_END "\n",
	},
    [SHAPE_OLLAMA_GENERATE] =
	{
	    .type = "application/x-ndjson",
	    .whole = OLLAMA(RESPONSE("$T")) OLLAMA_END,
	    .open = "",
	    .event = OLLAMA(RESPONSE("$T")) "\"done\":false}\n",
	    .close = OLLAMA(RESPONSE("")) OLLAMA_END "\n",
	},
    [SHAPE_OPENAI_CHAT] =
	{
	    .type = SSE,
	    .whole = OPENAI("chat.completion",
		"{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
		"\"$T\"},"
		"\"finish_reason\":\"stop\"}") USAGE,
	    .open = "",
	    .event = DATA(CHUNK("{\"index\":0,\"delta\":{\"content\":\"$T\"},"
				"\"finish_reason\":null}") "}"),
	    .close = CHUNK_END DONE,
	    .close_use = CHUNK_END DATA(CHUNK("") USAGE) DONE,
	},
    [SHAPE_OPENAI_COMPLETION] =
	{
	    .type = SSE,
	    .whole = TEXT("$T", "\"stop\"") USAGE,
	    .open = "",
	    .event = DATA(TEXT("$T", "null") "}"),
	    .close = DATA(TEXT("", "\"stop\"") "}") DONE,
	    .close_use = DATA(TEXT("", "\"stop\"") "}")
		DATA(OPENAI("text_completion", "") USAGE) DONE,
	},
    [SHAPE_ANTHROPIC] =
	{
	    .type = SSE,
	    .whole = "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":"
		     "\"assistant\",\"model\":\"$M\","
		     "\"content\":[{\"type\":\"text\",\"text\":\"$T\"}],\"stop_"
		     "reason\":\"end_turn\","
		     "\"stop_sequence\":null,\"usage\":{\"input_tokens\":26,"
		     "\"output_tokens\":$N}}",
	    .open = EVENT("message_start",
		",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":"
		"\"assistant\",\"model\":\"$M\","
		"\"content\":[],\"stop_reason\":null,\"usage\":{\"input_"
		"tokens\":26,\"output_tokens\":0}}")
		EVENT("content_block_start",
		    ",\"index\":0,\"content_block\":{\"type\":\"text\","
		    "\"text\":\"\"}"),
	    .event = EVENT("content_block_delta",
		",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"$"
		"T\"}"),
	    .close = EVENT("content_block_stop", ",\"index\":0")
		EVENT("message_delta",
		    ",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_"
		    "sequence\":null},"
		    "\"usage\":{\"input_tokens\":26,\"output_tokens\":$N}")
		    EVENT("message_stop", ""),
	},
};
/* clang-format on */

const struct shape *
shape_get(enum shape_api api)
{
	return &shapes[api];
}
