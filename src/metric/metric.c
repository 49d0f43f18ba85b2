#include "metric/metric.h"
#include "base/utf8.h"
#include "metric/series.h"
#include <assert.h>
#include <stdlib.h>

#define COUNTER METRIC_COUNTER
#define GAUGE METRIC_GAUGE
#define HISTOGRAM METRIC_HISTOGRAM
#define GAUGE_SUM METRIC_GAUGE_SUM
/* In parentheses, so that a list passes through a macro as one argument. */
#define LABELS(...) ({__VA_ARGS__})
#define NO_LABELS ({NULL})
#define UNWRAP(...) __VA_ARGS__

static const struct metric_fact facts[METRIC_COUNT] = {
#define METRIC(id, kd, text, lb, hp)                                           \
	[METRIC_##id] = {                                                      \
	    .name = text, .help = hp, .labels = UNWRAP lb, .kind = kd},
#include "facts/metrics.def"
#undef METRIC
};

_Static_assert((int)METRIC_COUNT < 128, "an id is one byte of a key");

const struct metric_fact *
metric_get(enum metric_id id)
{
	assert((unsigned)id < METRIC_COUNT);
	return &facts[id];
}

size_t
metric_labels(enum metric_id id)
{
	const char *const *labels = facts[id].labels;
	size_t n = 0;

	while (n < METRIC_LABELS_MAX && labels[n] != NULL)
		n++;
	return n;
}

enum metric_id
series_id(const struct series *s)
{
	return (enum metric_id)s->key[0];
}

static size_t
max_series(enum metric_id id)
{
	return facts[id].kind == METRIC_HISTOGRAM ? METRIC_HISTOGRAMS_MAX
						  : METRIC_SERIES_MAX;
}

struct metrics *
metrics_new(struct hash_key seed)
{
	struct metrics *m = calloc(1, sizeof *m);
	size_t max = 0;

	if (m == NULL)
		return NULL;
	for (enum metric_id id = 0; id < METRIC_COUNT; id++) {
		m->families[id].last = &m->families[id].first;
		max += max_series(id) + 1; /* and "other" */
	}
	m->nowhere.value = &m->nowhere.own;
	table_init(&m->table, max, seed);
	/* A metric without labels is there from the first, with 0. */
	for (enum metric_id id = 0; id < METRIC_COUNT; id++)
		if (metric_labels(id) == 0)
			(void)metric_series(m, id, NULL);
	return m;
}

static void
free_series(struct series *s)
{
	while (s->parts != NULL) {
		struct series_part *p = s->parts;

		s->parts = p->next;
		free(p);
	}
	if (!s->is_shared)
		free(s->histogram);
	free(s);
}

void
metrics_free(struct metrics *m)
{
	for (enum metric_id id = 0; id < METRIC_COUNT; id++)
		for (struct series *s = m->families[id].first, *next; s;
		     s = next) {
			next = s->next;
			free_series(s);
		}
	lanes_give(&m->lanes);
	table_fini(&m->table);
	free(m);
}

/* The key of ${id} and ${labels} at ${out}; returns its length. */
static size_t
make_key(char *out, enum metric_id id, const struct slice *labels)
{
	size_t n = metric_labels(id);
	char *p = out;

	*p++ = (char)id;
	for (size_t i = 0; i < n; i++) {
		struct slice v = utf8_cut(labels[i], METRIC_LABEL_BYTES);

		*p++ = (char)(v.n >> 8);
		*p++ = (char)(v.n & 255);
		if (v.n > 0)
			memcpy(p, v.p, v.n);
		p += v.n;
	}
	return (size_t)(p - out);
}

/* A new series in its family and the table; NULL without memory. */
static struct series *
add_series(struct metrics *m, enum metric_id id, struct slice key)
{
	struct family *f = &m->families[id];
	struct series *s = calloc(1, sizeof *s + key.n);

	if (s == NULL)
		return NULL;
	memcpy(s->key, key.p, key.n);
	s->n_key = key.n;
	s->node.key = slice_of(s->key, key.n);
	s->value = &s->own;
	if (table_add(&m->table, &s->node) != OK) {
		free(s);
		return NULL;
	}
	*f->last = s;
	f->last = &s->next;
	f->n++;
	return s;
}

