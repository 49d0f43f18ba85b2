/* After FromMessagesRequest (anthropic/anthropic.go) of Ollama 0.32. */
#include "dialect/render_chat.h"

/* Results of tools, each a message of its own. */
static void
anthropic_results(struct chat *c, struct slice blocks)
{
	struct json_reader r;
	struct chat_member m;

	(void)chat_open(&r, blocks);
	while (chat_element(&r, &m)) {
		if (!slice_is(chat_find(m.raw, "type"), "\"tool_result\""))
			continue;
		json_object_begin(&c->w, NULL);
		json_str(&c->w, "role", slice_str("tool"));
		chat_text_begin(c);
		chat_join(c, chat_find(m.raw, "content"));
		if (!chat_text_end(c, "content"))
			json_str(&c->w, "content", (struct slice){0});
		chat_raw(c, "tool_call_id", chat_find(m.raw, "tool_use_id"));
		json_object_end(&c->w);
	}
}

static void
anthropic_calls(struct chat *c, struct slice blocks)
{
	struct json_reader r;
	struct chat_member m;

	json_array_begin(&c->w, "tool_calls");
	(void)chat_open(&r, blocks);
	while (chat_element(&r, &m)) {
		if (!slice_is(chat_find(m.raw, "type"), "\"tool_use\""))
			continue;
		json_object_begin(&c->w, NULL);
		chat_raw(c, "id", chat_find(m.raw, "id"));
		json_object_begin(&c->w, "function");
		chat_raw(c, "name", chat_find(m.raw, "name"));
		chat_raw(c, "arguments", chat_find(m.raw, "input"));
		json_object_end(&c->w);
		json_object_end(&c->w);
	}
	json_array_end(&c->w);
}

/* The images among the blocks, an array of theirs; what is no base64 is not
 * known here. */
static void
anthropic_images(struct chat *c, struct slice blocks)
{
	struct json_reader r;
	struct chat_member m;

	json_array_begin(&c->w, "images");
	(void)chat_open(&r, blocks);
	while (chat_element(&r, &m)) {
		struct slice source = chat_find(m.raw, "source");

		if (!slice_is(chat_find(m.raw, "type"), "\"image\""))
			continue;
		if (slice_is(chat_find(source, "type"), "\"base64\""))
			chat_raw(c, NULL, chat_find(source, "data"));
		else
			chat_unknown(c);
	}
	json_array_end(&c->w);
}

/* What of a message is no result of a tool. */
static void
anthropic_body(struct chat *c, struct slice role, struct slice blocks)
{
	struct slice thinking = {0};
	struct json_reader r;
	struct chat_member m;
	unsigned calls = 0, images = 0;
	bool has_text;

	chat_text_begin(c);
	(void)chat_open(&r, blocks);
	while (chat_element(&r, &m)) {
		struct slice type = chat_inside(chat_find(m.raw, "type"));

		if (slice_is(type, "text"))
			chat_text_add(c, chat_find(m.raw, "text"));
		else if (slice_is(type, "thinking"))
			thinking = chat_find(m.raw, "thinking");
		else if (slice_is(type, "tool_use"))
			calls++;
		else if (slice_is(type, "image"))
			images++;
		else if (!slice_is(type, "tool_result"))
			chat_unknown(c);
	}
	has_text = chat_text_end(c, NULL);
	if (!has_text && calls == 0 && images == 0 && thinking.n <= 2)
		return;
	json_object_begin(&c->w, NULL);
	json_raw(&c->w, "role", role);
	if (has_text)
		json_raw(&c->w, "content", buf_slice(&c->text));
	chat_raw(c, "thinking", thinking);
	if (images > 0)
		anthropic_images(c, blocks);
	if (calls > 0)
		anthropic_calls(c, blocks);
	json_object_end(&c->w);
}

void
chat_anthropic_message(struct chat *c, struct slice raw)
{
	struct slice role = chat_find(raw, "role");
	struct slice content = chat_find(raw, "content");
	bool is_first = slice_is(role, "\"user\"");

	if (role.n == 0 || content.n == 0) {
		chat_unknown(c);
	} else if (content.p[0] == '"') {
		if (content.n <= 2)
			return;
		json_object_begin(&c->w, NULL);
		json_raw(&c->w, "role", role);
		json_raw(&c->w, "content", content);
		json_object_end(&c->w);
	} else if (content.p[0] != '[') {
		chat_unknown(c);
	} else {
		if (is_first)
			anthropic_results(c, content);
		anthropic_body(c, role, content);
		if (!is_first)
			anthropic_results(c, content);
	}
}

void
chat_anthropic(struct chat *c, const struct inspect *in)
{
	struct slice type =
	    chat_inside(chat_find(chat_find(in->root, "thinking"), "type"));

	if (slice_is(type, "enabled"))
		json_bool(&c->w, "think", true);
	else if (slice_is(type, "disabled"))
		json_bool(&c->w, "think", false);
	else if (type.n > 0 || chat_find(in->root, "output_config").n > 0)
		chat_unknown(c);
	if (in->n_tools > 0)
		chat_tools(c, in->raw[FIELD_TOOLS], "input_schema");
}
