/*
 * Merging a long piece in time that grows with its length, whatever it is made
 * of: a prompt of one letter, a megabyte long, must not cost more than others.
 *
 *   heap of ranks:  7  19  230 ...
 *                   |
 *   bucket of 7:    pair at 4 <-> pair at 9 <-> pair at 17   (by place)
 *
 * Each pair that can be merged is in the bucket of its rank, the best rank's
 * bucket gives its pairs from left to right.  New pairs come in front of or
 * behind the others, nearly always; a bucket that got out of order is sorted
 * when its turn comes.  The work of sorting is bounded by SORT_FACTOR; beyond
 * it the engine must count.
 */
#include "token/spm.h"
#include <stdlib.h>
#include <sys/mman.h>

#define NIL UINT32_MAX

enum {
	SORT_FACTOR = 64,
	KEEP_ITEMS = 1 << 15,
	HUGE_PAGE = 2 << 20,
	ASKED = 64, /* power of two */
};

struct spm_bucket {
	uint32_t head, tail; /* NIL: empty */
	bool is_queued;	     /* is its rank in the heap? */
	bool is_unsorted;
};

/* A symbol, and the pair of it and its right neighbour. */
struct spm_item {
	uint64_t prefix; /* hash of the text before it */
	uint32_t at;	 /* where it begins */
	uint32_t prev, next;
	uint32_t rank;		/* of the pair, SPM_NO_RANK: in no bucket */
	uint32_t before, after; /* in the bucket */
};

/* A pair that was asked for; hostile texts ask for the same ones again. */
struct asked {
	uint64_t hash;
	const char *text;
	uint32_t n, seam, rank;
};

struct merging {
	const struct vocab *v;
	const struct spm *s;
	const char *text;
	struct spm_item *items;	    /* the last one is the end */
	struct spm_bucket *buckets; /* all empty between two uses */
	uint32_t *heap, *order;
	size_t n_heap;
	uint64_t sorting; /* work left for sorting */
	struct asked asked[ASKED];
};

static void
heap_push(struct merging *m, uint32_t rank)
{
	size_t at = m->n_heap++;

	while (at > 0 && m->heap[(at - 1) / 2] > rank) {
		m->heap[at] = m->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	m->heap[at] = rank;
}

static void
heap_pop(struct merging *m)
{
	uint32_t last = m->heap[--m->n_heap];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < m->n_heap) {
		if (child + 1 < m->n_heap &&
		    m->heap[child + 1] < m->heap[child])
			child++;
		if (m->heap[child] >= last)
			break;
		m->heap[at] = m->heap[child];
		at = child;
	}
	m->heap[at] = last;
}

static void
add(struct merging *m, uint32_t at, uint32_t rank)
{
	struct spm_bucket *k = &m->buckets[rank];
	struct spm_item *it = &m->items[at];

	if (!k->is_queued) {
		k->is_queued = true;
		heap_push(m, rank);
	}
	it->rank = rank;
	it->before = it->after = NIL;
	if (k->head == NIL) {
		k->head = k->tail = at;
		k->is_unsorted = false;
	} else if (at < k->head && !k->is_unsorted) {
		it->after = k->head;
		m->items[k->head].before = at;
		k->head = at;
	} else {
		it->before = k->tail;
		m->items[k->tail].after = at;
		k->is_unsorted |= at < k->tail;
		k->tail = at;
	}
}

static void
del(struct merging *m, uint32_t at)
{
	struct spm_item *it = &m->items[at];
	struct spm_bucket *k;

	if (it->rank == SPM_NO_RANK)
		return;
	k = &m->buckets[it->rank];
	if (it->before != NIL)
		m->items[it->before].after = it->after;
	else
		k->head = it->after;
	if (it->after != NIL)
		m->items[it->after].before = it->before;
	else
		k->tail = it->before;
	it->rank = SPM_NO_RANK;
}

