/*
 * people: who stands behind a trusted app (a caller with `user_header`).
 *
 *   open-webui ──┬── open-webui/3f2a91c04b7d    a line of their own each, of
 *                └── open-webui/90b1e62d77fa    which all have the app's share
 *
 * A person is a caller with the app's row and limits (rate, tokens, at_once and
 * waiting are the app's, all its people together) but a line of its own.  The
 * app's weight is divided among its people that have something in hand; of its
 * places to wait none of them has more than are left (queue/group.h).  What the
 * header says is never kept or logged, only a keyed hash of it.
 */
#pragma once
#include "caller/caller.h"

enum {
	PEOPLE_MAX = 8192, /* known at one time; more are the app itself */
	PEOPLE_NAME_MAX = 256,
	PEOPLE_SECRET_BYTES = 32,
};

/*
 * Hash people's names with ${secret} from now on; before the first person.
 * Without it a secret of this process is used.
 */
void people_set_secret(
    struct caller_set *set, const uint8_t secret[PEOPLE_SECRET_BYTES]);

/*
 * The person whom ${app}, which is held, calls ${who}: held instead of it.
 * ${app} itself if ${who} is empty or too long, or if there is no room.
 */
struct caller *people_find(
    struct caller_set *set, struct caller *app, struct slice who);

/* --- for the files of this room --- */

/* ${c} has its first request in hand, or had its last. */
void people_come(struct caller *c);
void people_go(struct caller_set *set, struct caller *c);

/* Another configuration holds: so it does for people; some apps are gone. */
void people_reload(struct caller_set *set);

/* Free all, held by nobody. */
void people_free(struct caller_set *set);
