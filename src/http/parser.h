/*
 * parser: HTTP/1.0 and 1.1 messages out of a stream of bytes, pulled.
 *
 *             +--------------------- 1xx (response) ---+
 *             v                                        |
 *   (idle) -> head --HEAD--> body --BODY...--> end --END--> (idle)
 *                \______________ BAD (for good) _____________/
 *
 * Two parsers judge each head and must agree: the guard (http/guard.h), which
 * lays out the lines by RFC 9112's grammar and nothing looser, and llhttp in
 * strict mode.  Whatever is ambiguous is refused: smuggling needs a reader
 * that guesses.  Chunks are llhttp's; trailers are checked and dropped.
 *
 * Refused though legal somewhere: every coding but one `chunked`, two
 * Content-Length (equal ones too), Transfer-Encoding with Content-Length or in
 * 1.0, folded lines, bare CR or LF, CONNECT, a fragment in the target.  One
 * empty line before a request line is skipped (RFC 9112 2.2).  `Upgrade` in a
 * request is ignored (RFC 9110 7.8), because Java's client offers h2c always;
 * it must not be passed on.
 *
 * No allocation, no clock, no socket; the struct may be moved between calls.
 */
#pragma once
#include <llhttp.h>
#include "http/trailer.h"

enum http_event {
	HTTP_EVENT_MORE, /* needs more bytes */
	HTTP_EVENT_HEAD, /* the head is complete */
	HTTP_EVENT_BODY, /* some bytes of the body */
	HTTP_EVENT_END,	 /* the message is complete */
	HTTP_EVENT_BAD	 /* refused; see http_parser_refusal */
};

enum http_parser_state {
	HTTP_PARSER_HEAD,
	HTTP_PARSER_LENGTH,
	HTTP_PARSER_CHUNKS,
	HTTP_PARSER_TRAILERS,
	HTTP_PARSER_UNTIL_EOF,
	HTTP_PARSER_END,
	HTTP_PARSER_BAD
};

/* Embed it; only http/parser.c looks inside. */
struct http_parser {
	enum http_parser_state state;
	struct http_limits limits;
	struct http_guard guard;
	bool expect_head; /* the response answers a HEAD request */
	uint32_t skip;	  /* head: bytes of 1xx heads before it */
	unsigned n_interim;
	uint64_t left; /* length: bytes still to come */
	llhttp_t llhttp;
	bool chunk_is_last;
	uint32_t chunk_ext_n; /* bytes of this chunk's extensions */
	struct slice chunk;   /* data that llhttp found in this call */
	const struct http_head *judged; /* head that llhttp is to confirm */
	struct http_trailer trailer;
	struct http_fault fault;
};

/* Ready for the first message of a connection; ${l} is copied. */
void http_parser_init(
    struct http_parser *p, enum http_side side, const struct http_limits *l);

/*
 * The response to come answers a HEAD request, so it has no body.  Call it
 * before the response's first byte; it holds for one response.
 */
void http_parser_expect_head(struct http_parser *p);

/*
 * Go on with ${in}, the unconsumed bytes of the stream, which may be empty.
 * Whatever is returned, the first ${*used} bytes are consumed: the next call's
 * ${in} begins behind them.
 *
 * MORE  call again when bytes have come in.  While a head is incomplete
 *       nothing is consumed, so its bytes stay together; they may lie
 *       elsewhere at the next call.  The parser remembers how far it read.
 * HEAD  ${h} is filled and points into ${in}; ${*used} is the end of the head.
 *       Heads of 1xx responses have been skipped.  ${h} is scratch before:
 *       one may serve many connections.
 * BODY  ${*body} is a part of ${in}, without chunk framing, never empty.
 * END   no more of this message; call on for the next one.  Comes once after
 *       every HEAD, if need be without new bytes.
 * BAD   see http_parser_refusal.  Every later call says so again.
 *
 * Bytes of the next message are never consumed before END was returned.
 */
enum http_event http_parser_next(struct http_parser *p, struct http_head *h,
    struct slice in, size_t *used, struct slice *body);

/*
 * The stream ended, and all its bytes have been offered to http_parser_next.
 * END if that completes a response without a length, MORE if it came between
 * two messages (nothing is lost), BAD with ERR_EOF in the middle of one.
 */
enum http_event http_parser_eof(struct http_parser *p);

/*
 * Why BAD was returned, with static texts.  A request: ERR_BAD_REQUEST,
 * ERR_URI_TOO_LONG, ERR_HEAD_TOO_LARGE, ERR_EXPECTATION_FAILED.  A response:
 * ERR_ENGINE_PROTOCOL.  Both: ERR_EOF.
 */
struct refusal http_parser_refusal(const struct http_parser *p);

/* Between two messages, with not a byte of the next one seen? */
bool http_parser_is_idle(const struct http_parser *p);

/* Between HEAD and END: will there be (more of) a body? */
bool http_parser_has_body(const struct http_parser *p);
