#include "http/guard.h"
#include <assert.h>
#include "http/ctype.h"

enum {
	METHOD_MAX = 32 /* longer than any registered method */
};

struct http_limits
http_limits_default(void)
{
	return (struct http_limits){
	    .head_bytes = 16 * 1024,
	    .fields = 100,
	    .target_bytes = 8 * 1024,
	    .chunk_ext_bytes = 256,
	};
}

static bool
refuse(struct http_fault *f, const char *reason)
{
	*f = (struct http_fault){.err = ERR_BAD_REQUEST, .reason = reason};
	return false;
}

static bool
refuse_size(struct http_fault *f, enum err err, int64_t limit, const char *what)
{
	*f = (struct http_fault){.err = err, .limit = limit, .what = what};
	f->reason = "the head is too large";
	return false;
}

void
http_guard_init(struct http_guard *g, enum http_side side)
{
	*g = (struct http_guard){.side = side};
}

/* The one reason why the byte at the start of ${rest} may not be there. */
static bool
refuse_ctl(struct slice rest, struct http_fault *f)
{
	if (rest.p[0] == '\r')
		return refuse(f, "a carriage return without a line feed");
	if (rest.p[0] == '\n')
		return refuse(f, "a line feed without a carriage return");
	return refuse(f, "a control byte in the head");
}

/*
 * Sizes of a request line of which ${line} has been seen so far.  Separate
 * from its parser, so that an endless one is refused before it ends.
 */
static bool
check_request_size(
    const struct http_limits *l, struct slice line, struct http_fault *f)
{
	size_t method_n = slice_find(line, ' ');
	struct slice target;

	if (method_n > METHOD_MAX)
		return refuse(f, "the method is too long");
	target = slice_from(line, method_n + 1);
	if (slice_find(target, ' ') > l->target_bytes)
		return refuse_size(
		    f, ERR_URI_TOO_LONG, l->target_bytes, "bytes");
	return true;
}

/* `HTTP/1.0` or `HTTP/1.1`, letters in upper case: RFC 9112 2.3. */
static bool
parse_version(struct slice s, int *minor)
{
	if (s.n != 8 || memcmp(s.p, "HTTP/1.", 7) != 0 ||
	    (s.p[7] != '0' && s.p[7] != '1'))
		return false;
	*minor = s.p[7] - '0';
	return true;
}

/* Origin-form, absolute-form or asterisk-form: RFC 9112 3.2. */
static bool
is_target(struct slice s, enum http_method m)
{
	static const struct slice plain = SLICE("http://");
	static const struct slice tls = SLICE("https://");

	if (!http_are(HTTP_TARGET, s))
		return false;
	if (s.p[0] == '/')
		return true;
	if (slice_is(s, "*"))
		return m == HTTP_METHOD_OPTIONS;
	return slice_eq_nocase(slice_to(s, plain.n), plain) ||
	    slice_eq_nocase(slice_to(s, tls.n), tls);
}

