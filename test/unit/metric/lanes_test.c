/*
 * What gates count in shared memory: nothing is lost and nothing counted twice,
 * whoever is killed when.  The gates here are processes, and are killed.
 */
#include "metric/lanes.h"
#include "metric/metric.h"
#include "os/share.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct hash_key seed = {3, 4};
static void *mem;
static struct buf text;

static int
begin(void **state)
{
	int fd;

	(void)state;
	if (os_share_new("test", METRICS_SHARE_BYTES, &fd) != OK ||
	    os_share_map(fd, METRICS_SHARE_BYTES, &mem) != OK)
		return -1;
	return close(fd);
}

static int
end(void **state)
{
	(void)state;
	os_share_unmap(mem, METRICS_SHARE_BYTES);
	return 0;
}

/* The gate of ${generation} beside ${live} (0: none). */
static struct metrics *
gate(uint64_t generation, uint64_t live)
{
	struct metrics *m = metrics_new(seed);
	struct metrics_share s = {.mem = mem,
	    .size = METRICS_SHARE_BYTES,
	    .generation = generation,
	    .live = &live,
	    .n_live = live > 0};

	assert_non_null(m);
	assert_int_equal(metrics_share(m, &s), OK);
	return m;
}

static struct series *
find(struct metrics *m, enum metric_id id, const char *label)
{
	struct slice labels[3] = {
	    slice_str(label), SLICE("llama"), SLICE("200")};

	return metric_series(m, id, labels);
}

static const char *
print(struct metrics *m)
{
	buf_clear(&text);
	assert_int_equal(metrics_print(m, &text), OK);
	assert_int_equal(buf_add_char(&text, 0), OK);
	return text.p;
}

static void
expect(struct metrics *m, const char *part)
{
	const char *all = print(m);

	if (strstr(all, part) == NULL)
		fail_msg("no \"%s\" in:\n%s", part, all);
}

static void
count(struct metrics *m, const char *who, int n)
{
	series_add(find(m, METRIC_RATE_LIMITED, who), n);
	series_add(metric_series(m, METRIC_CONNECTIONS_ACCEPTED, NULL), n);
	for (int i = 0; i < n; i++)
		series_observe(find(m, METRIC_QUEUE_WAIT, who), 40000);
}

/* A process that counts as the gate of ${generation} and dies by kill -9. */
static void
count_and_die(uint64_t generation, uint64_t live, const char *who, int n)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		count(gate(generation, live), who, n);
		(void)raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static void
test_they_outlive_gates_that_are_killed(void **state)
{
	struct metrics *m;

	(void)state;
	count_and_die(1, 0, "bo", 3);
	count_and_die(2, 0, "bo", 4);
	count_and_die(3, 0, "al", 5);
	m = gate(4, 0);
	count(m, "bo", 2);
	expect(m, "\nweir_rate_limited_total{caller=\"bo\"} 9\n");
	expect(m, "\nweir_rate_limited_total{caller=\"al\"} 5\n");
	expect(m, "\nweir_connections_accepted_total 14\n");
	expect(m, "_bucket{engine=\"bo\",le=\"0.05\"} 9\n");
	expect(m, "_bucket{engine=\"bo\",le=\"+Inf\"} 9\n");
	expect(m, "\nweir_queue_wait_seconds_sum{engine=\"bo\"} 0.360000\n");
	expect(m, "\nweir_queue_wait_seconds_count{engine=\"al\"} 5\n");
	metrics_free(m);
	m = gate(5, 0);
	expect(m, "\nweir_rate_limited_total{caller=\"bo\"} 9\n");
	metrics_free(m);
}

static void
test_gates_at_once_tell_the_same(void **state)
{
	struct metrics *old = gate(1, 0), *new;

	(void)state;
	count(old, "bo", 3);
	new = gate(2, 1);
	/* Only one of them knows her, and the other one learns of her. */
	count(old, "al", 1);
	count(new, "bo", 10);
	count(old, "bo", 100);
	for (int i = 0; i < 2; i++) {
		struct metrics *m = i ? old : new;

		expect(m, "\nweir_rate_limited_total{caller=\"bo\"} 113\n");
		expect(m, "\nweir_rate_limited_total{caller=\"al\"} 1\n");
		expect(m, "\nweir_queue_wait_seconds_count{engine=\"al\"} 1\n");
		expect(m, "\nweir_connections_accepted_total 114\n");
	}
	count(new, "al", 1);
	expect(old, "\nweir_rate_limited_total{caller=\"al\"} 2\n");
	metrics_free(old);
	expect(new, "\nweir_rate_limited_total{caller=\"bo\"} 113\n");
	metrics_free(new);
}

