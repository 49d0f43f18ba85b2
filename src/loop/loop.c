#include "loop/loop.h"
#include "loop/job.h"
#include "loop/outbox.h"
#include <assert.h>
#include <stdlib.h>

enum { TIMERS_MAX = 1 << 20, SPARE_CHUNKS = 256 };

static void on_alarm(uv_timer_t *alarm);

/* libuv counts milliseconds; a timer must not ring early. */
static void
set_alarm(struct loop *l, int64_t at_us)
{
	int64_t now_us = os_now_us();
	uint64_t ms =
	    at_us > now_us ? (uint64_t)(at_us - now_us + 999) / 1000 : 0;

	l->alarm_us = at_us;
	uv_update_time(&l->uv);
	(void)uv_timer_start(&l->alarm, on_alarm, ms, 0);
}

static void
on_alarm(uv_timer_t *alarm)
{
	struct loop *l = alarm->data;
	int64_t now_us = os_now_us();
	struct heap_node *min;

	l->alarm_us = 0;
	l->ring_us = now_us;
	while ((min = heap_min(&l->timers)) != NULL && min->key <= now_us) {
		struct timer *t = HEAP_OF(min, struct timer, node);

		/* A timer that was moved to later still has its old key. */
		if (t->at_us > min->key) {
			heap_move(&l->timers, min, t->at_us);
			continue;
		}
		heap_del(&l->timers, min);
		t->at_us = INT64_MAX;
		t->fn(t);
	}
	l->ring_us = INT64_MIN;
	if (min && (l->alarm_us == 0 || min->key < l->alarm_us))
		set_alarm(l, min->key);
}

static void
on_idle(uv_idle_t *idle)
{
	(void)idle;
}

void
loop_again(struct loop *l)
{
	(void)uv_idle_start(&l->idle, on_idle);
}

static void
run_turns(struct loop *l)
{
	(void)uv_idle_stop(&l->idle);
	LIST_EACH_SAFE (it, &l->turns) {
		struct loop_turn *t = LIST_OF(it, struct loop_turn, node);

		t->fn(t);
	}
	outbox_flush(l->outbox);
}

static void
on_check(uv_check_t *check)
{
	run_turns(check->data);
}

/* Timers ring before the poll: what they woke must not wait for an event. */
static void
on_prepare(uv_prepare_t *prepare)
{
	run_turns(prepare->data);
}

enum err
loop_init(struct loop *l)
{
	*l = (struct loop){.ring_us = INT64_MIN};
	heap_init(&l->timers, TIMERS_MAX);
	list_init(&l->turns);
	list_init(&l->chunks);
	if (uv_loop_init(&l->uv) != 0)
		return ERR_IO;
	if ((l->outbox = calloc(1, sizeof *l->outbox)) == NULL) {
		(void)uv_loop_close(&l->uv);
		return ERR_NOMEM;
	}
	l->uv.data = l;
	(void)uv_timer_init(&l->uv, &l->alarm);
	(void)uv_check_init(&l->uv, &l->check);
	(void)uv_prepare_init(&l->uv, &l->prepare);
	(void)uv_idle_init(&l->uv, &l->idle);
	l->alarm.data = l->check.data = l->prepare.data = l;
	(void)uv_check_start(&l->check, on_check);
	(void)uv_prepare_start(&l->prepare, on_prepare);
	return OK;
}

bool
loop_fini(struct loop *l)
{
	bool clean;

	job_stop(l);
	uv_close((uv_handle_t *)&l->alarm, NULL);
	uv_close((uv_handle_t *)&l->check, NULL);
	uv_close((uv_handle_t *)&l->prepare, NULL);
	uv_close((uv_handle_t *)&l->idle, NULL);
	/* The first run may only see that loop_stop was called. */
	(void)uv_run(&l->uv, UV_RUN_NOWAIT);
	(void)uv_run(&l->uv, UV_RUN_NOWAIT);
	clean = uv_loop_close(&l->uv) == 0;
	heap_fini(&l->timers);
	free(l->outbox);
	LIST_EACH_SAFE (it, &l->chunks)
		free(it);
	return clean;
}

void
loop_run(struct loop *l)
{
	(void)uv_run(&l->uv, UV_RUN_DEFAULT);
}

void
loop_stop(struct loop *l)
{
	uv_stop(&l->uv);
}

void
loop_add_turn(struct loop *l, struct loop_turn *t)
{
	list_add(&l->turns, &t->node);
}

void
timer_init(struct timer *t, struct loop *l, void (*fn)(struct timer *t))
{
	*t = (struct timer){.loop = l, .at_us = INT64_MAX, .fn = fn};
}

void
timer_set(struct timer *t, int64_t at_us)
{
	struct loop *l = t->loop;

	/* A callback that sets timers for now must not keep the loop. */
	if (at_us <= l->ring_us)
		at_us = l->ring_us + 1;
	t->at_us = at_us;
	if (t->node.at == 0) {
		/* A million timers is far past the connection limit. */
		if (heap_add(&l->timers, &t->node, at_us) != OK)
			abort();
	} else if (at_us < t->node.key) {
		heap_move(&l->timers, &t->node, at_us);
	} else {
		return;
	}
	if (l->alarm_us == 0 || at_us < l->alarm_us)
		set_alarm(l, at_us);
}

void
timer_stop(struct timer *t)
{
	t->at_us = INT64_MAX;
	heap_del(&t->loop->timers, &t->node);
}

char *
loop_take_chunk(struct loop *l)
{
	struct list *spare = list_first(&l->chunks);

	if (spare == NULL)
		return malloc(LOOP_CHUNK);
	list_del(spare);
	l->n_chunks--;
	return (char *)spare;
}

void
loop_give_chunk(struct loop *l, char *chunk)
{
	if (l->n_chunks >= SPARE_CHUNKS) {
		free(chunk);
		return;
	}
	/* The newest is taken first: it is warm in the cache. */
	list_add_front(&l->chunks, (struct list *)(void *)chunk);
	l->n_chunks++;
}
