/*
 * mask: values without what may be secret, for people's eyes: the configuration
 * that is printed, logs, answers.
 *
 * Secret are a webhook's path and query (whoever knows a Slack hook or an ntfy
 * topic may write to it), a user and password in it, the arguments of an
 * alert's command, and what stands in the environment under a name such as
 * HF_TOKEN.
 */
#pragma once
#include "conf/option.h"

/* The host, and port if there is one, of ${url}; empty: it has none. */
struct slice mask_host(struct slice url);

/* The first word of ${command}. */
struct slice mask_command(struct slice command);

/*
 * Append the value at ${field} as value_print does, but "..." where something
 * is secret.  ERR_FULL, ERR_NOMEM.
 */
MUST_CHECK enum err mask_print(
    enum conf_kind kind, const void *field, struct buf *out);
