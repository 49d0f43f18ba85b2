#include "engine/linger.h"
#include "engine/fetch.h"
#include "json/reader.h"
#include "model/name.h"
#include <stdlib.h>

enum {
	LOOK_US = 2 * 1000000,
	LEFT_US = 30 * 1000000,
	ANSWER_MAX = 8 * 1024 * 1024,
	PATH_MAX_BYTES = 4 * MODEL_NAME_MAX,
};

struct lingering {
	struct list node;
	int64_t until_us;
	size_t n;
	char model[];
};

struct engine_linger {
	struct fetch fetch;
	struct engine *engine;
	struct timer timer;
	struct list all;	     /* oldest first */
	unsigned asked_in_use, room; /* when asked; seen last time */
	bool was_alone;
	struct lingering *asked; /* a router is asked for its model */
};

bool
linger_is_needed(const struct engine *e)
{
	return e->kind == ENGINE_LLAMA && engine_is_up(e) && !e->is_retired;
}

int
linger_busy_slots(struct slice json)
{
	struct json_reader r;
	enum json_kind k;
	bool is_told = false;
	int busy = 0;

	json_reader_init(&r, json, 64);
	if (json_next(&r) != JSON_ARRAY)
		return -1;
	while ((k = json_next(&r)) == JSON_OBJECT) {
		while ((k = json_next(&r)) == JSON_KEY) {
			bool is_it = slice_is(json_span(&r), "is_processing");

			if ((k = json_skip(&r)) == JSON_BAD)
				return -1;
			is_told = is_told || is_it;
			busy += is_it && k == JSON_TRUE;
		}
		if (k != JSON_OBJECT_END)
			return -1;
	}
	return k == JSON_ARRAY_END && is_told ? busy : -1;
}

static void
give(struct engine_linger *l, struct lingering *x)
{
	struct engine *e = l->engine;

	if (l->asked == x)
		l->asked = NULL;
	list_del(&x->node);
	e->lingering--;
	series_add(e->m_lingering, -1);
	engine_give_slot(e, slice_of(x->model, x->n));
	free(x);
}

static void
free_linger(struct engine_linger *l)
{
	struct engine *e = l->engine;

	e->linger = NULL;
	timer_stop(&l->timer);
	fetch_fini(&l->fetch);
	free(l);
	engine_drop(e);
}

/* Look again, or be gone where nothing lingers any more. */
static void
go_on(struct engine_linger *l)
{
	int64_t at_us = os_now_us() + LOOK_US;

	if (list_is_empty(&l->all)) {
		free_linger(l);
		return;
	}
	LIST_EACH (it, &l->all) {
		struct lingering *x = LIST_OF(it, struct lingering, node);

		if (x->until_us < at_us)
			at_us = x->until_us;
	}
	timer_set(&l->timer, at_us);
}

/*
 * A router tells for one model: all of its slots must be idle.  Else what is
 * in flight and not at work has room; where others are in flight too, one may
 * be on its way there, and only what was seen twice counts.
 */
static void
judge(struct engine_linger *l, int busy)
{
	struct engine *e = l->engine;
	unsigned in_use =
	    e->in_use < l->asked_in_use ? e->in_use : l->asked_in_use;
	unsigned room = (unsigned)busy < in_use ? in_use - (unsigned)busy : 0;
	bool is_alone = l->was_alone && e->in_use == e->lingering;
	unsigned n = is_alone || room < l->room ? room : l->room;

	l->room = room;
	if (e->is_router) {
		if (busy == 0 && l->asked)
			give(l, l->asked);
		return;
	}
	while (n-- > 0 && !list_is_empty(&l->all))
		give(l, LIST_OF(list_first(&l->all), struct lingering, node));
}

static void
on_done(struct fetch *f)
{
	struct engine_linger *l = (struct engine_linger *)(void *)f;
	struct engine *e = l->engine;
	int busy = -1;

	if (f->err == OK && f->status == 200)
		busy = linger_busy_slots(buf_slice(&f->answer));
	buf_fini(&f->answer);
	if (f->err == ERR_CONNECT) {
		/* Nobody works there any more: this ends all of it. */
		engine_note_dead(e, ERR_CONNECT);
		return;
	}
	if (busy >= 0)
		judge(l, busy);
	go_on(l);
}

