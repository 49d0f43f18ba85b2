/*
 * series: the inside of metric.h, shared by its files.
 */
#pragma once
#include "base/table.h"
#include "metric/loglin.h"
#include "metric/metric.h"

struct series {
	struct table_node node; /* its key: metric and label values */
	struct series *next;	/* of the same metric, in order of birth */
	int64_t value;
	struct loglin *histogram; /* NULL for counters and gauges */
	size_t n_key;
	char key[]; /* id, then for each label: length (2 bytes), bytes */
};

enum { METRIC_RECENT = 8 };

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
	struct series nowhere; /* counts for which there was no memory */
};
