/*
 * summary: what weir found and what it will do, in a few sentences for whoever
 * starts it: in the log, and on standard error when weir begins.
 */
#pragma once
#include "gate/gate.h"

/* Tell whom ${g} lets in and within which limits; the log is open. */
void summary_rules(struct gate *g);

/* Tell that ${e} does not answer. */
void summary_down(struct gate *g, const struct engine *e);

/* Tell of each engine that has shown its models since this was last called. */
void summary_engines(struct gate *g);
