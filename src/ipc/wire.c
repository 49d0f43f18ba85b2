#include "ipc/wire.h"

static void
put(struct wire_out *w, const void *p, size_t n)
{
	if (w->is_bad || n > w->cap - w->n) {
		w->is_bad = true;
		return;
	}
	if (n > 0)
		memcpy(w->p + w->n, p, n);
	w->n += n;
}

void
wire_put_u32(struct wire_out *w, uint32_t v)
{
	put(w, &v, sizeof v);
}

void
wire_put_u64(struct wire_out *w, uint64_t v)
{
	put(w, &v, sizeof v);
}

void
wire_put_text(struct wire_out *w, struct slice s)
{
	wire_put_u32(w, (uint32_t)s.n);
	put(w, s.p, s.n);
}

static void
get(struct wire_in *w, void *p, size_t n)
{
	if (w->is_bad || n > w->rest.n) {
		w->is_bad = true;
		memset(p, 0, n);
		return;
	}
	memcpy(p, w->rest.p, n);
	w->rest = slice_from(w->rest, n);
}

uint32_t
wire_get_u32(struct wire_in *w)
{
	uint32_t v;

	get(w, &v, sizeof v);
	return v;
}

uint64_t
wire_get_u64(struct wire_in *w)
{
	uint64_t v;

	get(w, &v, sizeof v);
	return v;
}

struct slice
wire_get_text(struct wire_in *w)
{
	uint32_t n = wire_get_u32(w);
	struct slice s;

	if (w->is_bad || n > w->rest.n) {
		w->is_bad = true;
		return slice_of(NULL, 0);
	}
	s = slice_to(w->rest, n);
	w->rest = slice_from(w->rest, n);
	return s;
}

void
wire_get_string(struct wire_in *w, char *out, size_t cap)
{
	struct slice s = wire_get_text(w);

	if (s.n >= cap || slice_find(s, '\0') < s.n) {
		w->is_bad = true;
		s.n = 0;
	}
	if (s.n > 0)
		memcpy(out, s.p, s.n);
	out[s.n] = '\0';
}

bool
wire_is_done(const struct wire_in *w)
{
	return !w->is_bad && w->rest.n == 0;
}
