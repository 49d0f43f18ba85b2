/* See queue/group.h and the rules in queue/queue.h. */
#include "queue/group.h"
#include "queue/fair.h"
#include <assert.h>

static struct queue_caller *
member_of(struct list *l)
{
	return LIST_OF(l, struct queue_caller, of_above);
}

void
queue_caller_join(struct queue_caller *c, struct queue_caller *above)
{
	assert(c->waiting == 0 && c->in_flight == 0 && above->above == NULL);
	c->above = above;
}

/*
 * Of those below a caller nobody has more waiting than there are places left
 * (dynamic thresholds: Choudhury and Hahne, IEEE/ACM ToN 1998): one who floods
 * has half of them, and there is always one for who comes next.
 */
bool
group_has_place(const struct queue_caller *c)
{
	const struct queue_caller *top = group_top(c);

	if (top->most == 0)
		return true;
	if (top->all_waiting >= top->most)
		return false;
	return top == c || c->waiting <= top->most - top->all_waiting;
}

/* The smallest counter in ${band} of those of ${top} that wait. */
static int64_t
least_counter(const struct queue_caller *top, enum queue_class band)
{
	int64_t least = FAIR_PARKED;

	LIST_EACH (l, &top->below) {
		const struct queue_account *a = &member_of(l)->accounts[band];

		if (a->waiting > 0 && a->counter < least)
			least = a->counter;
	}
	return least;
}

void
group_wait(struct queue *q, struct queue_caller *c, enum queue_class band,
    const struct queue_lane *lane)
{
	struct queue_caller *top = group_top(c);
	int64_t least;

	if (c->accounts[band].waiting == 0) {
		if (!fair_is_parked(c)) {
			fair_lift(q, c, band, lane);
		} else if (c != top) {
			least = least_counter(top, band);
			if (least == FAIR_PARKED)
				fair_lift(q, c, band, lane);
			else
				fair_raise(q, c, band, least, 0);
		}
	}
	if (c->waiting++ == 0)
		list_add(&top->below, &c->of_above);
	c->accounts[band].waiting++;
	top->all_waiting++;
}

void
group_unwait(struct queue_caller *c, enum queue_class band)
{
	assert(c->waiting > 0 && c->accounts[band].waiting > 0);
	c->accounts[band].waiting--;
	group_top(c)->all_waiting--;
	if (--c->waiting == 0)
		list_del(&c->of_above);
}

static void
reorder(struct queue_caller *top)
{
	LIST_EACH (l, &top->below)
		fair_reorder(member_of(l));
}

void
group_fly(struct queue_caller *c)
{
	struct queue_caller *top = group_top(c);

	c->in_flight++;
	top->all_in_flight++;
	if (fair_is_parked(top))
		reorder(top);
	else
		fair_reorder(c);
}

/*
 * All of ${top} come back into their places: the least of them begins where
 * any caller would that comes to be backlogged, the others as far behind it as
 * they were.  One by one they would end up equal each time.
 */
static void
unpark(struct queue *q, struct queue_caller *top)
{
	for (int i = 0; i < QUEUE_CLASSES; i++) {
		enum queue_class band = (enum queue_class)i;
		int64_t least = least_counter(top, band), level;

		if (least == FAIR_PARKED ||
		    (level = fair_level(q, top, band)) == FAIR_PARKED)
			continue;
		LIST_EACH (l, &top->below)
			if (member_of(l)->accounts[band].waiting > 0)
				fair_raise(q, member_of(l), band, level,
				    level > least ? level - least : 0);
	}
	reorder(top);
}

void
group_land(struct queue *q, struct queue_caller *c)
{
	struct queue_caller *top = group_top(c);
	bool was_parked = fair_is_parked(top);

	assert(c->in_flight > 0 && top->all_in_flight > 0);
	c->in_flight--;
	top->all_in_flight--;
	if (was_parked && !fair_is_parked(top))
		unpark(q, top);
}

void
group_change(struct queue_caller *top, bool was_parked)
{
	struct list *first = list_first(&top->below);

	if (top->above || first == NULL)
		return;
	if (was_parked && !fair_is_parked(top))
		unpark(LIST_OF(list_first(&member_of(first)->heads),
			   struct queue_item, of_caller)
			   ->lane->queue,
		    top);
	else
		reorder(top);
}
