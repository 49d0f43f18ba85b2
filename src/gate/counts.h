/*
 * counts: the gate's metrics: in memory that outlives it, which the keeper
 * holds, and with what is read from elsewhere.
 */
#pragma once
#include "ipc/gate_start.h"

struct gate;

/*
 * Make g->env.metrics.  Where the memory behind ${fd} (taken) cannot be used,
 * that is said on standard error, and what this gate counts ends with it.
 */
void counts_begin(struct gate *g, int fd);

/* Set what is true from the start; needs g->env.metrics. */
void counts_note_start(struct gate *g);

/* Count what others than flows have counted for themselves until now. */
void counts_look(struct gate *g);

/* Free them; what was counted stays. */
void counts_end(struct gate *g);
