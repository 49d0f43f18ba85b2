/*
 * sums: what was used and is not in the file yet, by (time, caller, model).
 * The writer's memory; bounded.
 */
#pragma once
#include "base/table.h"
#include "limit/budgets.h"

/* Counts of one second, minute or day. */
struct counts {
	int64_t requests, input, output, cached, errors;
};

struct sum {
	struct table_node node; /* key: all of key[] */
	int64_t at_s;
	struct counts counts;
	uint16_t caller_n, model_n;
	char key[]; /* at_s, caller, NUL, model */
};

/* The last known state of one caller's budgets. */
struct sum_budget {
	struct table_node node; /* key: the member key */
	struct cells_key key;
	int64_t full_us[BUDGETS_EACH];
};

struct sums {
	struct table rows, budgets;
};

/* Start empty, with at most so many of each. */
void sums_init(struct sums *s, size_t rows, size_t budgets);

/* Forget everything and give the memory back. */
void sums_fini(struct sums *s);

/* Forget everything, for the file has it. */
void sums_clear(struct sums *s);

/* Where to count. */
struct sum_key {
	int64_t at_s;
	struct slice caller, model; /* at most 255 bytes each */
};

/* Add ${c} at ${key}.  ERR_FULL: there are as many as may be; ERR_NOMEM. */
MUST_CHECK enum err sums_add(
    struct sums *s, const struct sum_key *key, const struct counts *c);

/* The budgets of ${key} are full at ${full_us}.  ERR_FULL, ERR_NOMEM. */
MUST_CHECK enum err sums_set_budget(
    struct sums *s, struct cells_key key, const int64_t full_us[BUDGETS_EACH]);

/* Is there nothing to write? */
bool sums_are_empty(const struct sums *s);

/* Caller and model of ${r}. */
struct slice sum_caller(const struct sum *r);
struct slice sum_model(const struct sum *r);
