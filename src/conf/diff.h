/*
 * diff: what a reload changes.
 */
#pragma once
#include "conf/conf.h"

enum { CONF_CHANGES_MAX = 64 };

enum conf_change_kind { CONF_CHANGED, CONF_ADDED, CONF_REMOVED };

/* One option, or a whole engine, caller, model or alert. */
struct conf_change {
	char path[160]; /* limits.body, engines.local.url, callers.app */
	enum conf_change_kind kind;
	bool needs_restart;
};

struct conf_changes {
	size_t n;	  /* all; the first 64 are kept */
	size_t n_restart; /* of them, those that need a restart */
	struct conf_change v[CONF_CHANGES_MAX];
};

/*
 * List what differs between ${before} and ${after}, in the order of the
 * tables.  Values are not told: they may be secret.
 */
void conf_diff(const struct conf *before, const struct conf *after,
    struct conf_changes *out);

/*
 * Give ${fresh}, which nobody else holds yet, the values of ${running} for
 * all options marked RESTART.  For a reload, after conf_diff.  ERR_NOMEM.
 */
MUST_CHECK enum err conf_keep_restart(
    struct conf *fresh, const struct conf *running);
