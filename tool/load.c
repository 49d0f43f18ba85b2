/*
 * weir-load: a load generator for measurements: one thread, bounded by count
 * and by time, prints one JSON object.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/drive.h"
#include "tool/net.h"
#include "tool/vary.h"

static const char usage[] =
    "weir-load --to HOST:PORT [options]: load for measurements\n"
    "  --api API           openai (default), ollama, anthropic\n"
    "  --stream            ask for streams\n"
    "  --usage             ask for usage in OpenAI streams\n"
    "  --model NAME        scripted\n"
    "  --prompt-bytes N    text in the prompt (64)\n"
    "  --vary KIND         none (default), known, warm, cold: see vary.h\n"
    "  --header 'K: V'     a further field; may be repeated\n"
    "  --get PATH          GET this instead of a chat\n"
    "  --connections N     at once (32)\n"
    "  --requests N        in all (0: as --seconds says)\n"
    "  --seconds N         start none after this (10)\n"
    "  --timeout N         seconds for one answer (60)\n"
    "  --ramp-us N         between the starts of two connections (0)\n"
    "  --think-us N        between an answer and the next request (0)\n"
    "  --expect-events N   events that each answer must have\n"
    "  --expect-status N   (200)\n"
    "  --hold              one request on each connection, then keep all "
    "idle:\n"
    "                      prints ready, stays until stdin ends\n";

struct settings {
	const char *api, *model, *get;
	bool stream, usage;
	size_t prompt_bytes;
	struct vary vary;
	char fields[4096];
};

enum { TAIL_BYTES = 256 }; /* of a new turn */

static void
put_prompt(const struct settings *s, FILE *f)
{
	static const char words[] = "and then she went down to the weir ";

	for (size_t i = 0; i < s->prompt_bytes; i++)
		fputc(words[i % (sizeof(words) - 1)], f);
}

/* A conversation of which the last turn will be filled in each time. */
static void
put_known(struct settings *s, FILE *f)
{
	struct vary v = {.kind = VARY_WARM, .state = 7};
	char *text = calloc(1, s->prompt_bytes + 1);

	if (text == NULL)
		die("out of memory");
	vary_fill(&v, text, s->prompt_bytes);
	fputs(text, f);
	free(text);
	fputs("\"},{\"role\":\"assistant\",\"content\":\"so it is\"},"
	      "{\"role\":\"user\",\"content\":\"",
	    f);
	s->vary.at = (size_t)ftell(f);
	s->vary.n = TAIL_BYTES;
	fprintf(f, "%*s", TAIL_BYTES, "");
}

/* The body of a chat request with a prompt of ${n} bytes, to free. */
static char *
make_body(struct settings *s)
{
	char *out = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&out, &size);

	if (!f)
		die("out of memory");
	fprintf(f, "{\"model\":\"%s\",\"stream\":%s,", s->model,
	    s->stream ? "true" : "false");
	if (s->usage)
		fputs("\"stream_options\":{\"include_usage\":true},", f);
	if (strcmp(s->api, "ollama") != 0)
		fputs("\"max_tokens\":256,", f);
	fputs("\"messages\":[{\"role\":\"user\",\"content\":\"", f);
	s->vary.at = (size_t)ftell(f);
	s->vary.n = s->prompt_bytes;
	if (s->vary.kind == VARY_KNOWN)
		put_known(s, f);
	else
		put_prompt(s, f);
	fputs("\"}]}", f);
	if (fclose(f))
		die("out of memory");
	return out;
}

static const char *
path_of(const char *api)
{
	if (strcmp(api, "ollama") == 0)
		return "/api/chat";
	if (strcmp(api, "anthropic") == 0)
		return "/v1/messages";
	if (strcmp(api, "openai") == 0)
		return "/v1/chat/completions";
	errno = 0;
	die("--api: not openai, ollama or anthropic: %s", api);
}

/* The bytes of one request, kept until the program ends. */
static void
make_request(struct settings *s, struct drive_options *o)
{
	const char *path = s->get ? s->get : path_of(s->api);
	char *body = s->get ? NULL : make_body(s);
	char *out = NULL;
	int n;

	if (body)
		n = asprintf(&out,
		    "POST %s HTTP/1.1\r\nHost: localhost\r\n%s"
		    "Content-Type: application/json\r\n"
		    "Content-Length: %zu\r\n\r\n%s",
		    path, s->fields, strlen(body), body);
	else
		n = asprintf(&out,
		    "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path,
		    s->fields);
	if (n < 0)
		die("out of memory");
	if (body && s->vary.kind != VARY_NONE) {
		s->vary.at += (size_t)n - strlen(body);
		o->vary = vary_request;
		o->vary_arg = &s->vary;
	}
	free(body);
	o->request = out;
	o->request_n = (size_t)n;
}

static void
add_field(struct settings *s, const char *field)
{
	size_t have = strlen(s->fields);
	int n = snprintf(
	    s->fields + have, sizeof(s->fields) - have, "%s\r\n", field);

	if (n < 0 || (size_t)n >= sizeof(s->fields) - have) {
		errno = 0;
		die("--header: too long");
	}
}

