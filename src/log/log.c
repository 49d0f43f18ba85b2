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
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	TICK_MS = 25,
	RETRY_MS = 1000, /* after an error of the sink */
	BUFFERED_DEFAULT = 8 * 1024 * 1024,
	ABANDON_MS = 200, /* for a last try to stop in good order */
};

struct log {
	struct backlog backlog;
	_Atomic uint64_t dropped;
	_Atomic bool asleep;  /* the writer waits for a byte on wake */
	_Atomic bool reopen;  /* asked for */
	_Atomic bool closing; /* flush, then end */
	_Atomic bool abandon; /* end, flushed or not */
	_Atomic bool held;    /* lines stay in memory */
	_Atomic bool to_stdout;
	_Atomic(struct sink *) next; /* asked for: write there instead */
	int wake[2];		     /* 0: the writer's end, 1: the others' */
	pthread_t thread;

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
	if (now_s == l->reported_s && !atomic_load(&l->closing))
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
		if (atomic_load(&l->abandon))
			return ERR_TIMEOUT;
		if ((e = sink_write(l->sink, s.p, s.n, &done)) != OK)
			return e;
		take(l, done);
		*wrote = true;
		l->is_failing = false;
	}
	return OK;
}

/* Sleep at most ${ms}, or until woken or (if ${sink}) the sink is writable. */
static void
rest(struct log *l, int ms, bool sink)
{
	struct pollfd p[2] = {
	    {.fd = l->wake[0], .events = POLLIN},
	    {.fd = sink ? l->sink->fd : -1, .events = POLLOUT},
	};
	char bytes[64];
	ssize_t r;

	(void)poll(p, 2, ms);
	if (p[0].revents) {
		r = read(l->wake[0], bytes, sizeof bytes);
		(void)r;
	}
}

/* Is there no dropped line that a note will have to name? */
static bool
is_all_told(struct log *l)
{
	return atomic_load(&l->dropped) == l->reported;
}

/*
 * Wait for a line.  The flag is up before the queue is looked at, and a line
 * is in the queue before its writer looks at the flag, so one sees the other.
 */
static void
rest_idle(struct log *l)
{
	atomic_store(&l->asleep, true);
	if (backlog_is_empty(&l->backlog) && !atomic_load(&l->closing))
		rest(l, is_all_told(l) ? -1 : TICK_MS, false);
	atomic_store(&l->asleep, false);
}

/* After a failed write: when is another worth trying? */
static void
rest_failed(struct log *l, enum err e)
{
	bool closing = atomic_load(&l->closing);

	if (e == ERR_TIMEOUT) {
		rest(l, RETRY_MS, true);
		return;
	}
	if (e == ERR_IO) {
		note_failure(l);
		/* A full disk keeps its file; all else may need a new one. */
		if (!sink_is_full(l->sink->error))
			atomic_store(&l->reopen, true);
	}
	rest(l, e == ERR_IO && !closing ? RETRY_MS : TICK_MS, false);
}

static void *
write_lines(void *arg)
{
	struct log *l = arg;
	bool wrote;

	for (;;) {
		bool closing = atomic_load(&l->closing);
		enum err e;

		take_requests(l);
		if (atomic_load(&l->held) && !closing &&
		    !atomic_load(&l->abandon)) {
			rest(l, RETRY_MS, false);
			continue;
		}
		e = drain(l, &wrote);
		if ((closing && e == OK) || atomic_load(&l->abandon))
			break;
		if (e != OK)
			rest_failed(l, e);
		else if (wrote)
			rest(l, TICK_MS, false);
		else
			rest_idle(l);
	}
	sink_close(l->sink);
	/* Whoever closes the log waits for this end of the pair to close. */
	(void)close(l->wake[0]);
	return NULL;
}

static void
wake(struct log *l)
{
	ssize_t r = send(l->wake[1], "w", 1, MSG_DONTWAIT | MSG_NOSIGNAL);

	(void)r; /* full: it is being woken already */
}

/* A thread that no signal of the process interrupts, SIGPIPE least of all. */
static bool
start_thread(struct log *l)
{
	sigset_t all, old;
	int r;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&l->thread, NULL, write_lines, l);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r == 0;
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
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, l->wake) != 0)
		goto undo_backlog;
	(void)fcntl(l->wake[0], F_SETFD, FD_CLOEXEC);
	(void)fcntl(l->wake[1], F_SETFD, FD_CLOEXEC);
	if (!start_thread(l))
		goto undo_wake;
	*out = l;
	return OK;
undo_wake:
	(void)close(l->wake[0]);
	(void)close(l->wake[1]);
undo_backlog:
	backlog_fini(&l->backlog);
undo_sink:
	sink_close(l->sink);
	free(l->sink);
undo_log:
	free(l);
	return e;
}

/* Has the writer ended, within ${ms}? */
static bool
wait_for_end(struct log *l, int ms)
{
	struct pollfd p = {.fd = l->wake[1], .events = POLLIN};

	wake(l);
	return poll(&p, 1, ms) == 1;
}

bool
log_close(struct log *l, int64_t wait_us)
{
	bool flushed;

	atomic_store(&l->closing, true);
	if (!wait_for_end(l, (int)(wait_us / 1000))) {
		atomic_store(&l->abandon, true);
		if (!wait_for_end(l, ABANDON_MS)) {
			(void)pthread_detach(l->thread);
			return false;
		}
	}
	(void)pthread_join(l->thread, NULL);
	(void)close(l->wake[1]);
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
	if (pressing ||
	    (atomic_load(&l->asleep) && atomic_exchange(&l->asleep, false)))
		wake(l);
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
	wake(l);
}

void
log_hold(struct log *l, bool on)
{
	if (atomic_exchange(&l->held, on) != on)
		wake(l);
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
	wake(l);
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
