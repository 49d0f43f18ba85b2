/*
 * check: one HTTP case in every way that its bytes may come in.
 */
#pragma once
#include "test/unit/http/trace.h"

/*
 * Run ${in} whole, byte by byte, and cut in two at every byte.  Each time the
 * brief trace must match ${want}, in which `*` is any reason, and the full one
 * must be the same.  Fails the running test and names ${name}.
 */
void check_cuts(const char *name, const char *want, const struct trace_in *in);
