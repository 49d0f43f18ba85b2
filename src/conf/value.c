/* Single values: numbers, words, texts.  Lists are in value_list.c. */
#include "conf/value.h"
#include "conf/value_list.h"
#include <assert.h>
#include <stdio.h>

void
value_wrong(
    struct value_reader *r, const struct tree_node *n, const char *meant)
{
	const char *what = n->kind == TREE_LIST ? "a list" : "a mapping";
	struct conf_quotation q;

	if (n->kind == TREE_SCALAR) {
		q = conf_quote(n->text);
		what = q.text;
	}
	conf_problem_error(r->p, n->line, n->column,
	    "`%s` wants %s, not %s%s%s%s", r->option->path,
	    conf_kind_wants(r->option->kind), what,
	    meant && meant[0] ? "; did you mean `" : "", meant ? meant : "",
	    meant && meant[0] ? "`?" : "");
}

void
value_refuse(struct value_reader *r, const struct tree_node *n, const char *why)
{
	conf_problem_error(
	    r->p, n->line, n->column, "`%s` %s", r->option->path, why);
}

bool
value_copy(struct value_reader *r, struct slice s, struct slice *out)
{
	char *p = arena_alloc(r->a, s.n + 1);

	if (p == NULL) {
		r->is_out_of_memory = true;
		return false;
	}
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	*out = slice_of(p, s.n);
	return true;
}

const struct slice *
value_scalar(struct value_reader *r, const struct tree_node *n)
{
	if (n->kind == TREE_SCALAR)
		return &n->text;
	value_wrong(r, n, NULL);
	return NULL;
}

/* Add "`limits.body` is at most 4GiB, not `5GiB`". */
static void
out_of_range(struct value_reader *r, const struct tree_node *n, bool too_large)
{
	const struct conf_option *o = r->option;
	int64_t bound = too_large ? o->max : o->min;
	struct buf b;

	buf_init(&b, 64);
	if (o->kind == CONF_KIND_RATE || o->kind == CONF_KIND_TOKENS ||
	    value_print(o->kind, &bound, &b) != OK)
		b.n = 0;
	if (b.n == 0 && buf_add_i64(&b, bound) != OK)
		r->is_out_of_memory = true;
	conf_problem_error(r->p, n->line, n->column,
	    "`%s` is at %s %.*s, not %s", o->path, too_large ? "most" : "least",
	    SLICE_ARG(buf_slice(&b)), conf_quote(n->text).text);
	buf_fini(&b);
}

/* Put ${v} into ${out} if the option's bounds allow. */
static bool
number(struct value_reader *r, const struct tree_node *n, enum err e,
    const char *meant, int64_t v, int64_t *out)
{
	if (e == ERR_SYNTAX) {
		value_wrong(r, n, meant);
		return false;
	}
	if (e != OK || v < r->option->min || v > r->option->max) {
		out_of_range(r, n, e != OK || v > r->option->max);
		return false;
	}
	*out = v;
	return true;
}

static bool
read_BYTES(struct value_reader *r, const struct tree_node *n, void *field)
{
	const struct slice *s = value_scalar(r, n);
	char meant[VALUE_MEANT_MAX];
	int64_t v = 0, ok;
	enum err e;

	if (s == NULL)
		return false;
	e = value_bytes(*s, &v, meant);
	if (!number(r, n, e, meant, v, &ok))
		return false;
	*(uint64_t *)field = (uint64_t)ok;
	return true;
}

static bool
read_DURATION(struct value_reader *r, const struct tree_node *n, void *field)
{
	const struct slice *s = value_scalar(r, n);
	char meant[VALUE_MEANT_MAX];
	int64_t v = 0;
	enum err e;

	if (s == NULL)
		return false;
	e = value_duration(*s, &v, meant);
	return number(r, n, e, meant, v, field);
}

/* Decimal digits only; more than an int64 holds is out of range. */
static enum err
whole_number(struct slice s, int64_t *out)
{
	uint64_t v;

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return ERR_SYNTAX;
	if (s.n == 0)
		return ERR_SYNTAX;
	if (!slice_u64(s, INT64_MAX, &v))
		return ERR_RANGE;
	*out = (int64_t)v;
	return OK;
}

