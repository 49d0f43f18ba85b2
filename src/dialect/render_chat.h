/*
 * render_chat: the conversation of another API as Ollama hands it to its own
 * /api/chat.  For render.c.
 */
#pragma once
#include "base/buf.h"
#include "dialect/inspect.h"
#include "json/reader.h"
#include "json/write.h"

/*
 * Append the members `messages`, `tools` and `think`, joined by commas, that
 * Ollama makes of the request that ${in}, which is done, has read: by ${shape}
 * an OpenAI chat, an Anthropic message or a response.  ERR_NOT_FOUND: it has
 * parts that are not known here.  ERR_FULL, ERR_NOMEM.
 */
MUST_CHECK enum err render_chat(
    const struct inspect *in, enum shape shape, struct buf *out);

/* --- for render_openai.c, render_anthropic.c and render_responses.c --- */

enum { CHAT_CALLS_MAX = 512 };

/* A call of a tool, by which its result is told the tool's name. */
struct call {
	struct slice id, name;
};

struct chat {
	struct json_writer w;
	struct buf text; /* one string, joined of parts */
	struct call *calls;
	unsigned n_calls;
	bool is_known; /* nothing was met that is not known here */
};

/* A member of an object, or an element of an array (without a key). */
struct chat_member {
	struct slice key, raw;
	enum json_kind kind;
};

/* Begin to read the object or array whose span is ${raw}; false: it is none. */
bool chat_open(struct json_reader *r, struct slice raw);

/* The next member of that object; false behind the last. */
bool chat_member(struct json_reader *r, struct chat_member *m);

/* The next element of that array; false behind the last. */
bool chat_element(struct json_reader *r, struct chat_member *m);

/* The JSON of the member ${key} of the object ${raw}; empty: none, or null. */
struct slice chat_find(struct slice raw, const char *key);

/* The string ${raw} without its quotes; empty if it is none. */
struct slice chat_inside(struct slice raw);

/* Something was met that is not known here. */
void chat_unknown(struct chat *c);

/* Join strings: begin, add (${raw} with its quotes), and end. */
void chat_text_begin(struct chat *c);
void chat_text_add(struct chat *c, struct slice raw);

/*
 * The joined string is in c->text, and a member ${key} unless that is NULL;
 * false, and no member, if it is empty.
 */
bool chat_text_end(struct chat *c, const char *key);

/* A member ${key} with the JSON ${raw}; none if that is "" or nothing. */
void chat_raw(struct chat *c, const char *key, struct slice raw);

/* Add the texts of ${raw}, a string or an array of parts. */
void chat_join(struct chat *c, struct slice raw);

/* The member `tools` of flat ones; ${schema}: where theirs stands. */
void chat_tools(struct chat *c, struct slice tools, const char *schema);

/* The member `think` that a reasoning effort, ${raw}, means. */
void chat_effort(struct chat *c, struct slice raw);

/* An array `images` of one, in base64, that the string ${url} (data:) holds. */
void chat_image_url(struct chat *c, struct slice url);

/* The arguments of a call, an object in the string ${raw}. */
void chat_arguments(struct chat *c, struct slice raw);

/* The items of a response's input, an array, as messages. */
void chat_responses_items(struct chat *c, struct slice input);

/* One message, ${raw}, and the members besides `messages`, of these APIs. */
void chat_openai_message(struct chat *c, struct slice raw);
void chat_openai(struct chat *c, const struct inspect *in);
void chat_anthropic_message(struct chat *c, struct slice raw);
void chat_anthropic(struct chat *c, const struct inspect *in);
