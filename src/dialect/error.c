/*
 * A sentence is filled into plain text first; JSON is written around it, so
 * that nothing a caller wrote can leave its string.
 */
#include "dialect/error.h"
#include "json/write.h"

/* The longest sentence, with all its values. */
enum { TEXT_MAX = 2048 };

/* Sentences that clients of one dialect know by heart. */
static const struct {
	enum err err;
	enum dialect dialect;
	const char *text;
} own_words[] = {
    {ERR_MODEL_NOT_FOUND, DIALECT_OPENAI,
	"The model `{model}` does not exist or you do not have access to it."},
    {ERR_MODEL_NOT_FOUND, DIALECT_ANTHROPIC, "model: {model}"},
    {ERR_MODEL_MISSING, DIALECT_OLLAMA, "model is required"},
    {ERR_MODEL_MISSING, DIALECT_ANTHROPIC, "model: Field required"},
    {ERR_CONTEXT_EXCEEDED, DIALECT_ANTHROPIC,
	"prompt is too long: {value} tokens > {limit} maximum"},
};

int64_t
error_wait_s(int64_t wait_us)
{
	enum { US_PER_S = 1000000 };

	return wait_us <= US_PER_S ? 1 : (wait_us - 1) / US_PER_S + 1;
}

static const char *
sentence(enum dialect dialect, const struct refusal *r)
{
	/* Engines do not always tell the numbers. */
	bool lacks_numbers = r->err == ERR_CONTEXT_EXCEEDED && r->limit <= 0;

	for (size_t i = 0; i < sizeof own_words / sizeof own_words[0]; i++)
		if (own_words[i].err == r->err &&
		    own_words[i].dialect == dialect && !lacks_numbers)
			return own_words[i].text;
	return err_get(r->err)->text;
}

/* The first ${max} bytes of ${s}, less what is left of a character there. */
static struct slice
cut(struct slice s, size_t max)
{
	if (s.n <= max)
		return s;
	s.n = max;
	while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
		s.n--;
	return s;
}

static enum err
add_wait(struct buf *out, int64_t wait_us)
{
	enum err e;

	if (wait_us <= 0)
		return buf_add_str(out, "a moment");
	e = buf_add_i64(out, error_wait_s(wait_us));
	return e != OK ? e : buf_add_str(out, " s");
}

static enum err
add_value(struct buf *out, struct slice name, const struct refusal *r)
{
	if (slice_is(name, "wait"))
		return add_wait(out, r->wait_us);
	if (slice_is(name, "limit"))
		return buf_add_i64(out, r->limit);
	if (slice_is(name, "value"))
		return buf_add_i64(out, r->value);
	if (slice_is(name, "model"))
		return buf_add(out, cut(r->model, ERROR_MODEL_MAX));
	if (slice_is(name, "what"))
		return buf_add(out, r->what);
	return buf_add(out, r->reason);
}

enum err
error_text(struct buf *out, enum dialect dialect, const struct refusal *r)
{
	struct slice rest = slice_str(sentence(dialect, r));
	enum err e = OK;

	while (rest.n > 0 && e == OK) {
		struct slice name, text = slice_cut(&rest, '{');

		if ((e = buf_add(out, text)) != OK || rest.p == NULL)
			break;
		name = slice_cut(&rest, '}');
		e = add_value(out, name, r);
	}
	return e;
}

/* The type word of ${status}. */
static const char *
type_word(enum dialect dialect, int status)
{
	bool is_anthropic = dialect == DIALECT_ANTHROPIC;

	switch (status) {
	case 401:
		return "authentication_error";
	case 403:
		return "permission_error";
	case 404:
		return "not_found_error";
	case 413:
		return is_anthropic ? "request_too_large"
				    : "invalid_request_error";
	case 429:
		return "rate_limit_error";
	case 503:
		return is_anthropic ? "overloaded_error" : "api_error";
	default:
		return status >= 500 ? "api_error" : "invalid_request_error";
	}
}

/* The field of the request that is at fault, or NULL. */
static void
write_param(struct json_writer *w, const struct refusal *r)
{
	switch (r->err) {
	case ERR_FIELD_DUPLICATE:
	case ERR_FIELD_SPELLING:
	case ERR_FIELD_TYPE:
		json_str(w, "param", r->what);
		break;
	case ERR_CONTEXT_EXCEEDED:
		json_str(w, "param", (struct slice)SLICE("messages"));
		break;
	case ERR_MODEL_MISSING:
	case ERR_MODEL_NAME:
	case ERR_MODEL_NOT_FOUND:
		json_str(w, "param", (struct slice)SLICE("model"));
		break;
	default:
		json_null(w, "param");
		break;
	}
}

