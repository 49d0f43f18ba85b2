/*
 * flow: one request on its walk, and the one loop that walks it.
 *
 *   client has bytes -> flow_new -> flow_run: head, identify, ... stream
 *                                     |  WAIT: somebody calls flow_run or
 *                                     |        flow_wake later
 *                                     '-> settle -> client goes on
 *
 * A flow that waits is always known to whoever will wake it; flow_abort takes
 * it out of all of them.  Memory of one request: this struct, one bounded
 * arena and the body.
 */
#pragma once
#include "base/arena.h"
#include "dialect/answer.h"
#include "dialect/edit.h"
#include "dialect/overflow.h"
#include "dialect/error.h"
#include "dialect/inspect.h"
#include "dialect/route.h"
#include "engine/upstream.h"
#include "flow/env.h"
#include "http/ndjson.h"
#include "http/sse.h"
#include "model/name.h"

struct client;
struct pull;

enum step {
	STEP_NEXT,   /* on to the next stage */
	STEP_WAIT,   /* somebody will wake it */
	STEP_REFUSE, /* f->refusal says why */
	STEP_AGAIN,  /* the engine failed before it answered: line up again */
	STEP_DONE,   /* the answer is with the caller, or the caller is gone */
};

enum stage {
#define STAGE(name, help) STAGE_##name,
#include "facts/stages.def"
#undef STAGE
	STAGE_settle
};

/* How the answer to the caller is delimited. */
enum delimit { DELIMIT_NONE, DELIMIT_LENGTH, DELIMIT_CHUNKS, DELIMIT_CLOSE };

struct flow {
	struct flow_env *env;
	struct client *client;
	const struct conf *conf; /* held */
	struct list node;	 /* env->ready or env->spare */
	enum stage stage;
	bool is_running, is_awake; /* in flow_run; on the ready list */
	bool is_aborted;	   /* the caller is gone: straight to settle */
	struct arena arena;
	char id[ID_LEN];
	int64_t start_us; /* first byte of the request */
	int64_t first_us; /* first byte of the answer's body, 0: none */
	int64_t queued_us, dispatched_us;
	enum err err; /* what the log line says */
	struct refusal refusal;
	enum err dry_run; /* what would have refused it */

	/* head, identify; the head itself stands last */
	bool has_head;
	struct slice target;   /* in origin form, without a key */
	struct slice path_key; /* that stood in it, see stage_head.c */
	struct route_match match;
	struct address from;   /* behind trusted proxies */
	struct slice page;     /* origin of a web page that may call */
	struct caller *caller; /* held */
	char allow[ROUTE_ALLOW_MAX];
	bool is_trusted; /* on loopback or a unix socket, or manager */

	/* admit */
	struct gcra_answer quota;
	bool has_quota;
	struct timer delay;
	bool is_admitted, is_delayed;

	/* body */
	char *body;
	size_t body_n, body_cap;
	size_t direct_seen; /* of what is read into its place */
	uint64_t body_reserved;
	int64_t body_from_us;
	bool body_begun, body_done;
	bool is_late; /* the head's or body's time is over */
	bool uploads; /* it goes through as it comes, see upload.h */

	/* inspect */
	struct inspect inspect;
	bool inspect_begun, has_inspect;
	struct name name; /* canonical */
	bool has_name;
	const struct conf_model *alias; /* NULL, or what it stands for */
	struct edit_plan edits;

	/* count */
	struct count_job *counting; /* on the helper thread; NULL: not now */
	bool count_done, is_counted;
	bool is_searched, has_thought; /* count_is_plain's */
	bool is_poison;	      /* it would crash the engine's tokenizer */
	uint64_t counted_tok; /* of the texts */
	/* Of embeddings: the longest input, as read, and as Ollama has it. */
	uint64_t longest_tok, widest_tok;
	int64_t count_extra; /* what the template adds at the least */
	/* What is left for the answer at the least; 0: not known. */
	int64_t left_tok;
	uint32_t fit_tok;    /* context to be loaded for it, 0: as it is */
	struct exact *exact; /* asks the engine; NULL: not now */
	bool is_asked;	     /* this engine was */
	bool is_exact;	     /* exact_tok is what the engine will read */
	int64_t exact_tok;
	bool is_over; /* the engine refused it for its length, as over says */
	struct overflow over;

	/* reserve */
	uint64_t guess_tok; /* of the prompt, until the engine has counted */
	struct budgets_hold hold;
	struct budgets_answer tokens;
	bool has_tokens; /* tokens says what the caller may be told */

