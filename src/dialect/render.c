/*
 * A second, small reading of bodies that inspect has read already: only what
 * Ollama itself looks at, strings as they stand.  What is not known here is
 * not asked for.
 */
#include "dialect/render.h"
#include "dialect/render_chat.h"
#include "json/value.h"
#include "json/write.h"

enum { DEPTH = JSON_DEPTH_MAX };

/* Equal keys: Go takes the last one. */
#define ONE "\"stream\":false,\"truncate\":false,"
#define TOKEN "\"options\":{\"num_predict\":1}}"
static const struct slice asks[] = {
    [RENDER_TEXT] = SLICE(ONE "\"_debug_render_only\":true," TOKEN),
    [RENDER_ONE_TOKEN] = SLICE(ONE TOKEN)};
#undef ONE
#undef TOKEN

bool
render_has_system(const struct inspect *in)
{
	struct slice messages = in->raw[FIELD_MESSAGES], first = {0};
	struct json_reader r;
	struct slice role;

	if (in->raw[FIELD_SYSTEM].n > 2 || in->raw[FIELD_INSTRUCTIONS].n > 2)
		return true;
	if (messages.n == 0)
		return false;
	json_reader_init(&r, messages, DEPTH);
	if (json_next(&r) != JSON_ARRAY || json_next(&r) != JSON_OBJECT)
		return false;
	/* What follows the role is not read. */
	while (json_next(&r) == JSON_KEY && first.n == 0) {
		bool is_role = slice_is(json_span(&r), "role");

		if (json_skip(&r) <= JSON_BAD)
			return false;
		if (is_role)
			first = json_span(&r);
	}
	role = first.n > 2 ? slice_of(first.p + 1, first.n - 2) : first;
	return slice_is(role, "system") || slice_is(role, "developer");
}

const struct route *
render_route(const struct inspect *in)
{
	enum route_id id = in->opt.route->id;

	switch (id) {
	case ROUTE_V1_COUNT_TOKENS:
		id = ROUTE_V1_MESSAGES;
		break;
	case ROUTE_V1_CHAT_COUNT:
		id = ROUTE_V1_CHAT;
		break;
	case ROUTE_V1_RESPONSES_COUNT:
		id = ROUTE_V1_RESPONSES;
		break;
	case ROUTE_WEIR_COUNT:
		if (in->raw[FIELD_INPUT].n > 0 ||
		    in->raw[FIELD_INSTRUCTIONS].n > 0)
			id = ROUTE_V1_RESPONSES;
		else if (in->raw[FIELD_MESSAGES].n == 0)
			id =
			    in->raw[FIELD_PROMPT].n ? ROUTE_V1_COMPLETIONS : id;
		else if (in->raw[FIELD_SYSTEM].n > 0)
			id = ROUTE_V1_MESSAGES;
		else
			id = ROUTE_V1_CHAT;
		break;
	default:
		break;
	}
	return route_get(id);
}

/* --- Ollama --- */

/* The request itself with ${tail} at its end. */
static enum err
ask_same(struct slice body, struct slice tail, struct buf *out)
{
	size_t n = body.n;
	enum err e;

	while (n > 0 && body.p[n - 1] != '}')
		n--;
	if (n < 2)
		return ERR_NOT_FOUND;
	if ((e = buf_add(out, slice_to(body, n - 1))) != OK)
		return e;
	for (n--; n > 0 &&
	     (body.p[n - 1] == ' ' || body.p[n - 1] == '\n' ||
		 body.p[n - 1] == '\t' || body.p[n - 1] == '\r');
	     n--)
		;
	if (n > 0 && body.p[n - 1] != '{' && (e = buf_add_str(out, ",")) != OK)
		return e;
	return buf_add(out, tail);
}

static enum err
begin(struct slice model, struct buf *out)
{
	enum err e;

	if ((e = buf_add_str(out, "{\"model\":")) != OK ||
	    (e = json_write_string(out, model)) != OK)
		return e;
	return buf_add_str(out, ",");
}

/* /v1/completions goes through the template as /api/generate does. */
static enum err
ask_completion(const struct inspect *in, struct slice model, struct slice tail,
    struct buf *out)
{
	struct slice prompt = in->raw[FIELD_PROMPT];
	enum err e;

