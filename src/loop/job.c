#include "loop/job.h"
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct job_worker {
	uv_async_t async; /* some are done */
	struct loop *loop;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	struct list waiting, finished; /* under the mutex */
	bool is_ending;
	size_t n; /* the loop's alone */
};

static void *
work(void *arg)
{
	struct job_worker *w = arg;
	struct list *n;

	(void)pthread_mutex_lock(&w->mutex);
	for (;;) {
		while (!w->is_ending && list_first(&w->waiting) == NULL)
			(void)pthread_cond_wait(&w->wake, &w->mutex);
		if (w->is_ending)
			break;
		n = list_first(&w->waiting);
		list_del(n);
		(void)pthread_mutex_unlock(&w->mutex);
		LIST_OF(n, struct job, node)
		    ->work(LIST_OF(n, struct job, node));
		(void)pthread_mutex_lock(&w->mutex);
		list_add(&w->finished, n);
		(void)pthread_mutex_unlock(&w->mutex);
		/* Who wakes must not find the mutex taken. */
		(void)uv_async_send(&w->async);
		(void)pthread_mutex_lock(&w->mutex);
	}
	(void)pthread_mutex_unlock(&w->mutex);
	return NULL;
}

/* Take the first of ${l}, NULL if there is none. */
static struct job *
take(struct job_worker *w, struct list *l)
{
	struct list *n;

	(void)pthread_mutex_lock(&w->mutex);
	if ((n = list_first(l)) != NULL)
		list_del(n);
	(void)pthread_mutex_unlock(&w->mutex);
	return n ? LIST_OF(n, struct job, node) : NULL;
}

static void
end_all(struct job_worker *w, struct list *l)
{
	struct job *j;

	while ((j = take(w, l)) != NULL) {
		w->n--;
		j->done(j);
	}
}

static void
on_async(uv_async_t *async)
{
	struct job_worker *w = async->data;

	end_all(w, &w->finished);
}

static void
on_closed(uv_handle_t *h)
{
	free(h->data);
}

static struct job_worker *
worker_new(struct loop *l)
{
	struct job_worker *w = calloc(1, sizeof *w);

	if (w == NULL)
		return NULL;
	w->loop = l;
	list_init(&w->waiting);
	list_init(&w->finished);
	(void)pthread_mutex_init(&w->mutex, NULL);
	(void)pthread_cond_init(&w->wake, NULL);
	if (uv_async_init(&l->uv, &w->async, on_async) != 0) {
		free(w);
		return NULL;
	}
	w->async.data = w;
	if (pthread_create(&w->thread, NULL, work, w) != 0) {
		uv_close((uv_handle_t *)&w->async, on_closed);
		return NULL;
	}
	return w;
}

enum err
job_start(struct loop *l, struct job *j)
{
	struct job_worker *w;

	if (l->worker == NULL)
		l->worker = worker_new(l);
	if ((w = l->worker) == NULL)
		return ERR_NOMEM;
	w->n++;
	(void)pthread_mutex_lock(&w->mutex);
	list_init(&j->node);
	list_add(&w->waiting, &j->node);
	(void)pthread_mutex_unlock(&w->mutex);
	(void)pthread_cond_signal(&w->wake);
	return OK;
}

void
job_stop(struct loop *l)
{
	struct job_worker *w = l->worker;

	if (w == NULL)
		return;
	(void)pthread_mutex_lock(&w->mutex);
	w->is_ending = true;
	(void)pthread_cond_signal(&w->wake);
	(void)pthread_mutex_unlock(&w->mutex);
	(void)pthread_join(w->thread, NULL);
	end_all(w, &w->finished);
	end_all(w, &w->waiting);
	assert(w->n == 0);
	l->worker = NULL;
	(void)pthread_mutex_destroy(&w->mutex);
	(void)pthread_cond_destroy(&w->wake);
	uv_close((uv_handle_t *)&w->async, on_closed);
}

size_t
job_count(const struct loop *l)
{
	return l->worker ? l->worker->n : 0;
}
