#include "fair/policy.h"
#include "fair/fair.h"
#include <stdlib.h>

void
policy_init(struct policy *p, enum policy_kind kind, int n_callers)
{
	*p = (struct policy){.kind = kind, .n_callers = n_callers};
	queue_init(&p->q, SIZE_MAX / 2, SIZE_MAX / 2);
	p->line = must_calloc((uint64_t)n_callers, sizeof *p->line);
	for (int i = 0; i < n_callers; i++)
		list_init(&p->line[i]);
}

void
policy_fini(struct policy *p)
{
	queue_fini(&p->q);
	free(p->line);
}

void
policy_add(struct policy *p, struct queue_item *it, int caller, int64_t now_us)
{
	if (p->kind == POLICY_WEIR && queue_try_add(&p->q, it, now_us) != OK)
		abort();
	if (p->kind == POLICY_FIRST_COME)
		list_add(&p->line[0], &it->all);
	if (p->kind == POLICY_ROUND_ROBIN)
		list_add(&p->line[caller], &it->all);
}

/* The first of the next line that has one. */
static struct queue_item *
next_in_lines(struct policy *p, int64_t now_us)
{
	int n = p->kind == POLICY_ROUND_ROBIN ? p->n_callers : 1;

	for (int i = 0; i < n; i++) {
		struct list *first = list_first(&p->line[p->turn]);

		p->turn = (p->turn + 1) % n;
		if (first != NULL) {
			list_del(first);
			return LIST_OF(first, struct queue_item, all);
		}
	}
	return NULL;
}

struct queue_item *
policy_next(struct policy *p, queue_may_run *may_run, void *ctx, int64_t now_us)
{
	static const struct queue_item any;

	if (p->kind == POLICY_WEIR)
		return queue_next(&p->q, may_run, ctx, now_us);
	return may_run(ctx, &any) ? next_in_lines(p, now_us) : NULL;
}

void
policy_charge(
    struct policy *p, struct queue_item *it, int64_t input_tok, int64_t output)
{
	if (p->kind == POLICY_WEIR)
		queue_charge(&p->q, it, input_tok, output);
}

void
policy_done(struct policy *p, struct queue_item *it, int64_t held_us)
{
	if (p->kind != POLICY_WEIR)
		return;
	queue_note_service(&p->q, it, held_us);
	queue_del(&p->q, it);
}
