/*
 * After FromChatRequest (openai/openai.go), FromMessagesRequest
 * (anthropic/anthropic.go) and FromResponsesRequest (openai/responses.go) of
 * Ollama 0.32: in OpenAI's API every part of a content becomes a message of
 * its own, in the others they are joined.
 */
#include "dialect/render_chat.h"
#include "json/value.h"
#include <stdlib.h>

enum { DEPTH = JSON_DEPTH_MAX };

/* --- reading --- */

/* Members of the object, or elements of the array, whose span is ${raw}. */
bool
chat_open(struct json_reader *r, struct slice raw)
{
	json_reader_init(r, raw, DEPTH);
	return raw.n > 0 && json_next(r) >= JSON_OBJECT;
}

bool
chat_member(struct json_reader *r, struct chat_member *m)
{
	if (json_next(r) != JSON_KEY)
		return false;
	m->key = json_span(r);
	m->kind = json_skip(r);
	m->raw = json_span(r);
	return m->kind > JSON_BAD;
}

bool
chat_element(struct json_reader *r, struct chat_member *m)
{
	m->kind = json_skip(r);
	m->raw = json_span(r);
	return m->kind > JSON_BAD && m->kind != JSON_ARRAY_END;
}

/* The member ${key} of the object ${raw}; empty if there is none. */
struct slice
chat_find(struct slice raw, const char *key)
{
	struct slice found = {0};
	struct json_reader r;
	struct chat_member m;

	if (raw.n == 0 || raw.p[0] != '{' || !chat_open(&r, raw))
		return found;
	while (chat_member(&r, &m))
		if (slice_is(m.key, key) && m.kind != JSON_NULL)
			found = m.raw;
	return found;
}

/* A string without its quotes; empty if ${raw} is none. */
struct slice
chat_inside(struct slice raw)
{
	if (raw.n < 2 || raw.p[0] != '"')
		return (struct slice){0};
	return slice_of(raw.p + 1, raw.n - 2);
}

/* --- writing --- */

void
chat_unknown(struct chat *c)
{
	c->is_known = false;
}

void
chat_text_begin(struct chat *c)
{
	buf_clear(&c->text);
	if (c->w.err == OK)
		c->w.err = buf_add_str(&c->text, "\"");
}

void
chat_text_add(struct chat *c, struct slice raw)
{
	if (c->w.err == OK)
		c->w.err = buf_add(&c->text, chat_inside(raw));
}

/* The string that was joined, as a member; omitted if it is empty. */
bool
chat_text_end(struct chat *c, const char *key)
{
	if (c->text.n <= 1)
		return false;
	if (c->w.err == OK)
		c->w.err = buf_add_str(&c->text, "\"");
	if (key)
		json_raw(&c->w, key, buf_slice(&c->text));
	return true;
}

void
chat_raw(struct chat *c, const char *key, struct slice raw)
{
	if (raw.n > 0 && !slice_is(raw, "\"\""))
		json_raw(&c->w, key, raw);
}

/* The texts of ${raw}, a string or an array of parts, joined. */
void
chat_join(struct chat *c, struct slice raw)
{
	struct json_reader r;
	struct chat_member m;

	if (raw.n == 0 || raw.p[0] == '"') {
		chat_text_add(c, raw);
		return;
	}
	if (raw.p[0] != '[' || !chat_open(&r, raw)) {
		chat_unknown(c);
		return;
	}
	while (chat_element(&r, &m)) {
		struct slice type = chat_inside(chat_find(m.raw, "type"));

		if (slice_is(type, "text") || slice_is(type, "input_text") ||
		    slice_is(type, "output_text"))
			chat_text_add(c, chat_find(m.raw, "text"));
		else
			chat_unknown(c);
	}
}

static void
whole_message(struct chat *c, const char *role, struct slice raw)
{
	chat_text_begin(c);
	chat_join(c, raw);
	if (!chat_text_end(c, NULL))
		return;
	json_object_begin(&c->w, NULL);
	json_str(&c->w, "role", slice_str(role));
	json_raw(&c->w, "content", buf_slice(&c->text));
	json_object_end(&c->w);
}

