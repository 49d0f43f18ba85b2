/*
 * relay: the engine's answer on its way to the caller, unchanged but for the
 * usage chunk that weir itself asked for, and read as it passes.
 *
 *   parts of a read -> cut into events -> [answer: usage, end] -> one writev
 *                        '-> carry: what is not yet whole
 */
#pragma once
#include "flow/flow.h"

/* The engine's head is there: decide how to relay, prepare the head. */
enum step relay_begin(struct flow *f);

/* Relay f->up's parts; true when the flow has to walk on (the answer's end). */
bool relay_body(struct flow *f);

/*
 * The engine's answer broke off: tell the caller, in the answer or by it.
 * ${why}: what upstream said, or a refusal to be told as it is.
 */
enum step relay_broken(struct flow *f, enum err why);

/* Tell f->saved, an answer of the engine, inside of that stream. */
void relay_wrapped(struct flow *f);

/* Tell f->refusal inside of the stream that a heartbeat has begun. */
void relay_refusal(struct flow *f);

/* All that was written is with the kernel: let the engine go on. */
void relay_drained(struct flow *f);