static bool
read_COUNT(struct value_reader *r, const struct tree_node *n, void *field)
{
	const struct slice *s = value_scalar(r, n);
	int64_t v = 0;
	enum err e;

	if (s == NULL)
		return false;
	e = whole_number(*s, &v);
	return number(r, n, e, NULL, v, field);
}

static bool
read_AUTO(struct value_reader *r, const struct tree_node *n, void *field)
{
	if (n->kind != TREE_SCALAR || !slice_is(n->text, "auto"))
		return read_COUNT(r, n, field);
	*(int64_t *)field = CONF_AUTO;
	return true;
}

static bool
read_PERCENT(struct value_reader *r, const struct tree_node *n, void *field)
{
	const struct slice *s = value_scalar(r, n);
	char meant[VALUE_MEANT_MAX] = "";
	struct slice digits;
	int64_t v = 0;
	enum err e;

	if (s == NULL)
		return false;
	digits = slice_trim(*s);
	if (digits.n > 0 && digits.p[digits.n - 1] == '%')
		digits.n--;
	e = whole_number(digits, &v);
	if (e == OK && digits.n == s->n) {
		(void)snprintf(meant, sizeof meant, "%lld%%", (long long)v);
		e = ERR_SYNTAX;
	}
	return number(r, n, e, meant, v, field);
}

static bool
read_BOOL(struct value_reader *r, const struct tree_node *n, void *field)
{
	static const char *const yes[] = {"yes", "on", "true", "1", "y"};
	static const char *const no[] = {"no", "off", "false", "0", "n"};
	const struct slice *s = value_scalar(r, n);
	const char *meant = NULL;

	if (s == NULL)
		return false;
	if (slice_is(*s, "true") || slice_is(*s, "false")) {
		*(bool *)field = s->n == 4;
		return true;
	}
	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
		if (slice_eq_nocase(*s, slice_str(yes[i])))
			meant = "true";
		if (slice_eq_nocase(*s, slice_str(no[i])))
			meant = "false";
	}
	value_wrong(r, n, meant);
	return false;
}

static bool
read_TEXT(struct value_reader *r, const struct tree_node *n, void *field)
{
	const struct slice *s = value_scalar(r, n);
	char why[80];

	if (s == NULL)
		return false;
	if (s->n >= (size_t)r->option->min && s->n <= (size_t)r->option->max)
		return value_copy(r, *s, field);
	if (s->n == 0)
		(void)snprintf(why, sizeof why, "must not be empty");
	else
		(void)snprintf(why, sizeof why, "is at most %lld bytes long",
		    (long long)r->option->max);
	value_refuse(r, n, why);
	return false;
}

static bool
is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

static bool
read_NAME(struct value_reader *r, const struct tree_node *n, void *field)
{
	const struct slice *s = value_scalar(r, n);
	char meant[VALUE_MEANT_MAX];
	size_t bad = 0, len;

	if (s == NULL)
		return false;
	len = s->n < sizeof meant ? s->n : sizeof meant - 1;
	for (size_t i = 0; i < len; i++) {
		bool fits = is_name_byte(s->p[i]) && (i > 0 || s->p[i] != '-');

		meant[i] = s->p[i];
		if (!fits) {
			meant[i] = i > 0 ? '-' : 'x';
			bad++;
		}
	}
	meant[len] = '\0';
	if (bad == 0)
		return read_TEXT(r, n, field);
	/* A suggestion is useful where little is wrong. */
	value_wrong(r, n, bad * 3 <= len && s->n <= 64 ? meant : NULL);
	return false;
}

static bool
read_PATH(struct value_reader *r, const struct tree_node *n, void *field)
{
	const struct slice *s = value_scalar(r, n);

	if (s == NULL)
		return false;
	if (s->n > 0 && s->p[0] == '/')
		return read_TEXT(r, n, field);
	value_wrong(r, n, NULL);
	return false;
}

static bool
read_WEBHOOK(struct value_reader *r, const struct tree_node *n, void *field)
{
	const struct slice *s = value_scalar(r, n);

	if (s == NULL)
		return false;
	/* Not told as it is: it may be a secret. */
	if (!slice_starts(*s, (struct slice)SLICE("https://")) &&
	    !slice_starts(*s, (struct slice)SLICE("http://"))) {
		value_refuse(r, n, "wants a URL such as https://host/path");
		return false;
	}
	return read_TEXT(r, n, field);
}

