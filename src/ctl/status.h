/*
 * status: `weir status`, what gate/status.h tells, as tables.
 */
#pragma once
#include "ctl/args.h"

/*
 * Ask and print.  Returns the exit status: 0 all engines answer, 1 weir could
 * not be asked, 3 some engines do not answer, 4 none does.
 */
int ctl_status(const struct ctl_args *args);

/* Append the tables of ${answer}, a status in JSON.  ERR_FULL, ERR_NOMEM. */
MUST_CHECK enum err ctl_status_print(struct slice answer, struct buf *out);

/*
 * Append what a gate that leaves has, ${answer}; ${gate} is its number.
 * ERR_FULL, ERR_NOMEM.
 */
MUST_CHECK enum err ctl_status_print_earlier(
    struct slice gate, struct slice answer, struct buf *out);

/* The exit status that ${answer} means. */
int ctl_status_code(struct slice answer);
