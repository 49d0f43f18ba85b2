/*
 * policy: who is next, three ways: first come first served, round-robin over
 * callers, and weir's own queue.  The first two are what others do, to compare.
 */
#pragma once
#include "queue/queue.h"

enum policy_kind { POLICY_FIRST_COME, POLICY_ROUND_ROBIN, POLICY_WEIR };

struct policy {
	enum policy_kind kind;
	struct queue q;	   /* weir's */
	struct list *line; /* the others': one, or one for each caller */
	int n_callers, turn;
};

/* A policy for ${n_callers} callers, numbered from 0. */
void policy_init(struct policy *p, enum policy_kind kind, int n_callers);

/* Free it; nothing waits or is in flight. */
void policy_fini(struct policy *p);

/* ${it} of caller ${caller} comes. */
void policy_add(
    struct policy *p, struct queue_item *it, int caller, int64_t now_us);

/* Who is next, NULL: nobody that may run. */
struct queue_item *policy_next(
    struct policy *p, queue_may_run *may_run, void *ctx, int64_t now_us);

/* ${it}, which was given out, has cost these tokens by now. */
void policy_charge(
    struct policy *p, struct queue_item *it, int64_t input_tok, int64_t output);

/* ${it} is done after ${held_us}. */
void policy_done(struct policy *p, struct queue_item *it, int64_t held_us);
