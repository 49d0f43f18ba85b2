/*
 * budgets_table: where budgets lie, and how their cells change.  The insides
 * of limit/budgets.h, for its two files.
 *
 * A cell's head changes in one way only: as a whole, through the journal.
 * What is reserved is the sum over the open reservations; it is made anew by
 * every attach, so reserving needs no journal.
 */
#pragma once
#include "limit/budgets.h"
#include "limit/outputs.h"
#include "os/latch.h"

enum { BUDGETS_WAYS = 8 };

struct budgets_head {
	struct cells_key key;
	struct budget_debt debts[BUDGETS_EACH];
	uint64_t reserved_tok;
	/* What gates that are gone left behind; charged when next touched. */
	uint64_t owed_tok;
	int64_t owed_ns;
};

struct budgets_cell {
	struct budgets_head head;
	struct outputs outputs;
};

struct budgets_set {
	struct budgets_cell cells[BUDGETS_WAYS];
};

struct budgets_entry {
	uint64_t generation; /* 0: free */
	uint32_t cell;
	uint32_t next; /* of the free ones; 0: the last */
	uint64_t reserved_tok;
	uint64_t seen_tok;
};

/* A change of a cell, with the entry that it frees, to be done as one. */
struct budgets_journal {
	uint32_t is_valid;
	uint32_t cell;
	uint32_t entry; /* 0: none */
	uint32_t spare;
	struct budgets_head head;
};

struct budgets_header {
	uint64_t magic; /* written last: without it nothing else counts */
	uint32_t layout;
	uint32_t set_bytes;
	uint64_t n_sets;
	struct hash_key seed;
	uint32_t n_entries;
	uint32_t used_entries; /* those from 1 to this one were ever used */
	uint32_t free_entry;   /* 0: none */
	uint32_t spare;
	struct budgets_journal journal;
	struct latch latch;
	uint32_t more_too;
	uint64_t more[5];
};

/*
 * Before and behind every change; never one within the other.  Where the one
 * who had the table died in the middle of it, it is put in order first.
 */
void budgets_enter(struct budgets *b);
void budgets_leave(struct budgets *b);

/* The cell of ${key}, or NULL. */
struct budgets_cell *budgets_find(
    const struct budgets *b, struct cells_key key);

/*
 * The cell of ${key}, made if need be from the one that is soonest full; NULL
 * if all of the set have reservations.
 */
struct budgets_cell *budgets_get(
    struct budgets *b, struct cells_key key, int64_t now_ns);

/* The number of a cell, and the cell of a number (any is survived). */
uint32_t budgets_number(const struct budgets *b, const struct budgets_cell *c);
struct budgets_cell *budgets_cell_at(const struct budgets *b, uint32_t i);

/*
 * Open a reservation of ${tok} tokens of ${c}; its number, 0 if there is no
 * room.
 */
uint32_t budgets_open_entry(
    struct budgets *b, struct budgets_cell *c, uint64_t tok);

/* Make ${head} the head of ${cell} and free ${entry} (0: none), as one. */
void budgets_commit(struct budgets *b, uint32_t cell,
    const struct budgets_head *head, uint32_t entry);
