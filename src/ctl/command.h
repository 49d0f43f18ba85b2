/*
 * command: small commands; each takes the command line and returns the exit
 * status of the program: 0, 1 (it failed), 2 (used wrongly).
 */
#pragma once
#include "ctl/args.h"

/* `help [COMMAND]`, and no command at all. */
int ctl_help(const struct ctl_args *args);

/* `man` */
int ctl_man(const struct ctl_args *args);

/* `version` */
int ctl_version(const struct ctl_args *args);

/* Any command that is planned but not there. */
int ctl_later(const struct ctl_args *args);

/* --help behind a command. */
int ctl_help_of(enum ctl_command c);
