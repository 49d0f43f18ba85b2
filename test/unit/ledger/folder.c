#include "folder.h"
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[64];

const char *
folder_make(void)
{
	snprintf(folder, sizeof folder, "/tmp/weir-ledger-XXXXXX");
	assert_non_null(mkdtemp(folder));
	return folder;
}

const char *
folder_path(const char *name)
{
	static char paths[4][512];
	static int i;
	char *p = paths[i++ % 4];

	snprintf(p, sizeof paths[0], "%s/%s", folder, name);
	return p;
}

int
folder_count(const char *prefix, char one[256])
{
	DIR *d = opendir(folder);
	struct dirent *e;
	int n = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' ||
		    strncmp(e->d_name, prefix, strlen(prefix)) != 0)
			continue;
		n++;
		if (one != NULL)
			memcpy(one, e->d_name, strlen(e->d_name) + 1);
	}
	closedir(d);
	return n;
}

void
folder_remove(void)
{
	char name[256];

	while (folder_count("", name) > 0)
		if (unlink(folder_path(name)) != 0 &&
		    rmdir(folder_path(name)) != 0)
			fail_msg("cannot remove %s", name);
	assert_int_equal(rmdir(folder), 0);
}

static void
nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

void
wait_flushed(struct ledger *l)
{
	for (int i = 0; i < 2000; i++) {
		if (ledger_is_flushed(l))
			return;
		nap();
	}
	fail_msg("not written within 10 s");
}

struct ledger_news
wait_news(struct ledger *l, enum ledger_news_kind kind)
{
	struct ledger_news n;

	for (int i = 0; i < 2000; i++) {
		if (ledger_news(l, &n) != LEDGER_NO_NEWS) {
			assert_int_equal(n.kind, kind);
			return n;
		}
		nap();
	}
	fail_msg("no news within 10 s");
	return n;
}

struct reading {
	const char *caller;
	struct used used;
};

static void
add(void *ctx, const struct ledger_row *row)
{
	struct reading *r = ctx;

	if (r->caller != NULL && !slice_is(row->caller, r->caller))
		return;
	r->used.requests += row->requests;
	r->used.input += row->input_tok;
	r->used.output += row->output_tok;
	r->used.cached += row->cached_tok;
	r->used.errors += row->errors;
}

struct used
read_used(const char *path, const char *caller)
{
	struct reading r = {.caller = caller};
	struct ledger_reader *reader;

	assert_int_equal(ledger_reader_open(path, &reader), OK);
	assert_int_equal(ledger_read_days(reader, 0, add, &r), OK);
	ledger_reader_close(reader);
	return r.used;
}
