/*
 * heartbeat: signs of life for callers of streams that wait.
 *
 * Node's fetch gives up after 300 s without headers, proxies after 60 s; an
 * engine loads and reads prompts in silence.  Every queue.heartbeat without a
 * byte a stream gets one: an SSE comment, Anthropic's ping, a space before the
 * next NDJSON value.  The first one carries the head, with status 200; from
 * then on whatever goes wrong is told inside of the stream.
 */
#pragma once
#include "flow/flow.h"

/* From now on keep ${f} alive, if its answer will be a stream. */
void heartbeat_start(struct flow *f);

/* No more; safe at any moment. */
void heartbeat_stop(struct flow *f);

/*
 * The engine has answered a request whose head has gone out with a heartbeat:
 * does its answer (${framing}, ${status}) go on as the stream that was
 * promised?  If not, its body must be told inside of one.
 */
bool heartbeat_fits(const struct flow *f, enum framing framing, int status);

/* Write ${body}, an engine's whole answer, as one piece of the stream. */
MUST_CHECK enum err heartbeat_wrap(
    const struct flow *f, struct slice body, bool is_error, struct buf *out);
