/*
 * caller: who sends a request.
 *
 *   key in a header ──> keyring ──────────┐
 *   its process ──────> process: ─────────┤
 *   address ──────────> from: networks ───┼──> struct caller
 *   address ──────────> anonymous, by address (IPv6: by /64)
 *
 * Callers live as long as anybody holds them.  A reload changes the rows and
 * rates of those that are there, so counters in flight, lines and limits go
 * on; a caller that is no longer configured ends with its last request.
 * Limits themselves are cells in memory that survives the process.
 */
#pragma once
#include "base/list.h"
#include "base/table.h"
#include "caller/address.h"
#include "caller/keyfile.h"
#include "caller/process.h"
#include "conf/conf.h"
#include "limit/budgets.h"
#include "limit/cells.h"
#include "limit/recent.h"
#include "queue/queue.h"

/* Where `weir key` keeps keys: this file in the state folder. */
#define CALLER_KEYFILE "keys"

/* Anonymous callers that are known at one time; beyond it all share one. */
enum { CALLER_ANONYMOUS_MAX = 8192 };

/* The weight 1 of the configuration in the queue: people have parts of it. */
enum { CALLER_WEIGHT_UNIT = 64 };

struct caller_set;

struct caller {
	struct slice name;  /* as configured, or "anonymous" */
	struct slice shown; /* for logs: "anonymous@192.168.1.0/24" */
	bool is_anonymous;
	struct address address; /* of anonymous ones, see address_group */
	/*
	 * Its row: models, manage_models, over, class, ...  Valid until the
	 * next caller_set_load: look, do not keep.
	 */
	const struct conf_caller *row;
	/* `rate` and `burst`, and limits.listing; count 0: no limit. */
	struct gcra_rate rate, listing;
	struct cells_key rate_key, listing_key;
	struct budgets_rule tokens; /* `tokens`; n 0: none */
	struct cells_key tokens_key;
	struct recent recent;	      /* tokens used; kept by whoever settles */
	struct queue_caller line;     /* its part in the queue */
	struct counters_key line_key; /* for queue_caller_restore */
	uint64_t body_bytes; /* of bodies held; kept by whoever holds them */
	/* of people behind an app, see caller/people.h */
	struct caller *app; /* held; NULL: it is no such person */
	uint8_t person[16];
	struct list of_app; /* in its app's people, while it is held */
	struct list people; /* of an app: those that are held */
	uint32_t n_people;
	/* the set's own */
	uint32_t refs;
	bool is_listed; /* by the set; else it ends with its last holder */
	const struct conf *kept; /* of one that is no longer listed */
	struct table_node node;
	struct list idle;
	char name_text[KEYFILE_NAME_MAX];
	char shown_text[96];
};

/* What tells who it is; header values as they came, empty if absent. */
struct caller_request {
	struct slice authorization; /* see credential_read */
	struct slice x_api_key;
	struct slice api_key;
	struct slice in_path; /* KEY of a target that begins with /k/KEY */
	struct address peer;  /* where it comes from */
	const struct process *process; /* NULL: not on this machine */
};

/* Who it is. */
struct caller_found {
	struct caller *caller; /* held */
	bool by_key;	       /* he had a key */
};

/*
 * A set without callers; caller_set_load before use.  ${cells} is kept and
 * gives the keys of the callers' limits.  Aborts if memory runs out.
 */
struct caller_set *caller_set_new(const struct cells *cells);

/* Free the set; nobody may hold a caller any more. */
void caller_set_free(struct caller_set *set);

/*
 * Make ${conf} (a reference is taken) and the valid keys of ${keys} (borrowed)
 * what holds from now on.  A key's caller that is not configured has the row
 * of the caller named `default`, where there is one, else no limits.  Callers
 * with the same name are the same before and after.  Aborts if memory runs out.
 */
void caller_set_load(struct caller_set *set, const struct conf *conf,
    const struct keyfile *keys);

/*
 * Who sends ${r}?  In this order: the first of its credentials that is
 * somebody's key; ERR_UNKNOWN_KEY if one has the form of weir's own keys; the
 * first configured caller whose `process` it is; the first whose `from` has the
 * address; ERR_KEY_REQUIRED with
 * `anonymous: refuse`; the anonymous caller of the address.
 *
 * OK: the caller is held for whoever asked; give it back with caller_drop.
 */
MUST_CHECK enum err caller_identify(struct caller_set *set,
    const struct caller_request *r, struct caller_found *out);

/* What has to be known of the processes of callers? */
enum process_need caller_set_needs(const struct caller_set *set);

/* One more holder. */
struct caller *caller_hold(struct caller *c);

/* One holder less. */
void caller_drop(struct caller_set *set, struct caller *c);

/* The caller named ${name} that is configured or has a key, else NULL. */
struct caller *caller_find(const struct caller_set *set, struct slice name);

/*
 * Walk all callers, people and anonymous ones too: NULL gives the first, the last one
 * gives NULL.  For status and metrics; nothing may be loaded, identified or
 * dropped meanwhile.
 */
struct caller *caller_next(const struct caller_set *set, struct caller *after);
