/*
 * client: one connection of a caller: accepted, its requests one at a time,
 * and an end that lets the last answer arrive.
 *
 *   accept -> IDLE <-> FLOW ---> FLUSH --> closed
 *               ^        |'----> LINGER -> closed   FIN sent, rest thrown away
 *               '-DISCARD'                          rest of a refused body
 */
#pragma once
#include "caller/address.h"
#include "flow/env.h"
#include "http/parser.h"
#include "loop/conn.h"

struct flow;

enum client_state {
	CLIENT_IDLE,
	CLIENT_FLOW,
	CLIENT_DISCARD,
	CLIENT_FLUSH,
	CLIENT_LINGER,
};

struct client {
	struct conn conn;
	struct http_parser parser;
	struct flow_env *env;
	struct list node, wake; /* env->clients; a list of the turn */
	enum client_state state;
	struct flow *flow; /* the request in hand */
	struct address address;
	struct address_count *count;
	struct process *process; /* its other end's, if that is known */
	enum process_need asked; /* how much was looked for */
	bool keep_alive;	 /* may carry another request */
	bool body_open;		 /* the request's body has not ended */
	bool holds_body;	 /* it waits for a 100 that it did not get */
	size_t discarded;
};

/* Take the connection ${fd}, which came ${from}, if limits allow. */
void client_accept(struct flow_env *env, int fd, const struct sockaddr *from);

/* Does so much of the request remain unread that the connection must end? */
bool client_must_close(const struct client *c);

/*
 * The process at the other end, looked for once and only where callers are
 * known by it.  NULL: not on this machine, or nobody can tell.
 */
const struct process *client_process(struct client *c);

/* Write ${n} slices; a buffer that overflows loses the connection. */
void client_write(struct client *c, const struct slice *s, unsigned n);

/* Its flow is settled: go on with the next request, or end. */
void client_done(struct client *c);

/* Close it now, without a word; its flow, if any, is settled first. */
void client_close(struct client *c);

/* Begin the next requests of clients that wait for the end of the turn. */
void client_run_woken(struct flow_env *env);
