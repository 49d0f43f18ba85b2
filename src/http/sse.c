/*
 * An event is read line by line; what it is made of is kept as offsets from
 * its first byte, so that the owner may move the bytes between two calls.
 */
#include "http/sse.h"

void
sse_init(struct sse *s, size_t max)
{
	*s = (struct sse){.max = max};
}

void
sse_eof(struct sse *s)
{
	s->is_eof = true;
}

/* A line of a stream, and where the next one begins. */
struct line {
	struct slice text;
	size_t next;
};

/*
 * Index of the first CR or LF in ${s}, or ${s}.n.  In windows, so that a
 * stream of lines that end with CR is not searched to its end for each LF.
 */
static size_t
find_end(struct slice s)
{
	enum { WINDOW = 512 };

	for (size_t at = 0; at < s.n; at += WINDOW) {
		struct slice w = slice_to(slice_from(s, at), WINDOW);
		struct slice head = slice_to(w, slice_find(w, '\n'));
		size_t i = slice_find(head, '\r');

		if (i < w.n)
			return at + i;
	}
	return s.n;
}

/*
 * The line at ${at}, of which nothing before ${*scanned} ends it.  False, and
 * ${*scanned} goes on, if its end has not come or cannot be told yet.
 */
static bool
find_line(
    struct slice in, size_t at, bool is_eof, size_t *scanned, struct line *line)
{
	size_t end = *scanned + find_end(slice_from(in, *scanned));

	*scanned = end;
	line->text = slice_of(in.p + at, end - at);
	line->next = end + 1;
	if (end == in.n)
		return false;
	if (in.p[end] == '\r') {
		if (end + 1 == in.n)
			return is_eof;
		line->next += in.p[end + 1] == '\n';
	}
	return true;
}

/* Cut "name: value" as WHATWG says: at most one space goes. */
static struct slice
cut_value(struct slice line, struct slice *name)
{
	struct slice value = line;

	*name = slice_cut(&value, ':');
	if (value.n && value.p[0] == ' ')
		value = slice_from(value, 1);
	return value;
}

/* Remember what ${line}, which is not empty, says; ${base} is the event's. */
static void
take_line(struct sse *s, const char *base, struct slice line)
{
	struct slice name, value = cut_value(line, &name);
	size_t at = value.p ? (size_t)(value.p - base) : 0;

	s->has_field = true;
	if (slice_is(name, "data")) {
		s->data_at = at;
		s->data_n = value.n;
		s->n_data++;
	} else if (slice_is(name, "event")) {
		s->event_at = at;
		s->event_n = value.n;
	}
}

/* Hand out the first ${n} bytes and forget them. */
static enum sse_kind
give(struct sse *s, struct slice in, size_t n, size_t *used,
    struct sse_item *item)
{
	*used = n;
	item->raw = slice_to(in, n);
	item->lines_at = s->lines_at;
	item->event = slice_of(in.p + s->event_at, s->event_n);
	item->data = slice_of(in.p + s->data_at, s->data_n);
	item->n_data = s->n_data;
	*s = (struct sse){.max = s->max, .is_begun = true, .is_eof = s->is_eof};
	return item->n_data ? SSE_EVENT : SSE_COMMENT;
}

/* Step over a byte order mark.  False if it cannot be told yet. */
static bool
skip_bom(struct sse *s, struct slice in)
{
	static const struct slice bom = SLICE("\xef\xbb\xbf");

	if (in.n < bom.n && slice_starts(bom, in))
		return false;
	if (slice_starts(in, bom))
		s->lines_at = s->line_at = s->scanned = bom.n;
	s->is_begun = true;
	return true;
}

enum sse_kind
sse_next(struct sse *s, struct slice in, size_t *used, struct sse_item *item)
{
	struct line line;

	*used = 0;
	if (s->is_bad)
		return SSE_BAD;
	if (!s->is_begun && !skip_bom(s, in))
		return SSE_MORE;
	while (find_line(in, s->line_at, s->is_eof, &s->scanned, &line) &&
	    line.next <= s->max) {
		s->line_at = s->scanned = line.next;
		if (line.text.n == 0)
			return give(s, in, line.next, used, item);
		if (line.text.p[0] != ':')
			take_line(s, in.p, line.text);
		else if (!s->has_field)
			return give(s, in, line.next, used, item);
	}
	/* Behind the loop line.next counts at least one byte of line end. */
	s->is_bad = line.next > s->max;
	return s->is_bad ? SSE_BAD : SSE_MORE;
}

enum err
sse_join(const struct sse_item *item, struct buf *out)
{
	static const struct slice lf = SLICE("\n");
	size_t at = item->lines_at, scanned = at, n = 0;
	struct line line;

	while (find_line(item->raw, at, true, &scanned, &line)) {
		struct slice name, value = cut_value(line.text, &name);
		enum err e;

		at = scanned = line.next;
		if (!slice_is(name, "data"))
			continue;
		if (n++ && (e = buf_add(out, lf)) != OK)
			return e;
		if (value.n && (e = buf_add(out, value)) != OK)
			return e;
	}
	return OK;
}
