/*
 * alert: `weir alert test`.
 */
#pragma once
#include "ctl/args.h"

/*
 * Have a running weir send a test to all of `alerts` and print what becomes of
 * each.  0: all have it; 1: not so; 2: used wrongly.
 */
int ctl_alert_test(const struct ctl_args *args);
