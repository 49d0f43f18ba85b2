/* See reply.h. */
#include "tool/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tool/net.h"
#include "tool/shape.h"

/* The answers of one inference path. */
struct route {
	const char *path;
	enum shape_api api;
	unsigned kinds;
	bool streams_by_default;
	struct reply whole;
	struct reply stream;
	struct reply stream_use;
};

/*
 * A path with one fixed answer; $M is the model, $N the slots, $C the context,
 * $F the line of a Modelfile that names its file.
 */
struct page {
	const char *method;
	const char *path;
	unsigned kinds;
	const char *type; /* NULL: JSON */
	const char *body;
	struct reply reply;
};

#define V1 (REPLY_OLLAMA | REPLY_LLAMA_SERVER | REPLY_OPENAI)

static struct route routes[] = {
    {.path = "/api/chat",
	.api = SHAPE_OLLAMA_CHAT,
	.kinds = REPLY_OLLAMA,
	.streams_by_default = true},
    {.path = "/api/generate",
	.api = SHAPE_OLLAMA_GENERATE,
	.kinds = REPLY_OLLAMA,
	.streams_by_default = true},
    {.path = "/v1/chat/completions", .api = SHAPE_OPENAI_CHAT, .kinds = V1},
    {.path = "/v1/completions", .api = SHAPE_OPENAI_COMPLETION, .kinds = V1},
    {.path = "/v1/messages", .api = SHAPE_ANTHROPIC, .kinds = V1},
};

#define JSON "application/json; charset=utf-8"
#define DETAILS                                                                \
	"\"details\":{\"parent_model\":\"\",\"format\":\"gguf\",\"family\":"   \
	"\"llama\",\"families\":[\"llama\"],\"parameter_size\":\"1B\","        \
	"\"quantization_level\":\"Q4_K_M\"}"
#define LISTED                                                                 \
	"{\"models\":[{\"name\":\"$M:latest\",\"model\":\"$M:latest\","        \
	"\"size\":1186035,\"digest\":\"fcfc787f\","
#define MODELS                                                                 \
	"{\"object\":\"list\",\"data\":[{\"id\":\"$M\",\"object\":\"model\","  \
	"\"created\":1767225600,\"owned_by\":\"library\"}]}"
#define PROPS                                                                  \
	"{\"default_generation_settings\":{\"n_ctx\":4096},\"total_slots\":"   \
	"$N,\"model_alias\":\"$M\",\"build_info\":\"scripted\"}"
#define EMBEDDING                                                              \
	"{\"object\":\"list\",\"model\":\"$M\",\"data\":[{\"object\":"         \
	"\"embedding\",\"index\":0,\"embedding\":[0.5,-0.25,0.125]}],"         \
	"\"usage\":{\"prompt_tokens\":26,\"total_tokens\":26}}"

static struct page pages[] = {
    {.method = "GET",
	.path = "/",
	.kinds = REPLY_OLLAMA,
	.type = "text/plain; charset=utf-8",
	.body = "Ollama is running"},
    {.method = "GET",
	.path = "/api/version",
	.kinds = REPLY_OLLAMA,
	.body = "{\"version\":\"0.33.0\"}"},
    {.method = "GET",
	.path = "/api/tags",
	.kinds = REPLY_OLLAMA,
	.body =
	    LISTED "\"modified_at\":\"2026-01-01T00:00:00Z\"," DETAILS "}]}"},
    {.method = "GET",
	.path = "/api/ps",
	.kinds = REPLY_OLLAMA,
	.body = LISTED "\"size_vram\":0,\"context_length\":$C,\"expires_at\":"
		       "\"2126-01-01T00:00:00Z\"," DETAILS "}]}"},
    {.method = "POST",
	.path = "/api/show",
	.kinds = REPLY_OLLAMA,
	.body = "{\"modelfile\":\"$F\",\"template\":\"{{ .Prompt }}\"," DETAILS
		",\"capabilities\":[\"completion\"],\"model_info\":{"
		"\"llama.context_length\":$C}}"},
    {.method = "POST",
	.path = "/api/embed",
	.kinds = REPLY_OLLAMA,
	.body = "{\"model\":\"$M\",\"embeddings\":[[0.5,-0.25,0.125]],"
		"\"total_duration\":9,\"load_duration\":1,"
		"\"prompt_eval_count\":26}"},
    {.method = "GET",
	.path = "/health",
	.kinds = REPLY_LLAMA_SERVER,
	.body = "{\"status\":\"ok\"}"},
    {.method = "GET",
	.path = "/props",
	.kinds = REPLY_LLAMA_SERVER,
	.body = PROPS},
    {.method = "GET", .path = "/v1/models", .kinds = V1, .body = MODELS},
    {.method = "POST",
	.path = "/v1/embeddings",
	.kinds = V1,
	.body = EMBEDDING},
};

static struct reply not_found;

static enum reply_kind kind;
static const struct reply_options *options; /* while answers are rendered */

/* asprintf that cannot fail, as a slice. */
static struct slice
print(const char *fmt, ...)
{
	va_list ap;
	char *p = NULL;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&p, fmt, ap);
	va_end(ap);
	if (n < 0)
		die("out of memory");
	return slice_of(p, (size_t)n);
}

