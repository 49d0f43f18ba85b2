/*
 * install_files: where the files of an installation are, written and taken
 * away, and the service manager told.  For install.c and takeover.c.
 */
#pragma once
#include "ctl/args.h"
#include "ctl/units.h"

enum { INSTALL_PATH_MAX = 4096 };

struct install {
	const struct ctl_args *args;
	bool is_user, is_launchd, is_dry;
	const char *unit; /* Ollama's */
	char home[1024];
};

/* What ${args} ask for. */
void install_init(struct install *in, const struct ctl_args *args);

enum install_file {
	INSTALL_SERVICE,
	INSTALL_SOCKET,
	INSTALL_SYSUSERS,
	INSTALL_PLIST,
	INSTALL_RULE,
	INSTALL_DROPIN, /* those before it are weir's own */
	INSTALL_CONFIG,
	INSTALL_FILES
};

/* The path of ${f}, below --root, in ${out}. */
void install_path(
    const struct install *in, enum install_file f, char out[INSTALL_PATH_MAX]);

/*
 * Write ${text} as ${f}, or print it (--dry-run).  A file that weir did not
 * write is not replaced.  False: it was said why.
 */
bool install_write(
    const struct install *in, enum install_file f, struct slice text);

/*
 * Take ${f} away, if weir wrote it, and a folder of its own that is empty then;
 * whether it did.
 */
bool install_remove(const struct install *in, enum install_file f);

/* Is ${f} there, and did weir write it? */
bool install_has(const struct install *in, enum install_file f);

/*
 * Run systemctl (or launchctl) with ${words}, ended by NULL; what it says goes
 * to ${out} (NULL: to standard error, if it fails).  False: it failed.  With
 * --dry-run it is printed, with --no-start nothing happens; true.
 */
bool install_tell(
    const struct install *in, const char *const *words, struct buf *out);
#define INSTALL_TELL(in, ...)                                                  \
	install_tell(in, (const char *const[]){__VA_ARGS__, NULL}, NULL)

/* --- takeover.c --- */

/* An Ollama that makes room. */
struct takeover {
	struct units_place at; /* where it listens */
	uint16_t port;	       /* where it will */
	char origins[1024];
	bool has_config; /* there is one, which says all this already */
};

/*
 * See where Ollama is and where it can go; the configuration is written.
 * False: it was said why not, and nothing was done.
 */
bool takeover_plan(const struct install *in, struct takeover *t);

/* Move Ollama, start weir, ask it; false: all is as it was. */
bool takeover_do(const struct install *in, const struct takeover *t);

/* Put Ollama back where it was, if it was moved. */
void takeover_undo(const struct install *in);

/* The unit that was moved, of all, in ${unit} of ${cap} bytes; false: none. */
bool takeover_find(const struct install *in, char *unit, size_t cap);
