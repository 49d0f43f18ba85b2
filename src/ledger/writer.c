/*
 * The writer sleeps a tick, adds up what came, writes it, and sleeps again;
 * only when nothing came for a whole tick does it wait to be woken.  Whatever
 * fails is tried again from the beginning (open, write) a second later; the
 * sums wait meanwhile.
 */
#include "ledger/writer.h"
#include "os/clock.h"
#include <errno.h>
#include <stdio.h>

enum {
	TICK_US = 250 * 1000,
	RETRY_US = 1000 * 1000,
	ROLL_US = 60 * 1000 * 1000,
	ASIDE_US = 600 * 1000 * 1000,
	US_PER_S = 1000 * 1000,
};

/* --- news --- */

static void
tell(struct ledger *l, enum ledger_news_kind kind, const char *reason,
    const char *file)
{
	struct ledger_news *n;

	(void)pthread_mutex_lock(&l->mutex);
	if (l->n_news == NEWS_MAX) {
		memmove(
		    l->news, l->news + 1, (NEWS_MAX - 1) * sizeof l->news[0]);
		l->n_news--;
	}
	n = &l->news[l->n_news++];
	n->kind = kind;
	(void)snprintf(n->reason, sizeof n->reason, "%s", reason);
	(void)snprintf(n->file, sizeof n->file, "%s", file);
	(void)pthread_mutex_unlock(&l->mutex);
}

/* It cannot be written now: said once. */
static void
note_failure(struct ledger *l, const char *reason)
{
	if (!l->is_failing)
		tell(l, LEDGER_FAILED, reason, "");
	l->is_failing = true;
	l->next_us = os_now_us() + RETRY_US;
}

/* Not again soon: a fault that comes back must not fill the disk. */
static void
set_aside(struct ledger *l, enum err why)
{
	const char *what = why == ERR_VERSION ? "newer" : "corrupt";
	char reason[STORE_WHY_MAX], name[STORE_NAME_MAX];
	int64_t now_us = os_now_us();

	(void)snprintf(reason, sizeof reason, "%s", l->store.why);
	if (l->aside_us != 0 && now_us - l->aside_us < ASIDE_US) {
		note_failure(l, reason);
		return;
	}
	l->aside_us = now_us;
	if (store_set_aside(l->path, what, os_wall_us() / US_PER_S, name) == OK)
		tell(l, LEDGER_SET_ASIDE, reason, name);
	else
		note_failure(l, strerror(errno));
}

/* --- from the ring into the sums --- */

static void
add(struct ledger *l, const struct note *n)
{
	struct counts c = {1, (int64_t)n->input, (int64_t)n->output,
	    (int64_t)n->cached, n->is_error};
	struct sum_key key = {n->wall_s, slice_of(n->names, n->caller_n),
	    slice_of(n->names + n->caller_n, n->model_n)};

	/* While nothing can be written minutes must do. */
	if (l->is_failing)
		key.at_s -= key.at_s % 60;
	if (sums_add(&l->sums, &key, &c) == OK) {
		l->unwritten++;
	} else {
		(void)atomic_fetch_add(&l->dropped, 1);
		(void)atomic_fetch_add(&l->done, 1);
	}
	/* Without room the one that is in the file stays: a little old. */
	if (n->n_budgets > 0)
		(void)!sums_set_budget(&l->sums, n->budget, n->full_us);
}

/* All that is in the ring. */
static void
drain(struct ledger *l)
{
	const struct note *n;

	atomic_store(&l->pressed, false);
	while ((n = ring_peek(&l->ring)) != NULL) {
		add(l, n);
		ring_take(&l->ring);
	}
}

/* --- from the sums into the file --- */

/* Open the file, if it is not; a new one where it is damaged or newer. */
static bool
open_store(struct ledger *l)
{
	enum err e;

	if (l->store.db != NULL && store_is_at(&l->store, l->path))
		return true;
	store_close(&l->store);
	e = store_open(&l->store, l->path, &l->seed);
	if (e == ERR_VERSION || e == ERR_SYNTAX) {
		set_aside(l, e);
		e = store_open(&l->store, l->path, &l->seed);
	}
	if (e != OK)
		note_failure(l, l->store.why);
	return e == OK;
}

/* A failure of the open store. */
static void
store_failed(struct ledger *l, enum err e)
{
	if (e == ERR_SYNTAX)
		set_aside(l, e);
	else
		note_failure(l, l->store.why);
}

static void
roll_up(struct ledger *l, int64_t now_us)
{
	bool more;
	enum err e = store_roll_up(&l->store, os_wall_us() / US_PER_S, &more);

	l->next_roll_us = more ? now_us : now_us + ROLL_US;
	if (e != OK)
		store_failed(l, e);
}

static void
write_sums(struct ledger *l, int64_t now_us)
{
	enum err e;

	l->next_us = now_us + TICK_US;
	if (!open_store(l))
		return;
	if (!sums_are_empty(&l->sums)) {
		if ((e = store_write(&l->store, &l->sums)) != OK) {
			store_failed(l, e);
			return;
		}
		sums_clear(&l->sums);
		(void)atomic_fetch_add(&l->done, l->unwritten);
		l->unwritten = 0;
	}
	if (l->is_failing)
		tell(l, LEDGER_RECOVERED, "", "");
	l->is_failing = false;
	if (now_us >= l->next_roll_us)
		roll_up(l, now_us);
}

/* --- the thread --- */

static bool
has_note(void *arg)
{
	return ring_peek(&((struct ledger *)arg)->ring) != NULL;
}

/* Asked to end, and all is written, or cannot be. */
static bool
is_over(struct ledger *l)
{
	bool all = sums_are_empty(&l->sums) && ring_peek(&l->ring) == NULL;

	return atomic_load(&l->writer.abandon) ||
	    (atomic_load(&l->writer.closing) && (all || l->is_failing));
}

void *
ledger_writer(void *arg)
{
	struct ledger *l = arg;

	write_sums(l, os_now_us());
	while (!is_over(l)) {
		int64_t now_us = os_now_us();

		drain(l);
		if (now_us < l->next_us && !atomic_load(&l->writer.closing))
			os_worker_rest(&l->writer, l->next_us - now_us, -1);
		else if (!sums_are_empty(&l->sums) || l->is_failing ||
		    now_us >= l->next_roll_us)
			write_sums(l, now_us);
		else
			os_worker_sleep(&l->writer, -1, has_note, l);
	}
	store_close(&l->store);
	os_worker_over(&l->writer);
	return NULL;
}
