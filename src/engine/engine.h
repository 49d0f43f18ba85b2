/*
 * engine: a server that runs models: its address, state, slots, connections
 * and the models that it lists.
 *
 *   UNKNOWN -> UP <-> DOWN      proved by probe.c and by traffic
 *               ^      |
 *               '-- TRIAL         after failures in a row (circuit breaker):
 *                                 one request at a time until one succeeds
 *
 * One engine_set per gate.  An engine that a reload took away is retired: it
 * gets nothing new and is freed when its last connection closes.
 */
#pragma once
#include "base/table.h"
#include "conf/conf.h"
#include "engine/hang.h"
#include "engine/tally.h"
#include "engine/uses.h"
#include "loop/loop.h"
#include "metric/metric.h"
#include "os/ram.h"
#include "queue/swap.h"
#include <sys/socket.h>

enum engine_kind { ENGINE_AUTO, ENGINE_OLLAMA, ENGINE_LLAMA, ENGINE_OPENAI };

#define TO(machine, name) (1u << machine##_##name)
#define STATE(machine, name, text, moves) STATE_##machine(name)
#define STATE_ENGINE(name) ENGINE_##name,
enum engine_state {
#include "facts/states.def"
	ENGINE_STATES
};
#undef STATE_ENGINE
#undef STATE
#undef TO

struct engine_address {
	bool is_unix;
	union {
		struct sockaddr sa;
		struct sockaddr_storage storage;
	};
	const char *path; /* of a unix socket */
};

/*
 * A model that an engine lists; key of the node: its canonical name, its hash
 * that of the queue's items.
 */
struct engine_model {
	struct table_node node;
	bool is_remote; /* a stub whose prompts leave this machine */
	bool is_listed; /* mark of listing.c */
	bool is_loaded; /* when last looked, or by an answer since */
	bool is_loading;
	bool is_proved;	       /* it spoke since its engine came up */
	bool is_embedder;      /* cannot generate: loaded by an embedding */
	uint32_t context;      /* loaded, in tokens; 0: unknown */
	uint32_t context_seen; /* loaded last; stays when it goes */
	uint32_t context_max;  /* that it was made for; 0: unknown */
	int64_t size_bytes, vram_bytes; /* as loaded */
	int64_t elsewhere_us; /* last request that could not say its context */
	int64_t keep_us;      /* longest idle time that was seen to be granted,
			       INT64_MAX: for ever, 0: unknown */
	int64_t load_us;      /* C: mean time of a load, 0: none measured */
	unsigned failures;    /* loads in a row that failed */
	unsigned deaths;      /* of the engine in loads in a row */
	int64_t used_us;      /* last answer, while it is proved */
	int64_t retry_us;     /* no load before; while it lasts it is broken */
	const char *reason;   /* why, a part of a sentence */
	bool is_too_large;    /* that is why: memory cannot hold it */
	bool told_on_cpu;     /* that it runs beside the GPU */
	struct engine_weight *weight; /* what it takes; NULL: not known */
	struct tokenizer *tokenizer;  /* NULL: not asked for yet */
	struct slice raw;	      /* the engine's own spelling */
	char name[];
};

/* How hard an engine is pressed for memory, see machine.h. */
struct engine_pressure {
	const char *why;   /* a part of a sentence; NULL: it is not */
	int64_t oom_kills; /* when last looked; -1: unknown */
	int64_t until_us;  /* a kill counts until then */
};

/* Models that an engine may hold at once if nothing tells: Ollama's default. */
enum { ENGINE_HOLDS = 3 };

enum { ENGINE_LIFE_MAX = 240 };

/* What the end of an engine's process says about the request that it had. */
enum engine_blame {
	BLAME_UNKNOWN,
	BLAME_REQUEST, /* a crash: SEGV, ABRT, BUS, or memory ran out */
	BLAME_NOBODY,  /* somebody has ended it: KILL, TERM, ... */
};

