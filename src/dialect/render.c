/*
 * A second, small reading of bodies that inspect has read already: only what
 * Ollama itself looks at, strings as they stand.  What is not known here is
 * not asked for.
 */
#include "dialect/render.h"
#include "dialect/render_chat.h"
#include "json/value.h"

enum { DEPTH = JSON_DEPTH_MAX };

/* Equal keys: Go takes the last one. */
static const struct slice asks =
    SLICE("\"stream\":false,\"truncate\":false,\"_debug_render_only\":true,"
	  "\"options\":{\"num_predict\":1}}");

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

/* The request itself, told to render. */
static enum err
ask_same(struct slice body, struct buf *out)
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
	return buf_add(out, asks);
}

/* /v1/completions goes through the template as /api/generate does. */
static enum err
ask_completion(const struct inspect *in, struct slice model, struct buf *out)
{
	struct slice prompt = in->raw[FIELD_PROMPT];
	enum err e;

	if (prompt.n == 0 || prompt.p[0] != '"' || in->raw[FIELD_SUFFIX].n > 2)
		return ERR_NOT_FOUND;
	if ((e = buf_add_str(out, "{\"model\":")) != OK ||
	    (e = json_write_string(out, model)) != OK ||
	    (e = buf_add_str(out, ",\"prompt\":")) != OK ||
	    (e = buf_add(out, prompt)) != OK ||
	    (e = buf_add_str(out, ",")) != OK)
		return e;
	return buf_add(out, asks);
}

static enum err
ask_chat(const struct inspect *in, struct slice model, struct buf *out)
{
	enum err e;

	if ((e = buf_add_str(out, "{\"model\":")) != OK ||
	    (e = json_write_string(out, model)) != OK ||
	    (e = buf_add_str(out, ",")) != OK ||
	    (e = render_chat(in, out)) != OK ||
	    (e = buf_add_str(out, ",")) != OK)
		return e;
	return buf_add(out, asks);
}

enum err
render_ask_ollama(const struct inspect *in, struct slice body,
    struct slice model, struct buf *out, const char **path)
{
	if (in->n_images > 0)
		return ERR_NOT_FOUND;
	*path = "/api/chat";
	switch (in->opt.route->id) {
	case ROUTE_API_CHAT:
		return ask_same(body, out);
	case ROUTE_API_GENERATE:
		*path = "/api/generate";
		return ask_same(body, out);
	case ROUTE_V1_COMPLETIONS:
		*path = "/api/generate";
		return ask_completion(in, model, out);
	case ROUTE_V1_CHAT:
	case ROUTE_V1_MESSAGES:
	case ROUTE_V1_RESPONSES:
		return ask_chat(in, model, out);
	default:
		return ERR_NOT_FOUND;
	}
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

enum err
render_read(struct slice answer, struct slice *prompt, int64_t *tok)
{
	struct json_reader r;

	*tok = -1;
	json_reader_init(&r, answer, DEPTH);
	if (json_next(&r) != JSON_OBJECT)
		return ERR_NOT_FOUND;
	while (json_next(&r) == JSON_KEY) {
		struct slice key = json_span(&r), raw;
		enum json_kind kind = json_skip(&r);

		raw = json_span(&r);
		if (kind <= JSON_BAD)
			return ERR_NOT_FOUND;
		if (slice_is(key, "_debug_info") && kind == JSON_OBJECT &&
		    read_rendered(raw, prompt))
			return OK;
		if ((slice_is(key, "input_tokens") ||
			slice_is(key, "prompt_eval_count")) &&
		    kind == JSON_NUMBER && json_i64(raw, tok) == OK && *tok > 0)
			return OK;
	}
	return ERR_NOT_FOUND;
}