static void
expire(struct engine_linger *l)
{
	int64_t now_us = os_now_us();

	LIST_EACH_SAFE (it, &l->all) {
		struct lingering *x = LIST_OF(it, struct lingering, node);

		if (x->until_us <= now_us)
			give(l, x);
	}
}

/* Append ${s} as it may stand in a query. */
static enum err
add_query(struct buf *b, struct slice s)
{
	enum err err = OK;

	for (size_t i = 0; i < s.n && err == OK; i++)
		err = buf_printf(b, "%%%02X", (unsigned char)s.p[i]);
	return err;
}

static void
ask(struct engine_linger *l)
{
	struct engine *e = l->engine;
	const struct engine_model *m;
	struct buf path;

	l->asked = LIST_OF(list_first(&l->all), struct lingering, node);
	/* Of several, each in its turn. */
	list_del(&l->asked->node);
	list_add(&l->all, &l->asked->node);
	l->asked_in_use = e->in_use;
	l->was_alone = e->in_use == e->lingering;
	buf_init(&path, PATH_MAX_BYTES);
	m = engine_model_of(e, slice_of(l->asked->model, l->asked->n));
	if (buf_add_str(&path, "/slots") == OK && e->is_router && m &&
	    (buf_add_str(&path, "?model=") != OK ||
		add_query(&path, m->raw) != OK))
		buf_clear(&path);
	if (buf_add_char(&path, 0) == OK)
		fetch_start(
		    &l->fetch, "GET", path.p, (struct slice){0}, LOOK_US);
	buf_fini(&path);
}

static void
on_timer(struct timer *t)
{
	struct engine_linger *l = (struct engine_linger *)(void *)((char *)t -
	    offsetof(struct engine_linger, timer));

	expire(l);
	if (list_is_empty(&l->all))
		free_linger(l);
	else
		ask(l);
}

static struct engine_linger *
need(struct engine *e)
{
	struct engine_linger *l = e->linger;

	if (l)
		return l;
	if ((l = calloc(1, sizeof *l)) == NULL)
		return NULL;
	l->engine = engine_hold(e);
	list_init(&l->all);
	fetch_init(&l->fetch, e, ANSWER_MAX, on_done);
	timer_init(&l->timer, e->loop, on_timer);
	timer_set(&l->timer, os_now_us() + LOOK_US);
	e->linger = l;
	return l;
}

void
linger_take(struct engine *e, struct slice model, int64_t bound_us)
{
	struct lingering *x = malloc(sizeof *x + model.n);
	struct engine_linger *l = x ? need(e) : NULL;

	if (l == NULL) {
		free(x);
		engine_give_slot(e, model);
		return;
	}
	*x = (struct lingering){
	    .until_us = os_now_us() + bound_us, .n = model.n};
	if (model.n)
		memcpy(x->model, model.p, model.n);
	list_init(&x->node);
	list_add(&l->all, &x->node);
	e->lingering++;
	series_add(e->m_lingering, 1);
	e->is_alone = false;
}

void
linger_take_left(struct engine *e)
{
	unsigned n = 0;

	if (e->set->tally == NULL || !engine_is_up(e))
		return;
	n = tally_take_left(e->set->tally, e->tally_key);
	if (!linger_is_needed(e))
		return; /* it notices */
	while (n-- > 0 && engine_take_slot(e, (struct slice){0}) == OK)
		linger_take(e, (struct slice){0}, LEFT_US);
}

void
linger_end(struct engine *e)
{
	struct engine_linger *l = e->linger;

	/* What was there when it died is not there any more. */
	if (e->set->tally)
		(void)tally_take_left(e->set->tally, e->tally_key);
	if (l == NULL)
		return;
	LIST_EACH_SAFE (it, &l->all)
		give(l, LIST_OF(it, struct lingering, node));
	free_linger(l);
}
