/*
 * option: the rows of facts/options.def as data, for the reader, the printer,
 * the manual and tests.
 */
#pragma once
#include "conf/conf.h"

/* BYTES, DURATION, ..., and one kind per choice. */
enum conf_kind {
#define KIND(nm, type, wants) CONF_KIND_##nm,
#define CHOICE(nm, c_name, words) CONF_KIND_##nm,
#include "facts/options.def"
	CONF_KIND_COUNT_ /* how many; COUNT is a kind */
};

struct conf_option {
	const char *path; /* "limits.body"; within its table */
	enum conf_kind kind;
	int64_t min, max;
	const char *preset; /* the default as text; "" is unset */
	const char *help;   /* one line */
	const char *more;   /* for the manual, may be "" */
	size_t offset;	    /* of the field in the table's struct */
	bool needs_restart;
};

/* Options outside of sections, then one table per SECTION. */
enum conf_table_id {
	CONF_TABLE_MAIN,
#define SECTION(nm, one, many, shape, most, help) CONF_TABLE_##nm,
#include "facts/options.def"
	CONF_TABLE_COUNT
};

struct conf_table {
	const char *name; /* "engines"; of the main one "" */
	const char *help;
	const struct conf_option *v;
	size_t n;
	size_t size;	     /* of the struct */
	size_t most;	     /* things in the section */
	size_t items_offset; /* in struct conf: pointer to the things */
	size_t count_offset; /* in struct conf: how many */
	bool is_map;	     /* the first row is the key */
};

/* The table of ${id}; never NULL. */
const struct conf_table *conf_table_get(enum conf_table_id id);

/* "a size such as 64MiB ..."; for choices "allow or refuse".  Never NULL. */
const char *conf_kind_wants(enum conf_kind kind);

/* Words of a choice, in the order of its enum; NULL and 0 if it is none. */
const char *const *conf_kind_words(enum conf_kind kind, size_t *n);
