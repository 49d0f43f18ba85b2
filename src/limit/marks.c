#include "limit/marks.h"
#include <assert.h>
#include <stdatomic.h>

enum { MARKS_LAYOUT = 1 };

#define MARKS_MAGIC UINT64_C(0x776569722d6d726b) /* "weir-mrk" */

struct marks_header {
	uint64_t magic; /* written last: without it nothing else counts */
	uint32_t layout;
	uint32_t row_bytes;
	uint64_t n_rows;
	uint64_t spare;
};

struct marks_row {
	int64_t until_us; /* 0: free */
	uint64_t name_n;
	char name[MARKS_NAME_MAX];
};

_Static_assert(sizeof(struct marks_header) == 32, "layout of the header");
_Static_assert(sizeof(struct marks_row) == 128, "layout of a row");

/* As in cells.c: only the compiler must keep the order of stores. */
static void
in_order(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

size_t
marks_bytes(size_t n)
{
	assert(n <= SIZE_MAX / 4096);
	return sizeof(struct marks_header) + n * sizeof(struct marks_row);
}

static bool
is_zero(const struct marks_header *h)
{
	static const struct marks_header none;

	return memcmp(h, &none, sizeof none) == 0;
}

static bool
is_ours(const struct marks_header *h, uint64_t n_rows)
{
	return h->magic == MARKS_MAGIC && h->layout == MARKS_LAYOUT &&
	    h->row_bytes == sizeof(struct marks_row) && h->n_rows == n_rows;
}

/* In use, and not something that nobody has written. */
static bool
is_used(const struct marks_row *r)
{
	return r->until_us > 0 && r->name_n > 0 && r->name_n <= MARKS_NAME_MAX;
}

enum err
marks_attach(struct marks *m, void *mem, size_t size)
{
	struct marks_header *h = mem;
	bool is_fresh;

	assert((uintptr_t)mem % 8 == 0);
	if (size < marks_bytes(1))
		return ERR_RANGE;
	*m = (struct marks){.header = h,
	    .rows = (struct marks_row *)(void *)(h + 1),
	    .n_rows = (size - sizeof *h) / sizeof(struct marks_row)};
	if (is_ours(h, m->n_rows)) {
		for (size_t i = 0; i < m->n_rows; i++)
			m->n += is_used(&m->rows[i]);
		return OK;
	}
	is_fresh = is_zero(h);
	if (!is_fresh)
		memset(mem, 0, marks_bytes(m->n_rows));
	h->layout = MARKS_LAYOUT;
	h->row_bytes = sizeof(struct marks_row);
	h->n_rows = m->n_rows;
	in_order();
	h->magic = MARKS_MAGIC;
	return is_fresh ? OK : ERR_VERSION;
}

static struct slice
name_of(const struct marks_row *r)
{
	return slice_of(r->name, r->name_n);
}

static struct marks_row *
find(const struct marks *m, struct slice name)
{
	for (size_t i = 0; m->n > 0 && i < m->n_rows; i++)
		if (is_used(&m->rows[i]) &&
		    slice_eq(name_of(&m->rows[i]), name))
			return &m->rows[i];
	return NULL;
}

static void
release(struct marks *m, struct marks_row *r)
{
	r->until_us = 0;
	m->n--;
}

/* A free place, or that of a mark that is over; NULL: none. */
static struct marks_row *
find_place(struct marks *m, int64_t now_us)
{
	for (size_t i = 0; i < m->n_rows; i++) {
		struct marks_row *r = &m->rows[i];

		if (is_used(r) && r->until_us <= now_us)
			release(m, r);
		if (!is_used(r))
			return r;
	}
	return NULL;
}

enum err
marks_set(struct marks *m, struct slice name, int64_t until_us, int64_t now_us)
{
	struct marks_row *r = find(m, name);

	assert(until_us > now_us && until_us > 0);
	if (name.n == 0 || name.n > MARKS_NAME_MAX)
		return ERR_RANGE;
	if (r != NULL) {
		r->until_us = until_us;
		return OK;
	}
	if ((r = find_place(m, now_us)) == NULL)
		return ERR_FULL;
	r->until_us = 0;
	in_order();
	memcpy(r->name, name.p, name.n);
	r->name_n = name.n;
	in_order();
	r->until_us = until_us;
	m->n++;
	return OK;
}

bool
marks_clear(struct marks *m, struct slice name, int64_t now_us)
{
	struct marks_row *r = find(m, name);
	bool did_hold = r != NULL && r->until_us > now_us;

	if (r != NULL)
		release(m, r);
	return did_hold;
}

int64_t
marks_until(const struct marks *m, struct slice name, int64_t now_us)
{
	const struct marks_row *r = find(m, name);

	return r != NULL && r->until_us > now_us ? r->until_us : 0;
}

bool
marks_next(const struct marks *m, size_t *i, int64_t now_us, struct slice *name,
    int64_t *until_us)
{
	while (*i < m->n_rows) {
		const struct marks_row *r = &m->rows[(*i)++];

		if (!is_used(r) || r->until_us <= now_us)
			continue;
		*name = name_of(r);
		*until_us = r->until_us;
		return true;
	}
	return false;
}
