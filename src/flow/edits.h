/*
 * edits: what policy makes of a request's body before an engine gets it.
 */
#pragma once
#include "flow/flow.h"

/*
 * Plan ${f}'s edits for f->engine, anew for each engine that it goes to.
 * ERR_INTERNAL: a list was too short, which is our fault.
 */
MUST_CHECK enum err edits_plan(struct flow *f);
