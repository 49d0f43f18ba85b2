/*
 * weighing: is there memory for more than one model of an Ollama that is to be
 * started?  What its models take is read in a copy of the process, for the
 * keeper parses nothing foreign.
 */
#pragma once
#include "engine/holds.h"
#include "os/aside.h"

struct weighing {
	struct os_aside aside;
	int holds; /* HOLDS_ONE, or HOLDS_UNKNOWN */
};

/*
 * Begin, for the engine ${e} of ${conf} that ${r} starts; nothing where it is
 * no Ollama, or the guard of memory is off, or its environment says already
 * how many it is to hold.
 */
void weighing_begin(struct weighing *w, const struct conf *conf,
    const struct conf_engine *e, const struct recipe *r);

/* Is the answer there?  Within a few seconds it is, if only as unknown. */
bool weighing_is_over(struct weighing *w);

/* The variable that says so, NAME=VALUE; NULL: none is to be set. */
char *weighing_env(const struct weighing *w);

/* End it. */
void weighing_fini(struct weighing *w);