static bool
rate_of(struct value_reader *r, const struct tree_node *n, int64_t *count,
    int64_t *period_ns)
{
	const struct slice *s = value_scalar(r, n);
	char meant[VALUE_MEANT_MAX];
	enum err e;

	*count = *period_ns = 0;
	if (s == NULL)
		return false;
	if (slice_is(*s, "none"))
		return true;
	e = value_rate(*s, count, period_ns, meant);
	return number(r, n, e, meant, *count, count);
}

static bool
read_RATE(struct value_reader *r, const struct tree_node *n, void *field)
{
	struct conf_rate *rate = field;
	int64_t count, period_ns;

	if (!rate_of(r, n, &count, &period_ns))
		return false;
	assert(count <= UINT32_MAX); /* the row's maximum */
	*rate = (struct conf_rate){(uint32_t)count, period_ns};
	return true;
}

/* { limit: 50k/hour, strict: true } */
static bool
tokens_of_map(struct value_reader *r, const struct tree_node *n, int64_t *count,
    int64_t *period_ns, bool *strict)
{
	bool has_limit = false, is_ok = true;

	for (const struct tree_node *k = n->first; k; k = k->next) {
		if (slice_is(k->text, "limit")) {
			has_limit = true;
			is_ok &= rate_of(r, k->value, count, period_ns);
		} else if (slice_is(k->text, "strict")) {
			is_ok &= read_BOOL(r, k->value, strict);
		} else {
			conf_problem_error(r->p, k->line, k->column,
			    "`%s` has limit and strict, not %s",
			    r->option->path, conf_quote(k->text).text);
			is_ok = false;
		}
	}
	if (!has_limit && is_ok)
		value_refuse(r, n, "lacks `limit`");
	return has_limit && is_ok;
}

static bool
read_TOKENS(struct value_reader *r, const struct tree_node *n, void *field)
{
	struct conf_tokens *t = field;
	int64_t count = 0, period_ns = 0;
	bool strict = false;
	bool is_ok = n->kind == TREE_MAP
	    ? tokens_of_map(r, n, &count, &period_ns, &strict)
	    : rate_of(r, n, &count, &period_ns);

	if (!is_ok)
		return false;
	*t = (struct conf_tokens){(uint64_t)count, period_ns, strict};
	return true;
}

static bool
read_choice(struct value_reader *r, const struct tree_node *n, void *field)
{
	const struct slice *s = value_scalar(r, n);
	struct conf_nearest near;
	const char *const *words;
	size_t n_words;

	if (s == NULL)
		return false;
	words = conf_kind_words(r->option->kind, &n_words);
	conf_nearest_init(&near, *s);
	for (unsigned i = 0; i < n_words; i++) {
		if (slice_is(*s, words[i])) {
			/* All enums of choices are unsigned ints. */
			memcpy(field, &i, sizeof i);
			return true;
		}
		conf_nearest_try(&near, slice_str(words[i]));
	}
	value_wrong(r, n, near.best);
	return false;
}

#define CHOICE(nm, c_name, words)                                              \
	_Static_assert(sizeof(enum conf_##c_name) == sizeof(unsigned),         \
	    "read_choice writes an unsigned");
#include "facts/options.def"

typedef bool value_read_fn(
    struct value_reader *, const struct tree_node *, void *);

bool
value_read(struct value_reader *r, const struct tree_node *n, void *field)
{
	static value_read_fn *const readers[] = {
#define read_COMMAND read_TEXT
#define read_TEXTS value_read_texts
#define read_NETS value_read_nets
#define read_LISTENS value_read_listens
#define read_URL value_read_url
#define read_KEYS value_read_keys
#define read_PAIRS value_read_pairs
#define KIND(nm, type, wants) [CONF_KIND_##nm] = read_##nm,
#define CHOICE(nm, c_name, words) [CONF_KIND_##nm] = read_choice,
#include "facts/options.def"
	};

	return readers[r->option->kind](r, n, field);
}
