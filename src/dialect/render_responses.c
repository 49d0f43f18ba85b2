/*
 * After FromResponsesRequest (openai/responses.go) of Ollama 0.32: calls join
 * the assistant's message before them, what was thought the one behind it, and
 * a text between a call and its result the message of the call.
 */
#include "dialect/render_chat.h"
#include <stdlib.h>

/* The message that is being put together; written when the next one begins. */
struct turn {
	struct slice role, thinking, call_id;
	struct buf images, calls; /* elements of the arrays */
	unsigned first_call;	  /* of chat.calls: those of this message */
	bool is_open;
};

static void
begin(struct chat *c, struct turn *t, struct slice role)
{
	t->role = role;
	t->thinking = t->call_id = (struct slice){0};
	buf_clear(&t->images);
	buf_clear(&t->calls);
	t->first_call = c->n_calls;
	t->is_open = true;
	chat_text_begin(c);
}

static void
write_list(struct chat *c, const char *key, const struct buf *b)
{
	if (b->n == 0)
		return;
	json_array_begin(&c->w, key);
	json_raw(&c->w, NULL, buf_slice(b));
	json_array_end(&c->w);
}

static void
flush(struct chat *c, struct turn *t)
{
	if (!t->is_open)
		return;
	t->is_open = false;
	json_object_begin(&c->w, NULL);
	json_raw(&c->w, "role", t->role);
	if (!chat_text_end(c, "content"))
		json_str(&c->w, "content", (struct slice){0});
	chat_raw(c, "thinking", t->thinking);
	write_list(c, "images", &t->images);
	write_list(c, "tool_calls", &t->calls);
	chat_raw(c, "tool_call_id", t->call_id);
	json_object_end(&c->w);
}

static void
add_to_list(struct chat *c, struct buf *list, struct slice raw)
{
	if (c->w.err == OK && list->n > 0)
		c->w.err = buf_add_str(list, ",");
	if (c->w.err == OK)
		c->w.err = buf_add(list, raw);
}

/* Texts and images of ${raw}, a string or an array of parts. */
static void
add_content(struct chat *c, struct turn *t, struct slice raw)
{
	static const struct slice mark = SLICE("base64,");
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
		struct slice url = chat_find(m.raw, "image_url");
		const char *at = url.n > 0 && url.p[0] == '"'
		    ? memmem(url.p, url.n, mark.p, mark.n)
		    : NULL;

		if (slice_is(type, "input_text") ||
		    slice_is(type, "output_text")) {
			chat_text_add(c, chat_find(m.raw, "text"));
		} else if (slice_is(type, "input_image") && at != NULL) {
			/* The quote before it, the data, the quote behind. */
			add_to_list(c, &t->images, slice_str("\""));
			if (c->w.err == OK)
				c->w.err = buf_add(&t->images,
				    slice_from(
					url, (size_t)(at - url.p) + mark.n));
		} else if (!slice_is(type, "input_image") || url.n > 0) {
			/* Files are refused by Ollama itself. */
			chat_unknown(c);
		}
	}
}

/* Does the open message hold the call ${id}? */
static bool
has_call(const struct chat *c, const struct turn *t, struct slice id)
{
	for (unsigned i = t->first_call; i < c->n_calls; i++)
		if (slice_eq(c->calls[i].id, id))
			return true;
	return false;
}

static bool
is_assistant(struct slice role)
{
	return slice_is(role, "\"assistant\"");
}

