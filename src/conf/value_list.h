/*
 * value_list: kinds whose values are lists, mappings or addresses; each
 * function as value_read().  Internal to conf/.
 */
#pragma once
#include "conf/value.h"

/* A text, or a list of texts. */
MUST_CHECK bool value_read_texts(
    struct value_reader *r, const struct tree_node *n, void *field);

/* An address or network, or a list of them. */
MUST_CHECK bool value_read_nets(
    struct value_reader *r, const struct tree_node *n, void *field);

/* An address to listen on, or a list of them; none twice. */
MUST_CHECK bool value_read_listens(
    struct value_reader *r, const struct tree_node *n, void *field);

/* An engine's address. */
MUST_CHECK bool value_read_url(
    struct value_reader *r, const struct tree_node *n, void *field);

/* sha256:HEX, or a list of them.  What is no hash is never quoted. */
MUST_CHECK bool value_read_keys(
    struct value_reader *r, const struct tree_node *n, void *field);

/* A mapping of names to texts. */
MUST_CHECK bool value_read_pairs(
    struct value_reader *r, const struct tree_node *n, void *field);
