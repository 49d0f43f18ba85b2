/* After FromChatRequest (openai/openai.go) of Ollama 0.32. */
#include "dialect/render_chat.h"
#include "json/value.h"

/* Is it one object, and nothing that would end up beside it? */
static bool
is_object(struct slice s)
{
	struct json_reader r;

	json_reader_init(&r, s, JSON_DEPTH_MAX / 2);
	return json_skip(&r) == JSON_OBJECT && json_next(&r) == JSON_END;
}

void
chat_arguments(struct chat *c, struct slice raw)
{
	struct slice s = chat_inside(raw);
	size_t n = 0;

	if (s.n == 0) {
		chat_unknown(c);
		return;
	}
	buf_clear(&c->text);
	if (c->w.err == OK)
		c->w.err = buf_reserve(&c->text, s.n);
	if (c->w.err != OK)
		return;
	if (json_unescape(s, c->text.p, s.n, &n) != OK ||
	    !is_object(slice_of(c->text.p, n)))
		chat_unknown(c);
	else
		json_raw(&c->w, "arguments", slice_of(c->text.p, n));
}

static void
keep_call(struct chat *c, struct slice id, struct slice name)
{
	if (c->n_calls == CHAT_CALLS_MAX)
		chat_unknown(c);
	else
		c->calls[c->n_calls++] = (struct call){id, name};
}

static void
openai_calls(struct chat *c, struct slice raw)
{
	struct json_reader r;
	struct chat_member m;

	if (raw.n == 0)
		return;
	if (raw.p[0] != '[' || !chat_open(&r, raw)) {
		chat_unknown(c);
		return;
	}
	json_array_begin(&c->w, "tool_calls");
	while (chat_element(&r, &m)) {
		struct slice call = chat_find(m.raw, "function");
		struct slice name = chat_find(call, "name");
		struct slice id = chat_find(m.raw, "id");

		keep_call(c, id, name);
		json_object_begin(&c->w, NULL);
		chat_raw(c, "id", id);
		json_object_begin(&c->w, "function");
		chat_raw(c, "name", name);
		chat_arguments(c, chat_find(call, "arguments"));
		json_object_end(&c->w);
		json_object_end(&c->w);
	}
	json_array_end(&c->w);
}

struct message {
	struct slice role, content, reasoning, calls, name, call_id;
};

static void
openai_tail(struct chat *c, const struct message *g)
{
	struct slice name = g->name;

	chat_raw(c, "thinking", g->reasoning);
	openai_calls(c, g->calls);
	if (!slice_is(g->role, "\"tool\""))
		return;
	for (unsigned i = c->n_calls; name.n <= 2 && i-- > 0;)
		if (slice_eq(c->calls[i].id, g->call_id))
			name = c->calls[i].name;
	chat_raw(c, "tool_name", name);
	chat_raw(c, "tool_call_id", g->call_id);
}

static void
openai_part(struct chat *c, struct slice raw)
{
	struct slice type = chat_inside(chat_find(raw, "type"));
	struct slice text = chat_find(raw, "text");
	struct slice image = chat_find(raw, "image_url");
	struct slice sound = chat_find(raw, "input_audio");

	if (slice_is(type, "text") && text.n > 0) {
		json_raw(&c->w, "content", text);
	} else if (slice_is(type, "image_url")) {
		chat_image_url(c,
		    image.p && image.p[0] == '{' ? chat_find(image, "url")
						 : image);
	} else if (slice_is(type, "input_audio")) {
		json_array_begin(&c->w, "images");
		chat_raw(c, NULL, chat_find(sound, "data"));
		json_array_end(&c->w);
	} else {
		chat_unknown(c);
	}
}

static void
openai_parts(struct chat *c, const struct message *g)
{
	struct json_reader r;
	struct chat_member m;
	bool is_open = false;

	(void)chat_open(&r, g->content);
	while (chat_element(&r, &m)) {
		if (is_open)
			json_object_end(&c->w);
		json_object_begin(&c->w, NULL);
		json_raw(&c->w, "role", g->role);
		openai_part(c, m.raw);
		is_open = true;
	}
	if (!is_open) {
		chat_unknown(c);
		return;
	}
	if (g->calls.n > 0)
		openai_tail(c, g);
	json_object_end(&c->w);
}

void
chat_openai_message(struct chat *c, struct slice raw)
{
	struct message g = {0};
	struct json_reader r;
	struct chat_member m;

	if (raw.p[0] != '{' || !chat_open(&r, raw)) {
		chat_unknown(c);
		return;
	}
	while (chat_member(&r, &m)) {
		struct slice val =
		    m.kind == JSON_NULL ? (struct slice){0} : m.raw;

		if (slice_is(m.key, "role"))
			g.role = val;
		else if (slice_is(m.key, "content"))
			g.content = val;
		else if (slice_is(m.key, "reasoning"))
			g.reasoning = val;
		else if (slice_is(m.key, "tool_calls"))
			g.calls = val;
		else if (slice_is(m.key, "name"))
			g.name = val;
		else if (slice_is(m.key, "tool_call_id"))
			g.call_id = val;
	}
	if (g.role.n == 0 || (g.content.n == 0 && g.calls.n == 0)) {
		chat_unknown(c);
		return;
	}
	if (g.content.n > 0 && g.content.p[0] == '[') {
		openai_parts(c, &g);
		return;
	}
	json_object_begin(&c->w, NULL);
	json_raw(&c->w, "role", g.role);
	if (g.content.n > 0)
		json_raw(&c->w, "content", g.content);
	openai_tail(c, &g);
	json_object_end(&c->w);
}

void
chat_openai(struct chat *c, const struct inspect *in)
{
	struct slice reasoning = chat_find(in->root, "reasoning");

	if (reasoning.n > 0)
		chat_effort(c, chat_find(reasoning, "effort"));
	else
		chat_effort(c, chat_find(in->root, "reasoning_effort"));
	if (in->n_tools > 0)
		json_raw(&c->w, "tools", in->raw[FIELD_TOOLS]);
}