static size_t
make_other(char *out, enum metric_id id)
{
	static const struct slice others[METRIC_LABELS_MAX] = {
	    SLICE("other"), SLICE("other"), SLICE("other"), SLICE("other")};

	return make_key(out, id, others);
}

bool
metric_is_other(struct slice key)
{
	char room[METRIC_KEY_BYTES];

	return slice_eq(
	    key, slice_of(room, make_other(room, (enum metric_id)key.p[0])));
}

struct series *
metric_find(struct metrics *m, struct slice key)
{
	enum metric_id id = (enum metric_id)key.p[0];
	struct table_node *node = table_find(&m->table, key);
	char other[METRIC_KEY_BYTES];

	if (node == NULL && m->families[id].n >= max_series(id)) {
		key = slice_of(other, make_other(other, id));
		node = table_find(&m->table, key);
	}
	return node ? TABLE_OF(node, struct series, node)
		    : add_series(m, id, key);
}

/* It is to be counted on: in our lane, if there is one.  False: no room. */
static bool
make_ours(struct metrics *m, struct series *s)
{
	bool is_shared = total_share(m, s);

	if (!is_shared && !metric_is_other(s->node.key))
		return false;
	if (facts[series_id(s)].kind == METRIC_HISTOGRAM && !s->histogram)
		s->histogram = calloc(1, sizeof *s->histogram);
	s->is_ours =
	    facts[series_id(s)].kind != METRIC_HISTOGRAM || s->histogram;
	return s->is_ours;
}

/* ${s}, or what counts in its stead where there is no room; NULL: nothing. */
static struct series *
find_ours(struct metrics *m, struct series *s)
{
	char other[METRIC_KEY_BYTES];

	if (s == NULL || s->is_ours || make_ours(m, s))
		return s;
	s = metric_find(m, slice_of(other, make_other(other, series_id(s))));
	return s != NULL && (s->is_ours || make_ours(m, s)) ? s : NULL;
}

/* Where the series of ${key} is found without hashing, if it was used last. */
static struct series **
recent_of(struct family *f, struct slice key)
{
	size_t sum = key.n + (unsigned char)key.p[key.n - 1] +
	    (unsigned char)key.p[key.n / 2];

	return &f->recent[sum % METRIC_RECENT];
}

struct series *
metric_series(struct metrics *m, enum metric_id id, const struct slice *labels)
{
	char room[METRIC_KEY_BYTES];
	struct slice key = slice_of(room, make_key(room, id, labels));
	struct series **recent = recent_of(&m->families[id], key);
	struct series *s = *recent;

	if (s != NULL && slice_eq(s->node.key, key))
		return s;
	s = find_ours(m, metric_find(m, key));
	if (s == NULL)
		return &m->nowhere;
	return *recent = s;
}

void
series_add(struct series *s, int64_t n)
{
	*s->value += n;
}

void
series_set(struct series *s, int64_t value)
{
	*s->value = value;
}

int64_t
series_value(const struct series *s)
{
	return s->histogram ? (int64_t)s->histogram->n : *s->value;
}

void
series_observe(struct series *s, int64_t us)
{
	if (s->histogram != NULL)
		loglin_add(s->histogram, us > 0 ? (uint64_t)us : 0);
}

int64_t
series_quantile(const struct series *s, int permille)
{
	if (s->histogram == NULL)
		return 0;
	return (int64_t)loglin_quantile(s->histogram, permille);
}

enum err
metrics_on_print(
    struct metrics *m, void (*fn)(struct metrics *, void *), void *arg)
{
	if (m->n_hooks == METRICS_HOOKS_MAX)
		return ERR_FULL;
	m->hooks[m->n_hooks++] = (struct metrics_hook){fn, arg};
	return OK;
}
