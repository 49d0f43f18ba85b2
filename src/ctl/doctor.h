/*
 * doctor: `weir doctor`, what a newcomer's machine gets wrong.
 */
#pragma once
#include "ctl/args.h"

/* `doctor`; its exit status: 1 if anything is wrong. */
int ctl_doctor(const struct ctl_args *args);
