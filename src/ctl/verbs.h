/*
 * verbs: the small commands to a running weir; see gate/command.h.  Each
 * returns the exit status: 0 it is done, 1 it is not, 2 used wrongly.
 */
#pragma once
#include "ctl/args.h"

/* `cancel ID` */
int ctl_cancel(const struct ctl_args *args);

/* `block CALLER --for 1h` */
int ctl_block(const struct ctl_args *args);

/* `unblock CALLER` */
int ctl_unblock(const struct ctl_args *args);

/* `drain ENGINE` */
int ctl_drain(const struct ctl_args *args);

/* `resume ENGINE` */
int ctl_resume(const struct ctl_args *args);
