/*
 * manual: help and the manual page, out of the tables in facts/.
 */
#pragma once
#include "ctl/args.h"

/* Append what weir is and what its commands are.  ERR_FULL, ERR_NOMEM. */
MUST_CHECK enum err ctl_help_print(struct buf *out);

/* Append the help of one command.  ERR_FULL, ERR_NOMEM. */
MUST_CHECK enum err ctl_help_command(enum ctl_command c, struct buf *out);

/*
 * Append the manual page, in roff with the macros of man(7).  ERR_FULL,
 * ERR_NOMEM.
 */
MUST_CHECK enum err ctl_man_print(struct buf *out);
