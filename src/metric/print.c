/*
 * The Prometheus text format 0.0.4.  Appends go through a struct that keeps
 * the first failure, so that the text reads top to bottom.
 */
#include "base/utf8.h"
#include "metric/series.h"

/* Where histograms are cut for Prometheus, in microseconds. */
static const struct {
	uint64_t us;
	const char *le;
} bounds[] = {
    {1000, "0.001"},
    {2500, "0.0025"},
    {5000, "0.005"},
    {10000, "0.01"},
    {25000, "0.025"},
    {50000, "0.05"},
    {100000, "0.1"},
    {250000, "0.25"},
    {500000, "0.5"},
    {1000000, "1"},
    {2500000, "2.5"},
    {5000000, "5"},
    {10000000, "10"},
    {30000000, "30"},
    {60000000, "60"},
    {120000000, "120"},
    {300000000, "300"},
    {600000000, "600"},
    {1800000000, "1800"},
};

struct out {
	struct buf *buf;
	enum err err;
};

static void
put(struct out *o, struct slice s)
{
	if (o->err == OK)
		o->err = buf_add(o->buf, s);
}

static void
put_str(struct out *o, const char *s)
{
	put(o, slice_str(s));
}

static void
put_i64(struct out *o, int64_t v)
{
	if (o->err == OK)
		o->err = buf_add_i64(o->buf, v);
}

/*
 * ${s} with backslash and newline escaped, and quotes if ${quotes}; what is
 * not UTF-8 would make the whole text invalid, and becomes U+FFFD.
 */
static void
put_escaped(struct out *o, struct slice s, bool quotes)
{
	while (s.n > 0) {
		size_t len = utf8_len(s);

		if (len == 0)
			put_str(o, "\xef\xbf\xbd");
		else if (*s.p == '\n')
			put_str(o, "\\n");
		else if (*s.p == '\\')
			put_str(o, "\\\\");
		else if (*s.p == '"' && quotes)
			put_str(o, "\\\"");
		else
			put(o, slice_to(s, len));
		s = slice_from(s, len ? len : 1);
	}
}

/* {label="value",...,le="..."} or nothing. */
static void
put_labels(struct out *o, const struct metric_fact *f, const struct series *s,
    const char *le)
{
	const unsigned char *p = (const unsigned char *)s->key + 1;
	bool any = false;

	for (size_t i = 0; i < METRIC_LABELS_MAX && f->labels[i]; i++) {
		size_t n = (size_t)p[0] << 8 | p[1];

		put_str(o, any ? "," : "{");
		put_str(o, f->labels[i]);
		put_str(o, "=\"");
		put_escaped(o, slice_of((const char *)p + 2, n), true);
		put_str(o, "\"");
		p += 2 + n;
		any = true;
	}
	if (le != NULL) {
		put_str(o, any ? ",le=\"" : "{le=\"");
		put_str(o, le);
		put_str(o, "\"");
		any = true;
	}
	if (any)
		put_str(o, "}");
}

static void
put_sample(struct out *o, const struct metric_fact *f, const struct series *s,
    const char *suffix, const char *le, uint64_t value)
{
	put_str(o, f->name);
	put_str(o, suffix);
	put_labels(o, f, s, le);
	put_str(o, " ");
	put_i64(o, (int64_t)value);
	put_str(o, "\n");
}

/* Microseconds as seconds with six digits behind the point. */
static void
put_seconds(struct out *o, uint64_t us)
{
	char digits[6];

	put_i64(o, (int64_t)(us / 1000000));
	us %= 1000000;
	for (size_t i = sizeof digits; i-- > 0; us /= 10)
		digits[i] = (char)('0' + us % 10);
	put_str(o, ".");
	put(o, slice_of(digits, sizeof digits));
}

/*
 * A bucket counts under the first bound that it is wholly below: values up to
 * 1/32 under a bound may be told under the next.
 */
static void
put_histogram(struct out *o, const struct metric_fact *f,
    const struct series *s, const struct loglin *h)
{
	uint64_t sum = 0;
	unsigned next = 0;

	for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
		while (
		    next < LOGLIN_BUCKETS && loglin_top(next) <= bounds[i].us)
			sum += h->bucket[next++];
		put_sample(o, f, s, "_bucket", bounds[i].le, sum);
	}
	put_sample(o, f, s, "_bucket", "+Inf", h->n);
	put_str(o, f->name);
	put_str(o, "_sum");
	put_labels(o, f, s, NULL);
	put_str(o, " ");
	put_seconds(o, h->total);
	put_str(o, "\n");
	put_sample(o, f, s, "_count", NULL, h->n);
}

static void
put_family(struct out *o, struct metrics *m, enum metric_id id)
{
	const struct metric_fact *f = metric_get(id);
	static const char *const kinds[] = {
	    [METRIC_COUNTER] = " counter\n",
	    [METRIC_GAUGE] = " gauge\n",
	    [METRIC_HISTOGRAM] = " histogram\n",
	    [METRIC_GAUGE_SUM] = " gauge\n",
	};

	put_str(o, "# HELP ");
	put_str(o, f->name);
	put_str(o, " ");
	put_escaped(o, slice_str(f->help), false);
	put_str(o, "\n# TYPE ");
	put_str(o, f->name);
	put_str(o, kinds[f->kind]);
	for (const struct series *s = m->families[id].first;
	     s != NULL && o->err == OK; s = s->next)
		if (f->kind == METRIC_HISTOGRAM)
			put_histogram(o, f, s, total_histogram(m, s));
		else
			put_sample(
			    o, f, s, "", NULL, (uint64_t)total_value(m, s));
}

enum err
metrics_print(struct metrics *m, struct buf *out)
{
	struct out o = {out, OK};

	for (size_t i = 0; i < m->n_hooks; i++)
		m->hooks[i].fn(m, m->hooks[i].arg);
	total_look(m);
	for (enum metric_id id = 0; id < METRIC_COUNT; id++)
		put_family(&o, m, id);
	return o.err;
}
