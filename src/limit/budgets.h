/*
 * budgets: token budgets of many callers in memory that outlives the process.
 *
 *   | header, journal | sets of 8 cells ... | open reservations ... |
 *
 *   reserve ----> [a reservation]  ----> settle: what was really used is
 *   prompt + what an answer may take     charged, once, and the rest is free
 *
 * What is reserved does not flow back until it is settled: a bucket has its
 * tokens, less the debt of what was used, less what is reserved.  A request
 * is let in when all that it may take is there, and asked about again when it
 * gets a slot; then, whatever the answer turns out to be, it is charged.  So
 * use exceeds a budget by the answers in flight: at most one for each slot.
 * `strict` reserves the whole output limit: nothing is exceeded where the
 * prompt was counted and the engine honours the limit.
 *
 * The memory (a memfd that the keeper holds) survives a gate that crashes or
 * is replaced.  Every reservation carries the generation of its gate and what
 * its request was seen to use so far; when that gate is gone, another
 * charges this and gives the rest back.  Gates that overlap, one of them
 * leaving, take the table's latch for each change.
 *
 * Crash consistency: the writer may be killed between any two stores.  A
 * settlement is written to the journal first and done again by the next
 * attach if it was cut short: it happens once or, if the kill came before
 * that, is charged from what was seen.  Never twice.
 *
 * Cells are found as in limit/cells.h.  A cell without reservations whose
 * bucket is full again is reused freely; if a set has none, the one closest to
 * full is given up (lenient: its caller gets a full bucket) and counted.
 */
#pragma once
#include "limit/budget.h"
#include "limit/cells.h"

/* Limits of one caller that hold together, such as one an hour, one a month. */
enum { BUDGETS_EACH = 2 };

/* Without a caller's history and an output limit, an answer is taken to be
 * so long. */
enum { BUDGETS_GUESS_TOK = 1024 };

/* What a caller may use; n 0: no budget. */
struct budgets_rule {
	unsigned n;
	bool strict;
	struct budget_limit limits[BUDGETS_EACH];
};

/* What a request may take. */
struct budgets_ask {
	uint64_t input_tok;
	int64_t output_most_tok; /* its effective output limit; -1: none */
};

/* What to tell the caller; of several limits the one with least left. */
struct budgets_answer {
	bool allowed;
	bool is_hopeless;    /* `strict`, and more than the capacity */
	unsigned which;	     /* the limit that the numbers are of */
	uint64_t wanted_tok; /* what was to be reserved, before clamping */
	uint64_t left_tok;   /* behind this request */
	int64_t wait_ns;     /* refused: until enough is back */
	int64_t reset_ns;    /* until the bucket is full */
	/* Each limit's moment of being full, without what is reserved. */
	int64_t full_ns[BUDGETS_EACH];
};

/* An open reservation; in the request's memory.  All 0: none. */
struct budgets_hold {
	struct cells_key key;
	uint32_t entry; /* 0: the table was full, nothing is reserved */
	bool is_open;
};

struct budgets_header;
struct budgets_set;
struct budgets_entry;

/* A view of the table; the table itself is the caller's memory. */
struct budgets {
	struct budgets_header *header;
	struct budgets_set *sets;
	struct budgets_entry *entries;
	uint64_t mask; /* number of sets - 1 */
	uint32_t n_entries;
	uint64_t generation;
	uint32_t process;   /* as in struct budgets_place */
	bool is_fresh;	    /* attach found nothing: nobody owes anything */
	uint32_t open;	    /* reservations of this process */
	uint64_t evicted;   /* cells given up while in debt, by this process */
	uint64_t untracked; /* requests let in without a reservation */
};

/*
 * Does ${mem} hold a table that budgets_attach with ${seed} would keep?  For
 * whoever must know before attaching; ${seed} NULL: of any seed.
 */
bool budgets_are_there(
    const void *mem, size_t size, const struct hash_key *seed);

