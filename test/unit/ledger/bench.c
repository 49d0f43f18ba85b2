/*
 * What a note costs the loop, and a row the writer: `meson test --benchmark
 * ledger`, or run it.  CPU time; of notes the best of many passes.
 */
#include "ledger/ledger.h"
#include "ledger/store.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { PASSES = 40, NOTES = 4000, ROWS = 10000, ROUNDS = 10 };

static const struct hash_key seed = {1, 2};

static double
cpu_ns(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* One note of ordinary names, in nanoseconds of the noting thread. */
static double
time_note(const char *path)
{
	struct ledger_opts opts = {.path = path, .seed = seed};
	struct ledger_use u = {.caller = SLICE("agent-forum"),
	    .model = SLICE("llama3.2:3b-instruct-q4_K_M"),
	    .input_tok = 450,
	    .output_tok = 280,
	    .n_budgets = 1};
	double best = 1e18;
	struct ledger *l;

	must(ledger_open(&opts, &l) == OK);
	for (int pass = 0; pass < PASSES; pass++) {
		double start = cpu_ns(CLOCK_THREAD_CPUTIME_ID), took;

		for (int i = 0; i < NOTES; i++) {
			u.wall_us = (int64_t)time(NULL) * 1000000 + i;
			must(ledger_note(l, &u));
		}
		took = (cpu_ns(CLOCK_THREAD_CPUTIME_ID) - start) / NOTES;
		best = took < best ? took : best;
		(void)usleep(300000); /* the writer empties the ring */
	}
	must(ledger_dropped(l) == 0);
	must(ledger_close(l, 5000000));
	return best;
}

/* One row of a batch, in nanoseconds. */
static double
time_rows(const char *path, int batch)
{
	double start, took = 0;
	struct store s;

	must(store_open(&s, path, &seed) == OK);
	for (int round = 0; round < ROUNDS * ROWS / batch; round++) {
		struct sums sums;

		sums_init(&sums, (size_t)batch, 1);
		for (int i = 0; i < batch; i++) {
			char caller[32];
			int n = snprintf(caller, sizeof caller, "agent-%d", i);
			struct sum_key key = {round,
			    slice_of(caller, (size_t)n),
			    slice_str("llama3.2:3b-instruct-q4_K_M")};

			must(sums_add(&sums, &key,
				 &(struct counts){.requests = 1}) == OK);
		}
		start = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
		must(store_write(&s, &sums) == OK);
		took += cpu_ns(CLOCK_THREAD_CPUTIME_ID) - start;
		sums_fini(&sums);
	}
	store_close(&s);
	return took / ((double)ROUNDS * ROWS);
}

int
main(void)
{
	char folder[] = "/tmp/weir-ledger-XXXXXX", path[64];
	char tail[80];

	must(mkdtemp(folder) != NULL);
	(void)snprintf(path, sizeof path, "%s/ledger.db", folder);
	printf("a note                       %6.0f ns\n", time_note(path));
	printf("a row, 1 in a batch          %6.0f ns\n", time_rows(path, 1));
	printf("a row, 10 in a batch         %6.0f ns\n", time_rows(path, 10));
	printf(
	    "a row, 1000 in a batch       %6.0f ns\n", time_rows(path, 1000));
	for (int i = 0; i < 3; i++) {
		(void)snprintf(tail, sizeof tail, "%s%s", path,
		    i == 0	 ? ""
			: i == 1 ? "-wal"
				 : "-shm");
		(void)unlink(tail);
	}
	(void)rmdir(folder);
	return 0;
}