/* Questions about counts that an engine does not know: bits. */
enum {
	ENGINE_LACKS_COUNT = 1,	   /* .../input_tokens, /tokenize of vLLM */
	ENGINE_LACKS_MESSAGES = 2, /* /v1/messages/count_tokens */
	ENGINE_LACKS_TEMPLATE = 4, /* /apply-template */
	ENGINE_LACKS_CONTEXT = 8   /* it does not say what is loaded */
};

struct engine_probe;
struct engine_load;
struct engine_proof;
struct engine_linger;
struct engine_watch;
struct cure;
struct engine_weight;
struct machine;
struct weigh;
struct proof_wanted;
struct tokenizer;

struct engine {
	struct list node; /* in the set */
	struct engine_set *set;
	struct loop *loop;
	unsigned refs;

	struct slice name;
	enum engine_kind kind; /* found, where configured as auto */
	enum engine_kind conf_kind;
	struct slice host; /* for the Host header: 127.0.0.1:11434 */
	struct slice key;  /* Authorization value, empty: none */
	char *unix_path;
	struct engine_address address;
	bool has_address, is_numeric;
	bool is_search; /* nobody named one: look at the usual ports */
	bool is_asking; /* a look-up is under way */
	unsigned asked; /* look-ups that found something */
	int port;
	char *host_name; /* to look up */
	char *host_text; /* what ${host} points at */
	int64_t connect_us, first_byte_us, between_bytes_us;

	enum engine_state state;
	int64_t since_us; /* of this state */
	int64_t seen_us;  /* last proof of life, 0: never */
	enum err why;	  /* of DOWN */
	bool is_retired, is_draining;
	unsigned failures;	 /* in a row, without an answer between */
	bool is_open;		 /* the circuit breaker has opened */
	int64_t open_us;	 /* for how long, doubling */
	int64_t died_us;	 /* last sign of a death */
	unsigned died_company;	 /* requests in flight at that moment */
	bool is_alone;		 /* a suspect runs: nothing beside it */
	int64_t ended_us;	 /* its process was seen to end, 0: never */
	enum engine_blame blame; /* of that end */
	bool is_run;		 /* weir runs it, see life.h */
	bool is_proved;		 /* since it was started, by an answer */
	bool is_looping;	 /* it keeps ending */
	pid_t run_pid;		 /* of what weir runs, 0: nothing */
	struct hang hang;
	char life[ENGINE_LIFE_MAX]; /* why it does not serve, "": unknown */

	unsigned slots;	      /* effective; of each model */
	unsigned conf_slots;  /* 0: auto */
	unsigned found_slots; /* as it says itself, 0: it does not */
	unsigned in_use;      /* slots held by flows, of all models */
	uint64_t tally_key;   /* see tally.h */
	uint32_t tally_row;
	struct engine_uses uses;
	struct list idle, busy; /* connections */

	struct table models;
	bool has_listing;
	bool is_router;	      /* a llama-server that starts others */
	bool has_residents;   /* which models are loaded is known */
	bool wants_look;      /* a request went out for one that is not */
	bool told_slots;      /* that slots were guessed has been told */
	bool is_found;	      /* what it has, has been told */
	pid_t pid;	      /* of an Ollama on this machine, 0: unknown */
	unsigned holds;	      /* models at once, 0: unknown */
	unsigned holds_most;  /* where memory allows, 0: unknown */
	unsigned lacks;	      /* ENGINE_LACKS_*, until it goes away */
	uint32_t env_context; /* of Ollama's environment, 0: none */
	unsigned kv_type;     /* enum shape_type */
	struct os_ram ram;    /* on this machine, while has_ram */
	bool has_ram;
	struct engine_pressure pressure;
	struct swap swap; /* whose turn it is, where weir loads */
	uint32_t context; /* of an engine with one model; 0: unknown */
	struct engine_probe *probe;
	struct engine_load *load;     /* NULL: none under way */
	struct engine_proof *proof;   /* NULL: nothing to be proved */
	struct engine_linger *linger; /* NULL: no slot lingers */
	struct engine_watch *watch;   /* NULL: not that kind */
	struct weigh *weigh;	      /* NULL: nothing is weighed */
	struct cure *cure;	      /* NULL: it never hung */
	unsigned lingering;	      /* of in_use */
	struct series *m_slots_used, *m_slots, *m_up, *m_lingering;
	struct series *m_free, *m_pressed; /* NULL: never told */
};

