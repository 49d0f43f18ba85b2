#include "alert/sender.h"
#include "alert/deliver.h"
#include "base/list.h"
#include "os/clock.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	US = 1000000,
	NS_PER_US = 1000,
	OUTCOMES = 2 * SENDER_JOBS * SENDER_LANES,
};

/* A job with its texts behind it. */
struct task {
	struct list node;
	struct sender_job job;
	unsigned tries;
	int64_t at_us; /* of the next try */
	char text[];
};

struct lane {
	struct list tasks; /* in their order; without the one under way */
	size_t n;	   /* that one too */
	bool is_busy;
};

struct sender {
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	pthread_t threads[SENDER_LANES];
	size_t n_threads, n_over;
	bool is_closing, is_abandoned;
	struct lane lanes[SENDER_LANES];
	struct sender_outcome outcomes[OUTCOMES];
	size_t n_outcomes;
};

struct sender *
sender_new(void)
{
	struct sender *s = calloc(1, sizeof *s);
	pthread_condattr_t attr;

	if (s == NULL)
		return NULL;
	for (size_t i = 0; i < SENDER_LANES; i++)
		list_init(&s->lanes[i].tasks);
	(void)pthread_mutex_init(&s->mutex, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&s->wake, &attr);
	(void)pthread_condattr_destroy(&attr);
	return s;
}

static void
sender_free(struct sender *s)
{
	for (size_t i = 0; i < SENDER_LANES; i++)
		LIST_EACH_SAFE (it, &s->lanes[i].tasks)
			free(LIST_OF(it, struct task, node));
	(void)pthread_cond_destroy(&s->wake);
	(void)pthread_mutex_destroy(&s->mutex);
	free(s);
}

/* --- tasks --- */

/* Copy ${s} and a NUL to ${at}, which moves on. */
static struct slice
put(char **at, struct slice s)
{
	char *p = *at;

	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	*at += s.n + 1;
	return slice_of(p, s.n);
}

static struct task *
task_new(const struct sender_job *j)
{
	struct slice url = slice_str(j->url), name = slice_str(j->name);
	struct slice what = slice_str(j->what);
	size_t n = url.n + name.n + what.n + j->fields.n + j->body.n +
	    j->words.n + j->variables.n + 7;
	struct task *t = calloc(1, sizeof *t + n);
	char *at;

	if (t == NULL)
		return NULL;
	at = t->text;
	t->job = (struct sender_job){.lane = j->lane,
	    .id = j->id,
	    .key = j->key,
	    .name = put(&at, name).p,
	    .what = put(&at, what).p,
	    .url = j->url != NULL ? put(&at, url).p : NULL,
	    .fields = put(&at, j->fields),
	    .body = put(&at, j->body),
	    .words = put(&at, j->words),
	    .variables = put(&at, j->variables),
	    .once = j->once};
	return t;
}

/* The first one of the lane that nobody sees to; NULL. */
static struct task *
head_of(const struct lane *l)
{
	struct list *n = l->is_busy ? NULL : list_first(&l->tasks);

	return n != NULL ? LIST_OF(n, struct task, node) : NULL;
}

/* Of the lanes' first ones that whose time comes first; NULL. */
static struct task *
earliest(struct sender *s)
{
	struct task *first = NULL;

	for (size_t i = 0; i < SENDER_LANES; i++) {
		struct task *t = head_of(&s->lanes[i]);

		if (t && (first == NULL || t->at_us < first->at_us))
			first = t;
	}
	return first;
}

/* --- the threads --- */

static void
rest(struct sender *s, int64_t at_us)
{
	struct timespec t = {.tv_sec = (time_t)(at_us / US),
	    .tv_nsec = (long)(at_us % US) * NS_PER_US};

	(void)pthread_cond_timedwait(&s->wake, &s->mutex, &t);
}

/* The next task that is due, taken out; NULL: it is over. */
static struct task *
next_task(struct sender *s)
{
	for (;;) {
		struct task *t = earliest(s);

		if (s->is_abandoned || (t == NULL && s->is_closing))
			return NULL;
		if (t == NULL) {
			(void)pthread_cond_wait(&s->wake, &s->mutex);
		} else if (t->at_us <= os_now_us() || s->is_closing) {
			list_del(&t->node);
			s->lanes[t->job.lane].is_busy = true;
			return t;
		} else {
			rest(s, t->at_us);
		}
	}
}

static enum deliver_result
deliver(const struct sender_job *j, char *why, size_t cap)
{
	if (j->url != NULL)
		return deliver_post(
		    j->url, j->fields, j->body, SENDER_TIMEOUT_MS, why, cap);
	return deliver_run(j->words, j->variables, SENDER_TIMEOUT_MS, why, cap);
}

