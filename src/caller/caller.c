/*
 * See caller/caller.h.  Here callers are made, loaded and ended; who sends a
 * request is asked in identify.c.
 */
#include "caller/caller_set.h"
#include "caller/people.h"
#include "os/random.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAMED_MAX = 1 << 20 };

static const struct slice anonymous = SLICE("anonymous");
static const struct slice fallback = SLICE("default");

/* A load cannot be half done: it is done or the process ends. */
static void *
must(void *p)
{
	if (p == NULL) {
		fputs("weir: out of memory while loading callers\n", stderr);
		abort();
	}
	return p;
}

static struct hash_key
secret(void)
{
	struct hash_key k;

	random_must_fill(&k, sizeof k);
	return k;
}

/* --- one caller --- */

/* The limiter's keys: a name, or NUL (which no name has) and an address. */
static void
set_cells(struct caller *c, const struct cells *cells)
{
	char bytes[1 + sizeof c->address] = {0};
	struct slice who = c->name;
	struct cells_key service;

	if (c->is_anonymous) {
		memcpy(bytes + 1, &c->address, sizeof c->address);
		who = slice_of(bytes, sizeof bytes);
	}
	c->rate_key = cells_key(cells, CELLS_REQUESTS, who);
	c->listing_key = cells_key(cells, CELLS_LISTINGS, who);
	c->tokens_key = cells_key(cells, CELLS_TOKENS, who);
	service = cells_key(cells, CELLS_SERVICE, who);
	c->line_key = (struct counters_key){service.lo, service.hi};
}

void
caller_init_plain(struct caller *c, struct slice name)
{
	assert(name.n <= sizeof c->name_text);
	memcpy(c->name_text, name.p, name.n);
	c->name = c->shown = slice_of(c->name_text, name.n);
	queue_caller_init(&c->line);
	list_init(&c->idle);
	list_init(&c->of_app);
	list_init(&c->people);
	c->is_listed = true;
}

void
caller_init(struct caller *c, const struct cells *cells, struct slice name)
{
	caller_init_plain(c, name);
	set_cells(c, cells);
}

/*
 * ${rate} of the configuration for the limiter.  A burst that would take more
 * than a century to come back is halved until it does not.
 */
static struct gcra_rate
rate_of(struct conf_rate rate, uint64_t burst)
{
	struct gcra_rate out = {0};

	if (burst > GCRA_BURST_MAX)
		burst = GCRA_BURST_MAX;
	if (rate.count == 0)
		return out;
	while (gcra_rate_init(
		   &out, rate.count, rate.period_ns, (uint32_t)burst) != OK &&
	    burst > 0)
		burst /= 2;
	return out;
}

/* The configuration's bounds are the limiter's. */
static struct budgets_rule
tokens_of(const struct conf_tokens *t)
{
	struct budgets_rule rule = {.strict = t->strict};

	if (t->limit > 0 &&
	    budget_limit_init(&rule.limits[0], t->limit, t->period_ns) == OK)
		rule.n = 1;
	return rule;
}