struct engine_set {
	struct list engines;
	struct loop *loop;
	struct metrics *metrics;
	struct hash_key seed;
	bool has_broken; /* a load failed: who waits for it must be told */
	void (*on_change)(void *ctx); /* a slot came free, a state changed */
	void (*on_state)(void *ctx, struct engine *e);
	/* The slots of ${e} had to be guessed; once for each engine. */
	void (*on_guess)(void *ctx, struct engine *e);
	/* ${e}, which weir runs, answered a request; once for each start. */
	void (*on_proved)(void *ctx, struct engine *e);
	/*
	 * A model that is to be preloaded is proved, or broken (its reason
	 * says why), after so long.
	 */
	void (*on_model)(void *ctx, struct engine *e, struct engine_model *m,
	    int64_t took_us);
	/*
	 * Is there memory to load ${m} of ${e} with ${context} tokens?  NULL:
	 * nobody knows, and it is tried.
	 */
	bool (*may_load)(void *ctx, const struct engine *e,
	    const struct engine_model *m, uint32_t context);
	/* A step of ${e}'s cure of a hang: it begins, or is over (cure.h). */
	void (*on_cure)(void *ctx, struct engine *e, unsigned step,
	    unsigned result, pid_t pid);
	struct tally *tally; /* NULL: no other gate is ever there */
	/* ${e} is pressed for memory, or not any more: see e->pressure. */
	void (*on_pressure)(void *ctx, struct engine *e);
	/*
	 * Memory cannot hold ${m} (it is_too_large), or the GPU's holds a part
	 * of it only.
	 */
	void (*on_memory)(void *ctx, struct engine *e, struct engine_model *m);
	struct machine *machine;     /* NULL: memory is not looked at */
	struct proof_wanted *wanted; /* what the configuration says, proof.h */
	size_t n_wanted;
	void *ctx, *ctx_state; /* the latter of all but on_change */
};

/* Prepare an empty set; ${s}->on_change, on_state and ctx may be set then. */
void engine_set_init(struct engine_set *s, struct loop *l, struct metrics *m,
    struct hash_key seed);

/*
 * Make the set what ${conf} says: engines of the same name, url and kind stay
 * as they are with new limits, new ones begin to be probed, others retire.  With
 * no engine configured one is looked for at the usual ports of this machine.
 */
void engine_set_update(struct engine_set *s, const struct conf *conf);

/* Retire all; connections close.  The loop must run until they are gone. */
void engine_set_fini(struct engine_set *s);

/* The engine that is called ${name}; NULL. */
struct engine *engine_set_find(const struct engine_set *s, struct slice name);

/* What a request wants of an engine. */
struct engine_want {
	struct slice model; /* canonical; empty: any */
	const struct engine
	    *avoid; /* failed it before: others first; or NULL */
	bool alone; /* with nothing else in flight beside it */
};

/*
 * Hold a slot of an engine that can work and may run the model: one that lists
 * it before one whose listing is unknown, then the least loaded.  NULL: none
 * is free now.  Give it back with engine_give_slot.
 */
struct engine *engine_try_slot(
    struct engine_set *s, const struct engine_want *w);
/* ${model}: as it was in the want. */
void engine_give_slot(struct engine *e, struct slice model);

/*
 * Would engine_try_slot give one?  Not while the model must be loaded first,
 * or while another model has the turn.
 */
bool engine_has_slot(struct engine_set *s, const struct engine_want *w);

/* What the flow of ${it} wants. */
typedef struct engine_want engine_want_of(const struct queue_item *it);

/*
 * Begin the loads whose turn it is, for what waits in ${q}.  To be called
 * before each round of dispatches; s->on_change tells when that may say more.
 */
void engine_load_next(
    struct engine_set *s, struct queue *q, engine_want_of *want);

