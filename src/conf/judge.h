/*
 * judge: what a configuration must hold to besides the bounds of each option:
 * names, keys and addresses that are taken, options that need one another.
 *
 * Internal to conf/.
 */
#pragma once
#include "conf/read.h"

struct judge_claim;

/* Start with memory of its own. */
struct judge {
	struct conf_problems *p;
	struct judge_claim *claims; /* names, keys, networks of all items */
	size_t n, cap;
	bool is_out_of_memory;
};

/* Start; problems go to ${p}. */
void judge_init(struct judge *j, struct conf_problems *p);

/* Free its memory. */
void judge_fini(struct judge *j);

/* Judge one engine, caller, model or alert, and remember what it claims. */
void judge_item(
    struct judge *j, enum conf_table_id id, const struct read_item *item);

/* At the end: what is claimed twice, and the options of ${main}. */
void judge_all(struct judge *j, const struct read_item *main);
