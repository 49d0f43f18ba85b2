/*
 * Recorded exchanges of real engines ($WEIR_SHARED/transcripts, else
 * ../shared/transcripts beside the source): every one of them must pass the
 * guard, whole and byte by byte alike.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include "test/unit/http/trace.h"

static int n_files;

/* Whole and byte by byte: the same, and nothing refused. */
static void
run_bytes(const char *path, struct slice bytes, enum http_side side)
{
	struct trace_in in = {.side = side,
	    .bytes = bytes,
	    .eof = true,
	    .limits = http_limits_default()};
	struct trace whole, parts;
	struct slice brief;

	trace_run(&whole, &in);
	in.each_byte = true;
	trace_run(&parts, &in);
	brief = buf_slice(&whole.brief);
	/* A recording may have been cut short: !EOF; never any other. */
	if (brief.n == 0 || slice_has(brief, slice_str("!400 ")) ||
	    slice_has(brief, slice_str("!417 ")) ||
	    slice_has(brief, slice_str("!502 ")))
		fail_msg("%s: %.*s", path, SLICE_ARG(slice_to(brief, 200)));
	if (!slice_eq(brief, buf_slice(&parts.brief)) ||
	    !slice_eq(buf_slice(&whole.full), buf_slice(&parts.full)))
		fail_msg("%s: whole and cut differ", path);
	trace_fini(&whole);
	trace_fini(&parts);
}

static void
run_file(const char *path)
{
	enum { MAX = 64 * 1024 };
	static char bytes[MAX];
	struct slice name = slice_str(path);
	bool is_response = slice_ends(name, slice_str(".response.txt"));
	FILE *f;
	size_t n;

	if (!is_response && !slice_ends(name, slice_str(".request.txt")))
		return;
	f = fopen(path, "rb");
	assert_non_null(f);
	n = fread(bytes, 1, MAX, f);
	(void)fclose(f);
	if (n == 0) /* the engine closed without an answer */
		return;
	n_files++;
	run_bytes(path, slice_of(bytes, n),
	    is_response ? HTTP_SIDE_RESPONSE : HTTP_SIDE_REQUEST);
}

static void
run_folder(const char *path, int depth)
{
	struct dirent *e;
	DIR *d = opendir(path);

	if (d == NULL) {
		run_file(path);
		return;
	}
	while (depth > 0 && (e = readdir(d)) != NULL) {
		char below[8192];

		if (e->d_name[0] == '.')
			continue;
		if (snprintf(below, sizeof below, "%s/%s", path, e->d_name) <
		    (int)sizeof below)
			run_folder(below, depth - 1);
	}
	(void)closedir(d);
}

static char folder[2048];

static bool
find_folder(void)
{
	const char *shared = getenv("WEIR_SHARED");
	const char *source = getenv("WEIR_SOURCE");
	DIR *d;

	if (shared)
		(void)snprintf(folder, sizeof folder, "%s/transcripts", shared);
	else
		(void)snprintf(folder, sizeof folder,
		    "%s/../shared/transcripts", source ? source : ".");
	if ((d = opendir(folder)) == NULL)
		return false;
	(void)closedir(d);
	return true;
}

static void
test_recorded(void **state)
{
	(void)state;
	run_folder(folder, 3);
	assert_true(n_files > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_recorded),
	};

	/* cmocka's own skip() says "not ok", without a name. */
	if (!find_folder()) {
		(void)printf("1..0 # SKIP http/recorded: no transcripts\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
