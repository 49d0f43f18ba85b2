/*
 * usage: who used what, out of the ledger; works while weir runs and while it
 * does not.
 */
#pragma once
#include "ctl/args.h"

/* The command `usage`; its exit status. */
int ctl_usage(const struct ctl_args *args);
