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
 */
#pragma once
#include "base/err.h"

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

/* One thing that is wrong. */
struct alert_item {
	enum alert_kind kind;
	char subject[ALERT_SUBJECT_MAX]; /* "local", "anonymous@1.2.3.4" */
	char text[ALERT_TEXT_MAX];	 /* a sentence */
	int grade;			 /* one that grows is told again */
	int64_t since_us;		 /* monotonic */
	int64_t until_us; /* it holds until then without being raised */
	bool is_raised;	  /* in this round */
	struct {
		bool is_told;
		int64_t next_us; /* of the next word */
	} to[ALERT_TARGETS];
};

/* How one who is told wants it. */
struct alert_manner {
	int64_t after_us;  /* of LASTING ones */
	int64_t remind_us; /* INT64_MAX: never */
};

struct alert_board {
	struct alert_item items[ALERT_ITEMS];
	size_t n;
	struct alert_manner manners[ALERT_TARGETS];
	size_t n_targets;
	/* Tell ${target} of ${i}; called from alert_end. */
	void (*tell)(void *ctx, size_t target, const struct alert_item *i,
	    enum alert_state state);
	void *ctx;
};

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

/* Is anything of ${kind} held or raised? */
bool alert_has(const struct alert_board *b, enum alert_kind kind);
