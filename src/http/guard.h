/*
 * guard: the strict half of the parser; lays out a head line by line.
 *
 * Everything here follows the grammar of RFC 9112 and RFC 9110 to the letter
 * and reads each byte once.  llhttp alone is not enough: 8.1 in strict mode
 * takes folded lines, empty names, Transfer-Encoding in 1.0, any version and
 * control bytes in values.
 *
 * Inside of the room; others use http/parser.h.
 */
#pragma once
#include "base/err.h"
#include "http/head.h"

enum http_side { HTTP_SIDE_REQUEST, HTTP_SIDE_RESPONSE };

/* What a head may cost at most.  Bytes count line ends. */
struct http_limits {
	uint32_t head_bytes;   /* request line to blank line; also trailers */
	uint32_t fields;       /* at most HTTP_FIELDS_MAX */
	uint32_t target_bytes; /* request target */
	uint32_t chunk_ext_bytes; /* one chunk's size line */
};

/* 16 KiB, 100 fields, 8 KiB, 256 bytes: the defaults of `limits`. */
struct http_limits http_limits_default(void);

/* Why something is refused; reason and what are static or NULL. */
struct http_fault {
	enum err err;
	int64_t limit;
	const char *what;
	const char *reason;
};

/* How far a head has been read.  Offsets from its first byte. */
struct http_guard {
	enum http_side side;
	uint32_t line_at; /* the line being read */
	uint32_t scanned; /* no line end and no control byte before it */
	uint32_t start;	  /* of the first line: 0, or 2 after an empty line */
	uint32_t n_fields;
	bool has_first;	 /* the first line is complete */
	bool is_partial; /* a call ended inside of this head */
};

/* Ready for a head. */
void http_guard_init(struct http_guard *g, enum http_side side);

/*
 * Lay out the head at the start of ${in}, of which more may have come since
 * the last call; ${h} is filled when true is returned and scratch otherwise.
 * False: incomplete, or refused if ${f}->err is set.  Says nothing about
 * framing; that is http_guard_judge's part.
 */
bool http_guard_read(struct http_guard *g, const struct http_limits *l,
    struct http_head *h, struct slice in, struct http_fault *f);

/*
 * Judge the complete head ${h}: framing, Host, Connection, Expect.  Fills
 * content_length, chunked, keep_alive, expect_continue.  False: refused.
 * ${f}->err is ERR_BAD_REQUEST or ERR_EXPECTATION_FAILED on both sides.
 */
bool http_guard_judge(
    enum http_side side, struct http_head *h, struct http_fault *f);