static void
add_call(struct chat *c, struct turn *t, struct slice raw)
{
	struct slice id = chat_find(raw, "call_id");
	struct slice arguments = chat_find(raw, "arguments");
	struct json_writer outer = c->w;
	struct buf one, said = c->text;

	if (c->n_calls == CHAT_CALLS_MAX) {
		chat_unknown(c);
		return;
	}
	c->calls[c->n_calls++] = (struct call){.id = id};
	buf_init(&one, raw.n * 2 + 256);
	buf_init(&c->text, raw.n + 8);
	json_writer_init(&c->w, &one);
	json_object_begin(&c->w, NULL);
	chat_raw(c, "id", id);
	json_object_begin(&c->w, "function");
	chat_raw(c, "name", chat_find(raw, "name"));
	if (arguments.n > 2)
		chat_arguments(c, arguments);
	else
		json_raw(&c->w, "arguments", slice_str("{}"));
	json_object_end(&c->w);
	json_object_end(&c->w);
	if (outer.err == OK)
		outer.err = c->w.err;
	c->w = outer;
	buf_fini(&c->text);
	c->text = said;
	add_to_list(c, &t->calls, buf_slice(&one));
	buf_fini(&one);
}

static void
message(struct chat *c, struct turn *t, struct slice raw, struct slice next,
    struct slice *thought)
{
	struct slice role = chat_find(raw, "role");
	struct slice content = chat_find(raw, "content");
	struct slice thinking = {0};
	bool joins;

	if (role.n == 0)
		chat_unknown(c);
	if (is_assistant(role)) {
		thinking = *thought;
		*thought = (struct slice){0};
	}
	joins = is_assistant(role) && t->is_open && is_assistant(t->role) &&
	    slice_is(chat_find(next, "type"), "\"function_call_output\"") &&
	    has_call(c, t, chat_find(next, "call_id"));
	if (!joins) {
		flush(c, t);
		begin(c, t, role);
	} else if (c->text.n > 1 && content.n > 2 && c->w.err == OK) {
		c->w.err = buf_add_str(&c->text, "\\n");
	}
	add_content(c, t, content);
	if (thinking.n > 0)
		t->thinking = thinking;
}

static void
call(struct chat *c, struct turn *t, struct slice raw, struct slice *thought)
{
	static const struct slice role = SLICE("\"assistant\"");

	if (!t->is_open || !is_assistant(t->role)) {
		flush(c, t);
		begin(c, t, role);
	}
	add_call(c, t, raw);
	if (thought->n > 0)
		t->thinking = *thought;
	*thought = (struct slice){0};
}

static void
result(struct chat *c, struct turn *t, struct slice raw)
{
	static const struct slice role = SLICE("\"tool\"");

	flush(c, t);
	begin(c, t, role);
	t->call_id = chat_find(raw, "call_id");
	add_content(c, t, chat_find(raw, "output"));
}

static void
item(struct chat *c, struct turn *t, struct slice raw, struct slice next,
    struct slice *thought)
{
	struct slice type = chat_inside(chat_find(raw, "type"));

	if (type.n == 0 || slice_is(type, "message"))
		message(c, t, raw, next, thought);
	else if (slice_is(type, "function_call"))
		call(c, t, raw, thought);
	else if (slice_is(type, "function_call_output"))
		result(c, t, raw);
	else if (slice_is(type, "reasoning"))
		*thought = chat_find(raw, "encrypted_content");
	else if (!slice_is(type, "web_search_call"))
		chat_unknown(c);
}

void
chat_responses_items(struct chat *c, struct slice input)
{
	static const struct slice assistant = SLICE("\"assistant\"");
	struct slice thought = {0}, raw = {0};
	struct turn t = {.is_open = false};
	struct json_reader r;
	struct chat_member m;

	buf_init(&t.images, input.n);
	buf_init(&t.calls, input.n * 2 + 256);
	(void)chat_open(&r, input);
	while (chat_element(&r, &m)) {
		if (raw.n > 0)
			item(c, &t, raw, m.raw, &thought);
		raw = m.raw;
	}
	if (raw.n > 0)
		item(c, &t, raw, (struct slice){0}, &thought);
	flush(c, &t);
	if (thought.n > 2) {
		begin(c, &t, assistant);
		t.thinking = thought;
		flush(c, &t);
	}
	buf_fini(&t.images);
	buf_fini(&t.calls);
}