	/* queue */
	struct queue_item item;
	bool in_line, is_expired;
	bool is_broken; /* its model could not be loaded */
	/* hold.c's: time in the line that is left; its caller's deadline */
	int64_t wait_left_us, own_deadline_us;

	/* forward */
	struct upstream_user user;
	struct upstream *up;   /* NULL: none */
	struct engine *engine; /* whose slot is held, or who is asked */
	bool has_slot, has_engine;
	unsigned retries;
	/* death.c's: ends of an engine with only this request in flight */
	unsigned deaths, crashes;   /* of unknown cause; by a crash */
	unsigned untold;	    /* of deaths: what may be told yet */
	int64_t death_us;	    /* the last one */
	int64_t told_us;	    /* the last end that was told */
	int64_t stale_us;	    /* a pooled connection was at its end */
	bool is_suspect;	    /* was there when an engine died */
	const struct engine *avoid; /* failed it last; only compared */
	int64_t sent_us;
	int suspicious; /* status of an answer that is looked at */
	bool suspicious_end;
	int64_t away_us;	 /* since when no engine could be reached */
	bool up_head, up_failed; /* what happened, for the stage */
	enum err up_err;

	/* heartbeat */
	struct timer beat;
	bool beat_set;
	bool has_beaten; /* the head went out with a heartbeat */
	unsigned beats;
	int64_t last_us; /* last byte to the caller */

	/* stream */
	int status; /* of the answer, 0: none yet */
	enum delimit delimit;
	bool relay_begun, head_sent, answer_ended;
	uint64_t sent_bytes; /* of the answer's body, to the caller */
	bool is_unread;	     /* a piece past all bounds: no usage */
	enum framing framing;
	struct answer answer;
	bool has_answer; /* it is read for usage */
	struct sse sse;
	struct ndjson ndjson;
	struct buf carry; /* an event or line that is not yet whole */
	struct buf reply; /* head to send with the first bytes */
	struct buf saved; /* copy for the listing cache */
	bool saves;
	bool wraps;	   /* an answer told inside of a stream */
	bool cuts;	   /* a listing: cut when it is whole */
	bool is_too_large; /* a pull that does not fit */
	struct pull *pull; /* what it tells of its layers, see space.h */
	char up_type[64];  /* its content type */
	size_t up_type_n;

	/* Last: of its fields only those that were read are ever looked at. */
	struct http_head head;
};

/* Begin a request of ${c}.  NULL: no memory. */
struct flow *flow_new(struct client *c);

/* Walk as far as it goes now.  Not from inside a stage. */
void flow_run(struct flow *f);

/* Walk at the end of this turn of the loop; safe from anywhere. */
void flow_wake(struct flow *f);

/* Walk at the next turn, after other events had theirs. */
void flow_wake_later(struct flow *f);

/*
 * Its caller is gone (${why}: CLIENT_GONE, CLIENT_STALLED, SHUTTING_DOWN):
 * whatever it waits for is given up and it settles before this returns, or,
 * from inside its own stage, as soon as that returns.
 */
void flow_abort(struct flow *f, enum err why);

/*
 * weir or its operator ends it: tell its caller ${why}, a refusal (${wait_us}
 * as in one), as far as its answer allows, and settle it.  Not from inside a
 * stage.
 */
void flow_end(struct flow *f, enum err why, int64_t wait_us);

/* The same, with the numbers and the reason that f->refusal has. */
void flow_end_told(struct flow *f, enum err why);

/*
 * The model as others than the caller may see it: its canonical name, "?"
 * where no engine lists that; empty: not known yet.
 */
struct slice flow_model_shown(const struct flow *f);

/* --- for the files of this room --- */

/* The model's canonical name; empty if it has none. */
static inline struct slice
flow_model(const struct flow *f)
{
	return f->has_name ? name_short(&f->name) : (struct slice){0};
}

/* Set the refusal; always STEP_REFUSE, so that stages can return it. */
enum step flow_refuse(struct flow *f, enum err e);

/* The stages. */
#define STAGE(name, help) enum step stage_##name(struct flow *f);
#include "facts/stages.def"
#undef STAGE

/* The end of every flow: gives back all that it holds, writes the line. */
void settle(struct flow *f);

/* Hand out free slots to whoever is next. */
void queue_dispatch(struct flow_env *env);

/* Those whose wait is over leave the line. */
void queue_expire(struct flow_env *env);

/* Free the body and give back what was reserved for it. */
void body_release(struct flow *f);

/* Free the flows that were kept for use again. */
void flow_free_spare(struct flow_env *env);