	if (prompt.n == 0 || prompt.p[0] != '"' || in->raw[FIELD_SUFFIX].n > 2)
		return ERR_NOT_FOUND;
	if ((e = begin(model, out)) != OK ||
	    (e = buf_add_str(out, "\"prompt\":")) != OK ||
	    (e = buf_add(out, prompt)) != OK ||
	    (e = buf_add_str(out, ",")) != OK)
		return e;
	return buf_add(out, tail);
}

static enum err
ask_chat(const struct inspect *in, struct slice model, struct slice tail,
    struct buf *out)
{
	enum err e;

	if ((e = begin(model, out)) != OK ||
	    (e = render_chat(in, render_route(in)->shape, out)) != OK ||
	    (e = buf_add_str(out, ",")) != OK)
		return e;
	return buf_add(out, tail);
}

/* A model is loaded by a request for nothing. */
static enum err
ask_load(
    const struct inspect *in, struct slice model, struct render_question *q)
{
	struct slice options = in->raw[FIELD_OPTIONS];
	bool is_embed = in->opt.route->shape == SHAPE_EMBED;
	enum err e;

	q->path = is_embed ? "/api/embed" : "/api/generate";
	if ((e = begin(model, &q->body)) != OK)
		return e;
	if (options.n > 0 &&
	    ((e = buf_add_str(&q->body, "\"options\":")) != OK ||
		(e = buf_add(&q->body, options)) != OK ||
		(e = buf_add_str(&q->body, ",")) != OK))
		return e;
	return buf_add_str(
	    &q->body, is_embed ? "\"input\":[]}" : "\"stream\":false}");
}

enum err
render_ask_ollama(const struct inspect *in, struct slice body,
    struct slice model, enum render_want want, struct render_question *q)
{
	if (want == RENDER_LOAD)
		return ask_load(in, model, q);
	if (in->n_images > 0 && want == RENDER_TEXT)
		return ERR_NOT_FOUND;
	q->path = "/api/chat";
	switch (render_route(in)->id) {
	case ROUTE_API_CHAT:
		return ask_same(body, asks[want], &q->body);
	case ROUTE_API_GENERATE:
		q->path = "/api/generate";
		return ask_same(body, asks[want], &q->body);
	case ROUTE_V1_COMPLETIONS:
		q->path = "/api/generate";
		return ask_completion(in, model, asks[want], &q->body);
	case ROUTE_V1_CHAT:
	case ROUTE_V1_MESSAGES:
	case ROUTE_V1_RESPONSES:
		return ask_chat(in, model, asks[want], &q->body);
	default:
		return ERR_NOT_FOUND;
	}
}

/* --- vLLM --- */

/* Members of a chat that its /tokenize knows, too. */
static const char *const shared[] = {"messages", "tools", "chat_template",
    "chat_template_kwargs", "add_generation_prompt", "continue_final_message",
    "add_special_tokens", "mm_processor_kwargs", "media_io_kwargs"};

/* Those that change the prompt, and that it does not know. */
static const char *const unshared[] = {
    "documents", "reasoning_effort", "tool_choice", "truncate_prompt_tokens"};

static enum err
ask_vllm_chat(const struct inspect *in, struct buf *out)
{
	struct json_writer w;

	if (in->raw[FIELD_MESSAGES].n == 0)
		return ERR_NOT_FOUND;
	for (size_t i = 0; i < sizeof unshared / sizeof *unshared; i++) {
		struct slice raw = chat_find(in->root, unshared[i]);

		if (raw.n > 0 && !slice_is(raw, "\"auto\""))
			return ERR_NOT_FOUND;
	}
	json_writer_init(&w, out);
	for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
		struct slice raw = chat_find(in->root, shared[i]);

		if (raw.n > 0)
			json_raw(&w, shared[i], raw);
	}
	return w.err;
}

static enum err
ask_vllm_text(const struct inspect *in, struct buf *out)
{
	struct slice special = chat_find(in->root, "add_special_tokens");
	struct slice prompt = in->raw[FIELD_PROMPT];
	struct json_writer w;

	if (prompt.n == 0 || prompt.p[0] != '"' ||
	    chat_find(in->root, "truncate_prompt_tokens").n > 0 ||
	    in->raw[FIELD_SUFFIX].n > 2)
		return ERR_NOT_FOUND;
	json_writer_init(&w, out);
	json_raw(&w, "prompt", prompt);
	if (special.n > 0)
		json_raw(&w, "add_special_tokens", special);
	return w.err;
}

