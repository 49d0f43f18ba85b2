/*
 * Merging a long word in time that grows with its length, whatever it is made
 * of: a prompt of one letter, a megabyte long, must not cost more than others.
 *
 *   heap of ranks:  7  19  230 ...
 *                   |
 *   bucket of 7:    pair at 4 <-> pair at 9 <-> pair at 17   (by place)
 *
 * Each pair that can be merged is in the bucket of its rank.  The least rank's
 * bucket gives its pairs from left to right.  New pairs come behind in their
 * buckets, nearly always in order; a bucket that got out of order is sorted
 * when its turn comes.  In vocabularies whose merges are in the order of their
 * training that happens once for each bucket; for others the work is bounded
 * by SORT_FACTOR, beyond it the engine must count.
 */
#include "token/bpe.h"
#include <stdlib.h>

#define NIL UINT32_MAX
#define UNSORTED 0x80000000U

enum { SORT_FACTOR = 64 };

/* A bucket: NIL, NIL: its rank is not in the heap. */
struct bucket {
	uint32_t head; /* NIL: empty */
	uint32_t tail; /* with UNSORTED; NIL: rank is not in the heap */
};

/* A symbol and the pair of it and its right neighbour. */
struct item {
	uint32_t symbol, prev, next;
	uint32_t rank;		/* of the pair, BPE_NO_RANK: in no bucket */
	uint32_t before, after; /* in the bucket */
};

struct merging {
	const struct bpe *b;
	struct item *items;
	struct bucket *buckets;
	uint32_t *heap;
	size_t n_heap;
	uint32_t *spare;  /* for sorting */
	uint64_t sorting; /* work left for sorting */
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
	struct bucket *k = &m->buckets[rank];
	struct item *it = &m->items[at];
	uint32_t tail = k->tail & ~UNSORTED;

	if (k->tail == NIL)
		heap_push(m, rank);
	it->rank = rank;
	it->after = NIL;
	if (k->head == NIL) {
		it->before = NIL;
		k->head = k->tail = at;
		return;
	}
	it->before = tail;
	m->items[tail].after = at;
	k->tail = at | (at < tail ? UNSORTED : k->tail & UNSORTED);
}

static void
del(struct merging *m, uint32_t at)
{
	struct item *it = &m->items[at];
	struct bucket *k;

	if (it->rank == BPE_NO_RANK)
		return;
	k = &m->buckets[it->rank];
	if (it->before != NIL)
		m->items[it->before].after = it->after;
	else
		k->head = it->after;
	if (it->after != NIL)
		m->items[it->after].before = it->before;
	else if (it->before != NIL)
		k->tail = it->before | (k->tail & UNSORTED);
	else
		k->tail = 0; /* empty, but its rank is in the heap */
	it->rank = BPE_NO_RANK;
}

static int
by_place(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Bring a bucket into the order of places.  False: too much work. */
static bool
sort(struct merging *m, struct bucket *k)
{
	size_t n = 0;

	for (uint32_t at = k->head; at != NIL; at = m->items[at].after)
		m->spare[n++] = at;
	if (n > m->sorting)
		return false;
	m->sorting -= n;
	qsort(m->spare, n, sizeof *m->spare, by_place);
	for (size_t i = 0; i < n; i++) {
		struct item *it = &m->items[m->spare[i]];

		it->before = i > 0 ? m->spare[i - 1] : NIL;
		it->after = i + 1 < n ? m->spare[i + 1] : NIL;
	}
	k->head = m->spare[0];
	k->tail = m->spare[n - 1];
	return true;
}

/* Merge the pair at ${at}. */
static void
merge(struct merging *m, uint32_t at, uint32_t rank)
{
	struct item *left = &m->items[at], *right = &m->items[left->next];

	del(m, at);
	del(m, left->next);
	left->symbol = m->b->merges[rank].result;
	left->next = right->next;
	if (left->prev != NIL) { /* first, so that places stay in order */
		uint32_t r =
		    bpe_rank(m->b, m->items[left->prev].symbol, left->symbol);

		del(m, left->prev);
		if (r != BPE_NO_RANK)
			add(m, left->prev, r);
	}
	if (left->next != NIL) {
		uint32_t r;

		m->items[left->next].prev = at;
		r = bpe_rank(m->b, left->symbol, m->items[left->next].symbol);
		if (r != BPE_NO_RANK)
			add(m, at, r);
	}
}

static enum err
run(struct merging *m)
{
	while (m->n_heap > 0) {
		uint32_t rank = m->heap[0];
		struct bucket *k = &m->buckets[rank];

		if (k->head == NIL) {
			k->tail = NIL;
			heap_pop(m);
			continue;
		}
		if (k->tail & UNSORTED && !sort(m, k))
			return ERR_FULL;
		merge(m, k->head, rank);
	}
	return OK;
}

static void
fill(struct merging *m, const unsigned char *word, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		m->items[i] =
		    (struct item){.symbol = m->b->byte_symbol[word[i]],
			.prev = i > 0 ? i - 1 : NIL,
			.next = i + 1 < n ? i + 1 : NIL,
			.rank = BPE_NO_RANK};
	for (uint32_t i = 0; i + 1 < n; i++) {
		uint32_t rank = m->b->byte_pairs[word[i] << 8 | word[i + 1]];

		if (rank != BPE_NO_RANK)
			add(m, i, rank);
	}
}

/* What is kept from word to word: all buckets are empty between two. */
struct bpe_scratch {
	struct bucket *buckets;
	uint32_t *heap;
};

enum err
bpe_scratch_new(const struct bpe *b, struct bpe_scratch **out)
{
	struct bpe_scratch *s = malloc(sizeof *s);

	if (s == NULL)
		return ERR_NOMEM;
	s->buckets = malloc((b->n_merges + 1) * sizeof *s->buckets);
	s->heap = malloc((b->n_merges + 1) * sizeof *s->heap);
	if (s->buckets == NULL || s->heap == NULL) {
		bpe_scratch_free(s);
		return ERR_NOMEM;
	}
	memset(s->buckets, 0xff, b->n_merges * sizeof *s->buckets);
	*out = s;
	return OK;
}

void
bpe_scratch_free(struct bpe_scratch *s)
{
	if (s == NULL)
		return;
	free(s->buckets);
	free(s->heap);
	free(s);
}

enum err
bpe_merge_long(const struct vocab *v, const struct bpe *b,
    struct bpe_scratch *scratch, struct slice word, struct sink *out)
{
	struct merging m = {.b = b,
	    .buckets = scratch->buckets,
	    .heap = scratch->heap,
	    .sorting = (uint64_t)word.n * SORT_FACTOR};
	enum err e = ERR_NOMEM;

	m.items = malloc(word.n * sizeof *m.items);
	m.spare = malloc(word.n * sizeof *m.spare);
	if (m.items != NULL && m.spare != NULL) {
		fill(&m, (const unsigned char *)word.p, (uint32_t)word.n);
		e = run(&m);
		if (e != OK)
			memset(
			    m.buckets, 0xff, b->n_merges * sizeof *m.buckets);
	}
	for (uint32_t at = 0; e == OK && at != NIL; at = m.items[at].next)
		bpe_put(v, b, m.items[at].symbol, out);
	free(m.items);
	free(m.spare);
	return e;
}
