/*
 * The loop's thread puts lines into a queue; the writer's thread sleeps a
 * tick, writes all there is, and sleeps again.  Only a writer that found
 * nothing for a whole tick waits to be woken, so a busy log costs no system
 * call per line and an idle one none at all.
 */
#include "log/log.h"
#include "log/event.h"
#include "log/backlog.h"
#include "log/sink.h"
#include "os/thread.h"
#include <assert.h>
#include <stdlib.h>
#include <time.h>

enum {
	TICK_US = 25 * 1000,
	RETRY_US = 1000 * 1000, /* after an error of the sink */
	BUFFERED_DEFAULT = 8 * 1024 * 1024,
};

struct log {
	struct backlog backlog;
	struct os_worker writer;
	_Atomic uint64_t dropped;
	_Atomic bool reopen; /* asked for */
	_Atomic bool held;   /* lines stay in memory */
	_Atomic bool to_stdout;
	_Atomic(struct sink *) next; /* asked for: write there instead */

	/* The writer's alone. */
	struct sink *sink;
	uint64_t reported; /* of dropped */
	int64_t reported_s;
	char note[1024]; /* the line that reports them */
	size_t note_n, note_at;
	bool is_failing; /* since the last write that went well */
};

static int64_t
read_s(clockid_t clock, int64_t *us)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	*us = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
	return (int64_t)t.tv_sec;
}

/*
 * If lines were dropped and it was not said yet (at most once a second), make
 * the line that says it.  It is written like any other, but from l->note.
 */
static bool
make_note(struct log *l)
{
	uint64_t dropped = atomic_load(&l->dropped);
	char line[EVENT_LINE_MAX];
	int64_t us, now_s;
	size_t n;

	if (dropped == l->reported)
		return false;
	now_s = read_s(CLOCK_MONOTONIC, &us);
	if (now_s == l->reported_s && !atomic_load(&l->writer.closing))
		return false;
	(void)read_s(CLOCK_REALTIME, &us);
	n = event_format(line, us, EVENT_LOG_DROPPED,
	    EVENT_ARGS(event_num("dropped", (int64_t)(dropped - l->reported))));
	assert(n < sizeof l->note);
	memcpy(l->note, line, n);
	l->note[n] = '\n';
	l->note_n = n + 1;
	l->note_at = 0;
	l->reported = dropped;
	l->reported_s = now_s;
	return true;
}

/* What to write next: the rest of a note, the backlog, a new note. */
static struct slice
peek(struct log *l)
{
	struct slice s;

	if (l->note_at == l->note_n) {
		s = backlog_peek(&l->backlog);
		if (s.n > 0 || !make_note(l))
			return s;
	}
	return slice_of(l->note + l->note_at, l->note_n - l->note_at);
}

/* ${n} bytes of the last peek are written. */
static void
take(struct log *l, size_t n)
{
	if (l->note_at < l->note_n)
		l->note_at += n;
	else
		backlog_take(&l->backlog, n);
}

/* The last ${n} bytes, of an unfinished line, must be written again. */
static void
untake(struct log *l, size_t n)
{
	if (l->note_at < l->note_n)
		l->note_at -= n;
	else
		backlog_untake(&l->backlog, n);
}

/* Tell of an error once, where a person may see it. */
static void
note_failure(struct log *l)
{
	if (!l->is_failing)
		event_print(EVENT_LOG_ERROR,
		    EVENT_ARGS(event_str("reason", strerror(l->sink->error))));
	l->is_failing = true;
}

static void
reopen(struct log *l)
{
	size_t back;

	if (sink_reopen(l->sink, &back) != OK)
		note_failure(l);
	else
		untake(l, back);
}

/* Do what others asked for since the last tick. */
static void
take_requests(struct log *l)
{
	struct sink *next = atomic_exchange(&l->next, NULL);

	if (next != NULL) {
		untake(l, l->sink->torn);
		sink_close(l->sink);
		free(l->sink);
		l->sink = next;
		l->is_failing = false;
	}
	if (atomic_exchange(&l->reopen, false))
		reopen(l);
}

/* Write all that waits; not OK as sink_write. */
static enum err
drain(struct log *l, bool *wrote)
{
	struct slice s;
	size_t done;
	enum err e;

	*wrote = false;
	while ((s = peek(l)).n > 0) {
		if (atomic_load(&l->writer.abandon))
			return ERR_TIMEOUT;
		if ((e = sink_write(l->sink, s.p, s.n, &done)) != OK)
			return e;
		take(l, done);
		*wrote = true;
		l->is_failing = false;
	}
	return OK;
}

/* Is there no dropped line that a note will have to name? */
static bool
is_all_told(struct log *l)
{
	return atomic_load(&l->dropped) == l->reported;
}

