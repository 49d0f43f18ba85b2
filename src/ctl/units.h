/*
 * units: what a service manager is told of weir, as text.  Pure.
 */
#pragma once
#include "conf/conf.h"

/* The user and group under which weir serves a whole machine. */
#define UNITS_USER "weir"

/* In the first line of each file that weir writes: those it may take away. */
#define UNITS_MARK "Written by weir install"

struct units_of {
	const char *program;	 /* absolute path */
	const char *config;	 /* the same, or NULL: none */
	const struct conf *conf; /* in force */
	bool is_user;		 /* of one user, not of the machine */
	bool has_socket;	 /* systemd opens the sockets */
	const char *groups;	 /* for the GPU: "video render"; "" */
};

/*
 * Append weir.service, weir.socket, the system user, the launchd property list.
 * ERR_FULL, ERR_NOMEM.
 */
MUST_CHECK enum err units_service(const struct units_of *u, struct buf *out);
MUST_CHECK enum err units_socket(const struct units_of *u, struct buf *out);
MUST_CHECK enum err units_user(struct buf *out);
MUST_CHECK enum err units_launchd(const struct units_of *u, struct buf *out);

/* Does weir stand before an engine that a unit of systemd's runs? */
bool units_has_unit(const struct conf *c);

/*
 * Append the rule of polkit's that lets weir's user restart the units of
 * ${u->conf}'s engines, and no other.  Source: polkit(8).  ERR_FULL, ERR_NOMEM.
 */
MUST_CHECK enum err units_rule(const struct units_of *u, struct buf *out);

/* Where an Ollama listens. */
struct units_place {
	char host[64]; /* an address, IPv6 without brackets */
	uint16_t port;
};

/*
 * Where $OLLAMA_HOST (NULL: unset) says, by Ollama's own rules.  False: not an
 * address that weir could listen on.
 */
bool units_ollama_place(const char *text, struct units_place *out);

/* Append the drop-in that moves an Ollama to ${port} of loopback. */
MUST_CHECK enum err units_move(uint16_t port, struct buf *out);

/*
 * Append a configuration that listens at ${at}, in front of the Ollama that
 * ${unit} runs at ${port} of loopback, with the browser origins of ${origins}
 * (commas between them; "").
 */
MUST_CHECK enum err units_config(const struct units_place *at, uint16_t port,
    const char *unit, const char *origins, struct buf *out);
