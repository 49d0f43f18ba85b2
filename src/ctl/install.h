/*
 * install: `weir install` and `weir uninstall`.
 */
#pragma once
#include "ctl/args.h"

/* `install`; the exit status: 0 it is done (--dry-run: printed). */
int ctl_install(const struct ctl_args *args);

/* `uninstall` */
int ctl_uninstall(const struct ctl_args *args);
