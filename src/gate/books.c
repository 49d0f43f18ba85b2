#include "gate/books.h"
#include "ledger/read.h"
#include "log/event.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/random.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { STATE_MODE = 0700 };

/* How long it is an alert that the ledger was set aside. */
#define ASIDE_TOLD_US (INT64_C(3600) * 1000000)

/* Make the state folder; false: there is none, and g->ledger_why says why. */
static bool
make_folder(struct gate *g)
{
	char dir[GATE_PATH_MAX];
	struct slice path = slice_str(g->ledger_path);
	size_t n = slice_rfind(path, '/');

	if (path.n == 0) {
		g->ledger_why = "there is no folder for state";
		return false;
	}
	memcpy(dir, path.p, n);
	dir[n] = '\0';
	/* A folder that cannot be made now may be there later. */
	(void)!file_make_dir(dir, STATE_MODE);
	return true;
}

static void
restore(void *ctx, const struct ledger_budget *b)
{
	struct gate *g = ctx;
	int64_t now_us = os_now_us(), ahead_us = now_us - os_wall_us();
	int64_t full_ns[BUDGETS_EACH];

	for (unsigned i = 0; i < BUDGETS_EACH; i++)
		/* What is 0, or long gone, must not overflow. */
		full_ns[i] = b->full_us[i] + ahead_us > now_us
		    ? (b->full_us[i] + ahead_us) * 1000
		    : 0;
	budgets_restore(&g->budgets, b->key, full_ns, now_us * 1000);
}

/* Attach both tables with ${seed}; a table that is there keeps its own. */
static enum err
attach(struct gate *g, struct hash_key seed)
{
	struct budgets_place place = {.generation = g->generation,
	    .process = (uint32_t)getpid(),
	    .live = g->live,
	    .n_live = g->n_live};
	size_t n;
	void *p = state_get(&g->state, STATE_CELLS, &n);
	enum err e = cells_attach(&g->cells, p, n, seed);

	/* Another version's cells: all buckets are full, go on. */
	if (e != OK && e != ERR_VERSION)
		return e;
	g->cells.process = place.process;
	place.seed = cells_seed(&g->cells);
	place.mem = state_get(&g->state, STATE_BUDGETS, &place.size);
	if (place.generation == 0)
		place.generation = 1;
	e = budgets_attach(&g->budgets, &place, os_now_us() * 1000);
	return e == ERR_VERSION ? OK : e;
}

/* The ledger's side of memory that is new. */
static enum err
attach_fresh(struct gate *g)
{
	struct ledger_reader *r = NULL;
	struct hash_key seed, kept;
	bool has_seed;
	enum err e;

	random_must_fill(&seed, sizeof seed);
	has_seed = g->ledger_path[0] != '\0' &&
	    ledger_reader_open(g->ledger_path, &r) == OK &&
	    ledger_read_seed(r, &kept) == OK;
	e = attach(g, has_seed ? kept : seed);
	if (e == OK && has_seed) {
		seed = cells_seed(&g->cells);
		if (memcmp(&seed, &kept, sizeof seed) == 0)
			(void)!ledger_read_budgets(r, os_wall_us(), restore, g);
	}
	ledger_reader_close(r);
	return e;
}

enum err
books_open(struct gate *g, const struct conf *conf)
{
	struct ledger_opts opts = {.path = g->ledger_path};
	struct hash_key seed;
	size_t n;
	void *p = state_get(&g->state, STATE_BUDGETS, &n);
	enum err e;

	gate_state_file(
	    conf, LEDGER_FILE, g->ledger_path, sizeof g->ledger_path);
	random_must_fill(&seed, sizeof seed);
	e = budgets_are_there(p, n, NULL) ? attach(g, seed) : attach_fresh(g);
	if (e != OK)
		return e;
	g->env.cells = &g->cells;
	g->env.budgets = &g->budgets;
	opts.seed = cells_seed(&g->cells);
	if (!make_folder(g))
		return OK;
	if (ledger_open(&opts, &g->env.ledger) != OK)
		g->ledger_why = strerror(errno);
	return OK;
}

static void
tell_alerts(struct gate *g, const struct ledger_news *n)
{
	int64_t now_us = os_now_us();

	g->ledger_fails = n->kind == LEDGER_FAILED;
	if (n->kind == LEDGER_FAILED)
		alerts_ledger(g, n->reason, INT64_MAX);
	else if (n->kind == LEDGER_RECOVERED)
		alerts_ledger(g, "it is written again", now_us);
	else
		alerts_ledger(g, n->reason, now_us + ASIDE_TOLD_US);
}

void
books_tell(struct gate *g)
{
	struct log *l = g->env.log;
	struct ledger_news n;

	if (g->ledger_why != NULL)
		event_write(l, os_wall_us(), EVENT_LEDGER_NONE,
		    EVENT_ARGS(event_str("reason", g->ledger_why)));
	g->ledger_why = NULL;
	/* Its folder could not be made, if the disk was full at the start. */
	if (g->ledger_fails)
		(void)make_folder(g);
	while (g->env.ledger != NULL &&
	    ledger_news(g->env.ledger, &n) != LEDGER_NO_NEWS) {
		struct event_arg path = event_str("path", g->ledger_path);
		struct event_arg reason = event_str("reason", n.reason);

		tell_alerts(g, &n);
		if (n.kind == LEDGER_FAILED)
			event_write(l, os_wall_us(), EVENT_LEDGER_FAILED,
			    EVENT_ARGS(path, reason));
		else if (n.kind == LEDGER_RECOVERED)
			event_write(l, os_wall_us(), EVENT_LEDGER_RECOVERED,
			    EVENT_ARGS(path));
		else
			event_write(l, os_wall_us(), EVENT_LEDGER_SET_ASIDE,
			    EVENT_ARGS(event_str("file", n.file), reason));
	}
}

void
books_measure(struct gate *g)
{
	struct metrics *m = g->env.metrics;
	uint64_t dropped =
	    g->env.ledger != NULL ? ledger_dropped(g->env.ledger) : 0;

	series_set(
	    metric_series(m, METRIC_RESERVATIONS, NULL), g->budgets.open);
	series_add(metric_series(m, METRIC_LEDGER_DROPPED, NULL),
	    (int64_t)(dropped - g->ledger_dropped_told));
	g->ledger_dropped_told = dropped;
}

void
books_close(struct gate *g, int64_t wait_us)
{
	(void)ledger_close(g->env.ledger, wait_us);
	g->env.ledger = NULL;
}
