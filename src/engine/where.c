#include "engine/where.h"
#include "json/reader.h"
#include "json/value.h"
#include "os/sock.h"
#include <stdio.h>

/* The string member ${key} of ${json}'s top, unescaped into ${out}. */
static bool
find_string(struct slice json, const char *key, struct buf *out)
{
	struct json_reader r;
	size_t n;

	json_reader_init(&r, json, 64);
	if (json_next(&r) != JSON_OBJECT)
		return false;
	while (json_skip(&r) == JSON_KEY) {
		bool is_it = slice_is(json_span(&r), key);
		enum json_kind kind = json_skip(&r);
		struct slice raw = json_span(&r);

		if (kind <= JSON_BAD)
			return false;
		if (!is_it || kind != JSON_STRING)
			continue;
		raw = slice_of(raw.p + 1, raw.n - 2);
		buf_clear(out);
		if (buf_reserve(out, raw.n) != OK ||
		    json_unescape(raw, out->p, raw.n, &n) != OK)
			return false;
		out->n = n;
		return true;
	}
	return false;
}

/* The line "FROM /path" of a Modelfile. */
static struct slice
path_in_modelfile(struct slice text)
{
	static const struct slice from = SLICE("FROM /");

	while (text.n > 0) {
		struct slice line = slice_cut(&text, '\n');

		if (slice_starts(line, from))
			return slice_trim(slice_from(line, from.n - 1));
	}
	return (struct slice){0};
}

static bool
keep(const struct engine *e, struct slice path, char *out, size_t cap)
{
	pid_t pid;
	int n;

	if (path.n == 0 || memchr(path.p, 0, path.n) != NULL)
		return false;
	if (path.p[0] == '/') {
		n = snprintf(out, cap, "%.*s", SLICE_ARG(path));
	} else {
		pid = os_sock_port_pid((uint16_t)e->port);
		if (pid <= 0)
			return false;
		n = snprintf(
		    out, cap, "/proc/%d/cwd/%.*s", (int)pid, SLICE_ARG(path));
	}
	return n > 0 && (size_t)n < cap;
}

bool
where_is(const struct engine *e, struct slice answer, char *out, size_t cap)
{
	struct slice path = {0};
	bool is_found;
	struct buf b;

	if (!engine_is_loopback(e))
		return false;
	buf_init(&b, WHERE_ANSWER_MAX);
	if (e->kind == ENGINE_OLLAMA && find_string(answer, "modelfile", &b))
		path = path_in_modelfile(buf_slice(&b));
	else if (e->kind == ENGINE_LLAMA &&
	    find_string(answer, "model_path", &b))
		path = buf_slice(&b);
	is_found = keep(e, path, out, cap);
	buf_fini(&b);
	return is_found;
}

uint32_t
where_context(struct slice answer)
{
	static const struct slice key = SLICE("num_ctx ");
	uint64_t context = 0;
	struct slice rest;
	struct buf b;

	buf_init(&b, WHERE_ANSWER_MAX);
	if (find_string(answer, "parameters", &b)) {
		rest = buf_slice(&b);
		while (rest.n > 0) {
			struct slice line = slice_cut(&rest, '\n');

			if (slice_starts(line, key) &&
			    !slice_u64(slice_trim(slice_from(line, key.n)),
				UINT32_MAX, &context))
				context = 0;
		}
	}
	buf_fini(&b);
	return (uint32_t)context;
}
