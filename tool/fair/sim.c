/*
 * Workloads on a simulated engine: slots that each take input_us for a token
 * of a prompt and output_us for one of the answer, and hold all models or few.
 *
 *   S slots input_us output_us policy holds    a new run; holds 0: all models
 *   C at_once weight                           a caller, numbered from 0
 *   M load_us                                  a model, numbered from 0
 *   R at_us caller model class input output    a request, by at_us
 *   .                                          run it
 *
 * For each request, as it is given out: "NUMBER START_US END_US"; for each
 * load "L START_US MODEL EVICTED", -1 for none; then ".".
 *
 * At one moment, in this order: tokens so far are charged, requests end, loads
 * end, requests come, a load may begin, requests are given out.
 */
#include "fair/fair.h"
#include "fair/policy.h"
#include "queue/swap.h"
#include <stdio.h>
#include <stdlib.h>

enum { SLOTS_MAX = 64, MODELS_MAX = 16, CALLERS_MAX = 4096 };

struct request {
	struct queue_item item;
	int64_t at_us, start_us, end_us;
	int64_t input_tok, output_tok;
	int caller;
};

struct sim {
	struct policy policy;
	struct swap swap;
	int64_t slots, input_us, output_us, holds;
	struct queue_caller callers[CALLERS_MAX];
	int n_callers;
	int64_t load_us[MODELS_MAX];
	int n_models;
	struct request *requests;
	size_t n, cap, come; /* how many have come */
	struct request *running[SLOTS_MAX];
	int64_t n_running;
	int64_t loaded_us; /* when the load ends, QUEUE_NEVER: none */
	struct swap_load load;
	int64_t now_us;
};

static bool
may_run(void *ctx, const struct queue_item *head)
{
	struct sim *s = ctx;

	return s->n_running < s->slots &&
	    (s->holds == 0 || swap_may_run(&s->swap, head->model));
}

static bool
may_load(void *ctx, const struct queue_item *head)
{
	return true;
}

/* Tokens of the answer so far. */
static int64_t
progress(const struct sim *s, const struct request *r)
{
	int64_t us = s->now_us - r->start_us - r->input_tok * s->input_us;
	int64_t tok = us <= 0 ? 0 : us / s->output_us;

	return tok < r->output_tok ? tok : r->output_tok;
}

static void
end_requests(struct sim *s)
{
	int64_t kept = 0;

	for (int64_t i = 0; i < s->n_running; i++) {
		struct request *r = s->running[i];

		policy_charge(
		    &s->policy, &r->item, r->input_tok, progress(s, r));
	}
	for (int64_t i = 0; i < s->n_running; i++) {
		struct request *r = s->running[i];

		if (r->end_us > s->now_us) {
			s->running[kept++] = r;
			continue;
		}
		policy_done(&s->policy, &r->item, r->end_us - r->start_us);
		if (s->holds > 0)
			swap_leave(&s->swap, r->item.model, s->now_us);
	}
	s->n_running = kept;
}

static void
end_load(struct sim *s)
{
	if (s->loaded_us > s->now_us)
		return;
	swap_loaded(
	    &s->swap, s->load.model, s->load_us[s->load.model], s->now_us);
	s->loaded_us = QUEUE_NEVER;
}

static void
come(struct sim *s)
{
	while (s->come < s->n && s->requests[s->come].at_us <= s->now_us) {
		struct request *r = &s->requests[s->come++];

		policy_add(&s->policy, &r->item, r->caller, s->now_us);
	}
}

static void
begin_load(struct sim *s)
{
	if (s->holds == 0 ||
	    !swap_next(
		&s->swap, &s->policy.q, may_load, s, s->now_us, &s->load))
		return;
	s->loaded_us = s->now_us + s->load_us[s->load.model];
	printf("L %lld %llu %lld\n", (long long)s->now_us,
	    (unsigned long long)s->load.model,
	    s->load.evicts ? (long long)s->load.evicted : -1LL);
}

static void
give_out(struct sim *s)
{
	struct queue_item *it;

	while ((it = policy_next(&s->policy, may_run, s, s->now_us)) != NULL) {
		struct request *r = (struct request *)(void *)((char *)it -
		    offsetof(struct request, item));

		r->start_us = s->now_us;
		r->end_us = s->now_us + r->input_tok * s->input_us +
		    r->output_tok * s->output_us;
		s->running[s->n_running++] = r;
		if (s->holds > 0)
			swap_enter(&s->swap, it->model, s->now_us);
		printf("%zu %lld %lld\n", (size_t)(r - s->requests),
		    (long long)r->start_us, (long long)r->end_us);
	}
}