static void
test_gauges_die_with_their_gate(void **state)
{
	struct metrics *old = gate(1, 0), *new = gate(2, 1);
	uint64_t others[METRICS_LANES];

	(void)state;
	series_set(metric_series(old, METRIC_CONNECTIONS, NULL), 3);
	series_set(metric_series(new, METRIC_CONNECTIONS, NULL), 4);
	series_set(find(old, METRIC_SLOTS_USED, "a"), 2);
	series_set(find(old, METRIC_SLOTS_USED, "b"), 1);
	series_set(metric_series(old, METRIC_RSS, NULL), 1000);
	series_set(metric_series(new, METRIC_RSS, NULL), 2000);
	expect(new, "\nweir_connections 7\n");
	expect(new, "\nweir_slots_used{engine=\"a\"} 2\n");
	expect(new, "\nweir_resident_memory_bytes 2000\n");
	assert_int_equal(metrics_of_others(new, METRIC_SLOTS_USED), 3);
	assert_int_equal(metrics_of_others(old, METRIC_SLOTS_USED), 0);
	assert_int_equal(metrics_others(new, others), 1);
	assert_true(others[0] == 1);
	/* It crashed: the keeper says so. */
	metrics_gone(new, 1);
	expect(new, "\nweir_connections 4\n");
	expect(new, "\nweir_slots_used{engine=\"a\"} 0\n");
	assert_int_equal(metrics_others(new, others), 0);
	metrics_free(new);
	/* Its lane is taken over, what it had at that moment is not. */
	new = gate(3, 0);
	expect(new, "\nweir_connections 0\n");
	expect(new, "\nweir_slots_used{engine=\"a\"} 0\n");
	metrics_free(new);
	metrics_free(old);
}

/* Counts without end, until it is killed. */
static void
count_for_ever(uint64_t generation)
{
	struct metrics *m = gate(generation, 0);

	for (unsigned i = 0;; i++) {
		char who[16];

		(void)snprintf(who, sizeof who, "%u", i / 16 % 64);
		series_add(find(m, METRIC_RATE_LIMITED, who), 1);
		series_observe(find(m, METRIC_QUEUE_WAIT, who), i % 2000000);
	}
}

/* In the middle of whatever it does: all adds up but for what it just did. */
static void
test_a_kill_in_the_middle_is_harmless(void **state)
{
	long long before = 0;

	(void)state;
	for (uint64_t g = 1; g < 60; g += 2) {
		pid_t pid = fork();
		struct metrics *m;
		long long all = 0, waits = 0;

		if (pid == 0)
			count_for_ever(g);
		(void)usleep((useconds_t)(g * 97 % 3000));
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		m = gate(g + 1, 0);
		(void)print(m);
		for (const char *p = text.p; (p = strstr(p, "\nweir_")); p++) {
			const char *v = strchr(p + 1, ' ');

			if (strncmp(p, "\nweir_rate_limited_total{", 25) == 0)
				all += atoll(v);
			if (strncmp(p, "\nweir_queue_wait_seconds_count", 30) ==
			    0)
				waits += atoll(v);
		}
		assert_in_range(all - waits, 0, g / 2 + 1);
		assert_true(all >= before);
		before = all;
		metrics_free(m);
	}
	assert_true(before > 0);
}

/* An observation of which only the sums were written is none. */
static void
test_half_an_observation_is_none(void **state)
{
	struct metrics *m = gate(1, 0);
	struct lanes l;
	struct lane_entry *e;
	uint64_t *cells = NULL;

	(void)state;
	count(m, "bo", 2);
	metrics_free(m);
	assert_int_equal(
	    lanes_take(&l,
		&(struct metrics_share){
		    .mem = mem, .size = METRICS_SHARE_BYTES, .generation = 2}),
	    OK);
	while ((e = lanes_next(&l, l.own)) != NULL)
		if (e->kind == METRIC_HISTOGRAM)
			cells = lane_cells(e);
	assert_non_null(cells);
	cells[0]++;
	lanes_give(&l);
	m = gate(3, 0);
	expect(m, "_bucket{engine=\"bo\",le=\"+Inf\"} 2\n");
	expect(m, "\nweir_queue_wait_seconds_count{engine=\"bo\"} 2\n");
	metrics_free(m);
}

