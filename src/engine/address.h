/*
 * address: from an engine's url to a socket address.
 *
 * Numbers and unix paths are known at once; names are looked up on libuv's
 * threads, at start and again after each failed probe.
 */
#pragma once
#include "engine/engine.h"
#include <netdb.h>

/* Take over what ${url} says and begin the look-up. */
void address_init(struct engine *e, const struct conf_url *url);

/* Is ${e} at ${url}? */
bool address_is(const struct engine *e, const struct conf_url *url);

/*
 * Look the name up again, if it is a name and that is not under way.  Each
 * look-up takes the next of a name's addresses: `localhost` may be ::1 first,
 * where nobody listens.
 */
void address_refresh(struct engine *e);

/* Another port of the same host; for the search. */
void address_set_port(struct engine *e, int port);

/* Free what address_init took. */
void address_fini(struct engine *e);

/* The address for the ${turn}th look-up, of a list or NULL; NULL: none. */
const struct addrinfo *address_pick(const struct addrinfo *list, unsigned turn);
