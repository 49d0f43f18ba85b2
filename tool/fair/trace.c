/*
 * Operations on one queue, a line each; what the queue answers goes to stdout.
 *
 *   T callers items models age_us   a new queue
 *   c caller at_once weight         bounds of a caller
 *   m model 0|1                     has the model slots?
 *   a item caller model class input_tok now_us    -> "a ERR"
 *   n now_us                        -> "n ITEM", -1 for none
 *   g item input_tok output_tok     the tokens so far
 *   p item | d item                 back into the line; out
 *   i item slot_us                  charged for slots that stand still
 *   h item held_us                  it was answered
 *   q                               -> "q" and all counters
 *
 * The reference that wrote the trace knows the answers already.  Where ours
 * differ, later operations may not fit: those are answered with "?".
 */
#include "fair/fair.h"
#include "queue/queue.h"
#include <stdio.h>
#include <stdlib.h>

struct trace {
	struct queue q;
	int64_t n_callers, n_items, n_models;
	struct queue_caller *callers;
	struct queue_item *items;
	bool *is_open;
};

static bool
may_run(void *ctx, const struct queue_item *head)
{
	const struct trace *t = ctx;

	return t->is_open[head->model];
}

static void
end_trace(struct trace *t)
{
	if (t->items == NULL)
		return;
	for (int64_t i = 0; i < t->n_items; i++)
		queue_del(&t->q, &t->items[i]);
	queue_fini(&t->q);
	free(t->items);
	free(t->callers);
	free(t->is_open);
	*t = (struct trace){0};
}

static void
new_trace(struct trace *t, const int64_t *v)
{
	end_trace(t);
	t->n_callers = v[0];
	t->n_items = v[1];
	t->n_models = v[2];
	t->callers = must_calloc((uint64_t)v[0], sizeof *t->callers);
	t->items = must_calloc((uint64_t)v[1], sizeof *t->items);
	t->is_open = must_calloc((uint64_t)v[2], sizeof *t->is_open);
	queue_init(&t->q, (size_t)v[1] + 1, SIZE_MAX / 2);
	/* The last sixteenth is not what is tested here. */
	queue_set_bounds(&t->q, 2 * (size_t)v[1] + 16, SIZE_MAX / 2);
	queue_set_ageing(&t->q, v[3]);
	for (int64_t i = 0; i < v[0]; i++)
		queue_caller_init(&t->callers[i]);
	for (int64_t i = 0; i < v[1]; i++)
		queue_item_init(&t->items[i], t->callers);
	for (int64_t i = 0; i < v[2]; i++)
		t->is_open[i] = true;
}

static void
add(struct trace *t, const int64_t *v)
{
	struct queue_item *it = &t->items[v[0]];

	if (it->state != QUEUE_OUT) {
		puts("?");
		return;
	}
	queue_item_init(it, &t->callers[v[1]]);
	it->model = (uint64_t)v[2];
	it->class = v[3] ? QUEUE_BATCH : QUEUE_INTERACTIVE;
	it->input_tok = v[4];
	printf("a %s\n", queue_try_add(&t->q, it, v[5]) == OK ? "ok" : "no");
}

static void
next(struct trace *t, int64_t now_us)
{
	struct queue_item *it = queue_next(&t->q, may_run, t, now_us);

	printf("n %lld\n", it == NULL ? -1LL : (long long)(it - t->items));
}

static void
print_counters(const struct trace *t)
{
	putchar('q');
	for (int64_t i = 0; i < t->n_callers; i++)
		for (int k = 0; k < QUEUE_CLASSES; k++)
			printf(" %lld",
			    (long long)t->callers[i].accounts[k].counter);
	putchar('\n');
}

/* An operation on an item that must be in flight. */
static void
in_flight(struct trace *t, char op, const int64_t *v)
{
	struct queue_item *it = &t->items[v[0]];

	if (it->state != QUEUE_IN_FLIGHT)
		puts("?");
	else if (op == 'g')
		queue_charge(&t->q, it, v[1], v[2]);
	else if (op == 'h')
		queue_note_service(&t->q, it, v[1]);
	else if (queue_put_back(&t->q, it) != OK)
		puts("?");
}

int
trace_main(void)
{
	struct trace t = {0};
	int64_t v[6];
	char op;

	while (read_line(&op, v, 6) >= 0) {
		switch (op) {
		case 'T':
			new_trace(&t, v);
			break;
		case 'c':
			queue_caller_set(&t.callers[v[0]], (uint32_t)v[1], 0,
			    (uint32_t)v[2]);
			break;
		case 'm':
			t.is_open[v[0]] = v[1] != 0;
			break;
		case 'a':
			add(&t, v);
			break;
		case 'n':
			next(&t, v[0]);
			break;
		case 'd':
			queue_del(&t.q, &t.items[v[0]]);
			break;
		case 'i':
			queue_charge_idle(&t.q, &t.items[v[0]], v[1]);
			break;
		case 'q':
			print_counters(&t);
			break;
		default:
			in_flight(&t, op, v);
		}
	}
	end_trace(&t);
	return 0;
}
