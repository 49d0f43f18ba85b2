/* See ctl/usage.h. */
#include "ctl/usage.h"
#include "ctl/check.h"
#include "json/write.h"
#include "ledger/read.h"
#include "os/clock.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>

enum {
	DAYS_USUAL = 7,
	DAYS_MOST = 36500,
	DAY_S = 86400,
	TEXT_BYTES_MAX = 256 << 20,
	DATE_MAX = 16,
};

/* What is being printed; one of the two forms. */
struct usage {
	struct buf out;
	struct json_writer *json; /* NULL: a table */
	struct ledger_row total;
	enum err err;
};

/* "2026-02-24", UTC. */
static const char *
date(int64_t day_s, char out[DATE_MAX])
{
	time_t t = (time_t)day_s;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(out, DATE_MAX, "%Y-%m-%d", &tm) == 0)
		return "-";
	return out;
}

static void
json_counts(struct json_writer *w, const struct ledger_row *r)
{
	json_int(w, "requests", r->requests);
	json_int(w, "input_tokens", r->input_tok);
	json_int(w, "output_tokens", r->output_tok);
	json_int(w, "cached_tokens", r->cached_tok);
	json_int(w, "errors", r->errors);
}

static void
json_row(struct json_writer *w, const struct ledger_row *r)
{
	char text[DATE_MAX];

	json_object_begin(w, NULL);
	json_str(w, "day", slice_str(date(r->day_s, text)));
	json_str(w, "caller", r->caller);
	json_str(w, "model", r->model);
	json_counts(w, r);
	json_object_end(w);
}

/* A name for a terminal: nothing that moves the cursor. */
static struct slice
shown(struct slice name, char out[256])
{
	size_t n = name.n < 255 ? name.n : 255;

	for (size_t i = 0; i < n; i++)
		out[i] = (unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7f
		    ? '?'
		    : name.p[i];
	return n == 0 ? slice_str("-") : slice_of(out, n);
}

static enum err
print_line(struct buf *out, const char *day, const struct ledger_row *r)
{
	char caller[256], model[256];
	struct slice c = shown(r->caller, caller), m = shown(r->model, model);

	return buf_printf(out,
	    "%-10s  %-24.*s  %-28.*s  %9lld  %12lld  %12lld  %12lld  %7lld\n",
	    day, SLICE_ARG(c), SLICE_ARG(m), (long long)r->requests,
	    (long long)r->input_tok, (long long)r->output_tok,
	    (long long)r->cached_tok, (long long)r->errors);
}

static enum err
print_heading(struct buf *out)
{
	return buf_printf(out,
	    "%-10s  %-24s  %-28s  %9s  %12s  %12s  %12s  %7s\n", "DAY (UTC)",
	    "CALLER", "MODEL", "REQUESTS", "INPUT", "OUTPUT", "CACHED",
	    "ERRORS");
}

static void
on_row(void *ctx, const struct ledger_row *r)
{
	struct usage *u = ctx;
	struct ledger_row *t = &u->total;
	char text[DATE_MAX];

	t->requests += r->requests;
	t->input_tok += r->input_tok;
	t->output_tok += r->output_tok;
	t->cached_tok += r->cached_tok;
	t->errors += r->errors;
	if (u->json != NULL)
		json_row(u->json, r);
	else if (u->err == OK)
		u->err = print_line(&u->out, date(r->day_s, text), r);
}

static enum err
print_json(struct usage *u, struct ledger_reader *r, int64_t from_s)
{
	struct json_writer w;
	char text[DATE_MAX];
	enum err e;

	json_writer_init(&w, &u->out);
	u->json = &w;
	json_object_begin(&w, NULL);
	json_str(&w, "from", slice_str(date(from_s, text)));
	json_array_begin(&w, "usage");
	e = ledger_read_days(r, from_s, on_row, u);
	json_array_end(&w);
	json_object_begin(&w, "total");
	json_counts(&w, &u->total);
	json_object_end(&w);
	json_object_end(&w);
	if (e == OK)
		e = w.err;
	return e == OK ? buf_add_char(&u->out, '\n') : e;
}

static enum err
print_table(struct usage *u, struct ledger_reader *r, int64_t from_s)
{
	enum err e = print_heading(&u->out);

	if (e == OK)
		e = ledger_read_days(r, from_s, on_row, u);
	if (e == OK)
		e = u->err;
	return e == OK ? print_line(&u->out, "total", &u->total) : e;
}

/* --- the command --- */

/* STATE/ledger.db, with a NUL; false: it was told why not. */
static bool
find_ledger(const struct ctl_args *args, struct buf *path)
{
	struct conf_env env = ctl_env();
	struct conf *conf;
	enum err e;

	if (ctl_load(args, &conf) != OK)
		return false;
	if ((e = conf_state_path(conf, &env, path)) == OK)
		e = buf_add_str(path, "/" LEDGER_FILE);
	if (e == OK)
		e = buf_add_char(path, '\0');
	conf_drop(conf);
	if (e != OK)
		(void)fputs("weir usage: no state folder: set `state` in the "
			    "configuration\n",
		    stderr);
	return e == OK;
}

static int
complain(enum err e, const char *path)
{
	const char *why = "it is damaged or cannot be read";

	if (e == ERR_NOT_FOUND)
		why = "there is none yet; weir makes it when it serves";
	else if (e == ERR_VERSION)
		why = "a newer version of weir wrote it";
	(void)fprintf(stderr, "weir usage: the ledger %s: %s\n", path, why);
	return 1;
}

static int
print(const struct ctl_args *args, const char *path, int64_t from_s)
{
	struct usage u = {.err = OK};
	struct ledger_reader *r;
	enum err e = ledger_reader_open(path, &r);
	int status = 0;

	if (e != OK)
		return complain(e, path);
	buf_init(&u.out, TEXT_BYTES_MAX);
	e = (args->json ? print_json : print_table)(&u, r, from_s);
	if (e != OK) {
		status = complain(e, path);
	} else if (fwrite(u.out.p, 1, u.out.n, stdout) != u.out.n ||
	    fflush(stdout) != 0) {
		(void)fputs("weir usage: cannot write\n", stderr);
		status = 1;
	}
	buf_fini(&u.out);
	ledger_reader_close(r);
	return status;
}

int
ctl_usage(const struct ctl_args *args)
{
	int64_t now_s = os_wall_us() / 1000000, from_s;
	uint64_t days = DAYS_USUAL;
	struct buf path;
	int status = 1;

	if (args->days != NULL &&
	    (!slice_u64(slice_str(args->days), DAYS_MOST, &days) ||
		days == 0)) {
		(void)fprintf(stderr,
		    "weir usage: --days wants a number from 1 to %d\n",
		    DAYS_MOST);
		return 2;
	}
	from_s = (now_s / DAY_S - (int64_t)days + 1) * DAY_S;
	buf_init(&path, PATH_MAX);
	if (find_ledger(args, &path))
		status = print(args, path.p, from_s);
	buf_fini(&path);
	return status;
}