/*
 * The model's row on an engine that failed to load it lately, where no other
 * engine may serve it: refuse it until its retry_us.  NULL: not so.
 */
const struct engine_model *engine_find_broken(
    const struct engine_set *s, struct slice canonical, int64_t now_us);

/* The model's row in ${e}'s listing; NULL: it does not list it. */
struct engine_model *engine_own_model(struct engine *e, struct slice canonical);
const struct engine_model *engine_model_of(
    const struct engine *e, struct slice canonical);

/* A request goes out that has ${model} loaded with ${context} tokens. */
void engine_note_context(
    struct engine *e, struct slice model, uint32_t context);

/* An answer came from ${model}, which is canonical: it is loaded. */
void engine_note_served(struct engine *e, struct slice model);

/* The suspect on ${e} was cleared: others may join it. */
void engine_end_alone(struct engine *e);

/* An engine that is up, for requests that take no slot; NULL: none. */
struct engine *engine_find_up(struct engine_set *s, struct slice model);

/*
 * Until when is it worth to wait for an engine?  INT64_MAX where one is up or
 * was not asked yet, else ${within_us} from when the last one went away; 0: no
 * engine was ever seen.
 */
int64_t engine_expected_until(const struct engine_set *s, int64_t within_us);

/* Does it answer: is it UP, or on TRIAL? */
static inline bool
engine_is_up(const struct engine *e)
{
	return e->state == ENGINE_UP || e->state == ENGINE_TRIAL;
}

/* Give it nothing new; what it has in flight goes on. */
static inline void
engine_drain(struct engine *e)
{
	e->is_draining = true;
}

/* Undo engine_drain. */
static inline void
engine_resume(struct engine *e)
{
	e->is_draining = false;
	if (e->set->on_change)
		e->set->on_change(e->set->ctx);
}

/* Slots of all engines that are up. */
unsigned engine_slots_up(const struct engine_set *s);

/* The model's row in any engine's listing; NULL: nobody lists it. */
const struct engine_model *engine_find_model(
    const struct engine_set *s, struct slice canonical);

/* Has every engine that is up told its models? */
bool engine_has_listings(const struct engine_set *s);

/* What traffic showed: it answered; it could not be reached. */
void engine_note_alive(struct engine *e);
void engine_note_dead(struct engine *e, enum err why);
/* It closed a connection without an answer: ask it soon. */
void engine_note_suspect(struct engine *e);
/* Its models may be others now: ask it soon. */
void engine_note_changed(struct engine *e);
/*
 * It ended a request without an answer: how many were in flight when that
 * began (several ends within a second are one death).  Five failures without
 * an answer between open the circuit breaker.
 */
unsigned engine_note_death(struct engine *e);
/* It failed otherwise: too slow, or no HTTP. */
void engine_note_failure(struct engine *e);
/* Its canary failed: it gets nothing more until it answers again. */
void engine_note_mute(struct engine *e);
/* It answered a request: the circuit is closed. */
void engine_note_success(struct engine *e);

/* Names for people. */
const char *engine_state_name(enum engine_state s);
const char *engine_kind_name(enum engine_kind k);
/* Why it is not up, as a part of a sentence. */
const char *engine_why(const struct engine *e);

/* --- for the files of this room --- */

/*
 * Hold a slot of ${e} for ${model} (empty: of no model that is known), whether
 * one is free or not; engine_give_slot gives it back.  ERR_NOMEM.
 */
MUST_CHECK enum err engine_take_slot(struct engine *e, struct slice model);
/* Where to connect to; NULL: not resolved (yet). */
const struct engine_address *engine_address(struct engine *e);
/* Keep ${e} alive; let go. */
struct engine *engine_hold(struct engine *e);
void engine_drop(struct engine *e);
/* Is it at an address of this machine's own? */
bool engine_is_loopback(const struct engine *e);
/* What ${e} says of its slots; conf's word stands above it. */
void engine_found_slots(struct engine *e, unsigned slots);
/* The one place where a state changes. */
void engine_move(struct engine *e, enum engine_state to, enum err why);
