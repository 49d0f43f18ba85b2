/*
 * blocked: callers that the operator keeps out for a time.
 *
 * A mark (limit/marks.h) names a caller as the configuration does; all that
 * have no key, "anonymous"; or those of one address, as the log shows it
 * ("anonymous@192.168.1.0/24") or in full ("anonymous@192.168.1.7").
 */
#pragma once
#include "flow/env.h"

/* Until when ${c} is blocked, of the monotonic clock; 0: it is not. */
int64_t blocked_until(
    const struct flow_env *env, const struct caller *c, int64_t now_us);

/* Would a mark of ${name} block ${c}? */
bool blocked_is_meant(const struct caller *c, struct slice name);