/* ${template} with its $ words filled in, as a string to keep. */
static char *
expand(const char *template, const char *model, const char *text, int tokens)
{
	char *out = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);

	if (!f)
		die("out of memory");
	for (const char *p = template; *p; p++) {
		if (*p != '$') {
			fputc(*p, f);
			continue;
		}
		switch (*++p) {
		case 'M':
			fputs(model, f);
			break;
		case 'T':
			fputs(text, f);
			break;
		case 'N':
			fprintf(f, "%d", tokens);
			break;
		case 'C':
			fprintf(f, "%d", options->context);
			break;
		case 'F':
			if (options->vocab)
				fprintf(f, "FROM %s\\n", options->vocab);
			break;
		default:
			fprintf(f, "%d", tokens + SHAPE_PROMPT_TOKENS);
			break;
		}
	}
	if (fclose(f))
		die("out of memory");
	return out;
}

/* Filler text of ${n} bytes. */
static char *
filler(int n)
{
	static const char words[] = "and then she went down to the weir ";
	char *p = malloc((size_t)n + 1);

	if (!p)
		die("out of memory");
	for (int i = 0; i < n; i++)
		p[i] = words[(size_t)i % (sizeof(words) - 1)];
	p[n] = '\0';
	return p;
}

static struct slice
whole(int status, const char *type, const char *body)
{
	return print("HTTP/1.1 %d %s\r\nContent-Type: %s\r\n"
		     "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
		     "Content-Length: %zu\r\n\r\n%s",
	    status, status == 200 ? "OK" : "Not Found", type, strlen(body),
	    body);
}

static struct slice
chunk(const char *body)
{
	return print("%zx\r\n%s\r\n", strlen(body), body);
}

static struct reply
stream(const struct shape *s, const struct reply_options *o,
    const char *close_template)
{
	char *text = filler(o->event_bytes);
	char *open = expand(s->open, o->model, text, o->events);
	char *event = expand(s->event, o->model, text, o->events);
	char *close = expand(close_template, o->model, text, o->events);
	size_t first_n = strlen(open) + strlen(event);
	struct reply r = {.events = o->events, .is_inference = true};
	struct slice last;

	r.first = print("HTTP/1.1 200 OK\r\nContent-Type: %s\r\n"
			"Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
			"Transfer-Encoding: chunked\r\n\r\n%zx\r\n%s%s\r\n",
	    s->type, first_n, open, event);
	r.event = chunk(event);
	last = chunk(close);
	r.last = print("%.*s0\r\n\r\n", SLICE_ARG(last));
	free((char *)(uintptr_t)last.p);
	free(text);
	free(open);
	free(event);
	free(close);
	return r;
}

static void
route_init(struct route *r, const struct reply_options *o)
{
	const struct shape *s = shape_get(r->api);
	char *text = filler(o->answer_bytes);
	char *body;

	body = expand(s->whole, o->model, text, o->events);
	r->whole.first = whole(200, JSON, body);
	free(body);
	r->whole.is_inference = true;
	r->stream = stream(s, o, s->close);
	r->stream_use = stream(s, o, s->close_use ? s->close_use : s->close);
	free(text);
}

void
reply_init(const struct reply_options *o)
{
	kind = o->kind;
	options = o;
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		route_init(&routes[i], o);
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		struct page *p = &pages[i];
		char *body = expand(p->body, o->model, "", o->slots);
		p->reply.first = whole(200, p->type ? p->type : JSON, body);
		p->reply.is_embedding = strstr(p->path, "/embed") != NULL;
		p->reply.is_inference = p->reply.is_embedding;
		free(body);
	}
	not_found.first = whole(404, JSON,
	    "{\"error\":{\"code\":404,\"message\":\"File Not Found\","
	    "\"type\":\"not_found_error\"}}");
}

/*
 * The byte behind `"name":` and blanks in ${body}, or 0.  A plain search is
 * right here: inside a JSON string the quotes would be escaped.
 */
static char
value_of(struct slice body, const char *name)
{
	size_t n = strlen(name);
	const char *p = body.n ? memmem(body.p, body.n, name, n) : NULL;
	const char *end = body.p + body.n;

	if (!p)
		return 0;
	p += n;
	while (p < end && (*p == ' ' || *p == ':'))
		p++;
	return p < end ? *p : '\0';
}

static const struct reply *
route_reply(const struct route *r, struct slice body)
{
	char stream_value = value_of(body, "\"stream\"");
	bool streams =
	    stream_value ? stream_value == 't' : r->streams_by_default;

	if (!streams)
		return &r->whole;
	if (value_of(body, "\"include_usage\"") == 't')
		return &r->stream_use;
	return &r->stream;
}

const struct reply *
reply_get(struct slice method, struct slice path, struct slice body)
{
	path = slice_to(path, slice_find(path, '?'));
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if ((routes[i].kinds & kind) &&
		    slice_is(path, routes[i].path) && slice_is(method, "POST"))
			return route_reply(&routes[i], body);
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		if ((pages[i].kinds & kind) && slice_is(path, pages[i].path) &&
		    slice_is(method, pages[i].method))
			return &pages[i].reply;
	return &not_found;
}
