/*
 * inspect: what a request asks for, in one resumable pass over its body.
 *
 *   {"model":"m","options":{"num_ctx":4096},"messages":[{"content":"hi"}]}
 *            model           raw[NUM_CTX]                           a text
 *
 * The fields that are read stand in facts/fields.def.  Nothing is copied but a
 * model name with escapes; all results are spans of the body, which must stay.
 * Of a form (a route with BODY_FORM) only model and stream are read.
 */
#pragma once
#include "base/arena.h"
#include "dialect/route.h"
#include "json/reader.h"

/* Containers that are looked into. */
enum place {
	PLACE_NOWHERE,
	PLACE_ROOT,
	PLACE_STREAM_OPTIONS,
	PLACE_OPTIONS,
	PLACE_MESSAGE,	/* an object of MESSAGES or LIST */
	PLACE_TOOL,	/* an object of TOOLS */
	PLACE_MESSAGES, /* an array; its objects are messages */
	PLACE_LIST,	/* an array; strings are texts, numbers tokens */
	PLACE_IMAGES,	/* an array, each element an image */
	PLACE_TOOLS,	/* an array of tools */
	PLACE_COUNT
};

enum field {
#define FIELD(name, place, key, shapes, types, role, inside) FIELD_##name,
#include "facts/fields.def"
#undef FIELD
	FIELD_COUNT,
	FIELD_NONE = FIELD_COUNT
};

enum {
	/* Nesting beyond it is ERR_BODY_TOO_DEEP, unless depth says less. */
	INSPECT_DEPTH_MAX = JSON_DEPTH_MAX,
	INSPECT_WALK_MAX = 16, /* deeper texts are one span each */
	INSPECT_CHUNK = 32
};

/*
 * Prompt texts, in the order of the body, as a list of arrays.  Strings
 * without their quotes, escapes as they stand; what is no string (a tool, a
 * deep container) as its JSON.
 */
struct inspect_chunk {
	struct inspect_chunk *next;
	unsigned n;
	struct slice texts[INSPECT_CHUNK];
};

struct inspect_opt {
	const struct route *route;
	struct slice body;
	struct slice content_type; /* of a form: its Content-Type */
	struct arena *arena;	   /* for the model's name and the texts */
	unsigned depth;		   /* nesting that is accepted; 0: the most */
	bool is_model_optional;	   /* the engine serves one model anyway */
	bool wants_texts;	   /* fill the list, not only the numbers */
};

enum inspect_step { INSPECT_MORE, INSPECT_DONE, INSPECT_REFUSED };

/* One level of the walk; only inspect.c looks inside. */
struct inspect_frame {
	uint8_t place;
	uint8_t field; /* whose value it is; FIELD_NONE: of an element */
	size_t at;     /* of its opening bracket in the body */
	uint64_t seen; /* fields met, a bit each */
};

struct inspect {
	struct inspect_opt opt;

	/* --- results, after INSPECT_DONE --- */
	struct slice model; /* unescaped; empty if there is none */
	bool is_stream;	    /* will the answer be streamed? */
	bool has_stream;    /* did the request say so itself? */
	bool wants_usage;   /* stream_options.include_usage is true */
	/*
	 * Output tokens that are asked for at most: the least of the limits
	 * that the shape knows; -1 if there is none.
	 */
	int64_t max_output_tok;
	int64_t choices; /* `n`, 1 by default */
	int64_t num_ctx; /* 0 if absent */
	/*
	 * The JSON of each field of ROOT, OPTIONS and STREAM_OPTIONS, strings
	 * with their quotes; empty if absent.  Of fields of messages the last.
	 */
	struct slice raw[FIELD_COUNT];
	struct slice root;	     /* the whole object */
	struct inspect_chunk *texts; /* if wanted */
	bool texts_cut;		     /* the arena was full: more than these */
	uint64_t text_bytes;	     /* in all texts, at least as unescaped */
	uint64_t token_ids;	     /* prompts given as tokens */
	unsigned n_texts, n_messages, n_images, n_tools;

	/* --- result, after INSPECT_REFUSED --- */
	struct refusal why;

	/* --- private --- */
	struct json_reader reader;
	struct inspect_chunk *last;
	unsigned shape_bit;
	uint8_t mode;
	uint8_t field;	       /* whose value comes */
	bool is_left_text;     /* the container being left is a text */
	size_t value_at;       /* the container being left begins here */
	struct slice boundary; /* of a form */
	size_t at;	       /* of a form: what is read next */
	unsigned n_frames;
	struct inspect_frame frames[INSPECT_WALK_MAX];
};

/*
 * Start on a request; ${opt} is copied, what it points to must stay until the
 * results are no longer used.
 */
void inspect_init(struct inspect *in, const struct inspect_opt *opt);

/*
 * Look at ${budget} more bytes.  INSPECT_MORE: call again.  INSPECT_REFUSED:
 * ${in}->why is BODY_MISSING, BODY_NOT_JSON, BODY_NOT_FORM, BODY_TOO_DEEP,
 * FIELD_DUPLICATE, FIELD_SPELLING, FIELD_TYPE, MODEL_MISSING, MODEL_NAME,
 * CLOUD_FORBIDDEN (a tool that searches the web) or INTERNAL (no memory).
 */
enum inspect_step inspect_run(struct inspect *in, size_t budget);

/* The JSON key of ${f}, "model". */
struct slice inspect_key(enum field f);

/* Where ${raw}, one of the spans, begins in the body. */
static inline size_t
inspect_offset(const struct inspect *in, struct slice raw)
{
	return (size_t)(raw.p - in->opt.body.p);
}
