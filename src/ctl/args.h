/*
 * args: the command line, by the tables of facts/commands.def.
 */
#pragma once
#include "base/buf.h"

enum ctl_command {
#define COMMAND(nm, ...) CTL_##nm,
#include "facts/commands.def"
	CTL_COUNT
};

enum { CTL_OPERANDS_MAX = 2 };

/* What the user asked for; texts are those of argv. */
struct ctl_args {
	enum ctl_command command;
	const char *config;		     /* -c FILE, or NULL */
	const char *single;		     /* not NULL: -1 */
	const char *json;		     /* not NULL: --json */
	const char *length;		     /* --for DURATION, or NULL */
	const char *days;		     /* as written; NULL */
	const char *gguf;		     /* --gguf FILE, or NULL */
	const char *model;		     /* --model NAME, or NULL */
	const char *jsonl;		     /* not NULL: --jsonl */
	const char *context, *slots, *cache; /* of `memory`, or NULL */
	const char *shared;		     /* not NULL: --shared */
	/* Of install and uninstall. */
	const char *dry_run, *socket, *launchd, *take_over, *no_start;
	const char *unit, *root;
	const char *program; /* by which word this one was called */
	const char *operands[CTL_OPERANDS_MAX];
	size_t n_operands;
	bool wants_help; /* --help behind a command */
};

/* A flag of a command. */
struct ctl_flag {
	enum ctl_command command;
	char letter;
	const char *word;
	const char *value; /* "FILE"; "" if it takes none */
	const char *help;
	size_t offset; /* of the const char * in struct ctl_args */
};

/* A row of facts/commands.def. */
struct ctl_fact {
	const char *words;    /* "key add" */
	const char *operands; /* "NAME" */
	const char *help;
	const char *more;
	size_t least, most;
	bool is_hidden;
};

/* The row of ${c}; never NULL. */
const struct ctl_fact *ctl_fact_get(enum ctl_command c);

/* All flags, those of one command together; ${n} is their number. */
const struct ctl_flag *ctl_flags(size_t *n);

/*
 * Read the command line.  No command at all is `help`, --help and --version
 * are the commands of these names.  ERR_SYNTAX: ${complaint} has a line that
 * says why, with what was probably meant.  ERR_FULL, ERR_NOMEM of it.
 */
MUST_CHECK enum err ctl_args_parse(
    int argc, char **argv, struct ctl_args *out, struct buf *complaint);

/* The command of these words ("key", "add"); CTL_COUNT if there is none. */
enum ctl_command ctl_command_find(const char *const *words, size_t n);
