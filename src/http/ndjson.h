/*
 * ndjson: cuts newline-delimited JSON into lines, pulled.
 *
 * Lines end with LF; a CR before it and white space at both ends belong to
 * the raw span but not to the value.  The JSON itself is not looked at.
 */
#pragma once
#include "base/slice.h"

enum {
	NDJSON_LINE_MAX = 8 * 1024 * 1024 /* the usual maximum */
};

enum ndjson_kind {
	NDJSON_MORE,  /* nothing complete; keep the bytes, call with more */
	NDJSON_LINE,  /* a line with something in it */
	NDJSON_BLANK, /* a line of white space only */
	NDJSON_BAD    /* a line longer than the maximum */
};

struct ndjson_item {
	struct slice raw;   /* the line with its end */
	struct slice value; /* without white space around it */
};

/* Embed it; only http/ndjson.c looks inside. */
struct ndjson {
	size_t max;
	size_t scanned; /* no line end before here */
	bool is_eof;
	bool is_bad;
};

/* At the start of a stream; lines of at most ${max} bytes. */
void ndjson_init(struct ndjson *s, size_t max);

/*
 * Take the next line off ${in}, the unconsumed bytes of the stream in one
 * piece.  LINE and BLANK: ${*item} has slices of ${in}, and ${*used}, the
 * length of raw, is consumed.  MORE and BAD: nothing is consumed.  Bytes read
 * once are not read again.
 */
enum ndjson_kind ndjson_next(
    struct ndjson *s, struct slice in, size_t *used, struct ndjson_item *item);

/* The stream ended: what is left without a line end is a line too. */
void ndjson_eof(struct ndjson *s);
