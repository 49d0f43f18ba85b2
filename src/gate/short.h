/*
 * short: what is told when memory is short.
 */
#pragma once
#include "gate/gate.h"
#include "json/write.h"

/* Tell the log from now on. */
void short_watch(struct gate *g);

/* Members of ${e} in the status: its memory, where it is known. */
void short_write(const struct engine *e, struct json_writer *w);

/* The array "gpus" of the status; nothing where there are none. */
void short_write_gpus(const struct gate *g, struct json_writer *w);
