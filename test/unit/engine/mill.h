/*
 * mill: a scripted engine in the test's own loop: it reads whole requests and
 * asks the test what to do with each.
 *
 *   weir's upstream, fetch, probe ---> mill --on_request--> the test
 *
 * Nothing sleeps: mill_until turns the loop until something is true, and fails
 * the test after 20 s.
 */
#pragma once
#include "engine/engine.h"
#include "engine/upstream.h"
#include "loop/acceptor.h"
#include "loop/conn.h"

struct mill;

/* One connection from weir. */
struct mill_conn {
	struct conn conn;
	struct mill *mill;
	struct list node;
	struct buf in;	   /* not yet a whole request */
	int n_requests;	   /* on this connection */
	bool got_end;	   /* the other side closed */
	struct slice path; /* of the request at hand */
	struct slice head, body;
	struct timer drip;
	const char *drip_p; /* what mill_drip still has to send */
	size_t drip_n;
	int64_t drip_us;
};

struct mill {
	struct loop loop;
	struct metrics *metrics;
	struct engine_set set;
	struct acceptor listener;
	bool is_open;
	int port;
	char path[108]; /* of a unix socket */
	struct list conns;
	int n_accepted, n_gone, n_requests;
	int64_t accepted_us[64];
	/* What to do with a request; NULL: an Ollama, see mill_ollama. */
	void (*on_request)(struct mill_conn *c);
	bool holds_requests; /* reads nothing at all */
	const char *say;     /* for mill_say_it */
	void *ctx;
	int fds;
};

/* A loop, metrics, an empty set, and a listener on a free port. */
void mill_init(struct mill *m);

/* Retire all engines, close all; nothing may be left. */
void mill_fini(struct mill *m);

/* Listen (again) on that port, 0: a free one.  False: it is taken. */
bool mill_open(struct mill *m, int port);
void mill_open_unix(struct mill *m);
/* Stop listening; close what is connected. */
void mill_close(struct mill *m);

/* A row of the configuration that leads to the mill. */
struct conf_engine mill_conf(struct mill *m, const char *name);

/* Make the set consist of these. */
void mill_configure(
    struct mill *m, struct conf_engine *engines, size_t n_engines);

/* The engine of that name, or NULL. */
struct engine *mill_engine(struct mill *m, const char *name);

/* An engine at the mill that is up and is not probed. */
struct engine *mill_quiet_engine(struct mill *m);

/* Send as it is; send and close; close; with a reset. */
void mill_say(struct mill_conn *c, const char *text);
void mill_say_n(struct mill_conn *c, const char *p, size_t n);
void mill_hang_up(struct mill_conn *c);
void mill_reset(struct mill_conn *c);
/* Send byte by byte, one every ${us}. */
void mill_drip(struct mill_conn *c, const char *text, int64_t us);

/* Answers ready made: 200 with JSON; any status; m->say as it is. */
void mill_json(struct mill_conn *c, const char *json);
void mill_status(struct mill_conn *c, int status, const char *json);
void mill_say_it(struct mill_conn *c);
/* As Ollama, with the models a and b. */
void mill_ollama(struct mill_conn *c);

/* Turn the loop until it is true; some turns without a wait. */
void mill_until(struct mill *m, bool (*fn)(void *ctx), void *ctx);
void mill_turn(struct mill *m);
/* Turn it for that long. */
void mill_for(struct mill *m, int64_t us);
void mill_until_state(struct mill *m, struct engine *e, enum engine_state s);

/* --- a user of an upstream that records what it sees --- */

struct talk {
	struct upstream_user user;
	struct upstream *up; /* NULL: closed or released */
	struct mill *mill;
	struct buf body;
	int heads, parts, ends, sents, fails;
	int status;
	enum err err;
	bool was_reused, got_bytes;
	bool in_call; /* no event may come now */
	/* Called in each event, behind the recording; may close and so on. */
	void (*hook)(struct talk *t, enum upstream_event ev);
	int n_hook;
	bool keep; /* do not close after FAIL, nor release after the end */
};

/* Open and send ${text}, which must live as long as the talk. */
void talk_begin(
    struct talk *t, struct mill *m, struct engine *e, const char *text);
/* Wait until it ended (or failed); closes or releases unless ${keep}. */
void talk_wait(struct talk *t);
void talk_fini(struct talk *t);
