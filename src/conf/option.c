#include "conf/option.h"
#include <assert.h>

#define RELOAD false
#define RESTART true

/* One row of a table whose struct is struct ${type}. */
#define ROW(type, field, nm, kd, mn, mx, ps, apply, hlp, mr)                   \
	{.path = nm,                                                           \
	    .kind = CONF_KIND_##kd,                                            \
	    .min = mn,                                                         \
	    .max = mx,                                                         \
	    .preset = ps,                                                      \
	    .help = hlp,                                                       \
	    .more = mr,                                                        \
	    .offset = offsetof(struct type, field),                            \
	    .needs_restart = apply},

static const struct conf_option main_rows[] = {
#define OPTION(...) ROW(conf, __VA_ARGS__)
#include "facts/options.def"
};

static const struct conf_option engine_rows[] = {
#define ENGINE_OPTION(...) ROW(conf_engine, __VA_ARGS__)
#include "facts/options.def"
};

static const struct conf_option caller_rows[] = {
#define CALLER_OPTION(...) ROW(conf_caller, __VA_ARGS__)
#include "facts/options.def"
};

static const struct conf_option model_rows[] = {
#define MODEL_OPTION(...) ROW(conf_model, __VA_ARGS__)
#include "facts/options.def"
};

static const struct conf_option alert_rows[] = {
#define ALERT_OPTION(...) ROW(conf_alert, __VA_ARGS__)
#include "facts/options.def"
};

#define ROWS(rows) .v = (rows), .n = sizeof(rows) / sizeof(rows)[0]
#define LIST false
#define MAP true

static const struct conf_table tables[CONF_TABLE_COUNT] = {
    [CONF_TABLE_MAIN] = {ROWS(main_rows), .name = "", .help = "",
	.size = sizeof(struct conf), .most = 1},
#define SECTION(nm, one, many, shape, mst, hlp)                                \
	[CONF_TABLE_##nm] = {ROWS(one##_rows), .name = #many, .help = hlp,     \
	    .size = sizeof(struct conf_##one), .most = mst,                    \
	    .items_offset = offsetof(struct conf, many),                       \
	    .count_offset = offsetof(struct conf, n_##many), .is_map = shape},
#include "facts/options.def"
};

const struct conf_table *
conf_table_get(enum conf_table_id id)
{
	assert((unsigned)id < CONF_TABLE_COUNT);
	return &tables[id];
}

#define WORD(choice, value, text) text,
#define CHOICE(nm, c_name, words)                                              \
	static const char *const words_##nm[] = {words};
#include "facts/options.def"
#undef WORD

const char *const *
conf_kind_words(enum conf_kind kind, size_t *n)
{
	switch (kind) {
#define CHOICE(nm, c_name, words)                                              \
	case CONF_KIND_##nm:                                                   \
		*n = sizeof words_##nm / sizeof words_##nm[0];                 \
		return words_##nm;
#include "facts/options.def"
	default:
		*n = 0;
		return NULL;
	}
}

const char *
conf_kind_wants(enum conf_kind kind)
{
	static const char *const wants_of[] = {
#define KIND(nm, type, wants) [CONF_KIND_##nm] = wants,
#define WORD(choice, value, text) " or " text
#define CHOICE(nm, c_name, words) [CONF_KIND_##nm] = &("" words)[4],
#include "facts/options.def"
	};
#undef WORD

	assert((unsigned)kind < CONF_KIND_COUNT_);
	return wants_of[kind];
}
