/*
 * route: which path is meant, what it is, and how its API talks.
 *
 * The table is facts/routes.def.  A target matches byte for byte or not at
 * all: weir and the engine behind it must never read one path in two ways, so
 * percent-encoding, `//`, `;`, dot segments, absolute forms, fragments,
 * backslashes and upper case are simply unknown paths.
 */
#pragma once
#include "base/err.h"
#include "http/head.h"

/* How errors are told. */
enum dialect {
	DIALECT_OLLAMA,
	DIALECT_OPENAI,
	DIALECT_ANTHROPIC,
	DIALECT_WEIR /* as OpenAI's */
};

/* Who may, and what it costs: see facts/routes.def. */
enum route_class {
	CLASS_INFERENCE,
	CLASS_READ,
	CLASS_MANAGE,
	CLASS_FORBIDDEN,
	CLASS_OWN
};

/* What stands in requests and answers. */
enum shape {
	SHAPE_PLAIN,	 /* nothing that weir reads */
	SHAPE_OLLAMA,	 /* generate, chat: NDJSON up to "done":true */
	SHAPE_PROGRESS,	 /* pull, push, create: NDJSON up to "success" */
	SHAPE_OPENAI,	 /* completions: SSE up to [DONE] */
	SHAPE_RESPONSES, /* SSE up to response.completed */
	SHAPE_ANTHROPIC, /* SSE up to message_stop */
	SHAPE_NATIVE,	 /* llama-server's own: SSE up to "stop":true */
	SHAPE_LMSTUDIO,	 /* LM Studio's own: SSE up to chat.end */
	SHAPE_AUDIO,	 /* transcriptions: SSE up to transcript.text.done */
	SHAPE_EMBED,	 /* embeddings, scores: texts in, never streamed */
	SHAPE_COUNT,	 /* texts in, a number or tokens out */
	SHAPE_COUNT_OF
};

/* How a streamed answer is cut into pieces. */
enum framing { FRAMING_WHOLE, FRAMING_NDJSON, FRAMING_SSE };

enum route_body { BODY_NONE, BODY_JSON, BODY_FORM, BODY_BLOB };

/* Where the model's name stands. */
enum model_place {
	MODEL_NONE,
	MODEL_BODY,
	MODEL_MAYBE,
	MODEL_PATH,
	MODEL_FORM
};

enum route_id {
#define ROUTE(name, verbs, path, dialect, class, shape, body, model)           \
	ROUTE_##name,
#define ROUTE_UNDER(                                                           \
    name, verbs, path, rest, dialect, class, shape, body, model)               \
	ROUTE_##name,
#include "facts/routes.def"
#undef ROUTE
#undef ROUTE_UNDER
	ROUTE_COUNT
};

/* One row; static, never freed. */
struct route {
	const char *name;  /* "API_CHAT" */
	struct slice path; /* for logs and metrics: "/v1/models/:model" */
	enum route_id id;
	uint8_t verbs;	  /* a bit for each enum http_method */
	uint8_t prefix_n; /* bytes of path that must match; all, or up to ':' */
	bool under;	  /* has a parameter */
	enum dialect dialect;
	enum route_class class;
	enum shape shape;
	enum route_body body;
	enum model_place model;
};

/* What route_find found; the slices are parts of the target. */
struct route_match {
	const struct route *route; /* NULL if the path is unknown */
	struct slice query;	   /* behind the '?', unread; often empty */
	struct slice param;	   /* what stands for ":model"; else empty */
	unsigned verbs;		   /* methods that the path takes, as bits */
};

/*
 * Find the row for ${method} and the origin-form ${target}, which is kept by
 * what ${out} points into.  ERR_ROUTE_UNKNOWN: no such path, ${out}->route is
 * NULL.  ERR_METHOD_NOT_ALLOWED: ${out}->route is another row of the path, to
 * shape the error by, and ${out}->verbs says what it takes.  Takes well below
 * 100 ns for the common paths.
 */
MUST_CHECK enum err route_find(
    enum http_method method, struct slice target, struct route_match *out);

/*
 * The methods of the set ${verbs} as an Allow field has them, "GET, HEAD";
 * written to ${out}, which has room for ROUTE_ALLOW_MAX bytes.
 */
enum { ROUTE_ALLOW_MAX = 64 };
struct slice route_allow(unsigned verbs, char *out);

/* The row of ${id}.  Never NULL. */
const struct route *route_get(enum route_id id);

/*
 * The dialect of whoever asks for ${target}, also where no row matches: by
 * how it begins.
 */
enum dialect route_dialect(struct slice target);

/* How a streamed answer of ${shape} is framed; WHOLE if it never streams. */
enum framing route_framing(enum shape shape);

/* Do answers of ${shape} stream when the request does not say?  Ollama's. */
bool route_streams_by_default(enum shape shape);

/* "ollama", "openai", "anthropic", "weir": the log line's api. */
const char *dialect_name(enum dialect d);