enum err
render_ask_vllm(
    const struct inspect *in, struct slice model, struct render_question *q)
{
	enum err e;

	if (in->n_images > 0)
		return ERR_NOT_FOUND;
	q->path = "/tokenize";
	if ((e = begin(model, &q->body)) != OK)
		return e;
	switch (render_route(in)->id) {
	case ROUTE_V1_CHAT:
		e = ask_vllm_chat(in, &q->body);
		break;
	case ROUTE_V1_COMPLETIONS:
		e = ask_vllm_text(in, &q->body);
		break;
	default:
		return ERR_NOT_FOUND;
	}
	return e == OK ? buf_add_str(&q->body, "}") : e;
}

/* --- llama-server --- */

enum err
render_ask_tokens(struct slice prompt, struct render_question *q)
{
	enum err e;

	q->path = "/tokenize";
	if ((e = buf_add_str(&q->body,
		 "{\"add_special\":true,\"parse_special\":true,\"content\":"
		 "\"")) != OK ||
	    (e = buf_add(&q->body, prompt)) != OK)
		return e;
	return buf_add_str(&q->body, "\"}");
}

const char *
render_path_template(const struct route *route)
{
	return route->id == ROUTE_V1_CHAT || route->id == ROUTE_LLAMA_CHAT
	    ? "/apply-template"
	    : NULL;
}

const char *
render_path_llama(const struct route *route)
{
	switch (route->id) {
	case ROUTE_V1_CHAT:
	case ROUTE_LLAMA_CHAT:
		return "/v1/chat/completions/input_tokens";
	case ROUTE_V1_MESSAGES:
		return "/v1/messages/count_tokens";
	case ROUTE_V1_RESPONSES:
		return "/v1/responses/input_tokens";
	default:
		return NULL;
	}
}

/* The string in ${object}, of which the span is given. */
static bool
read_rendered(struct slice object, struct slice *prompt)
{
	struct json_reader r;

	json_reader_init(&r, object, DEPTH);
	if (json_next(&r) != JSON_OBJECT)
		return false;
	while (json_next(&r) == JSON_KEY) {
		bool is_it = slice_is(json_span(&r), "rendered_template");
		enum json_kind kind = json_skip(&r);

		if (kind <= JSON_BAD)
			return false;
		if (!is_it || kind != JSON_STRING)
			continue;
		*prompt = json_span(&r);
		*prompt = slice_of(prompt->p + 1, prompt->n - 2);
		return true;
	}
	return false;
}

/* Elements of the array ${raw}; -1: it is none. */
static int64_t
length(struct slice raw)
{
	struct json_reader r;
	enum json_kind kind;
	int64_t n = 0;

	json_reader_init(&r, raw, DEPTH);
	if (json_next(&r) != JSON_ARRAY)
		return -1;
	while ((kind = json_skip(&r)) > JSON_BAD && kind != JSON_ARRAY_END)
		n++;
	return kind == JSON_ARRAY_END ? n : -1;
}

/* Members that hold the count. */
static bool
is_count(struct slice key)
{
	return slice_is(key, "input_tokens") ||
	    slice_is(key, "prompt_eval_count") || slice_is(key, "count");
}

static void
read_member(struct render_told *told, struct slice key, enum json_kind kind,
    struct slice raw)
{
	int64_t n;

	if (slice_is(key, "_debug_info") && kind == JSON_OBJECT) {
		(void)read_rendered(raw, &told->prompt);
	} else if (slice_is(key, "prompt") && kind == JSON_STRING) {
		told->prompt = slice_of(raw.p + 1, raw.n - 2);
	} else if (slice_is(key, "tokens") && kind == JSON_ARRAY) {
		if (told->tok < 0)
			told->tok = length(raw);
	} else if (kind == JSON_NUMBER && json_i64(raw, &n) == OK && n > 0) {
		if (is_count(key))
			told->tok = n;
		else if (slice_is(key, "max_model_len"))
			told->context = n;
	}
}

enum err
render_read(struct slice answer, struct render_told *told)
{
	struct json_reader r;

	*told = (struct render_told){.tok = -1};
	json_reader_init(&r, answer, DEPTH);
	if (json_next(&r) != JSON_OBJECT)
		return ERR_NOT_FOUND;
	while (json_next(&r) == JSON_KEY) {
		struct slice key = json_span(&r);
		enum json_kind kind = json_skip(&r);

		if (kind <= JSON_BAD)
			return ERR_NOT_FOUND;
		read_member(told, key, kind, json_span(&r));
	}
	return told->prompt.p != NULL || told->tok >= 0 ? OK : ERR_NOT_FOUND;
}
