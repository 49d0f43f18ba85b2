/*
 * answer: reads usage and end marks out of an answer as it passes by.
 *
 * Nothing is ever changed.  Streams are given piece by piece as http/sse.h and
 * http/ndjson.h cut them.  Most pieces differ from the one before only in the
 * text that was generated; such a piece is recognised by comparing the rest,
 * and costs tens of nanoseconds.  All others are parsed properly: a text that
 * talks about "usage" or [DONE] fools nobody.
 */
#pragma once
#include "base/arena.h"
#include "dialect/route.h"

/* What a piece was, as bits. */
enum answer_mark {
	ANSWER_CONTENT = 1, /* has generated text, reasoning or a tool call */
	ANSWER_USAGE = 2,   /* has counts */
	/* No more than counts: the chunk that include_usage asks for. */
	ANSWER_USAGE_ONLY = 4,
	ANSWER_END = 8,	   /* the stream's own end mark */
	ANSWER_ERROR = 16, /* an error object of the engine */
	ANSWER_BAD = 32	   /* not JSON */
};

/* Why the model stopped, as far as the dialects agree. */
enum answer_stop {
	STOP_UNKNOWN,
	STOP_END,    /* stop, end_turn, stop_sequence, eos */
	STOP_LENGTH, /* length, max_tokens, limit, incomplete */
	STOP_TOOL,   /* tool_calls, tool_use */
	STOP_FILTER, /* content_filter, refusal */
	STOP_LOAD    /* Ollama's load and unload: nothing was generated */
};

enum {
	ANSWER_KEPT_MAX = 1024, /* bytes of a piece kept to compare */
	/* Of a whole answer as it passes by, this much of its begin and end. */
	ANSWER_WINDOW = 4096
};

struct answer {
	/* --- results, any time; -1: not told --- */
	int64_t input_tok; /* the whole prompt, cached tokens included */
	int64_t output_tok;
	int64_t cached_tok; /* the part of input_tok that came from a cache */
	enum answer_stop stop;
	bool has_content; /* the first generated piece has passed */
	bool is_finished; /* the end mark has passed */
	bool is_failed;	  /* the engine's own error object has passed */
	/*
	 * Pieces with content so far, about a token each: an estimate of
	 * output_tok while it streams.
	 */
	uint64_t pieces;

	/* --- private --- */
	const struct route *route;
	bool is_stream;
	bool is_exact; /* counts came from usage, not from timings */
	bool is_long;  /* the windows do not hold all */
	struct arena *arena;
	char *kept; /* the last dull piece, without its text */
	size_t head_n, tail_n;
	char *window; /* begin and end of a whole answer */
	size_t begin_n, end_n;
};

/*
 * Start on the answer to a request for ${route}; ${is_stream}: it comes as the
 * shape's stream, as its Content-Type says.  ${arena},
 * which is kept, gives at most ANSWER_KEPT_MAX or 2 x ANSWER_WINDOW bytes; NULL
 * or a full one costs speed, and counts of answers given to answer_part.
 */
void answer_init(struct answer *a, const struct route *route, bool is_stream,
    struct arena *arena);

/*
 * One server-sent event with its ${name} (empty if it has none) and ${data}.
 * Returns what it was, a set of enum answer_mark.
 */
unsigned answer_event(struct answer *a, struct slice name, struct slice data);

/* One line of NDJSON, without its end.  Returns what it was. */
unsigned answer_line(struct answer *a, struct slice line);

/* An answer that is not streamed, whole.  Returns what it was. */
unsigned answer_body(struct answer *a, struct slice body);

/*
 * The next bytes of an answer that is not streamed and not kept either.  Begin
 * and end of it are remembered, ANSWER_WINDOW bytes each.
 */
void answer_part(struct answer *a, struct slice part);

/* No more parts: read what was remembered.  Returns what it was. */
unsigned answer_parts_end(struct answer *a);

/*
 * The engine has ended its answer in good order, as HTTP sees it.  OK if the
 * answer is complete; ERR_ENGINE_ERROR_IN_STREAM if it carried an error;
 * ERR_UPSTREAM_INCOMPLETE if it has no end mark where one must come.
 */
MUST_CHECK enum err answer_end(const struct answer *a);
