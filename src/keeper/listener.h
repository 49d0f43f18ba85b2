/*
 * listener: the sockets on which callers are heard.
 *
 * A set is built beside the one in force, taking over what stays, and then
 * either becomes it or is undone.
 */
#pragma once
#include "conf/conf.h"
#include "ipc/gate_start.h"
#include "ipc/unix_socket.h"

struct listener {
	struct gate_listener gate;   /* as gates see it */
	struct unix_socket unix_end; /* of a unix socket: its name */
	char key[GATE_ADDRESS_MAX];  /* as configured: port 0 stays 0 */
};

struct listener_set {
	struct listener v[GATE_LISTENERS_MAX];
	size_t n;
	uint32_t last_id;
};

/*
 * Make ${next} what ${want} lists: listeners of ${now} with the same address
 * stay, others are opened.  If one cannot be, none is, and ${why} says in a
 * sentence which, why, and what to do.  ERR_EXISTS (taken), ERR_IO.
 */
MUST_CHECK enum err listener_set_make(struct listener_set *next,
    const struct listener_set *now, const struct conf_listens *want,
    struct buf *why);

/* Close what ${a} has and ${b} has not. */
void listener_set_close_missing(
    struct listener_set *a, const struct listener_set *b);

/* Close all. */
void listener_set_close(struct listener_set *s);

/*
 * Write them for a gate into ${out}; those that ${known} (may be NULL) has
 * without descriptor.
 */
void listener_set_put(const struct listener_set *s,
    const struct listener_set *known, struct gate_start *out);

/* Append the addresses for people: "http://127.0.0.1:11435, unix:/p". */
void listener_set_print(const struct listener_set *s, struct buf *out);
