/*
 * reload: `weir reload` and `weir reexec`, over the control socket of a running weir.
 */
#pragma once
#include "ctl/args.h"

/*
 * Ask the weir whose control socket the configuration names to reload, and
 * print its answer.  Returns the exit status: 0 only if it is in force.
 */
int ctl_reload(const struct ctl_args *args);

/*
 * Ask it to let the program that now lies where it was started from take over,
 * and print its answer.  The exit status: 0 only if that serves.
 */
int ctl_reexec(const struct ctl_args *args);
