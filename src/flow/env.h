/*
 * env: what all requests of a gate share.  One per gate; the loop thread's.
 */
#pragma once
#include "caller/caller.h"
#include "conf/conf.h"
#include "dialect/route.h"
#include "engine/engine.h"
#include "http/date.h"
#include "ledger/ledger.h"
#include "limit/cells.h"
#include "limit/marks.h"
#include "log/id.h"
#include "log/log.h"
#include "log/stamp.h"
#include "loop/loop.h"
#include "metric/metric.h"
#include "queue/queue.h"

/* The last good answer to a read-only route, see recall.h. */
enum { FLOW_RECALLS = 32 };
struct flow_recall {
	char key[128];
	size_t key_n;
	struct buf body;
	char type[64];
	size_t type_n;
	int64_t at_us;
};

struct disk_guard;

struct flow_env {
	struct loop *loop;
	const struct conf *conf;
	struct caller_set *callers;
	struct engine_set engines;
	struct cells *cells;
	struct counters *counters;   /* for the queue; NULL: none */
	const struct marks *blocked; /* callers; NULL: nobody */
	struct budgets *budgets;
	struct ledger *ledger;	  /* NULL: nobody's use is kept */
	struct disk_guard *disks; /* NULL: none are watched */
	struct queue queue;
	struct log *log;
	struct metrics *metrics;
	struct id_source ids;
	char host_name[256]; /* this machine's */
	struct os_peer_memo peers;
	struct stamp stamp;
	struct http_date_cache date;

	/* What weir itself answers (admin/); ${ctx} is own_ctx. */
	int (*own)(void *ctx, const struct route *r, bool is_trusted,
	    struct buf *body, const char **type);
	void *own_ctx;

	/* ${c} was refused: its tokens are used up for so long.  NULL: nobody
	 * wants to know. */
	void (*on_spent)(void *ctx, const struct caller *c, int64_t wait_us);
	void *spent_ctx;

	struct list clients; /* open connections */
	size_t n_clients;
	struct table addresses; /* how many of each */
	struct list woken;	/* clients with another request to begin */
	struct list ready;	/* flows to run at the end of this turn */
	struct list later;	/* and at the end of the next */
	bool wants_dispatch;	/* a slot came free, or an engine */
	struct list spare;	/* flows to use again */
	size_t n_spare;
	size_t n_flows;	     /* alive */
	uint64_t body_bytes; /* of bodies held now */
	struct timer queue_timer;
	bool is_away; /* no engine is up, see hold.h */
	struct loop_turn turn;
	struct http_head scrap; /* where the parser wants a place */
	struct buf scratch;	/* for heads; empty between uses */
	struct flow_recall recalls[FLOW_RECALLS];
	bool is_draining; /* no new requests on old connections */
	bool is_leaving;  /* one more request each, which is told so */
	void (*on_idle)(struct flow_env *env); /* the last connection closed */

	struct series *m_connections, *m_accepted, *m_body_bytes, *m_line;
};

/*
 * Prepare ${env}, whose loop, conf, callers, cells, log and metrics are set.
 * Aborts if memory runs out.
 */
void flow_env_init(struct flow_env *env, struct hash_key seed);

/* Close all connections at once, free all. */
void flow_env_fini(struct flow_env *env);

/* When all connections are closed: free the rest. */
void flow_env_free(struct flow_env *env);

/* Another configuration is in env->conf: take over what it bounds. */
void flow_env_reload(struct flow_env *env);

/*
 * Accept no new requests on the open connections; those in flight finish.
 * on_idle is called when the last connection has closed (perhaps now).
 */
void flow_env_drain(struct flow_env *env);

/*
 * Another gate serves: each open connection may bring one more request, whose
 * answer says that it closes, or becomes idle and closes in its time; nobody
 * loses one that was on its way.  on_idle as above.
 */
void flow_env_leave(struct flow_env *env);