static void
note(struct sender *s, const struct task *t, bool is_ok, const char *why)
{
	struct sender_outcome *o;

	if (s->n_outcomes == OUTCOMES)
		return;
	o = &s->outcomes[s->n_outcomes++];
	(void)snprintf(o->name, sizeof o->name, "%s", t->job.name);
	(void)snprintf(o->what, sizeof o->what, "%s", t->job.what);
	(void)snprintf(o->why, sizeof o->why, "%s", is_ok ? "" : why);
	o->id = t->job.id;
	o->key = t->job.key;
	o->is_ok = is_ok;
	o->tries = t->tries;
}

/* ${t} was tried: it is done, or is the first of its lane again. */
static void
settle(struct sender *s, struct task *t, enum deliver_result r, const char *why)
{
	struct lane *l = &s->lanes[t->job.lane];

	l->is_busy = false;
	t->tries++;
	if (r == DELIVER_LATER && t->tries < SENDER_TRIES && !t->job.once &&
	    !s->is_closing) {
		t->at_us = os_now_us() + ((int64_t)US << (t->tries - 1));
		list_add_front(&l->tasks, &t->node);
		return;
	}
	note(s, t, r == DELIVERED, why);
	l->n--;
	free(t);
}

static void *
work(void *arg)
{
	struct sender *s = arg;
	struct task *t;

	(void)pthread_mutex_lock(&s->mutex);
	while ((t = next_task(s)) != NULL) {
		char why[SENDER_WHY_MAX] = "";
		enum deliver_result r;

		(void)pthread_mutex_unlock(&s->mutex);
		r = deliver(&t->job, why, sizeof why);
		(void)pthread_mutex_lock(&s->mutex);
		settle(s, t, r, why);
	}
	s->n_over++;
	(void)pthread_cond_broadcast(&s->wake);
	(void)pthread_mutex_unlock(&s->mutex);
	return NULL;
}

/* Has each lane with something to do a thread? */
static bool
has_enough(const struct sender *s)
{
	size_t n = 0;

	for (size_t i = 0; i < SENDER_LANES; i++)
		n += s->lanes[i].n > 0;
	return s->n_threads >= n;
}

/* Without another one those that are there do it later. */
static bool
start(struct sender *s)
{
	sigset_t all, old;

	if (has_enough(s))
		return true;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	s->n_threads +=
	    pthread_create(&s->threads[s->n_threads], NULL, work, s) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return s->n_threads > 0;
}

/* --- the other side --- */

enum err
sender_post(struct sender *s, const struct sender_job *j)
{
	struct lane *l = &s->lanes[j->lane];
	struct task *t = task_new(j);
	enum err e = OK;

	if (t == NULL)
		return ERR_NOMEM;
	(void)pthread_mutex_lock(&s->mutex);
	if (l->n == SENDER_JOBS) {
		e = ERR_FULL;
	} else {
		l->n++;
		e = start(s) ? OK : ERR_NOMEM;
		l->n -= e != OK;
	}
	if (e == OK) {
		list_add(&l->tasks, &t->node);
		(void)pthread_cond_broadcast(&s->wake);
	}
	(void)pthread_mutex_unlock(&s->mutex);
	if (e != OK)
		free(t);
	return e;
}

bool
sender_next(struct sender *s, struct sender_outcome *out)
{
	bool has;

	(void)pthread_mutex_lock(&s->mutex);
	has = s->n_outcomes > 0;
	if (has) {
		*out = s->outcomes[0];
		s->n_outcomes--;
		memmove(s->outcomes, s->outcomes + 1,
		    s->n_outcomes * sizeof s->outcomes[0]);
	}
	(void)pthread_mutex_unlock(&s->mutex);
	return has;
}

void
sender_close(struct sender *s, int64_t wait_us)
{
	int64_t end_us = os_now_us() + wait_us;
	bool is_over;

	if (s == NULL)
		return;
	(void)pthread_mutex_lock(&s->mutex);
	s->is_closing = true;
	(void)pthread_cond_broadcast(&s->wake);
	while (s->n_over < s->n_threads && os_now_us() < end_us)
		rest(s, end_us);
	is_over = s->n_over == s->n_threads;
	s->is_abandoned = true;
	(void)pthread_cond_broadcast(&s->wake);
	(void)pthread_mutex_unlock(&s->mutex);
	for (size_t i = 0; i < s->n_threads; i++)
		(void)(is_over ? pthread_join(s->threads[i], NULL)
			       : pthread_detach(s->threads[i]));
	if (is_over)
		sender_free(s);
}
