/* Values as YAML: whatever is printed here is read back as the same. */
#include "conf/value.h"
#include <assert.h>
#include <stdio.h>

enum { KEY_BYTES = 32 };

/* Can ${s} stand without quotes, also inside of [ ] and { }? */
static bool
is_plain(struct slice s)
{
	static const char *const taken[] = {
	    "null", "true", "false", "yes", "no", "on", "off", "none", "auto"};

	for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
		if (slice_eq_nocase(s, slice_str(taken[i])))
			return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool is_word = (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    c == '/' || c == '_';
		bool is_inner = c == '.' || c == '-' || c == '+' || c == '@' ||
		    c == '%' || (c == ':' && i + 1 < s.n);

		if (!is_word && (i == 0 || !is_inner))
			return false;
	}
	return s.n > 0;
}

enum err
value_print_text(struct slice s, struct buf *out)
{
	enum err e;

	if (is_plain(s))
		return buf_add(out, s);
	e = buf_add_char(out, '"');
	for (size_t i = 0; e == OK && i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			e = buf_add_char(out, '\\');
		if (e == OK)
			e = buf_add_char(out, s.p[i]);
	}
	return e == OK ? buf_add_char(out, '"') : e;
}

static enum err
print_BYTES(const void *field, struct buf *out)
{
	static const struct {
		const char *name;
		uint64_t factor;
	} units[] = {{"TiB", UINT64_C(1) << 40}, {"TB", 1000000000000},
	    {"GiB", 1 << 30}, {"GB", 1000000000}, {"MiB", 1 << 20},
	    {"MB", 1000000}, {"KiB", 1 << 10}, {"KB", 1000}};
	uint64_t v = *(const uint64_t *)field;

	for (size_t i = 0; v > 0 && i < sizeof units / sizeof units[0]; i++)
		if (v % units[i].factor == 0)
			return buf_printf(out, "%llu%s",
			    (unsigned long long)(v / units[i].factor),
			    units[i].name);
	return buf_add_u64(out, v);
}

static enum err
print_DURATION(const void *field, struct buf *out)
{
	static const struct {
		const char *name;
		int64_t factor;
	} units[] = {{"d", CONF_DAY}, {"h", CONF_HOUR},
	    {"min", 60 * CONF_SECOND}, {"s", CONF_SECOND}, {"ms", CONF_MILLI}};
	int64_t v = *(const int64_t *)field;

	if (v == CONF_FOREVER)
		return buf_add_str(out, "forever");
	for (size_t i = 0; v > 0 && i < sizeof units / sizeof units[0]; i++)
		if (v % units[i].factor == 0)
			return buf_printf(out, "%lld%s",
			    (long long)(v / units[i].factor), units[i].name);
	assert(v == 0); /* a file has whole milliseconds */
	return buf_add_char(out, '0');
}

static enum err
print_COUNT(const void *field, struct buf *out)
{
	return buf_add_i64(out, *(const int64_t *)field);
}

static enum err
print_AUTO(const void *field, struct buf *out)
{
	if (*(const int64_t *)field == CONF_AUTO)
		return buf_add_str(out, "auto");
	return print_COUNT(field, out);
}

static enum err
print_PERCENT(const void *field, struct buf *out)
{
	return buf_printf(out, "%lld%%", (long long)*(const int64_t *)field);
}

static enum err
print_BOOL(const void *field, struct buf *out)
{
	return buf_add_str(out, *(const bool *)field ? "true" : "false");
}

static enum err
print_TEXT(const void *field, struct buf *out)
{
	const struct slice *s = field;

	return s->n == 0 ? OK : value_print_text(*s, out);
}

static enum err
print_rate(uint64_t count, int64_t period_ns, struct buf *out)
{
	const char *period = value_period_name(period_ns);

	if (count == 0)
		return buf_add_str(out, "none");
	assert(period != NULL);
	return buf_printf(out, "%llu/%s", (unsigned long long)count, period);
}

static enum err
print_RATE(const void *field, struct buf *out)
{
	const struct conf_rate *r = field;

	return print_rate(r->count, r->period_ns, out);
}

