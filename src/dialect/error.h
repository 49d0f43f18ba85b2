/*
 * error: a refusal told in the caller's own dialect.
 *
 * The sentences stand in facts/errors.def; here they get their values, their
 * JSON and, where clients act upon a text, that text.
 */
#pragma once
#include "base/buf.h"
#include "dialect/route.h"

/* Most bytes of a caller's model name that an error repeats. */
enum { ERROR_MODEL_MAX = 256 };

/*
 * Append the sentence of ${r} with its {placeholders} filled, as plain text:
 * {wait} as "6 s" (rounded up as Retry-After is) or "a moment" if it is not
 * known.  ERR_FULL, ERR_NOMEM.
 */
MUST_CHECK enum err error_text(
    struct buf *out, enum dialect dialect, const struct refusal *r);

/*
 * Append the body that tells ${r} in ${dialect}; ${request_id} is for
 * Anthropic's, and may be empty.  Its Content-Type is application/json.
 * ERR_FULL, ERR_NOMEM; part of it may then have been appended.
 */
MUST_CHECK enum err error_write(struct buf *out, enum dialect dialect,
    const struct refusal *r, struct slice request_id);

/* Where in a stream an error must be told. */
struct error_place {
	const struct route *route;
	struct slice request_id;
	bool is_inside; /* a piece was begun and broke off */
};

/*
 * Append the piece that tells ${r} inside a stream that has begun, with
 * status 200 long gone: an NDJSON line, an SSE event.  Nothing for answers that
 * are not streamed: those can only break off.  Errors as error_write.
 */
MUST_CHECK enum err error_write_in_stream(
    struct buf *out, const struct error_place *at, const struct refusal *r);

/*
 * The bytes that keep a stream of ${route} alive while nothing comes, to be
 * sent between two pieces: an SSE comment, Anthropic's ping, a space before
 * the next NDJSON value.  Empty for answers that do not stream.  Static.
 */
struct slice error_heartbeat(const struct route *route);

/* {wait} and Retry-After: ${wait_us} in seconds, rounded up, at least 1. */
int64_t error_wait_s(int64_t wait_us);
