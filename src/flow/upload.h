/*
 * upload: a request's body that goes through to the engine as it comes: the
 * blobs of models, which may be larger than memory.
 *
 *   caller -> window (64 KiB) -> parser -> engine -> drained? -> next window
 *
 * Never more than a window on each side is held: while the engine has not
 * taken the last piece the window fills, and then the caller is not read.
 * What was sent once is gone, so such a request is never repeated.
 */
#pragma once
#include "flow/flow.h"

/* The bytes that are sent; f->up has the head and is connected or will be. */
void upload_begin(struct flow *f);

/*
 * The caller sent more, or the engine took all: pass on what is there.  A body
 * that is no body is noted in f->refusal, and the flow is woken for it.
 */
void upload_more(struct flow *f);

/* The caller sends nothing for too long; again as upload_more. */
void upload_late(struct flow *f);

/* Does it wait for bytes of its caller? */
bool upload_is_open(const struct flow *f);

/* The framing of its body for the engine's head.  ERR_FULL, ERR_NOMEM. */
MUST_CHECK enum err upload_add_fields(const struct flow *f, struct buf *b);
