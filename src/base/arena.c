#include "base/arena.h"
#include <stdalign.h>
#include <stdlib.h>

enum { CHUNK = 4096 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t cap; /* bytes behind this header */
	alignas(max_align_t) char bytes[];
};

void
arena_init(struct arena *a, size_t max)
{
	*a = (struct arena){.max = max};
}

static void
free_from(struct arena_chunk *c)
{
	while (c) {
		struct arena_chunk *next = c->next;

		free(c);
		c = next;
	}
}

void
arena_fini(struct arena *a)
{
	free_from(a->head);
	arena_init(a, a->max);
}

void
arena_reset(struct arena *a)
{
	struct arena_chunk *c, *keep = NULL;

	for (c = a->head; c; c = a->head) {
		a->head = c->next;
		if (keep == NULL && c->cap == CHUNK - sizeof *c)
			keep = c;
		else
			free(c);
	}
	a->used = a->total = 0;
	if (keep) {
		keep->next = NULL;
		a->head = keep;
		a->total = CHUNK;
	}
}

void *
arena_alloc(struct arena *a, size_t n)
{
	const size_t align = alignof(max_align_t);
	struct arena_chunk *c = a->head;
	size_t size;
	void *p;

	if (n > a->max || n > SIZE_MAX - CHUNK)
		return NULL;
	n = (n + align - 1) / align * align;
	if (c == NULL || c->cap - a->used < n) {
		size = n + sizeof *c > CHUNK ? n + sizeof *c : CHUNK;
		if (size > a->max || a->total > a->max - size)
			return NULL;
		if ((c = malloc(size)) == NULL)
			return NULL;
		c->cap = size - sizeof *c;
		c->next = a->head;
		a->head = c;
		a->total += size;
		a->used = 0;
	}
	p = c->bytes + a->used;
	a->used += n;
	return p;
}

struct slice
arena_copy(struct arena *a, struct slice s)
{
	char *p = arena_alloc(a, s.n ? s.n : 1);

	if (p == NULL)
		return (struct slice){NULL, 0};
	if (s.n)
		memcpy(p, s.p, s.n);
	return slice_of(p, s.n);
}
