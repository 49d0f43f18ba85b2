/*
 * key: the commands that make, list and revoke keys, in the state folder of
 * the configuration; a running gate looks at the file twice a second.
 *
 * Each takes the command line and returns the program's exit status.
 */
#pragma once
#include "ctl/args.h"

/*
 * `key add NAME`: the new key, and nothing else, goes to standard output; how
 * to use it, and what limits NAME has, to standard error.
 */
int ctl_key_add(const struct ctl_args *args);

/* `key list`: one line a key: caller, id, made, valid or revoked when. */
int ctl_key_list(const struct ctl_args *args);

/* `key revoke NAME|HASH`; 1 if there is no such valid key. */
int ctl_key_revoke(const struct ctl_args *args);
