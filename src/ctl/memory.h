/*
 * memory: `weir memory FILE`, what a model takes, without an engine.
 */
#pragma once
#include "ctl/args.h"

/* `memory FILE`; returns the exit status. */
int ctl_memory(const struct ctl_args *args);
