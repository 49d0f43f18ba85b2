/*
 * conf: the whole configuration as one typed, immutable struct.
 *
 *   file --tree--> nodes with line and column --read--> struct conf
 *                                 facts/options.def ---^
 *
 * Fields, defaults, bounds and texts come from facts/options.def; there is one
 * field per row, named as the row says (conf->limits_head, conf->queue_length,
 * conf->engines[i].first_byte_us).  Bytes are uint64_t, times int64_t
 * microseconds.  A configuration is shared by reference counts.
 */
#pragma once
#include "base/arena.h"
#include "conf/problem.h"
#include "conf/type.h"
#include <stdatomic.h>

struct conf_engine {
#define ENGINE_OPTION(field, path, kind, ...) conf_of_##kind field;
#include "facts/options.def"
};

struct conf_caller {
#define CALLER_OPTION(field, path, kind, ...) conf_of_##kind field;
#include "facts/options.def"
};

struct conf_model {
#define MODEL_OPTION(field, path, kind, ...) conf_of_##kind field;
#include "facts/options.def"
};

struct conf_alert {
#define ALERT_OPTION(field, path, kind, ...) conf_of_##kind field;
#include "facts/options.def"
};

struct conf {
#define OPTION(field, path, kind, ...) conf_of_##kind field;
#include "facts/options.def"
	/* engines, n_engines, callers, n_callers, models, ... */
#define SECTION(nm, one, many, shape, most, help)                              \
	struct conf_##one *many;                                               \
	size_t n_##many;
#include "facts/options.def"
	/* The caller named anonymous, or one of defaults; never NULL.  The
	 * latter is not among callers. */
	const struct conf_caller *anonymous_caller;
	struct arena memory; /* of all that is pointed to */
	atomic_uint refs;
};

/*
 * Read ${text}, which is called ${name} in problems.  On OK ${out} has one
 * reference for the caller, and ${p} may hold warnings.  ERR_SYNTAX: ${p}
 * says what is wrong and ${out} is NULL.  ERR_NOMEM.
 */
MUST_CHECK enum err conf_parse(struct slice text, const char *name,
    struct conf **out, struct conf_problems *p);

/*
 * Read the file at ${path}; NULL gives the defaults.  As conf_parse, and
 * ERR_IO, with a problem, if it cannot be read.
 */
MUST_CHECK enum err conf_load(
    const char *path, struct conf **out, struct conf_problems *p);

/* The defaults, as a new reference; aborts if memory runs out. */
struct conf *conf_default(void);

/*
 * Say that the engine ${i}, which has no url, listens on ${port} of this
 * machine's own address.  Before ${c} is shared.  ERR_NOMEM.
 */
MUST_CHECK enum err conf_engine_listens(
    struct conf *c, size_t i, uint16_t port);

/* The row of the caller ${name}; NULL. */
const struct conf_caller *conf_find_caller(
    const struct conf *c, struct slice name);

/* One more reference. */
const struct conf *conf_hold(const struct conf *c);

/* One reference less; the last one frees it.  NULL is allowed. */
void conf_drop(const struct conf *c);

/*
 * Append the effective configuration as YAML that parses to the same, but for
 * what is masked (conf/mask.h).  Keys are their SHA-256; what is unset is left
 * out.  ERR_FULL, ERR_NOMEM.
 */
MUST_CHECK enum err conf_print(const struct conf *c, struct buf *out);

/*
 * Read ${text} as an option's duration ("90s", "1h").  ERR_SYNTAX: it is none,
 * and ${meant} is what was probably meant, or empty; ERR_RANGE.
 */
MUST_CHECK enum err conf_duration(
    struct slice text, int64_t *out_us, struct conf_quotation *meant);

/* What of the process decides about files; conf/ reads no environment. */
struct conf_env {
	const char *weir_config;     /* $WEIR_CONFIG; any may be NULL */
	const char *home;	     /* $HOME */
	const char *xdg_state_home;  /* $XDG_STATE_HOME */
	const char *xdg_runtime_dir; /* $XDG_RUNTIME_DIR */
	bool (*exists)(const char *path);
	bool is_root;
};

/*
 * Which file to load: ${given} (of -c), else $WEIR_CONFIG, ./weir.yaml,
 * /etc/weir/weir.yaml; NULL: none, so the defaults hold.  The two first are
 * not asked whether they exist: their absence is an error of conf_load.
 */
const char *conf_find(const struct conf_env *env, const char *given);

/*
 * Append the state folder, or the control socket, to ${out}: the option, else
 * the default of DESIGN.md 8, which depends on ${env}.  ERR_NOT_FOUND if there
 * is neither option nor environment to tell; ERR_FULL, ERR_NOMEM.
 */
MUST_CHECK enum err conf_state_path(
    const struct conf *c, const struct conf_env *env, struct buf *out);
MUST_CHECK enum err conf_control_path(
    const struct conf *c, const struct conf_env *env, struct buf *out);
