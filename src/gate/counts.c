#include "gate/counts.h"
#include "gate/books.h"
#include "gate/disks.h"
#include "gate/gate.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/proc.h"
#include "os/random.h"
#include "os/share.h"
#include <stdio.h>
#include <stdlib.h>

static enum err
share(struct gate *g, int fd)
{
	struct metrics_share s = {.size = METRICS_SHARE_BYTES,
	    .generation = g->generation ? g->generation : 1,
	    .live = g->live,
	    .n_live = g->n_live};
	enum err e = os_share_map(fd, s.size, &s.mem);

	if (e != OK)
		return e;
	g->metrics_mem = s.mem;
	return metrics_share(g->env.metrics, &s);
}

void
counts_begin(struct gate *g, int fd)
{
	struct hash_key seed;
	enum err e;

	random_must_fill(&seed, sizeof seed);
	g->env.metrics = metrics_new(seed);
	if (g->env.metrics == NULL)
		abort();
	if ((e = share(g, fd)) != OK)
		(void)fprintf(stderr,
		    "weir: the metrics begin at 0, and end with this gate: "
		    "%s\n",
		    err_get(e)->cause);
	os_fd_close(&fd);
}

void
counts_look(struct gate *g)
{
	struct metrics *m = g->env.metrics;
	uint64_t dropped = log_dropped(g->env.log), evicted;

	series_add(metric_series(m, METRIC_LOG_DROPPED, NULL),
	    (int64_t)(dropped - g->dropped_told));
	g->dropped_told = dropped;
	evicted = g->cells.evicted + g->counters.evicted + g->budgets.evicted;
	series_add(metric_series(m, METRIC_LIMITS_EVICTED, NULL),
	    (int64_t)(evicted - g->evicted_told));
	g->evicted_told = evicted;
	books_measure(g);
}

static void
on_print(struct metrics *m, void *arg)
{
	struct gate *g = arg;
	struct os_usage use;

	counts_look(g);
	disks_measure(g);
	if (os_proc_usage(0, &use) != OK)
		return;
	series_set(metric_series(m, METRIC_RSS, NULL), use.rss_bytes);
	series_set(metric_series(m, METRIC_FDS, NULL), use.fds);
}

void
counts_note_start(struct gate *g)
{
	struct metrics *m = g->env.metrics;

	series_set(
	    metric_series(m, METRIC_GENERATION, NULL), (int64_t)g->generation);
	series_set(
	    metric_series(m, METRIC_START_TIME, NULL), os_wall_us() / 1000000);
	if (metrics_on_print(m, on_print, g) != OK)
		abort();
}

void
counts_end(struct gate *g)
{
	metrics_free(g->env.metrics);
	if (g->metrics_mem != NULL)
		os_share_unmap(g->metrics_mem, METRICS_SHARE_BYTES);
}
