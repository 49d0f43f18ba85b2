/*
 * tree: YAML text to a tree of nodes that know their line and column.
 *
 * Refused here, because a configuration needs none of it and each hides what
 * a file says: anchors, aliases, tags, several documents, duplicate keys, keys
 * that are not texts, control characters, more than 12 levels.
 */
#pragma once
#include "base/arena.h"
#include "conf/problem.h"

enum tree_kind { TREE_SCALAR, TREE_LIST, TREE_MAP };

struct tree_node {
	enum tree_kind kind;
	bool is_plain;		 /* scalar without quotes */
	uint32_t line, column;	 /* from 1 */
	struct slice text;	 /* scalar; of a key in a map, the key */
	struct tree_node *first; /* of a list its items, of a map its keys */
	struct tree_node *next;	 /* sibling */
	struct tree_node *value; /* of a key in a map: what it is set to */
};

/*
 * Parse ${text} into nodes in ${a}.  ${root} is NULL for an empty file.
 * ERR_SYNTAX: ${p} says why.  ERR_NOMEM.
 */
MUST_CHECK enum err tree_parse(struct slice text, struct arena *a,
    struct conf_problems *p, struct tree_node **root);

/* Is ${n} absent, or null: a plain ``, `~` or `null`? */
bool tree_is_null(const struct tree_node *n);
