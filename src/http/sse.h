/*
 * sse: cuts a stream of server-sent events into events, pulled.
 *
 *   data: {"a":1}\n\n : ping\n\n event: x\ndata: 1\ndata: 2\n\n
 *   |--- EVENT ---|   |comment|  |---- EVENT, 2 data lines ---|
 *
 * Source: WHATWG HTML, "9.2.6 Interpreting an event stream".  Lines end with
 * CRLF, LF or CR; a BOM at the very start is skipped.  The spans handed out
 * follow each other without a gap, so relaying them all relays the stream.
 * A CR at the end of the bytes waits for the next byte, which may be its LF.
 */
#pragma once
#include "base/buf.h"

enum {
	SSE_EVENT_MAX = 8 * 1024 * 1024 /* the usual maximum */
};

enum sse_kind {
	SSE_MORE,    /* nothing complete; keep the bytes, call with more */
	SSE_EVENT,   /* an event with data */
	SSE_COMMENT, /* bytes that dispatch nothing: a comment or empty line
		        before an event, or an event without data */
	SSE_BAD	     /* an event longer than the maximum */
};

struct sse_item {
	struct slice raw;   /* all of it, its blank line included */
	size_t lines_at;    /* in raw: 3 behind a byte order mark, else 0 */
	struct slice event; /* value of the last `event:` line; n 0: none */
	struct slice data;  /* value of the only `data:` line */
	size_t n_data;	    /* `data:` lines; if not 1, data is the last */
};

/* Embed it; only http/sse.c looks inside.  Offsets from the event's start. */
struct sse {
	size_t max;
	size_t line_at; /* the line being read */
	size_t scanned; /* of it: no line end before here */
	size_t event_at, event_n;
	size_t data_at, data_n, n_data;
	size_t lines_at;
	bool is_begun; /* the byte order mark has been dealt with */
	bool is_eof;
	bool has_field; /* a line that is no comment */
	bool is_bad;
};

/* At the start of a stream; events of at most ${max} bytes. */
void sse_init(struct sse *s, size_t max);

/*
 * Take the next item off ${in}, the unconsumed bytes of the stream in one
 * piece.  EVENT and COMMENT: ${*item} has slices of ${in}, and ${*used}, the
 * length of raw, is consumed.  MORE and BAD: nothing is consumed.  Bytes read
 * once are not read again at the next call, wherever they then lie.
 */
enum sse_kind sse_next(
    struct sse *s, struct slice in, size_t *used, struct sse_item *item);

/*
 * The stream ended: a CR at the end of the bytes is a line end.  Call
 * sse_next until MORE; what is then left is an incomplete event, never to be
 * dispatched.
 */
void sse_eof(struct sse *s);

/*
 * Append the data of ${item} to ${out}: its lines with LF between them.
 * Needed only if n_data is above 1.  ERR_FULL, ERR_NOMEM.
 */
MUST_CHECK enum err sse_join(const struct sse_item *item, struct buf *out);
