/*
 * metric: counters, gauges and histograms, and their Prometheus text.
 *
 * facts/metrics.def declares them.  A series is one metric with one set of
 * label values; look it up once, keep the pointer (good as long as the struct
 * metrics) and count on it.  One thread only.  The number of series of a
 * metric is bounded: past it, new label values count as "other".
 *
 * Counters and histograms may lie in memory that outlives the process and
 * that several share (lanes.h): then what is told is the sum of all.
 */
#pragma once
#include "base/buf.h"
#include "base/hash.h"

enum metric_id {
#define METRIC(name, kind, text, labels, help) METRIC_##name,
#include "facts/metrics.def"
#undef METRIC
	METRIC_COUNT
};

enum metric_kind {
	METRIC_COUNTER,	  /* only grows */
	METRIC_GAUGE,	  /* is set */
	METRIC_HISTOGRAM, /* of microseconds, shown in seconds */
	METRIC_GAUGE_SUM, /* a gauge; each gate that runs has a part of it */
	METRIC_KINDS
};

enum {
	METRIC_LABELS_MAX = 4,
	METRIC_SERIES_MAX = 2000,    /* of a counter or gauge */
	METRIC_HISTOGRAMS_MAX = 200, /* of a histogram: 8 KiB each */
	METRIC_LABEL_BYTES = 256,    /* of one label's value; then cut */
	METRICS_LANES = 12,	     /* gates that may count at once */
	METRICS_LANE_BYTES = 8 * 1024 * 1024,
	METRICS_SHARE_BYTES = METRICS_LANES * METRICS_LANE_BYTES,
};

/* One row of facts/metrics.def. */
struct metric_fact {
	const char *name; /* "weir_requests_total" */
	const char *help;
	const char *labels[METRIC_LABELS_MAX]; /* NULL behind the last */
	enum metric_kind kind;
};

/* Where and as whom to count, for metrics_share. */
struct metrics_share {
	void *mem;	     /* zeros when new, aligned to 64 */
	size_t size;	     /* METRICS_SHARE_BYTES; taken only where touched */
	uint64_t generation; /* of this gate, not 0 */
	const uint64_t *live; /* other gates that run */
	size_t n_live;
};

struct metrics;
struct series;

/* The row of ${id}. */
const struct metric_fact *metric_get(enum metric_id id);

/* How many labels ${id} has. */
size_t metric_labels(enum metric_id id);

/* Nothing counted yet.  NULL when memory ran out. */
struct metrics *metrics_new(struct hash_key seed);

/*
 * Count from now on in the memory of ${s}, which must stay until metrics_free:
 * counters and histograms go on from where those before us were, and what
 * others count beside us is told, too.  Gauges begin anew.  ERR_RANGE,
 * ERR_FULL: nothing is shared; all works without.
 */
MUST_CHECK enum err metrics_share(
    struct metrics *m, const struct metrics_share *s);

/* The gate of ${generation} is gone: its part of gauges is. */
void metrics_gone(struct metrics *m, uint64_t generation);

/* What other gates that run have of ${id}, a METRIC_GAUGE_SUM, in all. */
int64_t metrics_of_others(struct metrics *m, enum metric_id id);

/*
 * How many other gates run, and their generations at ${out} (room for
 * METRICS_LANES).
 */
size_t metrics_others(const struct metrics *m, uint64_t *out);

/* Free all; every series pointer is dead. */
void metrics_free(struct metrics *m);

/*
 * The series of ${id} with as many values of ${labels} as the metric has
 * labels (NULL if it has none), made if need be.  Never NULL: past the
 * maximum, or without memory, it is the metric's "other".
 */
struct series *metric_series(
    struct metrics *m, enum metric_id id, const struct slice *labels);

/* Add ${n} >= 0 to a counter, or any ${n} to a gauge. */
void series_add(struct series *s, int64_t n);

/* Set a gauge. */
void series_set(struct series *s, int64_t value);

/* Our own part of a counter's or gauge's value, or of its observations. */
int64_t series_value(const struct series *s);

/* Count one observation of ${us} microseconds (negative: as 0). */
void series_observe(struct series *s, int64_t us);

/*
 * The value below which ${permille} of our own observations are, in
 * microseconds, at most 1/32 too large; 0 without observations.
 */
int64_t series_quantile(const struct series *s, int permille);

/*
 * Call ${fn} before each metrics_print, to set gauges that are read from
 * elsewhere.  At most 8; ERR_FULL.
 */
MUST_CHECK enum err metrics_on_print(
    struct metrics *m, void (*fn)(struct metrics *, void *), void *arg);

/*
 * Append everything in the Prometheus text format 0.0.4.  ERR_FULL,
 * ERR_NOMEM: the text is not whole.
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/
 */
MUST_CHECK enum err metrics_print(struct metrics *m, struct buf *out);