static void
set_text(int c, const char *v, struct settings *s, struct drive_options *o)
{
	switch (c) {
	case 't':
		net_parse(v, &o->to);
		break;
	case 'a':
		s->api = v;
		break;
	case 'm':
		s->model = v;
		break;
	case 'g':
		s->get = v;
		break;
	case 'v':
		s->vary.kind = vary_parse(v);
		break;
	case 'x':
		add_field(s, v);
		break;
	case 's':
		s->stream = true;
		break;
	case 'u':
		s->usage = true;
		break;
	default:
		o->hold = true;
		break;
	}
}

static void
set_number(int c, const char *v, struct settings *s, struct drive_options *o)
{
	int64_t n = parse_number("number", v, 0, 1000000000);

	switch (c) {
	case 'p':
		s->prompt_bytes = (size_t)n;
		break;
	case 'c':
		o->connections = (int)n;
		break;
	case 'r':
		o->requests = n;
		break;
	case 'd':
		o->run_ns = n * 1000000000;
		break;
	case 'T':
		o->timeout_ns = n * 1000000000;
		break;
	case 'R':
		o->ramp_ns = n * 1000;
		break;
	case 'k':
		o->think_ns = n * 1000;
		break;
	case 'e':
		o->expect_events = n;
		break;
	default:
		o->expect_status = (int)n;
		break;
	}
}

static void
print_result(const struct drive_result *r)
{
	const char *comma = "";
	uint64_t errors = r->refused + r->cut + r->bad + r->short_ +
	    r->unexpected + r->timeouts;

	printf("{\"seconds\":%.6f,\"requests\":%llu,\"errors\":%llu,"
	       "\"refused\":%llu,\"cut\":%llu,\"bad\":%llu,\"short\":%llu,"
	       "\"unexpected\":%llu,\"timeouts\":%llu,\"connects\":%llu,"
	       "\"idle\":%llu,\"bytes\":%llu,\"events\":%llu,\"statuses\":{",
	    (double)r->elapsed_ns / 1e9, (unsigned long long)r->requests,
	    (unsigned long long)errors, (unsigned long long)r->refused,
	    (unsigned long long)r->cut, (unsigned long long)r->bad,
	    (unsigned long long)r->short_, (unsigned long long)r->unexpected,
	    (unsigned long long)r->timeouts, (unsigned long long)r->connects,
	    (unsigned long long)r->idle, (unsigned long long)r->bytes,
	    (unsigned long long)r->events);
	for (int i = 0; i < 600; i++) {
		if (!r->status[i])
			continue;
		printf("%s\"%d\":%llu", comma, i,
		    (unsigned long long)r->status[i]);
		comma = ",";
	}
	fputs("},", stdout);
	hist_print(&r->latency, "latency_us", stdout);
	fputc(',', stdout);
	hist_print(&r->first_byte, "first_byte_us", stdout);
	fputc(',', stdout);
	hist_print(&r->gap, "gap_us", stdout);
	puts("}");
}

int
main(int argc, char **argv)
{
	static const struct option names[] = {{"to", 1, NULL, 't'},
	    {"api", 1, NULL, 'a'}, {"stream", 0, NULL, 's'},
	    {"usage", 0, NULL, 'u'}, {"model", 1, NULL, 'm'},
	    {"prompt-bytes", 1, NULL, 'p'}, {"vary", 1, NULL, 'v'},
	    {"header", 1, NULL, 'x'}, {"get", 1, NULL, 'g'},
	    {"connections", 1, NULL, 'c'}, {"requests", 1, NULL, 'r'},
	    {"seconds", 1, NULL, 'd'}, {"timeout", 1, NULL, 'T'},
	    {"ramp-us", 1, NULL, 'R'}, {"think-us", 1, NULL, 'k'},
	    {"expect-events", 1, NULL, 'e'}, {"expect-status", 1, NULL, 'S'},
	    {"hold", 0, NULL, 'H'}, {"help", 0, NULL, 'h'}, {NULL, 0, NULL, 0}};
	struct settings s = {.api = "openai",
	    .model = "scripted",
	    .prompt_bytes = 64,
	    .vary = {.state = 11}};
	struct drive_options o = {.connections = 32,
	    .run_ns = 10000000000,
	    .timeout_ns = 60000000000,
	    .expect_events = -1,
	    .expect_status = 200};
	static struct drive_result r;
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == '?' || c == 'h') {
			fputs(usage, c == 'h' ? stdout : stderr);
			return c == 'h' ? 0 : 2;
		}
		if (strchr("tamgvxsuH", c))
			set_text(c, optarg, &s, &o);
		else
			set_number(c, optarg, &s, &o);
	}
	if (!o.to.sin_port) {
		fputs(usage, stderr);
		return 2;
	}
	if (s.stream)
		o.count = strcmp(s.api, "ollama") ? DRIVE_BLANK : DRIVE_LINES;
	if (o.hold)
		o.requests = o.connections;
	signal(SIGPIPE, SIG_IGN);
	net_raise_limit();
	make_request(&s, &o);
	drive_run(&o, &r);
	print_result(&r);
	free((char *)(uintptr_t)o.request);
	return 0;
}
