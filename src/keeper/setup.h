/*
 * setup: the configuration as the keeper has it: parsed, and its text in a
 * file of its own for the gates.
 */
#pragma once
#include "conf/conf.h"
#include "ipc/gate_start.h"

struct setup {
	struct conf *conf;
	int config_fd; /* the text; -1: there is no file */
	char path[GATE_PATH_MAX];
};

/*
 * Find, read and check the configuration.  ERR_SYNTAX, ERR_IO, ERR_NOMEM:
 * ${why} has the problems, one a line, and ${s} is empty.  On OK ${why} may
 * have warnings.
 */
MUST_CHECK enum err setup_load(struct setup *s, const struct conf_env *env,
    const char *given, struct buf *why);

/*
 * The same from the text behind ${config_fd} (-1: none), which is the setup's
 * now, failed or not; ${path} is its name.
 */
MUST_CHECK enum err setup_take(
    struct setup *s, const char *path, int config_fd, struct buf *why);

/* Give all back; an empty one is allowed. */
void setup_fini(struct setup *s);
