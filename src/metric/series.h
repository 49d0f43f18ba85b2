/*
 * series: the inside of metric.h, shared by its files.
 */
#pragma once
#include "base/table.h"
#include "metric/lanes.h"
#include "metric/loglin.h"
#include "metric/metric.h"

/* What was counted of a series in a lane that is not ours to write. */
struct series_part {
	struct series_part *next;
	unsigned lane;
	const void *cells;
};

struct series {
	struct table_node node; /* its key: metric and label values */
	struct series *next;	/* of the same metric, in order of birth */
	struct series_part *parts;
	int64_t *value;		  /* to count on; &own, or in our lane */
	struct loglin *histogram; /* the same; NULL: never observed by us */
	int64_t own;
	bool is_ours;	/* it was looked up, to be counted on */
	bool is_shared; /* it lies in our lane */
	size_t n_key;
	char key[]; /* id, then for each label: length (2 bytes), bytes */
};

enum {
	METRIC_RECENT = 8,
	METRIC_KEY_BYTES = 1 + METRIC_LABELS_MAX * (2 + METRIC_LABEL_BYTES),
};

struct family {
	struct series *first, **last;
	struct series *recent[METRIC_RECENT]; /* found last, by their key */
	size_t n;
};

struct metrics_hook {
	void (*fn)(struct metrics *, void *);
	void *arg;
};

enum { METRICS_HOOKS_MAX = 8 };

struct metrics {
	struct table table;
	struct family families[METRIC_COUNT];
	struct metrics_hook hooks[METRICS_HOOKS_MAX];
	size_t n_hooks;
	struct lanes lanes;
	uint64_t marks[METRIC_COUNT]; /* what they are to other versions */
	struct loglin sum;	      /* of one histogram, to be printed */
	struct series nowhere;	      /* counts for which there was no memory */
};

/* The metric of ${s}. */
enum metric_id series_id(const struct series *s);

/* --- total.c: what all have counted --- */

/*
 * Count in our lane from now on, if there is one and it is that kind of
 * metric.  False: it has no room.
 */
bool total_share(struct metrics *m, struct series *s);

/* Find what others have begun to count. */
void total_look(struct metrics *m);

/* A counter's or gauge's value. */
int64_t total_value(const struct metrics *m, const struct series *s);

/* A histogram, in ${m}; its n is that of the buckets. */
const struct loglin *total_histogram(struct metrics *m, const struct series *s);

/* --- metric.c, for total.c --- */

/*
 * The series with ${key}, made if need be; past the maximum it is "other",
 * NULL without memory.  It may not be ours yet.
 */
struct series *metric_find(struct metrics *m, struct slice key);

/* Is ${key} the one of "other" of its metric? */
bool metric_is_other(struct slice key);