static uint32_t
bound(int64_t n)
{
	return n <= 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static void
set_shown(struct caller *c, enum conf_address how)
{
	struct buf b;

	if (!c->is_anonymous)
		return;
	buf_init(&b, sizeof c->shown_text);
	if (buf_add(&b, anonymous) == OK && how != CONF_ADDRESS_NONE &&
	    c->node.key.n > 0 && buf_add_char(&b, '@') == OK)
		(void)!address_show(&c->address, how, &b);
	memcpy(c->shown_text, b.p, b.n);
	c->shown = slice_of(c->shown_text, b.n);
	buf_fini(&b);
}

void
caller_apply(
    struct caller *c, const struct conf *conf, const struct conf_caller *row)
{
	uint32_t listings = conf->limits_listing.count;

	c->row = row;
	c->rate = rate_of(row->rate, (uint64_t)row->burst);
	c->tokens = tokens_of(&row->tokens);
	/* A client may fetch all its listings at one moment. */
	c->listing =
	    rate_of(conf->limits_listing, listings > 0 ? listings - 1 : 0);
	/* Even who finds a free slot passes the line: 0 would be nobody. */
	queue_caller_set(&c->line, bound(row->at_once),
	    row->waiting > 0 ? bound(row->waiting) : 1,
	    CALLER_WEIGHT_UNIT * (row->weight > 0 ? bound(row->weight) : 1));
	set_shown(c, conf->log_address);
}

void
caller_end(struct caller *c)
{
	assert(c->refs == 0);
	assert(c->line.waiting == 0 && c->line.in_flight == 0);
	conf_drop(c->kept);
	free(c);
}

/* --- load --- */

struct caller_set *
caller_set_new(const struct cells *cells)
{
	struct caller_set *set = must(calloc(1, sizeof *set));

	set->cells = cells;
	set->plain = conf_default();
	set->hasher = key_hasher_new();
	table_init(&set->named, NAMED_MAX, secret());
	table_init(&set->by_address, CALLER_ANONYMOUS_MAX, secret());
	list_init(&set->idle);
	table_init(&set->people, PEOPLE_MAX, secret());
	list_init(&set->idle_people);
	random_must_fill(set->people_secret, sizeof set->people_secret);
	set->crowd = must(calloc(1, sizeof *set->crowd));
	set->crowd->is_anonymous = true;
	set->crowd->address.ip[15] = 1; /* no group of addresses has that */
	caller_init(set->crowd, cells, anonymous);
	return set;
}

static void
end_all(struct table *t)
{
	struct table_node *n;

	while ((n = table_next(t, NULL)) != NULL) {
		table_del(t, n);
		caller_end(TABLE_OF(n, struct caller, node));
	}
	table_fini(t);
}

void
caller_set_free(struct caller_set *set)
{
	people_free(set);
	end_all(&set->named);
	end_all(&set->by_address);
	caller_end(set->crowd);
	keyring_fini(&set->keys);
	key_hasher_free(set->hasher);
	conf_drop(set->conf);
	conf_drop(set->plain);
	free(set->nets);
	free(set);
}

struct caller *
caller_find(const struct caller_set *set, struct slice name)
{
	struct table_node *n = table_find(&set->named, name);

	return n == NULL ? NULL : TABLE_OF(n, struct caller, node);
}

/* The caller named ${name}, made if there is none, listed from now on. */
static struct caller *
find_or_make(struct caller_set *set, struct slice name)
{
	struct caller *c = caller_find(set, name);

	if (c == NULL) {
		c = must(calloc(1, sizeof *c));
		caller_init(c, set->cells, name);
		c->node.key = c->name;
		if (table_add(&set->named, &c->node) != OK)
			must(NULL);
	}
	c->is_listed = true;
	return c;
}

/*
 * Forget who is not in the configuration and has no key any more; who is held
 * keeps its row, and ${old} with it, for its last requests.
 */
static void
drop_unlisted(struct caller_set *set, const struct conf *old)
{
	struct table_node *n = table_next(&set->named, NULL), *next;

	for (; n != NULL; n = next) {
		struct caller *c = TABLE_OF(n, struct caller, node);

		next = table_next(&set->named, n);
		if (c->is_listed)
			continue;
		table_del(&set->named, n);
		if (c->refs == 0)
			caller_end(c);
		else
			c->kept = conf_hold(old);
	}
}

/* Make the callers of ${conf} with their keys and networks. */
static void
load_rows(struct caller_set *set, const struct conf *conf)
{
	size_t nets = 0;

	for (size_t i = 0; i < conf->n_callers; i++)
		nets += conf->callers[i].from.n;
	free(set->nets);
	set->nets = must(calloc(nets + 1, sizeof *set->nets));
	set->n_nets = 0;
	set->need = PROCESS_NONE;
	for (size_t i = 0; i < conf->n_callers; i++) {
		const struct conf_caller *row = &conf->callers[i];
		struct caller *c;

		if (row == conf->anonymous_caller)
			continue;
		c = find_or_make(set, row->name);
		caller_apply(c, conf, row);
		if (process_needs(row) > set->need)
			set->need = process_needs(row);
		for (size_t k = 0; k < row->keys.n; k++) {
			struct key_digest d;

			memcpy(d.b, row->keys.v[k].sha256, sizeof d.b);
			keyring_add(&set->keys, &d, c);
		}
		for (size_t k = 0; k < row->from.n; k++)
			set->nets[set->n_nets++] =
			    (struct net){row->from.v[k], c};
	}
}

/* Make the callers of ${keys} that are not configured, and give them keys. */
static void
load_keys(
    struct caller_set *set, const struct conf *conf, const struct keyfile *keys)
{
	const struct conf_caller *row = conf_find_caller(conf, fallback);

	if (row == NULL)
		row = set->plain->anonymous_caller;
	for (size_t i = 0; i < keys->n; i++) {
		const struct keyfile_row *k = &keys->rows[i];
		struct caller *c;

		if (k->revoked_s != 0)
			continue;
		c = caller_find(set, k->name);
		if (c == NULL || !c->is_listed) {
			c = find_or_make(set, k->name);
			caller_apply(c, conf, row);
		}
		keyring_add(&set->keys, &k->digest, c);
	}
}

void
caller_set_load(
    struct caller_set *set, const struct conf *conf, const struct keyfile *keys)
{
	const struct conf *old = set->conf;
	struct table_node *n = NULL;
	size_t most = keys->n;

	for (size_t i = 0; i < conf->n_callers; i++)
		most += conf->callers[i].keys.n;
	keyring_fini(&set->keys);
	if (keyring_init(&set->keys, most, secret()) != OK)
		must(NULL);
	set->conf = conf_hold(conf);
	while ((n = table_next(&set->named, n)) != NULL)
		TABLE_OF(n, struct caller, node)->is_listed = false;
	load_rows(set, conf);
	load_keys(set, conf, keys);
	drop_unlisted(set, old);
	people_reload(set);
	while ((n = table_next(&set->by_address, n)) != NULL)
		caller_apply(TABLE_OF(n, struct caller, node), conf,
		    conf->anonymous_caller);
	caller_apply(set->crowd, conf, conf->anonymous_caller);
	conf_drop(old);
}