static int
by_place(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Bring a bucket into the order of places.  False: too much work. */
static bool
sort(struct merging *m, struct spm_bucket *k)
{
	size_t n = 0;

	for (uint32_t at = k->head; at != NIL; at = m->items[at].after)
		m->order[n++] = at;
	if (n > m->sorting)
		return false;
	m->sorting -= n;
	qsort(m->order, n, sizeof *m->order, by_place);
	for (size_t i = 0; i < n; i++) {
		struct spm_item *it = &m->items[m->order[i]];

		it->before = i > 0 ? m->order[i - 1] : NIL;
		it->after = i + 1 < n ? m->order[i + 1] : NIL;
	}
	k->head = m->order[0];
	k->tail = m->order[n - 1];
	k->is_unsorted = false;
	return true;
}

/* The rank of the pair of ${n} bytes at ${text}, see spm_rank. */
static uint32_t
rank_of(struct merging *m, const char *text, uint32_t n, uint32_t seam,
    uint64_t hash)
{
	struct asked *a = &m->asked[(hash ^ hash >> 32) % ASKED];
	int32_t id;

	if (a->hash == hash && a->n == n && a->seam == seam &&
	    roll_same(a->text, text, n))
		return a->rank;
	*a = (struct asked){hash, text, n, seam, SPM_NO_RANK};
	a->rank = spm_rank(m->v, m->s, text, n, seam, hash, &id);
	return a->rank;
}

/* Put the pair of ${at} and its right neighbour where it belongs. */
static void
look(struct merging *m, uint32_t at)
{
	const struct spm_item *it = &m->items[at], *right, *end;
	uint32_t n, rank;

	right = &m->items[it->next];
	if (right->next == NIL)
		return; /* it is the last symbol */
	end = &m->items[right->next];
	n = end->at - it->at;
	if (n > m->s->roll.longest)
		return;
	rank = rank_of(m, m->text + it->at, n, right->at - it->at,
	    roll_part(&m->s->roll, end->prefix, it->prefix, n));
	if (rank != SPM_NO_RANK)
		add(m, at, rank);
}

/* Merge the pair at ${at}. */
static void
merge(struct merging *m, uint32_t at)
{
	struct spm_item *left = &m->items[at], *right = &m->items[left->next];

	del(m, at);
	del(m, left->next);
	left->next = right->next;
	m->items[left->next].prev = at;
	if (left->prev != NIL) {
		del(m, left->prev);
		look(m, left->prev);
	}
	look(m, at);
}

static enum err
run(struct merging *m)
{
	enum err e = OK;

	while (m->n_heap > 0) {
		uint32_t rank = m->heap[0];
		struct spm_bucket *k = &m->buckets[rank];

		if (e == OK && k->head != NIL && k->is_unsorted && !sort(m, k))
			e = ERR_FULL;
		if (e != OK)
			k->head = NIL; /* leave all buckets empty */
		if (k->head == NIL) {
			k->is_queued = false;
			heap_pop(m);
			continue;
		}
		merge(m, k->head);
	}
	return e;
}

/* The characters of ${text} as items; how many, with the end. */
static uint32_t
fill(struct merging *m, struct slice text)
{
	const unsigned char *u = (const unsigned char *)text.p;
	uint32_t n = 0;
	uint64_t h = 0;

	for (size_t i = 0; i < text.n; n++) {
		size_t len = text_len(u[i]);

		m->items[n] = (struct spm_item){.prefix = h,
		    .at = (uint32_t)i,
		    .prev = n > 0 ? n - 1 : NIL,
		    .next = n + 1,
		    .rank = SPM_NO_RANK};
		if (len > text.n - i)
			len = text.n - i;
		for (; len > 0; len--)
			h = roll_add(&m->s->roll, h, u[i++]);
	}
	m->items[n] = (struct spm_item){.prefix = h,
	    .at = (uint32_t)text.n,
	    .prev = n - 1,
	    .next = NIL,
	    .rank = SPM_NO_RANK};
	for (uint32_t i = 0; i < n; i++)
		look(m, i);
	return n + 1;
}

static void
free_items(struct spm_scratch *k)
{
	free(k->items);
	free(k->order);
	k->items = NULL;
	k->order = NULL;
	k->items_cap = 0;
}

/*
 * Memory for one text: in large pages where it is large, because mapping it in
 * small ones takes a quarter of the time that the text takes.
 */
static void *
take_memory(size_t n)
{
	void *p;

	if (n < HUGE_PAGE)
		return malloc(n);
	n = (n + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	p = aligned_alloc(HUGE_PAGE, n);
	if (p != NULL)
		(void)madvise(p, n, MADV_HUGEPAGE);
	return p;
}

static enum err
reserve(struct spm_scratch *k, const struct spm *s, size_t n)
{
	if (k->buckets == NULL) {
		k->buckets = malloc(s->n_ranks * sizeof *k->buckets);
		k->heap = malloc(s->n_ranks * sizeof *k->heap);
		if (k->buckets == NULL || k->heap == NULL) {
			free(k->buckets);
			free(k->heap);
			k->buckets = NULL;
			k->heap = NULL;
			return ERR_NOMEM;
		}
		for (uint32_t i = 0; i < s->n_ranks; i++)
			k->buckets[i] =
			    (struct spm_bucket){.head = NIL, .tail = NIL};
	}
	if (n > k->items_cap) {
		free_items(k);
		k->items = take_memory(n * sizeof *k->items);
		k->order = take_memory(n * sizeof *k->order);
		if (k->items == NULL || k->order == NULL) {
			free_items(k);
			return ERR_NOMEM;
		}
		k->items_cap = n;
	}
	return OK;
}

enum err
spm_merge_long(const struct vocab *v, const struct spm *s,
    struct spm_scratch *k, struct slice text, struct sink *out)
{
	struct merging m = {.v = v,
	    .s = s,
	    .text = text.p,
	    .sorting = (uint64_t)text.n * SORT_FACTOR};
	enum err e;

	if (text.n > (size_t)COUNT_WORD_MAX)
		return ERR_FULL;
	if ((e = reserve(k, s, text.n + 1)) != OK)
		return e;
	m.items = k->items;
	m.order = k->order;
	m.buckets = k->buckets;
	m.heap = k->heap;
	(void)fill(&m, text);
	e = run(&m);
	for (uint32_t i = 0; e == OK && m.items[i].next != NIL;) {
		const struct spm_item *it = &m.items[i];
		const struct spm_item *end = &m.items[it->next];
		uint32_t n = end->at - it->at;

		e = spm_put(v, s, text.p + it->at, n,
		    roll_part(&s->roll, end->prefix, it->prefix, n), out);
		i = it->next;
	}
	if (k->items_cap > KEEP_ITEMS)
		free_items(k);
	return e;
}
