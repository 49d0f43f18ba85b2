/*
 * ask: one command to the running weir that the configuration names.
 */
#pragma once
#include "ctl/args.h"

/*
 * Send ${command} to the control socket of the weir that -c or the environment
 * names, and append its answer to ${answer}.  True: it answered, and *${ok} is
 * what it said.  False: it could not be asked; why, and what to do, is on
 * standard error (with --json in ${answer} instead, as the answer would be).
 */
bool ctl_ask(const struct ctl_args *args, const char *command, bool *ok,
    struct buf *answer);
