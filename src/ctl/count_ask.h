/*
 * count_ask: the tokens of a text, as the running weir counts them.
 */
#pragma once
#include "ctl/args.h"

/*
 * Have the weir that -c or the environment names, asked where callers ask it,
 * count ${text} as a prompt of the model that --model names.  True: ${tok} is
 * set.  False: ${why} says why not, with a NUL behind it.
 */
bool count_ask(const struct ctl_args *args, struct slice text, int64_t *tok,
    struct buf *why);
