/*
 * wire: a conn of ours joined with a plain socket of the test's, in one
 * process, over TCP on loopback or a unix socket.
 *
 *   end (struct conn, events recorded) <---> fd (read and written by hand)
 *
 * Nothing sleeps: wire_until turns the loop until something is true, and fails
 * the test after 20 s.
 */
#pragma once
#include "loop/acceptor.h"
#include "loop/conn.h"
#include <stdio.h>

enum { WIRE_LOG = 64 };

struct wire;

/* One end that is a conn; in memory of its own, freed by on_closed. */
struct end {
	struct conn conn;
	struct wire *wire;
	char log[WIRE_LOG]; /* the events: O R E F D T, cut */
	size_t n_log;
	int count[CONN_TIMEOUT + 1];
	struct buf got; /* all that was read by the usual hook */
	bool in_call;	/* inside of a call of the owner's: no event now */
	bool closing;
	void (*hook)(struct end *e, enum conn_event ev); /* NULL: usual */
	void *ctx;
};

struct wire {
	struct loop loop;
	struct acceptor listener;
	bool is_unix, listener_open;
	char path[108];
	struct sockaddr_storage address; /* of TCP */
	struct end *accepted;		 /* the last one that came in */
	size_t out_max;
	void (*accept_hook)(struct end *e, enum conn_event ev);
	int n_open, n_closed; /* ends */
	int fds;	      /* when it began */
};

void wire_init(struct wire *w, bool is_unix);

/* Everything closed, the loop ended, descriptors back: else the test fails. */
void wire_fini(struct wire *w);

/* Turn the loop until *${flag}, or ${fn}(ctx), is true. */
void wire_until(struct wire *w, bool (*fn)(void *ctx), void *ctx);

/* Turn the loop until ${ev} has come ${n} times at ${e}. */
void wire_until_event(struct end *e, enum conn_event ev, int n);

/* Turn the loop until ${e} has read ${n} bytes in all. */
void wire_until_read(struct end *e, uint64_t n);

/* Some turns without a wait: what is ready happens. */
void wire_turn(struct wire *w);

/* A plain socket, connected to the listener; ${*e}: what was accepted. */
int wire_connect(struct wire *w, struct end **e);

/* A conn that begins to connect to the listener. */
struct end *wire_end(struct wire *w);

/* A conn (connecting) and the plain socket on the other side of it. */
int wire_dial(struct wire *w, struct end **e);

/* Close ${e}; it is gone after some turns. */
void wire_close(struct end *e);

/* The bytes number ${from} to ${from + n} of an endless pattern. */
void wire_pattern(char *p, size_t n, size_t from);

/* Are they? */
bool wire_is_pattern(const char *p, size_t n, size_t from);

/* Write all to the plain socket; the loop turns meanwhile. */
void wire_send(struct wire *w, int fd, const char *p, size_t n);

/* Read exactly ${n} bytes from it; the loop turns meanwhile. */
void wire_recv(struct wire *w, int fd, char *p, size_t n);

/* Read what is there now; 0: end of stream; -1: nothing or an error (errno). */
ssize_t wire_recv_now(int fd, char *p, size_t n);

/* Close with a reset (TCP). */
void wire_reset(int fd);

/* Open descriptors of this process. */
int wire_fds(void);