/* Where a table is, and who uses it. */
struct budgets_place {
	void *mem; /* aligned to 64 */
	size_t size;
	struct hash_key seed; /* of the cells that make the keys */
	uint64_t generation;  /* this process's, 1 or more */
	uint32_t process;     /* its pid; 0: no other is ever here */
	const uint64_t *live; /* generations that still run, besides this */
	size_t n_live;
};

/*
 * Use the table at ${place}, whose memory is kept until the view is no longer
 * used.  What generations that are gone left open is charged as it was seen,
 * at ${now_ns}.  Half of the memory becomes cells of 128 bytes, half
 * reservations of 32.
 *
 * OK; ERR_VERSION if the memory held something else (another layout, size,
 * seed, or a half-made table): it is an empty table now, go on; ERR_RANGE if
 * the memory is too small (4 KiB): not usable.
 */
MUST_CHECK enum err budgets_attach(
    struct budgets *b, const struct budgets_place *place, int64_t now_ns);

/*
 * The process of ${generation} has ended: charge what it left open as it was
 * seen, at ${now_ns}.
 */
void budgets_reap(struct budgets *b, uint64_t generation, int64_t now_ns);

/*
 * May a request of ${key} that takes ${ask} go on at ${now_ns}?  It may if
 * there is, in each bucket, what it may take: the prompt and the lesser of its
 * output limit and the caller's own 95th percentile (strict: the whole limit),
 * at least 1 and at most the capacity.  Without an output limit strict
 * reserves the capacity; with one that can never fit it is hopeless.
 *
 * If so it is reserved in ${hold}, which must be settled.  If not, nothing
 * changes; wait_ns is exact if nothing is reserved by others meanwhile, and if
 * it is, for the case that all of that is used now.  Returns out->allowed.
 */
bool budgets_reserve(struct budgets *b, struct cells_key key,
    const struct budgets_rule *rule, const struct budgets_ask *ask,
    int64_t now_ns, struct budgets_hold *hold, struct budgets_answer *out);

/*
 * An open reservation comes out of the line: is it still covered, now that
 * others may have used more than they reserved?  It is if it alone fits beside
 * what is owed; else ${out} says what a refusal would.  Asked before each
 * dispatch it makes what is used beyond a budget at most one answer a slot,
 * however many requests were let into the line.
 */
bool budgets_confirm(const struct budgets *b, const struct budgets_rule *rule,
    const struct budgets_hold *hold, int64_t now_ns,
    struct budgets_answer *out);

/* So much was used so far: what is charged if this process ends now. */
void budgets_note(
    struct budgets *b, const struct budgets_hold *hold, uint64_t used_tok);

/* What a request used. */
struct budgets_use {
	uint64_t used_tok;
	int64_t output_tok; /* of a whole answer, for the percentile; -1 */
};

/*
 * The request is over: charge what it used to the buckets of ${rule} (as it
 * is now, n may be 0), give back the reservation and close ${hold}.  ${out}
 * gets the numbers as they are then.  Without an open hold nothing happens,
 * and false is returned.
 */
bool budgets_settle(struct budgets *b, const struct budgets_rule *rule,
    const struct budgets_use *use, int64_t now_ns, struct budgets_hold *hold,
    struct budgets_answer *out);

/* The numbers of ${key} as they are, with nothing asked for. */
void budgets_peek(const struct budgets *b, struct cells_key key,
    const struct budgets_rule *rule, int64_t now_ns,
    struct budgets_answer *out);

/*
 * Into a fresh table: the buckets of ${key} are full at these moments.  For
 * debts kept elsewhere; one that is further away than two months is cut to
 * that, so that a clock that was wrong locks nobody out for good.
 */
void budgets_restore(struct budgets *b, struct cells_key key,
    const int64_t full_ns[BUDGETS_EACH], int64_t now_ns);

/* Tokens reserved for ${key} now. */
uint64_t budgets_reserved(const struct budgets *b, struct cells_key key);
