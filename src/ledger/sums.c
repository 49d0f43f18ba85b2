#include "ledger/sums.h"
#include "os/random.h"
#include <assert.h>
#include <stdlib.h>

enum { NAME_MAX_BYTES = 255 };

void
sums_init(struct sums *s, size_t rows, size_t budgets)
{
	struct hash_key seed;

	random_must_fill(&seed, sizeof seed);
	table_init(&s->rows, rows, seed);
	table_init(&s->budgets, budgets, seed);
}

void
sums_clear(struct sums *s)
{
	struct table_node *n, *next;

	for (n = table_next(&s->rows, NULL); n != NULL; n = next) {
		next = table_next(&s->rows, n);
		table_del(&s->rows, n);
		free(TABLE_OF(n, struct sum, node));
	}
	for (n = table_next(&s->budgets, NULL); n != NULL; n = next) {
		next = table_next(&s->budgets, n);
		table_del(&s->budgets, n);
		free(TABLE_OF(n, struct sum_budget, node));
	}
}

void
sums_fini(struct sums *s)
{
	sums_clear(s);
	table_fini(&s->rows);
	table_fini(&s->budgets);
}

bool
sums_are_empty(const struct sums *s)
{
	return s->rows.n == 0 && s->budgets.n == 0;
}

struct slice
sum_caller(const struct sum *r)
{
	return slice_of(r->key + sizeof r->at_s, r->caller_n);
}

struct slice
sum_model(const struct sum *r)
{
	return slice_of(r->key + sizeof r->at_s + r->caller_n + 1, r->model_n);
}

/* A new row, with all counts 0. */
static enum err
make_row(struct sums *s, const struct sum_key *key, struct slice bytes,
    struct sum **out)
{
	struct sum *r = calloc(1, sizeof *r + bytes.n);
	enum err e;

	if (r == NULL)
		return ERR_NOMEM;
	r->at_s = key->at_s;
	r->caller_n = (uint16_t)key->caller.n;
	r->model_n = (uint16_t)key->model.n;
	memcpy(r->key, bytes.p, bytes.n);
	r->node.key = slice_of(r->key, bytes.n);
	if ((e = table_add(&s->rows, &r->node)) != OK)
		free(r);
	else
		*out = r;
	return e;
}

enum err
sums_add(struct sums *s, const struct sum_key *key, const struct counts *c)
{
	char bytes[sizeof key->at_s + 2 * NAME_MAX_BYTES + 1];
	size_t n = sizeof key->at_s;
	struct table_node *node;
	struct sum *r;
	enum err e;

	assert(key->caller.n <= NAME_MAX_BYTES);
	assert(key->model.n <= NAME_MAX_BYTES);
	memcpy(bytes, &key->at_s, n);
	if (key->caller.n > 0)
		memcpy(bytes + n, key->caller.p, key->caller.n);
	n += key->caller.n;
	/* Where the one name ends and the other begins is part of the key. */
	bytes[n++] = '\0';
	if (key->model.n > 0)
		memcpy(bytes + n, key->model.p, key->model.n);
	n += key->model.n;
	node = table_find(&s->rows, slice_of(bytes, n));
	if (node != NULL)
		r = TABLE_OF(node, struct sum, node);
	else if ((e = make_row(s, key, slice_of(bytes, n), &r)) != OK)
		return e;
	r->counts.requests += c->requests;
	r->counts.input += c->input;
	r->counts.output += c->output;
	r->counts.cached += c->cached;
	r->counts.errors += c->errors;
	return OK;
}

enum err
sums_set_budget(
    struct sums *s, struct cells_key key, const int64_t full_us[BUDGETS_EACH])
{
	struct table_node *n =
	    table_find(&s->budgets, slice_of((const char *)&key, sizeof key));
	struct sum_budget *b;
	enum err e;

	if (n == NULL) {
		if ((b = calloc(1, sizeof *b)) == NULL)
			return ERR_NOMEM;
		b->key = key;
		b->node.key = slice_of((const char *)&b->key, sizeof b->key);
		if ((e = table_add(&s->budgets, &b->node)) != OK) {
			free(b);
			return e;
		}
	} else {
		b = TABLE_OF(n, struct sum_budget, node);
	}
	memcpy(b->full_us, full_us, sizeof b->full_us);
	return OK;
}
