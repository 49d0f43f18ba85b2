#include "log/backlog.h"
#include <assert.h>
#include <sys/mman.h>

_Static_assert(sizeof(struct block) <= 64 * 1024, "a block is 64 KiB");

/* Straight from the system, so that a backlog leaves nothing behind. */
static struct block *
block_new(void)
{
	void *p = mmap(NULL, sizeof(struct block), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void
block_free(struct block *b)
{
	(void)munmap(b, sizeof *b);
}

static void
free_all(struct block *b)
{
	while (b != NULL) {
		struct block *next = b->next;

		block_free(b);
		b = next;
	}
}

bool
backlog_init(struct backlog *q, size_t max_bytes)
{
	*q = (struct backlog){.max_blocks = max_bytes / (64 * 1024)};
	if (q->max_blocks < 2)
		q->max_blocks = 2;
	if ((q->head = q->fill = block_new()) == NULL)
		return false;
	q->n_blocks = 1;
	if (pthread_mutex_init(&q->mutex, NULL) == 0)
		return true;
	block_free(q->head);
	return false;
}

void
backlog_fini(struct backlog *q)
{
	free_all(q->head);
	free_all(q->spare);
	(void)pthread_mutex_destroy(&q->mutex);
}

/* Append an empty block to fill next; false at the maximum. */
static bool
append_block(struct backlog *q, bool *pressing)
{
	struct block *b;
	bool ok = false;

	(void)pthread_mutex_lock(&q->mutex);
	if (q->n_blocks == q->max_blocks)
		goto undo_lock;
	if ((b = q->spare) != NULL) {
		q->spare = b->next;
		q->n_spare--;
		b->next = NULL;
		b->written = 0;
		atomic_store_explicit(&b->put, 0, memory_order_relaxed);
	} else if ((b = block_new()) == NULL) {
		goto undo_lock;
	}
	q->fill->next = b;
	q->fill = b;
	q->n_blocks++;
	*pressing = q->n_blocks * 2 >= q->max_blocks;
	ok = true;
undo_lock:
	(void)pthread_mutex_unlock(&q->mutex);
	return ok;
}

bool
backlog_put(struct backlog *q, struct slice line, bool *pressing)
{
	/* q->fill changes in this thread only. */
	struct block *b = q->fill;
	size_t n = atomic_load_explicit(&b->put, memory_order_relaxed);

	*pressing = false;
	if (line.n >= BACKLOG_BLOCK_BYTES - n) {
		if (line.n >= BACKLOG_BLOCK_BYTES || !append_block(q, pressing))
			return false;
		b = q->fill;
		n = 0;
	}
	memcpy(b->data + n, line.p, line.n);
	b->data[n + line.n] = '\n';
	/* In one order with the flag of a sleeping writer, see log.c. */
	atomic_store(&b->put, n + line.n + 1);
	return true;
}

/* Take the first block, all written, off the line; false if it is the last. */
static bool
drop_head(struct backlog *q)
{
	struct block *b = q->head, *gone = NULL;
	bool ok = false;

	(void)pthread_mutex_lock(&q->mutex);
	/*
	 * Once another block follows, nothing more is put into this one; but
	 * something may have been since we looked.
	 */
	if (b != q->fill && b->written == atomic_load(&b->put)) {
		q->head = b->next;
		q->n_blocks--;
		if (q->n_spare < BACKLOG_SPARE) {
			b->next = q->spare;
			q->spare = b;
			q->n_spare++;
		} else {
			gone = b;
		}
		ok = true;
	}
	(void)pthread_mutex_unlock(&q->mutex);
	if (gone != NULL)
		block_free(gone);
	return ok;
}

struct slice
backlog_peek(struct backlog *q)
{
	for (;;) {
		struct block *b = q->head;
		size_t put = atomic_load(&b->put);

		if (b->written < put)
			return slice_of(b->data + b->written, put - b->written);
		if (!drop_head(q) && b->written == atomic_load(&b->put))
			return slice_of(NULL, 0);
	}
}

void
backlog_take(struct backlog *q, size_t n)
{
	struct block *b = q->head;

	(void)pthread_mutex_lock(&q->mutex);
	assert(n <= atomic_load(&b->put) - b->written);
	b->written += n;
	(void)pthread_mutex_unlock(&q->mutex);
}

void
backlog_untake(struct backlog *q, size_t n)
{
	(void)pthread_mutex_lock(&q->mutex);
	assert(n <= q->head->written);
	q->head->written -= n;
	(void)pthread_mutex_unlock(&q->mutex);
}

bool
backlog_is_empty(struct backlog *q)
{
	bool empty;

	(void)pthread_mutex_lock(&q->mutex);
	empty = q->head == q->fill &&
	    q->head->written == atomic_load(&q->head->put);
	(void)pthread_mutex_unlock(&q->mutex);
	return empty;
}
