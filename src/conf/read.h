/*
 * read: a tree of nodes into a struct conf, by the tables.
 *
 * Internal to conf/.
 */
#pragma once
#include "conf/option.h"
#include "conf/tree.h"

enum { READ_ROWS_MAX = 64 }; /* of any table */

/* One struct being filled: the main one, an engine, a caller, ... */
struct read_item {
	const struct conf_table *table;
	void *base;
	const struct tree_node *node; /* the whole thing */
	/* Of each option that is set, by row: its key and its value. */
	const struct tree_node *keys[READ_ROWS_MAX];
	const struct tree_node *at[READ_ROWS_MAX];
};

/*
 * Fill ${c}, whose memory is started, with defaults and with what ${root} (may
 * be NULL) says.  OK also where ${p} has errors now; ERR_NOMEM.
 */
MUST_CHECK enum err read_conf(
    struct conf *c, const struct tree_node *root, struct conf_problems *p);
