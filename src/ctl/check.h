/*
 * check: is the configuration right, and do the engines answer?
 */
#pragma once
#include "conf/conf.h"
#include "ctl/args.h"

/* What of this process conf_find() and the like ask for. */
struct conf_env ctl_env(void);

/*
 * Load the configuration that -c or the environment name; problems and
 * warnings go to standard error.  As conf_load().
 */
MUST_CHECK enum err ctl_load(const struct ctl_args *args, struct conf **out);

/* The command `check`; its exit status. */
int ctl_check(const struct ctl_args *args);

/*
 * Append a line of YAML comment for each engine: does it answer, as what?
 * Without engines those ports are tried that engines use.  Waits for at most
 * 2 s an engine, besides looking up its name.  ERR_FULL, ERR_NOMEM.
 */
MUST_CHECK enum err ctl_probe_engines(const struct conf *c, struct buf *out);

/*
 * What the engine ${e}, which has a url, answers to GET ${path} with status 200
 * within 2 s: its body, in ${out}, which is cleared before.  ERR_IO: it does
 * not; ERR_FULL, ERR_NOMEM.
 */
MUST_CHECK enum err ctl_probe_get(
    const struct conf_engine *e, const char *path, struct buf *out);
