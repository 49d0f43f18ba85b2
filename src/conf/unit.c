/* Numbers with a unit behind them: sizes, times, rates. */
#include "conf/value.h"
#include "conf/conf.h"
#include <stdio.h>

/* A unit is written exactly so; one with ${meant} is a likely mistake. */
struct unit {
	const char *name;
	int64_t factor;
	const char *meant;
};

static const struct unit byte_units[] = {
    {"", 1, NULL},
    {"B", 1, NULL},
    {"KiB", INT64_C(1) << 10, NULL},
    {"MiB", INT64_C(1) << 20, NULL},
    {"GiB", INT64_C(1) << 30, NULL},
    {"TiB", INT64_C(1) << 40, NULL},
    {"KB", 1000, NULL},
    {"MB", 1000000, NULL},
    {"GB", 1000000000, NULL},
    {"TB", INT64_C(1000000000000), NULL},
    {"K", 0, "KiB"},
    {"M", 0, "MiB"},
    {"G", 0, "GiB"},
    {"T", 0, "TiB"},
    {NULL, 0, NULL},
};

static const struct unit time_units[] = {
    {"ms", CONF_MILLI, NULL},
    {"s", CONF_SECOND, NULL},
    {"min", 60 * CONF_SECOND, NULL},
    {"h", CONF_HOUR, NULL},
    {"d", CONF_DAY, NULL},
    {"", 0, "s"},
    {"m", 0, "min"},
    {"sec", 0, "s"},
    {"secs", 0, "s"},
    {"second", 0, "s"},
    {"seconds", 0, "s"},
    {"msec", 0, "ms"},
    {"mins", 0, "min"},
    {"minute", 0, "min"},
    {"minutes", 0, "min"},
    {"hour", 0, "h"},
    {"hours", 0, "h"},
    {"hr", 0, "h"},
    {"day", 0, "d"},
    {"days", 0, "d"},
    {NULL, 0, NULL},
};

/* Factors are nanoseconds: those of a period. */
static const struct unit period_units[] = {
    {"s", 1000 * CONF_SECOND, NULL},
    {"min", 60000 * CONF_SECOND, NULL},
    {"hour", 1000 * CONF_HOUR, NULL},
    {"day", 1000 * CONF_DAY, NULL},
    {"month", 30000 * CONF_DAY, NULL},
    {"sec", 0, "s"},
    {"second", 0, "s"},
    {"m", 0, "min"},
    {"minute", 0, "min"},
    {"h", 0, "hour"},
    {"hr", 0, "hour"},
    {"d", 0, "day"},
    {NULL, 0, NULL},
};

static const struct unit count_units[] = {
    {"", 1, NULL},
    {"k", 1000, NULL},
    {"M", 1000000, NULL},
    {"G", 1000000000, NULL},
    {"B", 0, "G"},
    {"r", 0, ""}, /* nginx's 10r/m */
    {NULL, 0, NULL},
};

/* ${s} as written, or the unit that is meant by it in ${meant}, or NULL. */
static const struct unit *
unit_find(const struct unit *units, struct slice s, const char **meant)
{
	*meant = NULL;
	for (const struct unit *u = units; u->name; u++)
		if (u->meant == NULL && slice_is(s, u->name))
			return u;
	for (const struct unit *u = units; u->name; u++)
		if (slice_eq_nocase(s, slice_str(u->name))) {
			*meant = u->meant ? u->meant : u->name;
			break;
		}
	return NULL;
}

/* Cut the digits off the front of ${s}. */
static struct slice
cut_digits(struct slice *s)
{
	struct slice digits = {s->p, 0};

	while (
	    digits.n < s->n && s->p[digits.n] >= '0' && s->p[digits.n] <= '9')
		digits.n++;
	*s = slice_from(*s, digits.n);
	return digits;
}

/* A number and its unit. */
static enum err
quantity(const struct unit *units, struct slice s, int64_t *out, char *meant)
{
	struct slice rest = s, digits = cut_digits(&rest);
	const struct unit *u;
	const char *name;
	uint64_t v;

	meant[0] = '\0';
	rest = slice_trim(rest);
	u = unit_find(units, rest, &name);
	if (digits.n == 0 || digits.n > 30 || (u == NULL && name == NULL))
		return ERR_SYNTAX;
	if (u == NULL) {
		(void)snprintf(
		    meant, VALUE_MEANT_MAX, "%.*s%s", SLICE_ARG(digits), name);
		return ERR_SYNTAX;
	}
	if (!slice_u64(digits, INT64_MAX, &v) ||
	    __builtin_mul_overflow((int64_t)v, u->factor, out))
		return ERR_RANGE;
	return OK;
}

enum err
value_bytes(struct slice s, int64_t *out, char meant[VALUE_MEANT_MAX])
{
	return quantity(byte_units, s, out, meant);
}

enum err
value_duration(struct slice s, int64_t *out_us, char meant[VALUE_MEANT_MAX])
{
	meant[0] = '\0';
	if (slice_is(s, "forever")) {
		*out_us = CONF_FOREVER;
		return OK;
	}
	if (slice_is(s, "0")) {
		*out_us = 0;
		return OK;
	}
	return quantity(time_units, s, out_us, meant);
}

enum err
conf_duration(struct slice text, int64_t *out_us, struct conf_quotation *meant)
{
	char better[VALUE_MEANT_MAX];
	enum err e = value_duration(text, out_us, better);

	meant->text[0] = '\0';
	if (better[0] != '\0')
		*meant = conf_quote(slice_str(better));
	return e;
}

enum err
value_rate(struct slice s, int64_t *count, int64_t *period_ns,
    char meant[VALUE_MEANT_MAX])
{
	struct slice period = s;
	struct slice number = slice_trim(slice_cut(&period, '/'));
	char better[VALUE_MEANT_MAX];
	const char *name;
	const struct unit *u =
	    unit_find(period_units, slice_trim(period), &name);
	enum err e = quantity(count_units, number, count, better);

	meant[0] = '\0';
	if (e == ERR_RANGE)
		return e;
	if (e == OK && u != NULL) {
		*period_ns = u->factor;
		return OK;
	}
	if (u != NULL)
		name = u->name;
	if (e == OK)
		(void)snprintf(
		    better, sizeof better, "%.*s", SLICE_ARG(number));
	if (better[0] && name != NULL)
		(void)snprintf(
		    meant, VALUE_MEANT_MAX, "%.60s/%.20s", better, name);
	return ERR_SYNTAX;
}

const char *
value_period_name(int64_t period_ns)
{
	for (const struct unit *u = period_units; u->name; u++)
		if (u->meant == NULL && u->factor == period_ns)
			return u->name;
	return NULL;
}