/* ${schema}: the name of the member that holds it. */
void
chat_tools(struct chat *c, struct slice tools, const char *schema)
{
	struct json_reader r;
	struct chat_member m;

	json_array_begin(&c->w, "tools");
	(void)chat_open(&r, tools);
	while (chat_element(&r, &m)) {
		struct slice type = chat_inside(chat_find(m.raw, "type"));

		if (type.n > 0 && !slice_is(type, "function") &&
		    !slice_is(type, "custom"))
			chat_unknown(c);
		json_object_begin(&c->w, NULL);
		json_str(&c->w, "type", slice_str("function"));
		json_object_begin(&c->w, "function");
		chat_raw(c, "name", chat_find(m.raw, "name"));
		chat_raw(c, "description", chat_find(m.raw, "description"));
		chat_raw(c, "parameters", chat_find(m.raw, schema));
		json_object_end(&c->w);
		json_object_end(&c->w);
	}
	json_array_end(&c->w);
}

/* thinkFromReasoningEffort. */
void
chat_effort(struct chat *c, struct slice raw)
{
	if (slice_is(raw, "\"none\""))
		json_bool(&c->w, "think", false);
	else if (slice_is(raw, "\"minimal\""))
		json_str(&c->w, "think", slice_str("low"));
	else if (slice_is(raw, "\"xhigh\"") || slice_is(raw, "\"ultra\""))
		json_str(&c->w, "think", slice_str("max"));
	else
		chat_raw(c, "think", raw);
}

/* base64 may have its slashes escaped; what stands before it has none else. */
void
chat_image_url(struct chat *c, struct slice url)
{
	static const struct slice data = SLICE("data:"),
				  mark = SLICE("base64,");
	struct slice s = chat_inside(url);
	const char *at = s.n > 0 ? memmem(s.p, s.n, mark.p, mark.n) : NULL;

	if (!slice_starts(s, data) || at == NULL) {
		chat_unknown(c);
		return;
	}
	s = slice_from(s, (size_t)(at - s.p) + mark.n);
	buf_clear(&c->text);
	chat_text_begin(c);
	if (c->w.err == OK)
		c->w.err = buf_add(&c->text, s);
	json_array_begin(&c->w, "images");
	if (!chat_text_end(c, NULL))
		chat_unknown(c);
	else
		json_raw(&c->w, NULL, buf_slice(&c->text));
	json_array_end(&c->w);
}

/* --- responses --- */

static void
response(struct chat *c, const struct inspect *in)
{
	chat_effort(c, chat_find(chat_find(in->root, "reasoning"), "effort"));
	if (in->n_tools > 0)
		chat_tools(c, in->raw[FIELD_TOOLS], "parameters");
}

/* --- all --- */

static void
messages(struct chat *c, const struct inspect *in,
    void (*one)(struct chat *c, struct slice raw))
{
	struct json_reader r;
	struct chat_member m;

	if (!chat_open(&r, in->raw[FIELD_MESSAGES]))
		return;
	while (chat_element(&r, &m)) {
		if (m.kind != JSON_OBJECT)
			chat_unknown(c);
		else
			one(c, m.raw);
	}
}

static void
write_messages(struct chat *c, const struct inspect *in, enum shape shape)
{
	struct slice input = in->raw[FIELD_INPUT];

	json_array_begin(&c->w, "messages");
	switch (shape) {
	case SHAPE_ANTHROPIC:
		whole_message(c, "system", in->raw[FIELD_SYSTEM]);
		messages(c, in, chat_anthropic_message);
		break;
	case SHAPE_RESPONSES:
		whole_message(c, "system", in->raw[FIELD_INSTRUCTIONS]);
		if (input.n > 0 && input.p[0] == '[')
			chat_responses_items(c, input);
		else
			whole_message(c, "user", input);
		break;
	default:
		messages(c, in, chat_openai_message);
		break;
	}
	json_array_end(&c->w);
}

enum err
render_chat(const struct inspect *in, enum shape shape, struct buf *out)
{
	struct chat c = {.is_known = true};
	enum err e;

	c.calls = calloc(CHAT_CALLS_MAX, sizeof *c.calls);
	if (c.calls == NULL)
		return ERR_NOMEM;
	buf_init(&c.text, in->opt.body.n + 8);
	/* Members of an object that somebody else has opened. */
	json_writer_init(&c.w, out);
	write_messages(&c, in, shape);
	c.w.comma = true;
	switch (shape) {
	case SHAPE_ANTHROPIC:
		chat_anthropic(&c, in);
		break;
	case SHAPE_RESPONSES:
		response(&c, in);
		break;
	default:
		chat_openai(&c, in);
		break;
	}
	e = c.w.err;
	buf_fini(&c.text);
	free(c.calls);
	if (e != OK)
		return e;
	return c.is_known ? OK : ERR_NOT_FOUND;
}
