/*
 * recall: the last good answer to a read-only route, told again for up to
 * 30 s while no engine answers.
 */
#pragma once
#include "flow/flow.h"

/* Should the answer with head ${h} be kept?  Then its type is noted. */
bool recall_wants(struct flow *f, const struct http_head *h);

/* Keep f->saved, which is whole now. */
void recall_save(struct flow *f);

/* Answer ${f} from what was kept; false if there is nothing good. */
bool recall_serve(struct flow *f);

/* Free all that is kept. */
void recall_free(struct flow_env *env);
