/*
 * pass: engines that go on while the program that runs them becomes another.
 *
 * All that is known of each, as numbers and texts, with the descriptors that
 * stay open.  Fields are only ever added at the end of a record, so that
 * versions understand one another.
 */
#pragma once
#include "ipc/wire.h"
#include "run/crew.h"

/* Append the record of ${c}; *${n_fds} descriptors at ${fds} must stay open. */
void pass_put(
    const struct crew *c, struct wire_out *w, int *fds, size_t *n_fds);

/*
 * Take over what pass_put wrote, into ${c}, which is new, with ${conf} in force
 * and changed nowhere.  False: ${w} is malformed; what was taken so far is in
 * ${c}.
 */
bool pass_get(struct crew *c, const struct conf *conf, struct wire_in *w);
