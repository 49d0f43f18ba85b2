/*
 * reply: what weir itself says: heads of answers, refusals, own pages.
 */
#pragma once
#include "flow/flow.h"

/*
 * Begin the head of ${f}'s answer in ${b}: status line, Date, Server,
 * X-Request-Id, rate limit fields, Connection.  The blank line is missing.
 * Decides whether the connection stays.  ERR_FULL, ERR_NOMEM.
 */
MUST_CHECK enum err reply_head(struct flow *f, int status, struct buf *b);

/* Answer with ${status} and a whole body of content type ${type}. */
void reply_whole(
    struct flow *f, int status, const char *type, struct slice body);

/* Answer with ${status}, which is one without a body (204). */
void reply_empty(struct flow *f, int status);

/* Tell f->refusal in the caller's dialect. */
void reply_refusal(struct flow *f);

/* Tell a connection for which there is no place; it has no flow. */
void reply_too_many(struct client *c);