/* Members message, type, param, code. */
static void
write_openai(struct json_writer *w, struct slice text, const struct refusal *r)
{
	const struct err_fact *fact = err_get(r->err);

	json_str(w, "message", text);
	json_str(w, "type", slice_str(type_word(DIALECT_OPENAI, fact->status)));
	write_param(w, r);
	json_str(w, "code", slice_str(fact->code));
}

/* The `error` member that Anthropic has, and LM Studio's stream. */
static void
write_anthropic(
    struct json_writer *w, struct slice text, const struct refusal *r)
{
	int status = err_get(r->err)->status;

	json_str(w, "type", (struct slice)SLICE("error"));
	json_object_begin(w, "error");
	json_str(w, "type", slice_str(type_word(DIALECT_ANTHROPIC, status)));
	json_str(w, "message", text);
	json_object_end(w);
}

static void
write_body(struct json_writer *w, enum dialect dialect, struct slice text,
    const struct refusal *r, struct slice request_id)
{
	json_object_begin(w, NULL);
	switch (dialect) {
	case DIALECT_OLLAMA:
		json_str(w, "error", text);
		break;
	case DIALECT_ANTHROPIC:
		write_anthropic(w, text, r);
		if (request_id.n > 0)
			json_str(w, "request_id", request_id);
		break;
	case DIALECT_OPENAI:
	case DIALECT_WEIR:
		json_object_begin(w, "error");
		write_openai(w, text, r);
		json_object_end(w);
		break;
	}
	json_object_end(w);
}

enum err
error_write(struct buf *out, enum dialect dialect, const struct refusal *r,
    struct slice request_id)
{
	struct json_writer w;
	struct buf text;
	enum err e;

	buf_init(&text, TEXT_MAX);
	json_writer_init(&w, out);
	e = error_text(&text, dialect, r);
	if (e == OK) {
		write_body(&w, dialect, buf_slice(&text), r, request_id);
		e = w.err;
	}
	buf_fini(&text);
	return e;
}

/*
 * The Responses API's own error event has its members at the top; its clients
 * throw where there is an `error` member, so it has both.
 */
static enum err
write_responses(struct buf *out, const struct refusal *r)
{
	struct json_writer w;
	struct buf text;
	enum err e;

	buf_init(&text, TEXT_MAX);
	json_writer_init(&w, out);
	if ((e = error_text(&text, DIALECT_OPENAI, r)) != OK)
		goto undo_text;
	json_object_begin(&w, NULL);
	json_str(&w, "type", (struct slice)SLICE("error"));
	json_str(&w, "code", slice_str(err_get(r->err)->code));
	json_str(&w, "message", buf_slice(&text));
	write_param(&w, r);
	json_object_begin(&w, "error");
	write_openai(&w, buf_slice(&text), r);
	json_object_end(&w);
	json_object_end(&w);
	e = w.err;
undo_text:
	buf_fini(&text);
	return e;
}

enum err
error_write_in_stream(
    struct buf *out, const struct error_place *at, const struct refusal *r)
{
	enum shape shape = at->route->shape;
	enum framing framing = route_framing(shape);
	bool is_named = shape == SHAPE_RESPONSES || shape == SHAPE_ANTHROPIC ||
	    shape == SHAPE_LMSTUDIO;
	enum dialect dialect = at->route->dialect;
	enum err e = OK;

	if (framing == FRAMING_WHOLE)
		return OK;
	if (at->is_inside)
		e = buf_add_str(out, framing == FRAMING_SSE ? "\n\n" : "\n");
	if (e == OK && is_named)
		e = buf_add_str(out, "event: error\n");
	if (e == OK && framing == FRAMING_SSE)
		e = buf_add_str(out, "data: ");
	if (e != OK)
		return e;
	if (shape == SHAPE_RESPONSES)
		e = write_responses(out, r);
	else
		e = error_write(out,
		    shape == SHAPE_LMSTUDIO ? DIALECT_ANTHROPIC : dialect, r,
		    at->request_id);
	if (e == OK)
		e = buf_add_str(out, framing == FRAMING_SSE ? "\n\n" : "\n");
	return e;
}

struct slice
error_heartbeat(const struct route *route)
{
	static const struct slice ping =
	    SLICE("event: ping\ndata: {\"type\":\"ping\"}\n\n");
	static const struct slice comment = SLICE(":\n\n");
	static const struct slice space = SLICE(" ");

	switch (route_framing(route->shape)) {
	case FRAMING_NDJSON:
		return space;
	case FRAMING_SSE:
		return route->shape == SHAPE_ANTHROPIC ? ping : comment;
	default:
		return slice_of(NULL, 0);
	}
}
