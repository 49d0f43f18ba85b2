/*
 * reply: the answers of the scripted engine, rendered once at start.
 *
 *   streamed      first | event | event | ... | last
 *   not streamed  first
 *
 * `first` holds the head and, of a stream, the first event; `last` the end
 * marks and the last chunk.  Shapes follow recorded answers of Ollama 0.33 and
 * llama-server 0.7; the text is filler of a chosen length.
 */
#pragma once
#include "base/slice.h"

/* Which engine's paths are answered; others get 404. */
enum reply_kind {
	REPLY_OLLAMA = 1,
	REPLY_LLAMA_SERVER = 2,
	REPLY_OPENAI = 4,
	REPLY_ANY = 7,
};

struct reply_options {
	enum reply_kind kind;
	int events;	   /* of a stream, end marks not counted */
	int event_bytes;   /* text in one event */
	int answer_bytes;  /* text of an answer that is not streamed */
	int slots;	   /* that /props tells */
	const char *model; /* the one model's name */
	const char *vocab; /* its GGUF, as /api/show tells; NULL: nowhere */
	int context;	   /* tokens that are loaded */
};

struct reply {
	struct slice first;
	struct slice event;
	struct slice last;
	int events; /* how many in all, the first included; 0: no stream */
	bool is_inference;
	bool is_embedding; /* inference, too */
};

/* Render all answers for ${o}; memory is kept until the program ends. */
void reply_init(const struct reply_options *o);

/*
 * The answer to ${method} ${path} with ${body}: streamed as the body's
 * "stream" (or the API's default) says, with usage as its "include_usage"
 * says.  Never NULL: an unknown path has a 404.
 */
const struct reply *reply_get(
    struct slice method, struct slice path, struct slice body);
