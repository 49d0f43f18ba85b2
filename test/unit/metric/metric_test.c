/*
 * Series and their text, by the Prometheus text format 0.0.4:
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
#include "metric/metric.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include <stdlib.h>

static const struct hash_key seed = {3, 4};
static struct buf text;

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

static struct slice *
labels(const char *a, const char *b, const char *c)
{
	static struct slice l[3];

	l[0] = slice_str(a);
	l[1] = slice_str(b);
	l[2] = slice_str(c);
	return l;
}

static void
test_counter(void **state)
{
	struct metrics *m = metrics_new(seed);
	struct series *a, *b;

	(void)state;
	a = metric_series(m, METRIC_REQUESTS, labels("bo", "llama", "200"));
	b = metric_series(m, METRIC_REQUESTS, labels("bo", "llama", "429"));
	assert_ptr_not_equal(a, b);
	assert_ptr_equal(
	    a, metric_series(m, METRIC_REQUESTS, labels("bo", "llama", "200")));
	series_add(a, 1);
	series_add(a, 41);
	series_add(b, 1);
	assert_int_equal(series_value(a), 42);
	expect(m,
	    "# HELP weir_requests_total Requests answered.\n"
	    "# TYPE weir_requests_total counter\n"
	    "weir_requests_total{caller=\"bo\",model=\"llama\",status=\"200\"} "
	    "42\n"
	    "weir_requests_total{caller=\"bo\",model=\"llama\",status=\"429\"} "
	    "1\n# HELP ");
	metrics_free(m);
}

/* Where one value ends and the next begins is part of the key. */
static void
test_labels_do_not_run_together(void **state)
{
	struct metrics *m = metrics_new(seed);

	(void)state;
	assert_ptr_not_equal(
	    metric_series(m, METRIC_REQUESTS, labels("ab", "c", "1")),
	    metric_series(m, METRIC_REQUESTS, labels("a", "bc", "1")));
	assert_ptr_not_equal(
	    metric_series(m, METRIC_INPUT_TOKENS, labels("a", "", NULL)),
	    metric_series(m, METRIC_OUTPUT_TOKENS, labels("a", "", NULL)));
	metrics_free(m);
}

static void
set_connections(struct metrics *m, void *arg)
{
	series_set(metric_series(m, METRIC_CONNECTIONS, NULL), *(int *)arg);
}

static void
test_gauge_and_hook(void **state)
{
	struct metrics *m = metrics_new(seed);
	int value = 17;

	(void)state;
	/* Without labels it is there before anything is counted. */
	expect(m, "# TYPE weir_connections gauge\nweir_connections 0\n");
	assert_int_equal(metrics_on_print(m, set_connections, &value), OK);
	expect(m, "\nweir_connections 17\n");
	value = -3;
	expect(m, "\nweir_connections -3\n");
	for (int i = 1; i < 8; i++)
		assert_int_equal(
		    metrics_on_print(m, set_connections, &value), OK);
	assert_int_equal(
	    metrics_on_print(m, set_connections, &value), ERR_FULL);
	metrics_free(m);
}

static void
test_histogram(void **state)
{
	struct metrics *m = metrics_new(seed);
	struct series *s =
	    metric_series(m, METRIC_QUEUE_WAIT, labels("local", NULL, NULL));

	(void)state;
	series_observe(s, 900);
	series_observe(s, 40000);
	series_observe(s, 40000);
	series_observe(s, 1500000);
	series_observe(s, 7200000000); /* two hours */
	series_observe(s, -5);	       /* a clock's whim */
	assert_int_equal(series_value(s), 6);
	assert_in_range(series_quantile(s, 500), 40000, 40000 * 33 / 32);
	expect(m,
	    "# TYPE weir_queue_wait_seconds histogram\n"
	    "weir_queue_wait_seconds_bucket{engine=\"local\","
	    "le=\"0.001\"} 2\n");
	expect(m, "{engine=\"local\",le=\"0.025\"} 2\n");
	expect(m, "{engine=\"local\",le=\"0.05\"} 4\n");
	expect(m, "{engine=\"local\",le=\"1\"} 4\n");
	expect(m, "{engine=\"local\",le=\"2.5\"} 5\n");
	expect(m,
	    "{engine=\"local\",le=\"1800\"} 5\n"
	    "weir_queue_wait_seconds_bucket{engine=\"local\",le=\"+Inf\"} 6\n"
	    "weir_queue_wait_seconds_sum{engine=\"local\"} 7201.580900\n"
	    "weir_queue_wait_seconds_count{engine=\"local\"} 6\n");
	metrics_free(m);
}

