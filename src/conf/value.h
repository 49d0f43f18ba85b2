/*
 * value: one option's value out of a node, and back to text.
 *
 * Internal to conf/.  Every kind of facts/options.def has a function that
 * reads it and one that prints it; both are found by the kind.
 */
#pragma once
#include "conf/option.h"
#include "conf/tree.h"

/* What reading a value needs. */
struct value_reader {
	struct arena *a; /* for texts and lists */
	struct conf_problems *p;
	const struct conf_option *option;
	bool is_out_of_memory;
};

/*
 * Read ${n}, which is not null, into ${field}, of the C type of the option's
 * kind.  False: a problem was added, or is_out_of_memory is set; no need to
 * look at it where the problems are looked at in the end.
 */
bool value_read(struct value_reader *r, const struct tree_node *n, void *field);

/*
 * Append the value at ${field} as it stands behind a key in YAML; nothing if
 * it is unset.  ERR_FULL, ERR_NOMEM.
 */
MUST_CHECK enum err value_print(
    enum conf_kind kind, const void *field, struct buf *out);

/* Append ${s} as a YAML scalar that reads as the same text. */
MUST_CHECK enum err value_print_text(struct slice s, struct buf *out);

/* Add "`limits.body` wants a size ..., not `x`; did you mean `y`?". */
void value_wrong(
    struct value_reader *r, const struct tree_node *n, const char *meant);

/* Add "`limits.body` ${why}", a sentence of ours. */
void value_refuse(
    struct value_reader *r, const struct tree_node *n, const char *why);

/* A copy of ${s} with a NUL behind it; false: is_out_of_memory is set. */
MUST_CHECK bool value_copy(
    struct value_reader *r, struct slice s, struct slice *out);

/* A scalar's text; NULL, with a problem, if ${n} is a list or mapping. */
const struct slice *value_scalar(
    struct value_reader *r, const struct tree_node *n);

/* Longest meant text that the functions below write. */
enum { VALUE_MEANT_MAX = 128 };

/*
 * Numbers with units.  ERR_SYNTAX: not of that form, and ${meant} is what was
 * probably meant or empty; ERR_RANGE: too large for any such value.
 */
MUST_CHECK enum err value_bytes(
    struct slice s, int64_t *out, char meant[VALUE_MEANT_MAX]);
MUST_CHECK enum err value_duration(
    struct slice s, int64_t *out_us, char meant[VALUE_MEANT_MAX]);

/* The same for `10/min` and `50k/hour`. */
MUST_CHECK enum err value_rate(struct slice s, int64_t *count,
    int64_t *period_ns, char meant[VALUE_MEANT_MAX]);

/* Name of the period, "min"; NULL if it is none that can be written. */
const char *value_period_name(int64_t period_ns);

/*
 * Addresses.  ERR_SYNTAX: ${meant} as above.  Slices of ${out} point into ${s};
 * text and authority are not set.
 */
MUST_CHECK enum err value_listen(
    struct slice s, struct conf_listen *out, char meant[VALUE_MEANT_MAX]);
MUST_CHECK enum err value_net(
    struct slice s, struct conf_net *out, char meant[VALUE_MEANT_MAX]);

/* ${why} is a sentence of ours, or NULL. */
MUST_CHECK enum err value_url(struct slice s, struct conf_url *out,
    char meant[VALUE_MEANT_MAX], const char **why);

/* Append the canonical text of an address.  ERR_FULL, ERR_NOMEM. */
MUST_CHECK enum err value_print_listen(
    const struct conf_listen *l, struct buf *out);
MUST_CHECK enum err value_print_net(const struct conf_net *n, struct buf *out);
