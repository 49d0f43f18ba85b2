/*
 * One pass over the front of the file, with a cursor that knows where the
 * bytes end.  What does not fit into what was read is ERR_EOF; gguf_open then
 * reads more, until the file itself ends.
 */
#include "token/gguf.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_BYTES = 4 << 20, KEY_MAX = 65535 };

struct gguf {
	char *own; /* the bytes, if they are ours */
	struct slice bytes;
	size_t n_keys;
	size_t tensors_at, tensors_end;
	uint64_t n_tensors;
	struct gguf_value keys[GGUF_KEYS_MAX];
};

/* What is left to read. */
struct cursor {
	const char *p;
	size_t n;
};

static const uint8_t sizes[GGUF_TYPES] = {
    1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

size_t
gguf_size(enum gguf_type type)
{
	return (unsigned)type < GGUF_TYPES ? sizes[type] : 0;
}

static enum err
take(struct cursor *c, uint64_t n, struct slice *out)
{
	if (n > GGUF_BYTES_MAX)
		return ERR_FULL;
	if (n > c->n)
		return ERR_EOF;
	*out = slice_of(c->p, (size_t)n);
	c->p += n;
	c->n -= (size_t)n;
	return OK;
}

/* ${n} little-endian bytes, at most 8. */
static uint64_t
number(const char *p, size_t n)
{
	uint64_t v = 0;

	while (n > 0)
		v = v << 8 | (unsigned char)p[--n];
	return v;
}

static enum err
take_u32(struct cursor *c, uint32_t *out)
{
	struct slice s;
	enum err e = take(c, 4, &s);

	if (e == OK)
		*out = (uint32_t)number(s.p, 4);
	return e;
}

static enum err
take_u64(struct cursor *c, uint64_t *out)
{
	struct slice s;
	enum err e = take(c, 8, &s);

	if (e == OK)
		*out = number(s.p, 8);
	return e;
}

static enum err
take_string(struct cursor *c, struct slice *out)
{
	uint64_t n;
	enum err e = take_u64(c, &n);

	return e == OK ? take(c, n, out) : e;
}

static enum err
take_type(struct cursor *c, enum gguf_type *out)
{
	uint32_t type;
	enum err e = take_u32(c, &type);

	if (e == OK && type >= GGUF_TYPES)
		return ERR_SYNTAX;
	if (e == OK)
		*out = (enum gguf_type)type;
	return e;
}

static enum err
take_array(struct cursor *c, struct gguf_value *v)
{
	const char *from;
	struct slice s;
	enum err e;

	if ((e = take_type(c, &v->item)) != OK ||
	    (e = take_u64(c, &v->n)) != OK)
		return e;
	if (v->item == GGUF_ARRAY)
		return ERR_SYNTAX;
	if (v->n > GGUF_BYTES_MAX)
		return ERR_FULL;
	if (v->item != GGUF_STRING)
		return take(c, v->n * sizes[v->item], &v->raw);
	from = c->p;
	for (uint64_t i = 0; i < v->n; i++)
		if ((e = take_string(c, &s)) != OK)
			return e;
	v->raw = slice_of(from, (size_t)(c->p - from));
	return OK;
}

static enum err
take_value(struct cursor *c, struct gguf_value *v)
{
	enum err e;

	if ((e = take_string(c, &v->key)) != OK ||
	    (e = take_type(c, &v->type)) != OK)
		return e;
	if (v->key.n == 0 || v->key.n > KEY_MAX)
		return ERR_SYNTAX;
	v->n = 1;
	v->item = v->type;
	if (v->type == GGUF_ARRAY)
		return take_array(c, v);
	if (v->type == GGUF_STRING)
		return take_string(c, &v->raw);
	return take(c, sizes[v->type], &v->raw);
}

static const struct gguf_value *
find(const struct gguf *g, struct slice key)
{
	for (size_t i = 0; i < g->n_keys; i++)
		if (slice_eq(g->keys[i].key, key))
			return &g->keys[i];
	return NULL;
}

static enum err
take_tensor(struct cursor *c, struct gguf_tensor *t)
{
	uint64_t offset;
	uint32_t n;
	enum err e;

	if ((e = take_string(c, &t->name)) != OK || (e = take_u32(c, &n)) != OK)
		return e;
	if (n > GGUF_DIMS_MAX)
		return ERR_SYNTAX;
	t->n_dims = n;
	for (unsigned i = 0; i < GGUF_DIMS_MAX; i++) {
		t->dims[i] = 1;
		if (i < n && (e = take_u64(c, &t->dims[i])) != OK)
			return e;
	}
	if ((e = take_u32(c, &t->type)) != OK)
		return e;
	return take_u64(c, &offset);
}

/* All of the metadata into ${g}, whose bytes are set. */
static enum err
parse(struct gguf *g)
{
	struct cursor c = {g->bytes.p, g->bytes.n};
	struct gguf_tensor t;
	struct slice magic;
	uint64_t n_keys;
	uint32_t version;
	enum err e;

	g->n_keys = 0;
	if ((e = take(&c, 4, &magic)) != OK)
		return e;
	if (memcmp(magic.p, "GGUF", 4) != 0)
		return ERR_SYNTAX;
	if ((e = take_u32(&c, &version)) != OK)
		return e;
	if (version != 2 && version != 3)
		return ERR_VERSION;
	if ((e = take_u64(&c, &g->n_tensors)) != OK ||
	    (e = take_u64(&c, &n_keys)) != OK)
		return e;
	if (n_keys > GGUF_KEYS_MAX || g->n_tensors > GGUF_TENSORS_MAX)
		return ERR_FULL;
	while (g->n_keys < n_keys) {
		struct gguf_value *v = &g->keys[g->n_keys];

		if ((e = take_value(&c, v)) != OK)
			return e;
		if (find(g, v->key) != NULL)
			return ERR_SYNTAX;
		g->n_keys++;
	}
	g->tensors_at = (size_t)(c.p - g->bytes.p);
	for (uint64_t i = 0; i < g->n_tensors; i++)
		if ((e = take_tensor(&c, &t)) != OK)
			return e;
	g->tensors_end = (size_t)(c.p - g->bytes.p);
	return OK;
}

enum err
gguf_parse(struct slice bytes, struct gguf **out)
{
	struct gguf *g = malloc(sizeof *g);
	enum err e;

	if (g == NULL)
		return ERR_NOMEM;
	g->own = NULL;
	g->bytes = bytes;
	e = parse(g);
	if (e != OK) {
		free(g);
		return e;
	}
	*out = g;
	return OK;
}

/* Read until ${g} has ${want} bytes or the file ends. */
static enum err
fill(struct gguf *g, int fd, size_t want, bool *is_end)
{
	char *p = realloc(g->own, want);
	size_t n = g->bytes.n;

	if (p == NULL)
		return ERR_NOMEM;
	g->own = p;
	*is_end = false;
	while (n < want) {
		ssize_t got = pread(fd, p + n, want - n, (off_t)n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ERR_IO;
		if (got == 0) {
			*is_end = true;
			break;
		}
		n += (size_t)got;
	}
	g->bytes = slice_of(p, n);
	return OK;
}

/* Most files need one or two rounds. */
static enum err
read_all(struct gguf *g, int fd)
{
	size_t want = FIRST_BYTES;
	bool is_end;
	enum err e;

	for (;;) {
		if ((e = fill(g, fd, want, &is_end)) != OK)
			return e;
		e = parse(g);
		if (e != ERR_EOF)
			return e;
		if (is_end)
			return ERR_SYNTAX;
		if (want >= GGUF_BYTES_MAX)
			return ERR_FULL;
		want *= 2;
	}
}

enum err
gguf_open(const char *path, struct gguf **out)
{
	struct gguf *g;
	struct stat st;
	enum err e;
	int fd;

	/* A pipe or a terminal must not hold us up. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND
							   : ERR_IO;
	g = calloc(1, sizeof *g);
	if (g == NULL)
		e = ERR_NOMEM;
	else if (fstat(fd, &st) != 0)
		e = ERR_IO;
	else if (!S_ISREG(st.st_mode))
		e = ERR_SYNTAX;
	else
		e = read_all(g, fd);
	(void)close(fd);
	if (e != OK) {
		int saved = errno;

		gguf_free(g);
		errno = saved;
		return e;
	}
	*out = g;
	return OK;
}

void
gguf_free(struct gguf *g)
{
	if (g == NULL)
		return;
	free(g->own);
	free(g);
}

const struct gguf_value *
gguf_find(const struct gguf *g, const char *key)
{
	return find(g, slice_str(key));
}

size_t
gguf_n_keys(const struct gguf *g)
{
	return g->n_keys;
}

const struct gguf_value *
gguf_get(const struct gguf *g, size_t i)
{
	return &g->keys[i];
}

bool
gguf_find_tensor(
    const struct gguf *g, const char *name, struct gguf_tensor *out)
{
	struct slice rest = slice_from(g->bytes, g->tensors_at);
	struct cursor c = {rest.p, rest.n};

	for (uint64_t i = 0; i < g->n_tensors; i++) {
		struct gguf_tensor t;

		if (take_tensor(&c, &t) != OK)
			return false;
		if (slice_is(t.name, name)) {
			*out = t;
			return true;
		}
	}
	return false;
}

bool
gguf_has_tensor(const struct gguf *g, const char *prefix)
{
	struct slice rest = slice_from(g->bytes, g->tensors_at);
	struct cursor c = {rest.p, rest.n};
	struct gguf_tensor t;

	for (uint64_t i = 0; i < g->n_tensors; i++) {
		if (take_tensor(&c, &t) != OK)
			return false;
		if (slice_starts(t.name, slice_str(prefix)))
			return true;
	}
	return false;
}

struct slice
gguf_text(const struct gguf *g, const char *key)
{
	const struct gguf_value *v = gguf_find(g, key);

	return v != NULL && v->type == GGUF_STRING ? v->raw : slice_of(NULL, 0);
}

/* The integer of ${type} at ${p}; false: it is none. */
static bool
integer(const char *p, enum gguf_type type, int64_t *out)
{
	uint64_t u = number(p, gguf_size(type));
	unsigned unused;

	switch (type) {
	case GGUF_I8:
	case GGUF_I16:
	case GGUF_I32:
	case GGUF_I64:
		/* The sign bit goes to the top and comes back with its kin. */
		unused = 64 - 8 * (unsigned)gguf_size(type);
		*out = (int64_t)(u << unused) >> unused;
		return true;
	case GGUF_U8:
	case GGUF_U16:
	case GGUF_U32:
	case GGUF_U64:
		if (u > INT64_MAX)
			return false;
		*out = (int64_t)u;
		return true;
	default:
		return false;
	}
}

bool
gguf_i64(const struct gguf *g, const char *key, int64_t *out)
{
	const struct gguf_value *v = gguf_find(g, key);

	return v != NULL && integer(v->raw.p, v->type, out);
}

bool
gguf_item_i64(const struct gguf_value *v, uint64_t i, int64_t *out)
{
	enum gguf_type type = v->type == GGUF_ARRAY ? v->item : v->type;
	const char *p = v->raw.p;

	if (v->type == GGUF_ARRAY) {
		if (i >= v->n || gguf_size(type) == 0)
			return false;
		p += i * gguf_size(type);
	}
	if (type == GGUF_BOOL) {
		*out = p[0] != 0;
		return true;
	}
	return integer(p, type, out);
}

size_t
gguf_bytes(const struct gguf *g)
{
	return g->tensors_end;
}

bool
gguf_bool(const struct gguf *g, const char *key, bool *out)
{
	const struct gguf_value *v = gguf_find(g, key);

	if (v == NULL || v->type != GGUF_BOOL)
		return false;
	*out = v->raw.p[0] != 0;
	return true;
}

bool
gguf_next_string(const struct gguf_value *v, size_t *at, struct slice *out)
{
	struct cursor c;

	if (v->type != GGUF_ARRAY || v->item != GGUF_STRING || *at >= v->raw.n)
		return false;
	c = (struct cursor){v->raw.p + *at, v->raw.n - *at};
	if (take_string(&c, out) != OK)
		return false;
	*at = v->raw.n - c.n;
	return true;
}