static bool
has_line(void *arg)
{
	return !backlog_is_empty(&((struct log *)arg)->backlog);
}

/* After a failed write: when is another worth trying? */
static void
rest_failed(struct log *l, enum err e)
{
	bool closing = atomic_load(&l->writer.closing);

	if (e == ERR_TIMEOUT) {
		os_worker_rest(&l->writer, RETRY_US, l->sink->fd);
		return;
	}
	if (e == ERR_IO) {
		note_failure(l);
		/* A full disk keeps its file; all else may need a new one. */
		if (!sink_is_full(l->sink->error))
			atomic_store(&l->reopen, true);
	}
	os_worker_rest(
	    &l->writer, e == ERR_IO && !closing ? RETRY_US : TICK_US, -1);
}

static void *
write_lines(void *arg)
{
	struct log *l = arg;
	bool wrote;

	for (;;) {
		bool closing = atomic_load(&l->writer.closing);
		enum err e;

		take_requests(l);
		if (atomic_load(&l->held) && !closing &&
		    !atomic_load(&l->writer.abandon)) {
			os_worker_rest(&l->writer, RETRY_US, -1);
			continue;
		}
		e = drain(l, &wrote);
		if ((closing && e == OK) || atomic_load(&l->writer.abandon))
			break;
		if (e != OK)
			rest_failed(l, e);
		else if (wrote)
			os_worker_rest(&l->writer, TICK_US, -1);
		else
			os_worker_sleep(&l->writer,
			    is_all_told(l) ? -1 : TICK_US, has_line, l);
	}
	sink_close(l->sink);
	os_worker_over(&l->writer);
	return NULL;
}

static enum err
new_sink(const struct log_opts *opts, struct sink **out)
{
	struct sink *s = malloc(sizeof *s);
	enum err e;

	if (s == NULL)
		return ERR_NOMEM;
	e = sink_open(s, opts->path, opts->rotate_bytes, opts->files - 1);
	if (e == OK)
		*out = s;
	else
		free(s);
	return e;
}

enum err
log_open(const struct log_opts *opts, struct log **out)
{
	size_t buffered =
	    opts->buffered_bytes ? opts->buffered_bytes : BUFFERED_DEFAULT;
	struct log *l = calloc(1, sizeof *l);
	enum err e;

	if (l == NULL)
		return ERR_NOMEM;
	if ((e = new_sink(opts, &l->sink)) != OK)
		goto undo_log;
	atomic_store(&l->to_stdout, l->sink->path == NULL);
	e = ERR_NOMEM;
	if (!backlog_init(&l->backlog, buffered))
		goto undo_sink;
	if (os_worker_start(&l->writer, write_lines, l) != OK)
		goto undo_backlog;
	*out = l;
	return OK;
undo_backlog:
	backlog_fini(&l->backlog);
undo_sink:
	sink_close(l->sink);
	free(l->sink);
undo_log:
	free(l);
	return e;
}

bool
log_close(struct log *l, int64_t wait_us)
{
	bool flushed;

	if (!os_worker_end(&l->writer, wait_us))
		return false;
	flushed = backlog_is_empty(&l->backlog);
	backlog_fini(&l->backlog);
	free(atomic_load(&l->next));
	free(l->sink);
	free(l);
	return flushed;
}

bool
log_write(struct log *l, struct slice line)
{
	bool pressing = false, ok;

	ok =
	    line.n <= LOG_LINE_MAX && backlog_put(&l->backlog, line, &pressing);
	if (!ok)
		atomic_fetch_add(&l->dropped, 1);
	if (pressing)
		os_worker_wake(&l->writer);
	else
		os_worker_poke(&l->writer);
	return ok;
}

uint64_t
log_dropped(const struct log *l)
{
	return atomic_load(&l->dropped);
}

void
log_reopen(struct log *l)
{
	atomic_store(&l->reopen, true);
	os_worker_wake(&l->writer);
}

void
log_hold(struct log *l, bool on)
{
	if (atomic_exchange(&l->held, on) != on)
		os_worker_wake(&l->writer);
}

enum err
log_change(struct log *l, const struct log_opts *opts)
{
	struct sink *s, *unused;
	enum err e = new_sink(opts, &s);

	if (e != OK)
		return e;
	atomic_store(&l->to_stdout, s->path == NULL);
	unused = atomic_exchange(&l->next, s);
	if (unused != NULL) {
		sink_close(unused);
		free(unused);
	}
	os_worker_wake(&l->writer);
	return OK;
}

bool
log_is_stdout(const struct log *l)
{
	return atomic_load(&l->to_stdout);
}

bool
log_is_flushed(struct log *l)
{
	return backlog_is_empty(&l->backlog);
}
