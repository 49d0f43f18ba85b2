/*
 * The trailer section of a chunked body: checked, counted, dropped.  It comes
 * so rarely that a byte at a time is fine, and then nothing must be kept.
 */
#include "http/ctype.h"
#include "http/trailer.h"

enum {
	AT_LINE, /* first byte of a line */
	IN_NAME,
	IN_VALUE,
	AT_LINE_LF, /* behind the CR of a field */
	AT_LAST_LF, /* behind the CR of the blank line */
	AT_END,
	REFUSED
};

static uint8_t
step(uint8_t state, char c)
{
	switch (state) {
	case AT_LINE:
		if (c == '\r')
			return AT_LAST_LF;
		return http_is(HTTP_TOKEN, c) ? IN_NAME : REFUSED;
	case IN_NAME:
		if (c == ':')
			return IN_VALUE;
		return http_is(HTTP_TOKEN, c) ? IN_NAME : REFUSED;
	case IN_VALUE:
		if (c == '\r')
			return AT_LINE_LF;
		return http_ctl_find(slice_of(&c, 1)) == 1 ? IN_VALUE : REFUSED;
	case AT_LINE_LF:
		return c == '\n' ? AT_LINE : REFUSED;
	case AT_LAST_LF:
		return c == '\n' ? AT_END : REFUSED;
	default:
		return REFUSED;
	}
}

bool
http_trailer_read(struct http_trailer *t, const struct http_limits *l,
    struct slice in, size_t *used, struct http_fault *f)
{
	*used = 0;
	f->err = OK;
	while (*used < in.n && t->state != AT_END) {
		if (++t->n > l->head_bytes) {
			*f = (struct http_fault){.err = ERR_HEAD_TOO_LARGE,
			    .limit = l->head_bytes,
			    .what = "bytes",
			    .reason = "the trailers are too large"};
			return false;
		}
		t->state = step(t->state, in.p[(*used)++]);
		if (t->state == REFUSED) {
			*f = (struct http_fault){.err = ERR_BAD_REQUEST,
			    .reason = "a malformed trailer"};
			return false;
		}
	}
	return t->state == AT_END;
}
