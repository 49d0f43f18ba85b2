/*
 * write: heads and chunk framing, built into bounded buffers.
 *
 * A head is a first line, fields and http_write_end.  Names and values are
 * checked, so that nobody's text can start a line of its own: ERR_SYNTAX for
 * CR, LF, NUL and other control bytes, and for names that are no tokens.  All
 * return ERR_FULL or ERR_NOMEM from the buffer; after an error the buffer is
 * to be thrown away.
 */
#pragma once
#include "base/buf.h"
#include "http/head.h"

/* `METHOD target HTTP/1.1`; the target must be visible ASCII, not empty. */
MUST_CHECK enum err http_write_request(
    struct buf *b, struct slice method, struct slice target);

/* `HTTP/1.1 status reason`; ${status} is 100..599. */
MUST_CHECK enum err http_write_status(struct buf *b, int status);

/* One field.  ${name} must be a token (RFC 9110 5.6.2). */
MUST_CHECK enum err http_write_field(
    struct buf *b, struct slice name, struct slice value);

/* One field with a fixed name and a number. */
MUST_CHECK enum err http_write_field_u64(
    struct buf *b, const char *name, uint64_t value);

/* The blank line. */
MUST_CHECK enum err http_write_end(struct buf *b);

/* One whole chunk around ${data}; nothing if it is empty. */
MUST_CHECK enum err http_write_chunk(struct buf *b, struct slice data);

enum { HTTP_CHUNK_HEAD_MAX = 18 };

/*
 * What stands before a chunk of ${n} > 0 bytes: hexadecimal size and CRLF.
 * Returns the bytes written.  Behind the data comes CRLF.
 */
size_t http_chunk_head(char out[HTTP_CHUNK_HEAD_MAX], size_t n);

/* The end of a chunked body, without trailers: "0\r\n\r\n". */
struct slice http_chunk_last(void);

/* The reason phrase of ${status}; "Unknown" for one of no RFC. */
const char *http_reason(int status);
