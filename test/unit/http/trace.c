#include "test/unit/http/trace.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 64 * 1024 * 1024 };

/* A tester has no business running out of memory. */
static void
must(enum err e)
{
	if (e != OK)
		abort();
}

static void
add(struct buf *b, const char *s)
{
	must(buf_add_str(b, s));
}

static void
add_slice(struct buf *b, struct slice s)
{
	if (s.n)
		must(buf_add(b, s));
}

static void
check_head(const struct http_head *h, struct slice in, size_t used)
{
	assert(h->base >= in.p && h->base + h->n == in.p + used);
	assert(h->n_fields <= HTTP_FIELDS_MAX);
	assert((size_t)h->target_at + h->target_n <= h->n);
	for (unsigned i = 0; i < h->n_fields; i++) {
		const struct http_field *f = &h->fields[i];

		assert(f->name_n > 0 && f->name_at + f->name_n < f->value_at);
		assert((size_t)f->value_at + f->value_n + 4 <= h->n);
	}
}

static void
note_head(struct trace *t, const struct http_head *h)
{
	char line[160];

	if (t->brief.n)
		add(&t->brief, " ");
	if (h->status) {
		(void)snprintf(line, sizeof line, "%d", h->status);
		add(&t->brief, line);
	} else {
		add_slice(&t->brief, http_head_method(h));
		add(&t->brief, " ");
		add_slice(&t->brief, http_head_target(h));
	}
	add(&t->brief, " <");
	(void)snprintf(line, sizeof line,
	    "head %zu method %s status %d minor %d length %lld%s%s%s\n", h->n,
	    http_method_name(h->method), h->status, h->minor,
	    (long long)h->content_length, h->chunked ? " chunked" : "",
	    h->keep_alive ? " keep" : "", h->expect_continue ? " expect" : "");
	add(&t->full, line);
	for (unsigned i = 0; i < h->n_fields; i++) {
		add_slice(&t->full, http_head_name(h, i));
		add(&t->full, "=");
		add_slice(&t->full, http_head_value(h, i));
		add(&t->full, "\n");
	}
}

static void
note_bad(struct trace *t, const struct http_parser *p)
{
	struct refusal r = http_parser_refusal(p);
	char line[64];

	if (t->brief.n)
		add(&t->brief, " ");
	if (r.err == ERR_EOF) {
		add(&t->brief, "!EOF");
		return;
	}
	(void)snprintf(line, sizeof line, "!%d ", err_get(r.err)->status);
	add(&t->brief, line);
	add_slice(&t->brief, r.reason);
	(void)snprintf(line, sizeof line, "err %d limit %lld ", (int)r.err,
	    (long long)r.limit);
	add(&t->full, line);
	add_slice(&t->full, r.what);
}

/* The bytes from ${from} on, in fresh memory; frees the old. */
static void
move_bytes(char **p, size_t *n, size_t from)
{
	char *fresh = malloc(*n - from ? *n - from : 1);

	if (fresh == NULL)
		abort();
	memcpy(fresh, *p + from, *n - from);
	free(*p);
	*p = fresh;
	*n -= from;
}

/* A copy of ${p} elsewhere; frees ${p}. */
static struct http_parser *
move_parser(struct http_parser *p)
{
	struct http_parser *fresh = malloc(sizeof *fresh);

	if (fresh == NULL)
		abort();
	*fresh = *p;
	free(p);
	return fresh;
}

/* Call the parser until it wants more.  False: it wants no more at all. */
static bool
pull(struct trace *t, struct http_parser **parser, char **held, size_t *n)
{
	static struct http_head h;

	for (;;) {
		struct http_parser *p = *parser = move_parser(*parser);
		struct slice in = slice_of(*held, *n), body;
		enum http_event e;
		size_t used;

		memset(&h, 0xa5, sizeof h);
		e = http_parser_next(p, &h, in, &used, &body);
		assert(used <= in.n);
		if (e == HTTP_EVENT_HEAD) {
			check_head(&h, in, used);
			note_head(t, &h);
		} else if (e == HTTP_EVENT_BODY) {
			assert(body.n && body.p >= in.p);
			assert(body.p + body.n <= in.p + used);
			add_slice(&t->brief, body);
		} else if (e == HTTP_EVENT_END) {
			add(&t->brief, ">");
		} else if (e == HTTP_EVENT_BAD) {
			note_bad(t, p);
			return false;
		}
		move_bytes(held, n, used);
		if (e == HTTP_EVENT_MORE)
			return true;
	}
}

static void
note_eof(struct trace *t, struct http_parser *p)
{
	enum http_event e = http_parser_eof(p);

	if (e == HTTP_EVENT_END)
		add(&t->brief, ">");
	else if (e == HTTP_EVENT_BAD)
		note_bad(t, p);
	else
		assert(e == HTTP_EVENT_MORE);
}

void
trace_run(struct trace *t, const struct trace_in *in)
{
	struct http_parser *p = malloc(sizeof *p);
	size_t at = 0, n = 0, next_cut = 0;
	char *held = malloc(1);
	bool goes_on = held != NULL && p != NULL;

	if (!goes_on)
		abort();
	buf_init(&t->brief, TEXT_MAX);
	buf_init(&t->full, TEXT_MAX);
	http_parser_init(p, in->side, &in->limits);
	if (in->expect_head)
		http_parser_expect_head(p);
	while (goes_on) {
		size_t to = in->bytes.n;
		char *more;

		if (in->each_byte)
			to = at < to ? at + 1 : to;
		else if (next_cut < in->n_cuts)
			to = in->cuts[next_cut++];
		more = malloc(n + to - at + 1);
		if (more == NULL)
			abort();
		memcpy(more, held, n);
		if (to > at)
			memcpy(more + n, in->bytes.p + at, to - at);
		free(held);
		held = more;
		n += to - at;
		move_bytes(&held, &n, 0);
		at = to;
		goes_on = pull(t, &p, &held, &n);
		if (at == in->bytes.n)
			break;
	}
	if (goes_on && in->eof)
		note_eof(t, p);
	t->is_idle = http_parser_is_idle(p);
	free(held);
	free(p);
}

void
trace_fini(struct trace *t)
{
	buf_fini(&t->brief);
	buf_fini(&t->full);
}
