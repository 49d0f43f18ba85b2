/*
 * space: whether there is room for what a manager has an engine store.
 *
 * Pulls, creates and blobs only; inference never asks.
 */
#pragma once
#include "flow/flow.h"

/*
 * ${f} is about to go to its engine: is there room where that keeps its
 * models?  STEP_REFUSE with the numbers, or STEP_NEXT, also where nothing is
 * known of that disk.
 */
enum step space_judge(struct flow *f);

/*
 * A ${line} of progress has passed; true: what it announces does not fit, the
 * numbers are in f->refusal and the pull must end (ERR_DISK_FULL).
 */
bool space_note(struct flow *f, struct slice line);

/*
 * A disk was looked at: what is being stored and cannot fit, or does not tell
 * how much it is while the disk is full, must end.
 */
void space_look(struct flow_env *env);
