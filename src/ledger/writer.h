/*
 * writer: the ledger's own thread; the insides of ledger.h, for its two files.
 */
#pragma once
#include "ledger/ledger.h"
#include "ledger/ring.h"
#include "ledger/store.h"
#include "os/thread.h"

/* A ledger_use in the ring. */
struct note {
	int64_t wall_s;
	uint64_t input, output, cached;
	struct cells_key budget;
	int64_t full_us[BUDGETS_EACH];
	uint8_t is_error, n_budgets;
	uint8_t caller_n, model_n;
	char names[]; /* caller, then model */
};

enum { NEWS_MAX = 4, LEDGER_PATH_MAX = 4096 };

struct ledger {
	struct ring ring;
	struct os_worker writer;
	_Atomic uint64_t dropped; /* notes, for lack of room */
	_Atomic uint64_t done;	  /* notes in the file, or dropped later */
	uint64_t noted;		  /* the opener's */
	_Atomic bool pressed;	  /* it was told that the ring fills up */
	char path[LEDGER_PATH_MAX];
	struct hash_key seed;

	pthread_mutex_t mutex; /* of the news */
	struct ledger_news news[NEWS_MAX];
	unsigned n_news;

	/* --- the writer's alone --- */
	struct sums sums;
	struct store store;
	bool is_failing;      /* since the last write that went well */
	uint64_t unwritten;   /* notes in sums */
	int64_t next_us;      /* when to write, monotonic */
	int64_t next_roll_us; /* when to look for what is old */
	int64_t aside_us;     /* when the file was last set aside; 0: never */
};

/* The thread's function; ${arg} is the struct ledger. */
void *ledger_writer(void *arg);
