/* See ctl/key.h. */
#include "ctl/key.h"
#include "caller/caller.h"
#include "ctl/check.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>

enum { STATE_MODE = 0700, DATE_MAX = 32 };

/* What all three commands need. */
struct place {
	struct conf *conf;
	struct buf path; /* of the keys' file, with a NUL */
};

static void
place_fini(struct place *p)
{
	buf_fini(&p->path);
	conf_drop(p->conf);
}

/* Say on standard error that ${what} failed, as errno says. */
static void
complain(const char *what, const char *path)
{
	(void)fprintf(stderr, "weir key: cannot %s %s: %s\n", what, path,
	    strerror(errno));
}

/* Load the configuration and find the keys' file; false: it was told why. */
static bool
place_init(struct place *p, const struct ctl_args *args)
{
	struct conf_env env = ctl_env();

	buf_init(&p->path, PATH_MAX);
	if (ctl_load(args, &p->conf) != OK)
		return false;
	if (conf_state_path(p->conf, &env, &p->path) == OK &&
	    buf_add_str(&p->path, "/" CALLER_KEYFILE) == OK &&
	    buf_add_char(&p->path, '\0') == OK)
		return true;
	(void)fputs("weir key: no state folder: set `state` in the "
		    "configuration\n",
	    stderr);
	place_fini(p);
	return false;
}

/* Make the state folder, if it is not there. */
static bool
make_state(const struct place *p)
{
	char dir[PATH_MAX];
	struct slice path = slice_str(p->path.p);
	size_t n = slice_rfind(path, '/');

	memcpy(dir, path.p, n);
	dir[n] = '\0';
	if (file_make_dir(dir, STATE_MODE) == OK)
		return true;
	complain("make", dir);
	return false;
}

/* How to use the key that has just been printed. */
static void
explain(const struct conf *conf, const char *name)
{
	(void)fprintf(stderr,
	    "This key of %s is shown only now; weir keeps its hash. Clients "
	    "send it as their API key\n(Authorization: Bearer KEY, x-api-key "
	    "or api-key). A running weir knows it within a second.\n",
	    name);
	if (conf_find_caller(conf, slice_str(name)) != NULL)
		return;
	(void)fprintf(stderr,
	    "%s is not among `callers` in the configuration: it is known by "
	    "that name and %s.\n",
	    name,
	    conf_find_caller(conf, slice_str("default")) != NULL
		? "has the limits of the caller `default`"
		: "has no limits");
}

int
ctl_key_add(const struct ctl_args *args)
{
	const char *name = args->operands[0];
	char key[KEY_TEXT_BYTES];
	struct place p;
	int status = 1;

	if (!keyfile_is_name(slice_str(name)) ||
	    strcmp(name, "anonymous") == 0) {
		(void)fprintf(stderr,
		    "weir key add: wants a name of at most %d letters, digits "
		    "and . _ -, other than anonymous\n",
		    KEYFILE_NAME_MAX);
		return 2;
	}
	if (!place_init(&p, args))
		return 1;
	if (!make_state(&p))
		goto done;
	if (keyfile_add(p.path.p, slice_str(name), (int64_t)time(NULL), key) !=
	    OK) {
		complain("write", p.path.p);
		goto done;
	}
	if (printf("%.*s\n", KEY_TEXT_BYTES, key) < 0 || fflush(stdout) != 0) {
		complain("write", "the key");
		goto done;
	}
	explain(p.conf, name);
	status = 0;
done:
	place_fini(&p);
	return status;
}

/* ${at_s} as "2026-02-24 18:00", UTC; "-" if it is not known. */
static const char *
date(int64_t at_s, char out[DATE_MAX])
{
	time_t t = (time_t)at_s;
	struct tm tm;

	if (at_s == 0 || gmtime_r(&t, &tm) == NULL ||
	    strftime(out, DATE_MAX, "%Y-%m-%d %H:%M", &tm) == 0)
		return "-";
	return out;
}

static void
list_row(const struct keyfile_row *r)
{
	char hex[2 * KEY_DIGEST_BYTES], made[DATE_MAX], gone[DATE_MAX];

	key_digest_write(&r->digest, hex);
	(void)printf("%-24.*s %.*s  %-16s  %s%s\n", SLICE_ARG(r->name),
	    KEY_ID_BYTES, hex, date(r->made_s, made),
	    r->revoked_s == 0 ? "valid" : "revoked ",
	    r->revoked_s == 0 ? "" : date(r->revoked_s, gone));
}

int
ctl_key_list(const struct ctl_args *args)
{
	struct keyfile keys;
	struct place p;
	int status = 1;

	if (!place_init(&p, args))
		return 1;
	keyfile_init(&keys);
	if (keyfile_load(&keys, p.path.p) != OK) {
		complain("read", p.path.p);
		goto done;
	}
	(void)fprintf(stderr, "%.*s", SLICE_ARG(buf_slice(&keys.warnings)));
	if (keys.n == 0)
		(void)fputs(
		    "No keys; make one with: weir key add NAME\n", stderr);
	else
		(void)printf("%-24s %-*s  %-16s  %s\n", "CALLER", KEY_ID_BYTES,
		    "ID", "MADE (UTC)", "STATE");
	for (size_t i = 0; i < keys.n; i++)
		list_row(&keys.rows[i]);
	if (fflush(stdout) == 0)
		status = 0;
	else
		complain("write", "the list");
done:
	keyfile_fini(&keys);
	place_fini(&p);
	return status;
}

/* What came of revoking ${n} keys of ${who}; the exit status. */
static int
tell_revoked(enum err e, size_t n, const char *who, const struct place *p)
{
	const struct conf_caller *row =
	    conf_find_caller(p->conf, slice_str(who));

	switch (e) {
	case OK:
		(void)printf("Revoked %zu key%s.\n", n, n == 1 ? "" : "s");
		break;
	case ERR_NOT_FOUND:
		(void)fprintf(stderr,
		    "weir key revoke: %s is neither the name of a caller with "
		    "a valid key nor the\nbeginning of a key's hash; see: weir "
		    "key list\n",
		    who);
		break;
	case ERR_EXISTS:
		(void)fprintf(stderr,
		    "weir key revoke: the hashes of several keys begin with "
		    "%s; give more digits\n",
		    who);
		break;
	default:
		complain("write", p->path.p);
	}
	if (row != NULL && row->keys.n > 0)
		(void)fprintf(stderr,
		    "The keys of %s in the configuration stay valid; take "
		    "them out there.\n",
		    who);
	return e == OK ? 0 : 1;
}

int
ctl_key_revoke(const struct ctl_args *args)
{
	const char *who = args->operands[0];
	struct place p;
	size_t n = 0;
	enum err e;
	int status;

	if (!place_init(&p, args))
		return 1;
	e = keyfile_revoke(p.path.p, slice_str(who), (int64_t)time(NULL), &n);
	status = tell_revoked(e, n, who, &p);
	place_fini(&p);
	return status;
}