static enum err
print_TOKENS(const void *field, struct buf *out)
{
	const struct conf_tokens *t = field;
	enum err e;

	if (!t->strict)
		return print_rate(t->limit, t->period_ns, out);
	if ((e = buf_add_str(out, "{ limit: ")) != OK ||
	    (e = print_rate(t->limit, t->period_ns, out)) != OK)
		return e;
	return buf_add_str(out, ", strict: true }");
}

/* Appends one item of a list. */
typedef enum err item_fn(const void *item, struct buf *out);

/* ${n} items of ${size} bytes at ${v}; nothing at all if there are none. */
static enum err
print_list(
    const void *v, size_t n, size_t size, item_fn *print, struct buf *out)
{
	enum err e = n > 0 ? buf_add_char(out, '[') : OK;

	for (size_t i = 0; e == OK && i < n; i++) {
		if (i > 0)
			e = buf_add_str(out, ", ");
		if (e == OK)
			e = print((const char *)v + i * size, out);
	}
	return e == OK && n > 0 ? buf_add_char(out, ']') : e;
}

static enum err
print_text_item(const void *item, struct buf *out)
{
	return value_print_text(*(const struct slice *)item, out);
}

static enum err
print_TEXTS(const void *field, struct buf *out)
{
	const struct conf_texts *t = field;

	return print_list(t->v, t->n, sizeof *t->v, print_text_item, out);
}

static enum err
print_net_item(const void *item, struct buf *out)
{
	struct buf b;
	enum err e;

	buf_init(&b, 256);
	e = value_print_net(item, &b);
	if (e == OK)
		e = value_print_text(buf_slice(&b), out);
	buf_fini(&b);
	return e;
}

static enum err
print_NETS(const void *field, struct buf *out)
{
	const struct conf_nets *t = field;

	return print_list(t->v, t->n, sizeof *t->v, print_net_item, out);
}

static enum err
print_listen_item(const void *item, struct buf *out)
{
	return value_print_text(((const struct conf_listen *)item)->text, out);
}

static enum err
print_LISTENS(const void *field, struct buf *out)
{
	const struct conf_listens *t = field;

	return print_list(t->v, t->n, sizeof *t->v, print_listen_item, out);
}

static enum err
print_URL(const void *field, struct buf *out)
{
	return print_TEXT(&((const struct conf_url *)field)->text, out);
}

static enum err
print_key_item(const void *item, struct buf *out)
{
	const struct conf_key *k = item;
	enum err e = buf_add_str(out, "sha256:");

	for (size_t i = 0; e == OK && i < KEY_BYTES; i++)
		e = buf_printf(out, "%02x", k->sha256[i]);
	return e;
}

static enum err
print_KEYS(const void *field, struct buf *out)
{
	const struct conf_keys *t = field;

	return print_list(t->v, t->n, sizeof *t->v, print_key_item, out);
}

static enum err
print_PAIRS(const void *field, struct buf *out)
{
	const struct conf_pairs *t = field;
	enum err e = t->n > 0 ? buf_add_char(out, '{') : OK;

	for (size_t i = 0; e == OK && i < t->n; i++) {
		if ((e = buf_add_str(out, i > 0 ? ", " : " ")) != OK ||
		    (e = value_print_text(t->v[i].name, out)) != OK ||
		    (e = buf_add_str(out, ": ")) != OK)
			return e;
		e = value_print_text(t->v[i].value, out);
	}
	return e == OK && t->n > 0 ? buf_add_str(out, " }") : e;
}

enum err
value_print(enum conf_kind kind, const void *field, struct buf *out)
{
	static item_fn *const printers[] = {
#define print_NAME print_TEXT
#define print_PATH print_TEXT
#define print_WEBHOOK print_TEXT
#define print_COMMAND print_TEXT
#define KIND(nm, type, wants) [CONF_KIND_##nm] = print_##nm,
#define CHOICE(nm, c_name, words) [CONF_KIND_##nm] = NULL,
#include "facts/options.def"
	};
	const char *const *words;
	size_t n_words;
	unsigned i;

	if (printers[kind] != NULL)
		return printers[kind](field, out);
	words = conf_kind_words(kind, &n_words);
	memcpy(&i, field, sizeof i);
	assert(i < n_words);
	return buf_add_str(out, words[i]);
}