static bool
parse_request_line(struct http_head *h, struct slice line, struct http_fault *f)
{
	struct slice rest = line, method, target;

	method = slice_cut(&rest, ' ');
	target = slice_cut(&rest, ' ');
	if (method.n == 0 || !http_are(HTTP_TOKEN, method))
		return refuse(f, "the method is malformed");
	if (rest.p == NULL)
		return refuse(f, "the request line has no version");
	if (target.n == 0)
		return refuse(f, "the request line has more than one space");
	if (!parse_version(rest, &h->minor))
		return refuse(f, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	h->method = http_method_find(method);
	if (h->method == HTTP_METHOD_OTHER && slice_is(method, "CONNECT"))
		return refuse(f, "CONNECT is not offered");
	if (!is_target(target, h->method))
		return refuse(f, "the request target is malformed");
	h->method_n = (uint32_t)method.n;
	h->target_at = (uint32_t)(method.n + 1);
	h->target_n = (uint32_t)target.n;
	h->status = 0;
	return true;
}

/* `HTTP/1.1 200[ reason]`; a missing last space is common and harmless. */
static bool
parse_status_line(struct http_head *h, struct slice line, struct http_fault *f)
{
	struct slice rest = line, status;
	uint64_t value;

	if (!parse_version(slice_cut(&rest, ' '), &h->minor))
		return refuse(f, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	status = slice_cut(&rest, ' ');
	if (status.n != 3 || !slice_u64(status, 599, &value) || value < 100)
		return refuse(f, "the status is malformed");
	h->method = HTTP_METHOD_OTHER;
	h->method_n = h->target_at = h->target_n = 0;
	h->status = (int)value;
	return true;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * `name: value`; ${at} is where the line stands in the head.  Its bytes have
 * been found free of control bytes.
 */
static bool
parse_field(
    struct http_field *to, struct slice line, size_t at, struct http_fault *f)
{
	size_t name_n = http_span(HTTP_TOKEN, line);
	size_t from = name_n + 1, end = line.n;

	if (name_n == line.n)
		return refuse(f, "a field without a colon");
	if (line.p[name_n] != ':')
		return refuse(f,
		    is_blank(line.p[0]) ? "a folded line"
			: is_blank(line.p[name_n])
			? "white space before a colon"
			: "a malformed field name");
	if (name_n == 0)
		return refuse(f, "an empty field name");
	while (from < end && is_blank(line.p[from]))
		from++;
	while (end > from && is_blank(line.p[end - 1]))
		end--;
	to->name_at = (uint32_t)at;
	to->name_n = (uint32_t)name_n;
	to->value_at = (uint32_t)(at + from);
	to->value_n = (uint32_t)(end - from);
	return true;
}

enum line { LINE_MORE, LINE_FOUND, LINE_BAD };

/* Find the end of the line being read; ${*line} is what there is of it. */
static enum line
find_line(struct http_guard *g, struct slice s, struct slice *line)
{
	size_t i = g->scanned + http_ctl_find(slice_from(s, g->scanned));

	g->scanned = (uint32_t)i;
	*line = slice_of(s.p + g->line_at, i - g->line_at);
	if (i == s.n || (s.p[i] == '\r' && i + 1 == s.n))
		return LINE_MORE;
	return s.p[i] == '\r' && s.p[i + 1] == '\n' ? LINE_FOUND : LINE_BAD;
}

/* Take the complete ${line}, which is not empty. */
static bool
take_line(struct http_guard *g, const struct http_limits *l,
    struct http_head *h, struct slice line, struct http_fault *f)
{
	if (!g->has_first) {
		g->has_first = true;
		return g->side == HTTP_SIDE_REQUEST
		    ? parse_request_line(h, line, f)
		    : parse_status_line(h, line, f);
	}
	if (g->n_fields >= l->fields)
		return refuse_size(f, ERR_HEAD_TOO_LARGE, l->fields, "fields");
	return parse_field(
	    &h->fields[g->n_fields++], line, g->line_at - g->start, f);
}

/* Lines from where the last call stopped; true at the blank line. */
static bool
read_lines(struct http_guard *g, const struct http_limits *l,
    struct http_head *h, struct slice s, struct http_fault *f)
{
	for (;;) {
		struct slice line;
		enum line found = find_line(g, s, &line);

		if (!g->has_first && g->side == HTTP_SIDE_REQUEST &&
		    !check_request_size(l, line, f))
			return false;
		if (found == LINE_MORE)
			return false;
		if (found == LINE_BAD)
			return refuse_ctl(slice_from(s, g->scanned), f);
		if (line.n == 0 && g->has_first)
			break;
		if (line.n != 0) {
			if (!take_line(g, l, h, line, f))
				return false;
		} else if (g->start == 0 && g->side == HTTP_SIDE_REQUEST) {
			g->start = 2;
		} else {
			return refuse(f, "an empty line in place of the first");
		}
		g->line_at = g->scanned += 2;
	}
	h->base = s.p + g->start;
	h->n = g->scanned + 2 - g->start;
	h->n_fields = g->n_fields;
	return true;
}

bool
http_guard_read(struct http_guard *g, const struct http_limits *l,
    struct http_head *h, struct slice in, struct http_fault *f)
{
	struct slice s = slice_to(in, l->head_bytes);

	assert(l->fields <= HTTP_FIELDS_MAX);
	f->err = OK;
	if (read_lines(g, l, h, s, f)) {
		/* What earlier calls wrote to ${h} is lost: once more. */
		if (g->is_partial) {
			http_guard_init(g, g->side);
			return read_lines(g, l, h, s, f);
		}
		return true;
	}
	g->is_partial = true;
	if (f->err == OK && in.n >= l->head_bytes)
		return refuse_size(
		    f, ERR_HEAD_TOO_LARGE, l->head_bytes, "bytes");
	return false;
}

/* What the fields say about framing and the connection. */
struct summary {
	unsigned n_hosts, n_lengths, n_codings;
	bool close, keep_alive, expect_continue;
};

static bool
judge_length(struct http_head *h, struct slice value, struct http_fault *f)
{
	uint64_t n;

	if (!slice_u64(value, INT64_MAX, &n))
		return refuse(f, "Content-Length is not a number");
	h->content_length = (int64_t)n;
	return true;
}

static bool
judge_expect(struct http_head *h, struct summary *s, struct slice value,
    struct http_fault *f)
{
	static const struct slice known = SLICE("100-continue");

	/* RFC 9110 10.1.1: of a 1.0 client it must be ignored. */
	if (h->minor == 0)
		return true;
	s->expect_continue = true;
	if (slice_eq_nocase(value, known))
		return true;
	*f = (struct http_fault){.err = ERR_EXPECTATION_FAILED,
	    .reason = "Expect is not 100-continue"};
	return false;
}

static bool
judge_coding(struct http_head *h, struct summary *s, struct slice value,
    struct http_fault *f)
{
	static const struct slice chunked = SLICE("chunked");

	if (s->n_codings++ || !slice_eq_nocase(value, chunked))
		return refuse(f, "Transfer-Encoding is not exactly chunked");
	h->chunked = true;
	return true;
}

static bool
judge_host(struct summary *s, struct slice value, struct http_fault *f)
{
	if (s->n_hosts++)
		return refuse(f, "more than one Host");
	if (!http_are(HTTP_HOST, value))
		return refuse(f, "Host is malformed");
	return true;
}

/* Is ${name}, of the length of ${lower}, the same without case? */
static bool
is_name(const char *name, const char *lower, size_t n)
{
	return slice_eq_nocase(slice_of(name, n), slice_of(lower, n));
}

/*
 * Take field ${i} into account, if it is one that decides.  Most are told by
 * their length.
 */
static bool
judge_field(enum http_side side, struct http_head *h, struct summary *s,
    unsigned i, struct http_fault *f)
{
	const struct http_field *field = &h->fields[i];
	const char *name = h->base + field->name_at;
	struct slice value =
	    slice_of(h->base + field->value_at, field->value_n);

	switch (field->name_n) {
	case sizeof "host" - 1:
		if (side == HTTP_SIDE_REQUEST && is_name(name, "host", 4))
			return judge_host(s, value, f);
		return true;
	case sizeof "expect" - 1:
		if (side == HTTP_SIDE_REQUEST && is_name(name, "expect", 6))
			return judge_expect(h, s, value, f);
		return true;
	case sizeof "connection" - 1:
		if (is_name(name, "connection", 10)) {
			s->close = s->close || http_list_has(value, "close");
			s->keep_alive =
			    s->keep_alive || http_list_has(value, "keep-alive");
		}
		return true;
	case sizeof "content-length" - 1:
		if (!is_name(name, "content-length", 14))
			return true;
		if (s->n_lengths++)
			return refuse(f, "more than one Content-Length");
		return judge_length(h, value, f);
	case sizeof "transfer-encoding" - 1:
		if (is_name(name, "transfer-encoding", 17))
			return judge_coding(h, s, value, f);
		return true;
	default:
		return true;
	}
}

bool
http_guard_judge(enum http_side side, struct http_head *h, struct http_fault *f)
{
	struct summary s = {0};

	h->content_length = -1;
	h->chunked = false;
	for (unsigned i = 0; i < h->n_fields; i++)
		if (!judge_field(side, h, &s, i, f))
			return false;
	if (s.n_codings && s.n_lengths)
		return refuse(f, "Content-Length with Transfer-Encoding");
	if (s.n_codings && h->minor == 0)
		return refuse(f, "Transfer-Encoding in HTTP/1.0");
	if (side == HTTP_SIDE_REQUEST && h->minor == 1 && !s.n_hosts)
		return refuse(f, "no Host");
	h->keep_alive = !s.close && (h->minor == 1 || s.keep_alive);
	h->expect_continue =
	    s.expect_continue && (h->chunked || h->content_length > 0);
	return true;
}
