#include "disk/pull.h"
#include "json/reader.h"
#include "json/value.h"

/* What a line says; -1: it does not. */
struct told {
	struct slice digest;
	int64_t total, completed;
};

static void
take_number(struct json_reader *r, int64_t *out)
{
	int64_t v;

	if (json_skip(r) == JSON_NUMBER && json_i64(json_span(r), &v) == OK &&
	    v >= 0)
		*out = v;
}

/* The members of the object that ${line} is; false: it is none. */
static bool
read_line(struct slice line, struct told *t)
{
	enum { DEPTH = 16 };
	struct json_reader r;
	enum json_kind k;

	*t = (struct told){.total = -1, .completed = 0};
	json_reader_init(&r, line, DEPTH);
	if (json_next(&r) != JSON_OBJECT)
		return false;
	while ((k = json_next(&r)) == JSON_KEY) {
		struct slice key = json_span(&r);

		if (slice_is(key, "total"))
			take_number(&r, &t->total);
		else if (slice_is(key, "completed"))
			take_number(&r, &t->completed);
		else if (json_skip(&r) == JSON_STRING &&
		    slice_is(key, "digest"))
			t->digest = json_span(&r);
	}
	return k == JSON_OBJECT_END;
}

enum pull_news
pull_read(struct pull *p, struct slice line)
{
	struct told t;
	unsigned i = 0;
	bool is_new;

	if (!read_line(line, &t) || t.total <= 0 || t.digest.n == 0)
		return PULL_NOTHING;
	t.digest = slice_to(t.digest, PULL_DIGEST_MAX);
	while (i < p->n &&
	    !slice_eq(
		slice_of(p->layers[i].digest, p->layers[i].digest_n), t.digest))
		i++;
	if (i == PULL_LAYERS)
		return PULL_NOTHING;
	is_new = i == p->n || p->layers[i].total != (uint64_t)t.total;
	if (i == p->n) {
		memcpy(p->layers[i].digest, t.digest.p, t.digest.n);
		p->layers[i].digest_n = t.digest.n;
		p->n++;
	}
	p->layers[i].total = (uint64_t)t.total;
	p->layers[i].completed = (uint64_t)t.completed;
	p->is_judged = p->is_judged && !is_new;
	return is_new ? PULL_LAYER : PULL_PROGRESS;
}

uint64_t
pull_left(const struct pull *p)
{
	uint64_t left = 0;

	for (unsigned i = 0; i < p->n; i++)
		if (p->layers[i].total > p->layers[i].completed)
			left += p->layers[i].total - p->layers[i].completed;
	return left;
}

uint64_t
pull_total(const struct pull *p)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < p->n; i++)
		total += p->layers[i].total;
	return total;
}