/* When something happens next, QUEUE_NEVER: all is done. */
static int64_t
next_event(const struct sim *s)
{
	int64_t t = s->loaded_us;

	if (s->come < s->n && s->requests[s->come].at_us < t)
		t = s->requests[s->come].at_us;
	for (int64_t i = 0; i < s->n_running; i++)
		if (s->running[i]->end_us < t)
			t = s->running[i]->end_us;
	if (s->holds > 0 && s->policy.q.n > 0) {
		int64_t due = swap_due(&s->swap, s->now_us);

		t = due < t ? due : t;
	}
	return t;
}

static void
run(struct sim *s)
{
	s->loaded_us = QUEUE_NEVER;
	while ((s->now_us = next_event(s)) != QUEUE_NEVER) {
		end_requests(s);
		end_load(s);
		come(s);
		begin_load(s);
		give_out(s);
	}
	puts(".");
}

static void
end_sim(struct sim *s)
{
	if (s->requests != NULL)
		policy_fini(&s->policy);
	free(s->requests);
	*s = (struct sim){0};
}

static void
new_sim(struct sim *s, const int64_t *v)
{
	end_sim(s);
	s->slots = v[0];
	s->input_us = v[1];
	s->output_us = v[2];
	s->holds = v[4];
	if (s->slots < 1 || s->slots > SLOTS_MAX || s->output_us < 1 ||
	    v[3] < 0 || v[3] > POLICY_WEIR)
		exit(2);
	s->requests = must_calloc(1, sizeof *s->requests);
	s->cap = 1;
	policy_init(&s->policy, (enum policy_kind)v[3], CALLERS_MAX);
	if (s->holds > 0)
		swap_init(&s->swap, (uint32_t)s->holds, (uint32_t)s->slots);
}

static void
add_request(struct sim *s, const int64_t *v)
{
	struct request *r;

	if (v[1] < 0 || v[1] >= s->n_callers || v[2] < 0 || v[2] >= MODELS_MAX)
		exit(2);
	if (s->n == s->cap) {
		/* Nothing points into the array before the run. */
		s->cap *= 2;
		r = must_calloc(s->cap, sizeof *r);
		memcpy(r, s->requests, s->n * sizeof *r);
		free(s->requests);
		s->requests = r;
	}
	s->requests[s->n++] = (struct request){
	    .at_us = v[0],
	    .caller = (int)v[1],
	    .item = {.model = (uint64_t)v[2],
		.class = v[3] ? QUEUE_BATCH : QUEUE_INTERACTIVE},
	    .input_tok = v[4],
	    .output_tok = v[5],
	};
}

/* Items have links to themselves: made when the array does not move any more. */
static void
begin(struct sim *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct request *r = &s->requests[i];
		uint64_t model = r->item.model;
		enum queue_class class = r->item.class;

		queue_item_init(&r->item, &s->callers[r->caller]);
		r->item.model = model;
		r->item.class = class;
		r->item.input_tok = r->input_tok;
	}
}

static void
add_caller(struct sim *s, const int64_t *v)
{
	if (s->n_callers == CALLERS_MAX)
		exit(2);
	queue_caller_init(&s->callers[s->n_callers]);
	queue_caller_set(
	    &s->callers[s->n_callers++], (uint32_t)v[0], 0, (uint32_t)v[1]);
}

int
sim_main(void)
{
	struct sim *s = must_calloc(1, sizeof *s);
	int64_t v[6];
	char op;

	while (read_line(&op, v, 6) >= 0) {
		switch (op) {
		case 'S':
			new_sim(s, v);
			break;
		case 'C':
			add_caller(s, v);
			break;
		case 'M':
			if (s->n_models < MODELS_MAX)
				s->load_us[s->n_models++] = v[0];
			break;
		case 'R':
			add_request(s, v);
			break;
		case '.':
			begin(s);
			run(s);
			break;
		default:
			exit(2);
		}
	}
	end_sim(s);
	free(s);
	return 0;
}
