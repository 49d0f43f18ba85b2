/*
 * What all gates have counted: our own series and the parts of them in the
 * other lanes.  Lanes are looked through when the text is asked for, and only
 * what is new in them.
 */
#include "metric/series.h"
#include <assert.h>
#include <stdlib.h>

static const struct hash_key no_secret;

/*
 * What a metric is to other versions, whose numbers differ: its name, kind and
 * labels.
 */
static uint64_t
mark_of(enum metric_id id)
{
	const struct metric_fact *f = metric_get(id);
	char text[256];
	size_t n = 0;

	text[n++] = (char)f->kind;
	for (size_t i = 0; i <= metric_labels(id); i++) {
		const char *s = i == 0 ? f->name : f->labels[i - 1];
		size_t len = strlen(s) + 1;

		assert(n + len <= sizeof text);
		memcpy(text + n, s, len);
		n += len;
	}
	return hash_bytes(no_secret, slice_of(text, n));
}

/* The metric of ${e}; METRIC_COUNT: of another version. */
static enum metric_id
find_metric(const struct metrics *m, const struct lane_entry *e)
{
	enum metric_id id = 0;

	while (id < METRIC_COUNT && m->marks[id] != e->what)
		id++;
	return id;
}

/* Is the key of ${e} as many labels as ${id} has? */
static bool
is_whole(const struct lane_entry *e, enum metric_id id)
{
	const unsigned char *p = (const unsigned char *)e->key;
	size_t at = 0;

	for (size_t i = metric_labels(id); i > 0; i--) {
		if (at + 2 > e->n_key)
			return false;
		at += 2 + ((size_t)p[at] << 8 | p[at + 1]);
	}
	return at == e->n_key && 1 + at <= METRIC_KEY_BYTES;
}

/* Count on there, with what was counted here until now. */
static void
use_cells(struct series *s, const struct lane_entry *e)
{
	void *cells = lane_cells(e);

	if (e->kind != METRIC_HISTOGRAM) {
		*(int64_t *)cells += s->own;
		s->value = cells;
	} else {
		if (s->histogram != NULL)
			loglin_merge(cells, s->histogram);
		free(s->histogram);
		s->histogram = cells;
	}
	s->is_ours = s->is_shared = true;
}

static void
add_part(struct series *s, unsigned lane, const struct lane_entry *e)
{
	struct series_part *p = malloc(sizeof *p);

	if (p == NULL)
		return;
	*p = (struct series_part){s->parts, lane, lane_cells(e)};
	s->parts = p;
}

static void
take_in(struct metrics *m, unsigned lane, struct lane_entry *e)
{
	enum metric_id id = find_metric(m, e);
	char room[METRIC_KEY_BYTES];
	struct series *s;

	/* Of the gate that had this lane before. */
	if (lane == m->lanes.own && e->kind == METRIC_GAUGE_SUM)
		*(int64_t *)lane_cells(e) = 0;
	if (id == METRIC_COUNT || !is_whole(e, id))
		return;
	room[0] = (char)id;
	if (e->n_key > 0)
		memcpy(room + 1, e->key, e->n_key);
	s = metric_find(m, slice_of(room, 1 + (size_t)e->n_key));
	if (s == NULL)
		return;
	if (lane == m->lanes.own && !s->is_shared)
		use_cells(s, e);
	else
		add_part(s, lane, e);
}

void
total_look(struct metrics *m)
{
	struct lane_entry *e;

	for (unsigned i = 0; m->lanes.mem != NULL && i < m->lanes.n; i++)
		while ((e = lanes_next(&m->lanes, i)) != NULL)
			take_in(m, i, e);
}

bool
total_share(struct metrics *m, struct series *s)
{
	enum metric_id id = series_id(s);
	struct lane_entry e = {
	    .kind = (uint8_t)metric_get(id)->kind, .what = m->marks[id]};
	struct lane_entry *made;

	if (m->lanes.mem == NULL || e.kind == METRIC_GAUGE || s->is_shared)
		return true;
	made = lanes_add(&m->lanes, &e, slice_of(s->key + 1, s->n_key - 1),
	    metric_is_other(s->node.key));
	if (made != NULL)
		use_cells(s, made);
	return made != NULL;
}

enum err
metrics_share(struct metrics *m, const struct metrics_share *share)
{
	enum err e = lanes_take(&m->lanes, share);

	if (e != OK)
		return e;
	for (enum metric_id id = 0; id < METRIC_COUNT; id++)
		m->marks[id] = mark_of(id);
	total_look(m);
	for (enum metric_id id = 0; id < METRIC_COUNT; id++)
		for (struct series *s = m->families[id].first; s; s = s->next)
			if (s->is_ours)
				(void)total_share(m, s);
	return OK;
}

void
metrics_gone(struct metrics *m, uint64_t generation)
{
	lanes_bury(&m->lanes, generation);
}

size_t
metrics_others(const struct metrics *m, uint64_t *out)
{
	size_t n = 0;

	for (unsigned i = 0; m->lanes.mem != NULL && i < m->lanes.n; i++) {
		uint64_t owner = lanes_owner(&m->lanes, i);

		if (i != m->lanes.own && owner != 0)
			out[n++] = owner;
	}
	return n;
}

/* What stands in other lanes; of a gauge, in those in use. */
static int64_t
parts_value(const struct metrics *m, const struct series *s)
{
	bool is_gauge = metric_get(series_id(s))->kind == METRIC_GAUGE_SUM;
	int64_t sum = 0;

	for (const struct series_part *p = s->parts; p != NULL; p = p->next)
		if (!is_gauge || lanes_owner(&m->lanes, p->lane) != 0)
			sum += __atomic_load_n(
			    (const int64_t *)p->cells, __ATOMIC_RELAXED);
	return sum;
}

int64_t
total_value(const struct metrics *m, const struct series *s)
{
	return *s->value + parts_value(m, s);
}

const struct loglin *
total_histogram(struct metrics *m, const struct series *s)
{
	m->sum = (struct loglin){0};
	if (s->histogram != NULL)
		loglin_merge(&m->sum, s->histogram);
	for (const struct series_part *p = s->parts; p != NULL; p = p->next)
		loglin_merge(&m->sum, p->cells);
	return &m->sum;
}

int64_t
metrics_of_others(struct metrics *m, enum metric_id id)
{
	int64_t sum = 0;

	assert(metric_get(id)->kind == METRIC_GAUGE_SUM);
	total_look(m);
	for (struct series *s = m->families[id].first; s != NULL; s = s->next)
		sum += parts_value(m, s);
	return sum;
}