/* Metrics that this version does not know stay for the one that does. */
static void
test_other_versions_metrics_stay(void **state)
{
	static const struct lane_entry theirs = {
	    .kind = METRIC_COUNTER, .what = 4711};
	struct metrics_share s = {
	    .mem = mem, .size = METRICS_SHARE_BYTES, .generation = 1};
	struct lanes l;
	struct lane_entry *e;
	struct metrics *m;

	(void)state;
	assert_int_equal(lanes_take(&l, &s), OK);
	e = lanes_add(&l, &theirs, slice_str("what a key may be"), false);
	assert_non_null(e);
	*(int64_t *)lane_cells(e) = 42;
	lanes_give(&l);
	m = gate(2, 0);
	count(m, "bo", 1);
	expect(m, "\nweir_rate_limited_total{caller=\"bo\"} 1\n");
	metrics_free(m);
	s.generation = 3;
	assert_int_equal(lanes_take(&l, &s), OK);
	e = lanes_next(&l, l.own);
	assert_non_null(e);
	assert_true(e->what == 4711);
	assert_int_equal(*(int64_t *)lane_cells(e), 42);
	lanes_give(&l);
}

/* Whatever stands in a lane, nobody reads beyond it. */
static void
test_a_broken_lane_ends(void **state)
{
	struct metrics *m = gate(1, 0);
	char *lane = mem;
	uint32_t wild = 0x7ffffff8;

	(void)state;
	count(m, "bo", 1);
	/* The first entry's size. */
	memcpy(lane + 64, &wild, sizeof wild);
	metrics_free(m);
	m = gate(2, 0);
	count(m, "al", 1);
	expect(m, "\nweir_rate_limited_total{caller=\"al\"} 1\n");
	metrics_free(m);
}

static void
test_no_lane_is_free(void **state)
{
	struct metrics *m[METRICS_LANES + 1];
	uint64_t live[METRICS_LANES];
	struct metrics_share s = {
	    .mem = mem, .size = METRICS_SHARE_BYTES, .live = live};

	(void)state;
	for (size_t i = 0; i <= METRICS_LANES; i++) {
		m[i] = metrics_new(seed);
		s.generation = i + 1;
		s.n_live = i;
		assert_int_equal(
		    metrics_share(m[i], &s), i < METRICS_LANES ? OK : ERR_FULL);
		if (i < METRICS_LANES)
			live[i] = i + 1;
		count(m[i], "bo", 1);
	}
	expect(m[0], "\nweir_rate_limited_total{caller=\"bo\"} 12\n");
	expect(
	    m[METRICS_LANES], "\nweir_rate_limited_total{caller=\"bo\"} 1\n");
	s.size = 4096;
	for (size_t i = 0; i <= METRICS_LANES; i++)
		metrics_free(m[i]);
	m[0] = metrics_new(seed);
	assert_int_equal(metrics_share(m[0], &s), ERR_RANGE);
	metrics_free(m[0]);
}

/* More and longer labels than a lane has room for: the sum stays exact. */
static void
test_a_full_lane_loses_nothing(void **state)
{
	static const enum metric_id ids[] = {METRIC_REQUESTS,
	    METRIC_INPUT_TOKENS, METRIC_OUTPUT_TOKENS, METRIC_CACHED_TOKENS,
	    METRIC_LOADS, METRIC_ERRORS, METRIC_COUNTS, METRIC_ENGINE_EXITS};
	static char longer[3][METRIC_LABEL_BYTES];
	const struct slice labels[3] = {{longer[0], sizeof longer[0]},
	    {longer[1], sizeof longer[1]}, {longer[2], sizeof longer[2]}};
	struct metrics *m = gate(1, 0);
	long long n = 0, sum = 0;

	(void)state;
	memset(longer, 'x', sizeof longer);
	for (size_t k = 0; k < sizeof ids / sizeof *ids; k++)
		for (int i = 0; i < METRIC_SERIES_MAX + 50; i++) {
			(void)snprintf(longer[0], 20, "%d", i);
			longer[0][strlen(longer[0])] = 'y';
			series_add(metric_series(m, ids[k], labels), 1);
			n++;
		}
	metrics_free(m);
	m = gate(2, 0);
	(void)print(m);
	for (const char *p = text.p; (p = strstr(p, "\nweir_")); p++) {
		const char *v = strchr(p, '\n');

		v = strpbrk(p + 1, "}\n");
		if (*v == '}' && strstr(p, "xxxx\"") < v)
			sum += atoll(v + 2);
		else if (*v == '}' && strncmp(v - 6, "other\"", 6) == 0)
			sum += atoll(v + 2);
	}
	assert_true(sum == n);
	metrics_free(m);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, begin, end)
	const struct CMUnitTest tests[] = {
	    T(they_outlive_gates_that_are_killed),
	    T(gates_at_once_tell_the_same),
	    T(gauges_die_with_their_gate),
	    T(a_kill_in_the_middle_is_harmless),
	    T(half_an_observation_is_none),
	    T(other_versions_metrics_stay),
	    T(a_broken_lane_ends),
	    T(no_lane_is_free),
	    T(a_full_lane_loses_nothing),
	};
	int r;

	buf_init(&text, 64 << 20);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	buf_fini(&text);
	return r;
}
