/*
 * caller_set: the insides of a set, for caller.c and identify.c.
 */
#pragma once
#include "caller/caller.h"
#include "caller/keyring.h"

/* One network of somebody's `from`, in the order of the configuration. */
struct net {
	struct conf_net net;
	struct caller *caller;
};

struct caller_set {
	const struct cells *cells;
	const struct conf *conf;
	const struct conf *plain; /* the defaults: a row without limits */
	struct key_hasher *hasher;
	struct keyring keys;
	struct table named, by_address;
	struct list idle; /* anonymous ones that nobody holds, oldest first */
	struct net *nets;
	size_t n_nets;
	enum process_need need;
	struct table people;
	struct list idle_people; /* that nobody holds, oldest first */
	uint8_t people_secret[32];
	struct caller *crowd; /* all anonymous ones beyond the maximum */
};

/* Make the zeroed ${c} the caller ${name}; its address is set before. */
void caller_init(
    struct caller *c, const struct cells *cells, struct slice name);

/* The same without limits of its own yet. */
void caller_init_plain(struct caller *c, struct slice name);

/* Let ${row} of ${conf} hold for ${c} from now on. */
void caller_apply(
    struct caller *c, const struct conf *conf, const struct conf_caller *row);

/* Free ${c}, which nobody holds and no table has. */
void caller_end(struct caller *c);