static void
test_label_values_are_escaped(void **state)
{
	struct metrics *m = metrics_new(seed);
	static char longer[1000];
	struct slice l = slice_of(longer, sizeof longer);

	(void)state;
	(void)metric_series(
	    m, METRIC_RATE_LIMITED, labels("a\"b\\c\nd", NULL, NULL));
	expect(m, "{caller=\"a\\\"b\\\\c\\nd\"} 0\n");
	(void)metric_series(
	    m, METRIC_RATE_LIMITED, labels("Zo\xc3\xab\xff", NULL, NULL));
	expect(m, "{caller=\"Zo\xc3\xab\xef\xbf\xbd\"} 0\n");
	memset(longer, 'x', sizeof longer);
	(void)metric_series(m, METRIC_RATE_LIMITED, &l);
	l.n = METRIC_LABEL_BYTES;
	assert_ptr_equal(metric_series(m, METRIC_RATE_LIMITED, &l),
	    metric_series(m, METRIC_RATE_LIMITED,
		&(struct slice){longer, sizeof longer}));
	metrics_free(m);
}

static void
test_too_many_series_are_other(void **state)
{
	static const struct {
		enum metric_id id;
		int max;
	} cases[] = {
	    {METRIC_RATE_LIMITED, METRIC_SERIES_MAX},
	    {METRIC_QUEUE_WAIT, METRIC_HISTOGRAMS_MAX},
	};
	struct metrics *m = metrics_new(seed);
	struct series *other = NULL;
	char name[32];

	(void)state;
	for (size_t c = 0; c < 2; c++) {
		for (int i = 0; i < cases[c].max + 100; i++) {
			struct series *s;
			struct slice l;

			(void)snprintf(name, sizeof name, "caller-%d", i);
			l = slice_str(name);
			s = metric_series(m, cases[c].id, &l);
			if (i == cases[c].max)
				other = s;
			assert_int_equal(
			    i > cases[c].max, s == other && i != cases[c].max);
		}
		/* Those that were there before go on by their names. */
		assert_ptr_not_equal(metric_series(m, cases[c].id,
					 labels("caller-5", NULL, NULL)),
		    other);
	}
	series_observe(other, 1);
	expect(m, "\nweir_queue_wait_seconds_count{engine=\"other\"} 1\n");
	expect(m, "\nweir_rate_limited_total{caller=\"other\"} 0\n");
	metrics_free(m);
}

static void
test_no_room_is_told(void **state)
{
	struct metrics *m = metrics_new(seed);
	struct buf small;

	(void)state;
	buf_init(&small, 300);
	assert_int_equal(metrics_print(m, &small), ERR_FULL);
	buf_fini(&small);
	metrics_free(m);
}

/* Names by Prometheus' rules; counters end in _total, times in _seconds. */
static void
test_table(void **state)
{
	(void)state;
	for (enum metric_id id = 0; id < METRIC_COUNT; id++) {
		const struct metric_fact *f = metric_get(id);
		struct slice name = slice_str(f->name);

		assert_int_equal(
		    strspn(f->name, "abcdefghijklmnopqrstuvwxyz_"), name.n);
		assert_true(slice_starts(name, slice_str("weir_")));
		assert_int_equal(f->kind == METRIC_COUNTER,
		    slice_ends(name, slice_str("_total")));
		if (f->kind == METRIC_HISTOGRAM)
			assert_true(slice_ends(name, slice_str("_seconds")));
		assert_true(strlen(f->help) > 0);
		assert_true(metric_labels(id) <= METRIC_LABELS_MAX);
		for (enum metric_id b = 0; b < id; b++)
			assert_string_not_equal(f->name, metric_get(b)->name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_counter),
	    cmocka_unit_test(test_labels_do_not_run_together),
	    cmocka_unit_test(test_gauge_and_hook),
	    cmocka_unit_test(test_histogram),
	    cmocka_unit_test(test_label_values_are_escaped),
	    cmocka_unit_test(test_too_many_series_are_other),
	    cmocka_unit_test(test_no_room_is_told),
	    cmocka_unit_test(test_table),
	};
	int r;

	buf_init(&text, 1 << 20);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	buf_fini(&text);
	return r;
}
