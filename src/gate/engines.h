/*
 * engines: what engines and their models tell, as lines of the log.
 */
#pragma once
#include "gate/gate.h"

/* From now on hear what the engines of ${g} tell. */
void engines_hear(struct gate *g);
