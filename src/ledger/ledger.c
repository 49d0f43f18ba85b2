/* The loop's side: notes into the ring, and the thread's begin and end. */
#include "ledger/ledger.h"
#include "ledger/writer.h"
#include <stdlib.h>

enum { RING_DEFAULT = 1024 * 1024 };

/* --- begin and end --- */

static void
free_ledger(struct ledger *l)
{
	sums_fini(&l->sums);
	ring_fini(&l->ring);
	(void)pthread_mutex_destroy(&l->mutex);
	free(l);
}

enum err
ledger_open(const struct ledger_opts *opts, struct ledger **out)
{
	size_t bytes = opts->ring_bytes ? opts->ring_bytes : RING_DEFAULT;
	size_t path_n = strlen(opts->path);
	/* Its ring wants its own cache lines. */
	struct ledger *l = aligned_alloc(64, (sizeof *l + 63) / 64 * 64);

	if (l == NULL)
		return ERR_NOMEM;
	memset(l, 0, sizeof *l);
	if (path_n >= sizeof l->path || !ring_init(&l->ring, bytes)) {
		free(l);
		return ERR_NOMEM;
	}
	memcpy(l->path, opts->path, path_n + 1);
	l->seed = opts->seed;
	(void)pthread_mutex_init(&l->mutex, NULL);
	sums_init(&l->sums, LEDGER_SUMS_MAX, LEDGER_BUDGETS_MAX);
	if (os_worker_start(&l->writer, ledger_writer, l) != OK) {
		free_ledger(l);
		return ERR_IO;
	}
	*out = l;
	return OK;
}

bool
ledger_close(struct ledger *l, int64_t wait_us)
{
	bool is_whole;

	if (l == NULL)
		return true;
	if (!os_worker_end(&l->writer, wait_us))
		return false;
	is_whole = sums_are_empty(&l->sums) && ring_peek(&l->ring) == NULL;
	free_ledger(l);
	return is_whole;
}

/* --- notes --- */

static uint8_t
name_bytes(struct slice name)
{
	return (uint8_t)(name.n < LEDGER_NAME_MAX ? name.n : LEDGER_NAME_MAX);
}

bool
ledger_note(struct ledger *l, const struct ledger_use *u)
{
	uint8_t caller_n = name_bytes(u->caller),
		model_n = name_bytes(u->model);
	struct note *n =
	    ring_begin(&l->ring, sizeof *n + caller_n + (size_t)model_n);
	size_t used;

	l->noted++;
	if (n == NULL) {
		(void)atomic_fetch_add(&l->dropped, 1);
		(void)atomic_fetch_add(&l->done, 1);
		return false;
	}
	*n = (struct note){
	    .wall_s = u->wall_us / 1000000,
	    .input = u->input_tok,
	    .output = u->output_tok,
	    .cached = u->cached_tok,
	    .budget = u->budget,
	    .is_error = u->is_error,
	    .n_budgets = (uint8_t)u->n_budgets,
	    .caller_n = caller_n,
	    .model_n = model_n,
	};
	memcpy(n->full_us, u->full_us, sizeof n->full_us);
	if (caller_n > 0)
		memcpy(n->names, u->caller.p, caller_n);
	if (model_n > 0)
		memcpy(n->names + caller_n, u->model.p, model_n);
	used = ring_commit(&l->ring);
	if (used > l->ring.bytes / 2 && !atomic_exchange(&l->pressed, true))
		os_worker_wake(&l->writer);
	else
		os_worker_poke(&l->writer);
	return true;
}

uint64_t
ledger_dropped(const struct ledger *l)
{
	return atomic_load(&l->dropped);
}

bool
ledger_is_flushed(struct ledger *l)
{
	return atomic_load(&l->done) == l->noted;
}

enum ledger_news_kind
ledger_news(struct ledger *l, struct ledger_news *out)
{
	out->kind = LEDGER_NO_NEWS;
	(void)pthread_mutex_lock(&l->mutex);
	if (l->n_news > 0) {
		*out = l->news[0];
		l->n_news--;
		memmove(l->news, l->news + 1, l->n_news * sizeof l->news[0]);
	}
	(void)pthread_mutex_unlock(&l->mutex);
	return out->kind;
}
