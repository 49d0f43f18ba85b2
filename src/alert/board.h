/*
 * board: what is wrong now, and who must be told of it, once.
 *
 *   begin, raise (all that is wrong now)..., end
 *
 *            new                 lasts                    is gone
 *   nothing ----> FIRING to each ----> REMINDER, seldom ----> RESOLVED to
 *                 who waits for         each time             those who were
 *                 `after`                                     told
 *
 * What is raised is what holds: nobody has to say that it is over.  No clock,
 * no sockets.
 *
 * The items lie in memory that outlives a gate, which one gate at a time owns:
 * the next one goes on where it stood, and does not tell again what was told.
 * What was being delivered when a gate died is told once more.
 */
#pragma once
#include "base/err.h"
#include <stdatomic.h>

enum alert_kind {
#define ALERT(name, code, level, lasting, help) ALERT_##name,
#include "facts/alerts.def"
#undef ALERT
	ALERT_KINDS
};

/* One row of facts/alerts.def. */
struct alert_fact {
	const char *name, *code, *help;
	enum level level;
	bool is_lasting;
};

/* The row of ${k}. */
const struct alert_fact *alert_fact_get(enum alert_kind k);

enum alert_state {
	ALERT_FIRING,
	ALERT_REMINDER,
	ALERT_RESOLVED,
};

/* "firing", "reminder", "resolved". */
const char *alert_state_name(enum alert_state s);

enum {
	ALERT_ITEMS = 64,
	ALERT_TARGETS = 17, /* 16 of the configuration, and the log */
	ALERT_SUBJECT_MAX = 160,
	ALERT_TEXT_MAX = 600,
};

/* What one who is told knows of an item. */
struct alert_told {
	bool is_told;		  /* that it is wrong */
	bool is_worse;		  /* to be told as new */
	enum alert_state sending; /* while sender is not 0 */
	uint64_t sender; /* generation of the gate that delivers it; 0: none */
	int64_t next_us; /* of the next word */
};

/* One thing that is wrong. */
struct alert_item {
	uint64_t id; /* 0: this place is free; written last */
	enum alert_kind kind;
	char subject[ALERT_SUBJECT_MAX]; /* "local", "anonymous@1.2.3.4" */
	char text[ALERT_TEXT_MAX];	 /* a sentence */
	int grade;			 /* one that grows is told again */
	int64_t since_us;		 /* monotonic */
	int64_t until_us; /* it holds until then without being raised */
	bool is_raised;	  /* in this round */
	bool is_adopted;  /* until_us is only how long this gate waits */
	bool is_over;	  /* those who were told are still to be told so */
	struct alert_told to[ALERT_TARGETS];
};

/* What became of a word. */
enum alert_tell {
	ALERT_TOLD,    /* it is done */
	ALERT_SENDING, /* alert_delivered follows */
	ALERT_NOT_NOW, /* ask again later */
};

/* Who is told, and how. */
struct alert_target {
	uint64_t key;	   /* the same for the same one in all gates; not 0 */
	int64_t after_us;  /* of LASTING ones */
	int64_t remind_us; /* INT64_MAX: never */
};

/* What outlives a gate; of zeros when new. */
struct alert_store {
	_Atomic uint64_t owner; /* generation of a gate; 0: nobody */
	uint64_t last_id;
	uint64_t keys[ALERT_TARGETS]; /* of targets; 0: there is none */
	struct alert_item items[ALERT_ITEMS];
};

struct alert_board {
	struct alert_store *store;
	uint64_t generation; /* of this gate */
	struct alert_target targets[ALERT_TARGETS];
	size_t n_targets;
	/* Tell ${target} of ${i}; called from alert_end. */
	enum alert_tell (*tell)(void *ctx, size_t target,
	    const struct alert_item *i, enum alert_state state);
	void *ctx;
};

/*
 * May this gate write the board?  It takes it where nobody has it, or none of
 * the ${n} other gates at ${live}; what it finds there is held for a while, until
 * this gate can know whether it is still wrong.  What gates that are gone had
 * not delivered is to be told again.
 */
bool alert_own(
    struct alert_board *b, const uint64_t *live, size_t n, int64_t now_us);

/* Another gate may have it. */
void alert_release(struct alert_board *b);

/* The targets are these now; whoever was one before knows what it knew. */
void alert_set_targets(
    struct alert_board *b, const struct alert_target *v, size_t n);

/* The word of the item ${id} has reached the target of ${key}, or never will. */
void alert_delivered(struct alert_board *b, uint64_t id, uint64_t key);

/* A new round. */
void alert_begin(struct alert_board *b);

/* What is wrong. */
struct alert_news {
	enum alert_kind kind;
	struct slice subject;
	struct slice text;
	int grade;
};

/* It is wrong now.  Past ALERT_ITEMS of them: it is not told. */
void alert_raise(
    struct alert_board *b, const struct alert_news *n, int64_t now_us);

/*
 * The same, at any time; it holds until ${until_us}, or until it is told
 * again with another time.
 */
void alert_hold(struct alert_board *b, const struct alert_news *n,
    int64_t now_us, int64_t until_us);

/* Tell those who must be told, and forget what is over. */
void alert_end(struct alert_board *b, int64_t now_us);

/* It is known to be well: what was held of it ends. */
void alert_is_well(
    struct alert_board *b, enum alert_kind kind, struct slice subject);

/* Is anything of ${kind} held or raised? */
bool alert_has(const struct alert_board *b, enum alert_kind kind);
