/*
 * count: `weir count`, the exact number of tokens of a text, with or without a
 * running weir.
 */
#pragma once
#include "ctl/args.h"

/*
 * `count --gguf FILE [TEXT]`: print the tokens of the file TEXT, or of standard
 * input.  With --jsonl a JSON string a line comes in, a count a line goes out.
 * With --model NAME the running weir is asked for the count.
 * Returns the exit status: 0 counted, 1 not (it says why), 2 used wrongly.
 */
int ctl_count(const struct ctl_args *args);
