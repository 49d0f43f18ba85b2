/*
 * weir-engine: a scripted engine that answers as Ollama, llama-server and
 * others do, fast and at a chosen pace, for specs and measurements.
 *
 * It generates nothing: every answer is rendered once at start (reply.h), and
 * the loop (serve.h) costs little beside what it measures.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "tool/net.h"
#include "tool/reply.h"
#include "tool/serve.h"

static const char usage[] =
    "weir-engine [options]: a scripted engine on 127.0.0.1\n"
    "  --port N          port to listen on; 0 (default): any free one,\n"
    "                    printed as one line on stdout\n"
    "  --kind KIND       any (default), ollama, llama-server, openai\n"
    "  --model NAME      the model it has (scripted)\n"
    "  --vocab FILE      the model's GGUF, as /api/show tells it\n"
    "  --context N       tokens of the loaded context (4096)\n"
    "  --slots N         slots that /props tells (4)\n"
    "  --events N        events of a streamed answer (64)\n"
    "  --bytes N         bytes of text in an event (8)\n"
    "  --answer-bytes N  bytes of text in an answer not streamed (64)\n"
    "  --first-us N      delay before an answer's first byte (0)\n"
    "  --interval-us N   delay between events (0: back to back)\n"
    "  --embed-us N      delay of an embedding (as --first-us)\n"
    "  --at-once N       answers under way at one time, the rest waits in a\n"
    "                    line (0: no bound)\n"
    "  --die-every N     every N-th answer ends with its connection\n"
    "  --grain-us N      timers go off at multiples of this (250)\n"
    "  --per-write N     events handed to the kernel at once (1)\n"
    "GET /-/stats tells its counters.\n";

static enum reply_kind
parse_kind(const char *text)
{
	static const struct {
		const char *name;
		enum reply_kind kind;
	} kinds[] = {{"any", REPLY_ANY}, {"ollama", REPLY_OLLAMA},
	    {"llama-server", REPLY_LLAMA_SERVER}, {"openai", REPLY_OPENAI}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(text, kinds[i].name) == 0)
			return kinds[i].kind;
	errno = 0;
	die("--kind: not any, ollama, llama-server or openai: %s", text);
}

static void
set_option(int c, const char *v, int *port, struct reply_options *r,
    struct serve_options *s)
{
	switch (c) {
	case 'p':
		*port = (int)parse_number("--port", v, 0, 65535);
		break;
	case 'k':
		r->kind = parse_kind(v);
		break;
	case 'm':
		r->model = v;
		break;
	case 'v':
		r->vocab = v;
		break;
	case 'c':
		r->context = (int)parse_number("--context", v, 1, 1 << 30);
		break;
	case 's':
		r->slots = (int)parse_number("--slots", v, 1, 1 << 20);
		break;
	case 'e':
		r->events = (int)parse_number("--events", v, 1, 1 << 20);
		break;
	case 'b':
		r->event_bytes = (int)parse_number("--bytes", v, 0, 1 << 20);
		break;
	case 'a':
		r->answer_bytes =
		    (int)parse_number("--answer-bytes", v, 0, 1 << 24);
		break;
	case 'f':
		s->first_ns =
		    parse_number("--first-us", v, 0, 3600000000) * 1000;
		break;
	case 'g':
		s->grain_ns = parse_number("--grain-us", v, 1, 1000000) * 1000;
		break;
	case 'E':
		s->embed_ns =
		    parse_number("--embed-us", v, 0, 3600000000) * 1000;
		break;
	case 'o':
		s->at_once = (int)parse_number("--at-once", v, 0, 1 << 20);
		break;
	case 'd':
		s->die_every = (int)parse_number("--die-every", v, 0, 1 << 20);
		break;
	case 'i':
		s->interval_ns =
		    parse_number("--interval-us", v, 0, 3600000000) * 1000;
		break;
	default:
		s->per_write = (int)parse_number("--per-write", v, 1, 64);
		break;
	}
}

int
main(int argc, char **argv)
{
	static const struct option names[] = {{"port", 1, NULL, 'p'},
	    {"kind", 1, NULL, 'k'}, {"model", 1, NULL, 'm'},
	    {"vocab", 1, NULL, 'v'}, {"context", 1, NULL, 'c'},
	    {"slots", 1, NULL, 's'}, {"events", 1, NULL, 'e'},
	    {"bytes", 1, NULL, 'b'}, {"answer-bytes", 1, NULL, 'a'},
	    {"first-us", 1, NULL, 'f'}, {"interval-us", 1, NULL, 'i'},
	    {"per-write", 1, NULL, 'w'}, {"grain-us", 1, NULL, 'g'},
	    {"embed-us", 1, NULL, 'E'}, {"at-once", 1, NULL, 'o'},
	    {"die-every", 1, NULL, 'd'}, {"help", 0, NULL, 'h'},
	    {NULL, 0, NULL, 0}};
	struct reply_options r = {.kind = REPLY_ANY,
	    .events = 64,
	    .event_bytes = 8,
	    .answer_bytes = 64,
	    .slots = 4,
	    .context = 4096,
	    .model = "scripted"};
	struct serve_options s = {
	    .per_write = 1, .grain_ns = 250000, .embed_ns = -1};
	int c, listener, port = 0;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == '?' || c == 'h') {
			fputs(usage, c == 'h' ? stdout : stderr);
			return c == 'h' ? 0 : 2;
		}
		set_option(c, optarg, &port, &r, &s);
	}
	net_raise_limit();
	reply_init(&r);
	s.events = r.events;
	listener = net_listen(&port);
	printf("%d\n", port);
	fflush(stdout);
	serve_run(listener, &s);
	return 0;
}
