/* See caller/caller.h: from a request to its caller, on every request. */
#include "caller/caller_set.h"
#include "caller/credential.h"
#include "caller/people.h"
#include <assert.h>
#include <stdlib.h>

_Static_assert(sizeof(struct address) == 17, "bytes of a key, no padding");

/*
 * Whose key is among the credentials of ${r}?  ERR_NOT_FOUND: nobody's;
 * ERR_UNKNOWN_KEY: nobody's, and one should have been.
 */
static enum err
by_key(const struct caller_set *set, const struct caller_request *r,
    struct caller **out)
{
	char room[CREDENTIAL_ROOM];
	const struct slice given[] = {credential_read(r->authorization, room),
	    slice_trim(r->x_api_key), slice_trim(r->api_key), r->in_path};
	enum err e = ERR_NOT_FOUND;

	for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
		if (given[i].n == 0)
			continue;
		if (key_is_ours(given[i]))
			e = ERR_UNKNOWN_KEY;
		if (set->keys.n == 0 || given[i].n > KEY_LONGEST)
			continue;
		struct key_digest d = key_hash(set->hasher, given[i]);
		if ((*out = keyring_find(&set->keys, &d)) != NULL)
			return OK;
	}
	return e;
}

static struct caller *
by_network(const struct caller_set *set, const struct address *peer)
{
	if (peer->is_unix)
		return NULL;
	for (size_t i = 0; i < set->n_nets; i++)
		if (conf_net_has(&set->nets[i].net, peer->ip))
			return set->nets[i].caller;
	return NULL;
}

/* Configured callers are few, and this is asked only where one says so. */
static struct caller *
by_process(const struct caller_set *set, const struct process *p)
{
	const struct conf *conf = set->conf;

	for (size_t i = 0; p != NULL && i < conf->n_callers; i++)
		if (process_is(p, &conf->callers[i]))
			return caller_find(set, conf->callers[i].name);
	return NULL;
}

enum process_need
caller_set_needs(const struct caller_set *set)
{
	return set->need;
}

/* Let the anonymous caller that has been idle longest go, if there is one. */
static void
make_room(struct caller_set *set)
{
	struct list *oldest = list_first(&set->idle);
	struct caller *c;

	if (set->by_address.n < CALLER_ANONYMOUS_MAX || oldest == NULL)
		return;
	c = LIST_OF(oldest, struct caller, idle);
	list_del(&c->idle);
	table_del(&set->by_address, &c->node);
	caller_end(c);
}

/* The anonymous caller of ${peer}; all share one where there is no room. */
static struct caller *
by_address(struct caller_set *set, const struct address *peer)
{
	struct address group = address_group(peer);
	struct table_node *n = table_find(
	    &set->by_address, slice_of((const char *)&group, sizeof group));
	struct caller *c;

	if (n != NULL)
		return TABLE_OF(n, struct caller, node);
	make_room(set);
	if ((c = calloc(1, sizeof *c)) == NULL)
		return set->crowd;
	c->is_anonymous = true;
	c->address = group;
	c->node.key = slice_of((const char *)&c->address, sizeof c->address);
	caller_init(c, set->cells, set->crowd->name);
	if (table_add(&set->by_address, &c->node) != OK) {
		free(c);
		return set->crowd;
	}
	caller_apply(c, set->conf, set->conf->anonymous_caller);
	return c;
}

enum err
caller_identify(struct caller_set *set, const struct caller_request *r,
    struct caller_found *out)
{
	struct caller *c = NULL;
	enum err e = by_key(set, r, &c);

	assert(set->conf != NULL);
	if (e == ERR_UNKNOWN_KEY)
		return e;
	if (e != OK && (c = by_process(set, r->process)) == NULL &&
	    (c = by_network(set, &r->peer)) == NULL) {
		if (set->conf->anonymous == CONF_ACCESS_REFUSE)
			return ERR_KEY_REQUIRED;
		c = by_address(set, &r->peer);
	}
	*out = (struct caller_found){caller_hold(c), e == OK};
	return OK;
}

struct caller *
caller_hold(struct caller *c)
{
	if (c->refs++ > 0)
		return c;
	list_del(&c->idle);
	if (c->app)
		people_come(c);
	return c;
}

void
caller_drop(struct caller_set *set, struct caller *c)
{
	assert(c->refs > 0);
	if (--c->refs > 0 || c == set->crowd)
		return;
	if (c->app)
		people_go(set, c);
	else if (c->is_anonymous)
		list_add(&set->idle, &c->idle);
	else if (!c->is_listed)
		caller_end(c);
}

static struct caller *
of_node(struct table_node *n)
{
	return n == NULL ? NULL : TABLE_OF(n, struct caller, node);
}

/* The next of ${t} behind ${after}, or its first. */
static struct caller *
next_of(const struct table *t, struct caller *after)
{
	return of_node(table_next(t, after ? &after->node : NULL));
}

struct caller *
caller_next(const struct caller_set *set, struct caller *after)
{
	const struct table *tables[] = {
	    &set->named, &set->people, &set->by_address};
	size_t i = 0;
	struct caller *c;

	if (after)
		i = after->is_anonymous ? 2 : after->app ? 1 : 0;
	c = next_of(tables[i], after);
	while (c == NULL && ++i < sizeof tables / sizeof *tables)
		c = next_of(tables[i], NULL);
	return c;
}
