#include "ctl/args.h"
#include "conf/problem.h"
#include <assert.h>

#define SHOWN false
#define HIDDEN true

static const struct ctl_fact facts[CTL_COUNT] = {
#define COMMAND(nm, wd, ops, mn, mx, hidden, hlp, mr)                          \
	[CTL_##nm] = {.words = wd,                                             \
	    .operands = ops,                                                   \
	    .help = hlp,                                                       \
	    .more = mr,                                                        \
	    .least = mn,                                                       \
	    .most = mx,                                                        \
	    .is_hidden = hidden},
#include "facts/commands.def"
};

static const struct ctl_flag flags[] = {
#define FLAG(nm, member, ltr, wd, val, hlp)                                    \
	{.command = CTL_##nm,                                                  \
	    .letter = ltr,                                                     \
	    .word = wd,                                                        \
	    .value = val,                                                      \
	    .help = hlp,                                                       \
	    .offset = offsetof(struct ctl_args, member)},
#include "facts/commands.def"
};

enum { FLAGS = sizeof flags / sizeof flags[0] };

/* Argument vector that is used up from the front. */
struct words {
	char **v;
	size_t n, i;
};

const struct ctl_fact *
ctl_fact_get(enum ctl_command c)
{
	assert((unsigned)c < CTL_COUNT);
	return &facts[c];
}

const struct ctl_flag *
ctl_flags(size_t *n)
{
	*n = FLAGS;
	return flags;
}

enum ctl_command
ctl_command_find(const char *const *words, size_t n)
{
	for (unsigned i = 0; i < CTL_COUNT; i++) {
		struct slice rest = slice_str(facts[i].words);
		size_t k = 0;

		while (k < n && rest.n > 0 &&
		    slice_is(slice_cut(&rest, ' '), words[k]))
			k++;
		if (k == n && n > 0 && rest.n == 0 && rest.p == NULL)
			return i;
	}
	return CTL_COUNT;
}

/* `; did you mean `x`?`, or nothing; then the end of the line. */
static enum err
end_complaint(
    const char *first, const struct conf_nearest *near, struct buf *out)
{
	enum err e = OK;

	if (near->best != NULL)
		e = buf_printf(out, "; did you mean `%s%s%.*s`?", first,
		    first[0] ? " " : "", (int)near->best_n, near->best);
	return e == OK ? buf_add_char(out, '\n') : e;
}

/* Say that there is no such command; ${first} is a word before, or "". */
static enum err
unknown_command(const char *first, const char *wrong, struct buf *out)
{
	struct slice before = slice_str(first);
	struct conf_nearest near;
	enum err e;

	conf_nearest_init(&near, slice_str(wrong));
	for (unsigned i = 0; i < CTL_COUNT; i++) {
		struct slice rest = slice_str(facts[i].words);

		if (facts[i].is_hidden)
			continue;
		if (before.n > 0 && !slice_eq(slice_cut(&rest, ' '), before))
			continue;
		conf_nearest_try(&near, slice_cut(&rest, ' '));
	}
	e = buf_printf(out, "weir: no command `%s%s%.40s`", first,
	    before.n > 0 ? " " : "", wrong);
	if (e == OK && near.best == NULL)
		e = buf_add_str(out, "; `weir help` lists them");
	if (e == OK)
		e = end_complaint(first, &near, out);
	return e == OK ? ERR_SYNTAX : e;
}

/* Say which words may follow ${first}. */
static enum err
lacks_word(const char *first, struct buf *out)
{
	enum err e = buf_printf(out, "weir: `%s` wants a word more:", first);
	bool is_first = true;

	for (unsigned i = 0; e == OK && i < CTL_COUNT; i++) {
		struct slice rest = slice_str(facts[i].words);

		if (!slice_is(slice_cut(&rest, ' '), first))
			continue;
		e = buf_printf(
		    out, "%s %.*s", is_first ? "" : ",", SLICE_ARG(rest));
		is_first = false;
	}
	if (e == OK)
		e = buf_add_char(out, '\n');
	return e == OK ? ERR_SYNTAX : e;
}

/* Is ${word} the first of a command's two? */
static bool
begins_command(const char *word)
{
	for (unsigned i = 0; i < CTL_COUNT; i++) {
		struct slice rest = slice_str(facts[i].words);

		if (slice_is(slice_cut(&rest, ' '), word) && rest.n > 0)
			return true;
	}
	return false;
}

static enum err
take_command(struct words *w, struct ctl_args *out, struct buf *complaint)
{
	const char *word[2] = {w->v[w->i], NULL};

	w->i++;
	if (strcmp(word[0], "--help") == 0 || strcmp(word[0], "-h") == 0)
		word[0] = "help";
	if (strcmp(word[0], "--version") == 0 || strcmp(word[0], "-V") == 0)
		word[0] = "version";
	if (!begins_command(word[0])) {
		out->command = ctl_command_find(word, 1);
		return out->command < CTL_COUNT
		    ? OK
		    : unknown_command("", word[0], complaint);
	}
	if (w->i == w->n || w->v[w->i][0] == '-')
		return lacks_word(word[0], complaint);
	word[1] = w->v[w->i++];
	out->command = ctl_command_find(word, 2);
	return out->command < CTL_COUNT
	    ? OK
	    : unknown_command(word[0], word[1], complaint);
}

static enum err
unknown_flag(enum ctl_command c, struct slice word, struct buf *out)
{
	struct slice name = word;
	struct conf_nearest near;
	enum err e;

	name = slice_cut(&name, '=');
	while (name.n > 0 && name.p[0] == '-')
		name = slice_from(name, 1);
	conf_nearest_init(&near, name);
	for (size_t i = 0; i < FLAGS; i++)
		if (flags[i].command == c)
			conf_nearest_try(&near, slice_str(flags[i].word));
	conf_nearest_try(&near, slice_str("help"));
	e = buf_printf(out, "weir %s: no flag `%.*s`", facts[c].words,
	    SLICE_ARG(slice_to(word, 40)));
	if (e == OK && near.best != NULL)
		e = buf_printf(out, "; did you mean `--%.*s`?\n",
		    (int)near.best_n, near.best);
	else if (e == OK)
		e = buf_printf(out, "; see `weir %s --help`\n", facts[c].words);
	return e == OK ? ERR_SYNTAX : e;
}

/*
 * The flag that ${arg} is, NULL if it is none; ${value} is what is glued to
 * it (-cFILE, --config=FILE), else its p is NULL.
 */
static const struct ctl_flag *
find_flag(enum ctl_command c, const char *arg, const char **value)
{
	struct slice rest = slice_str(arg);
	struct slice word = slice_from(slice_cut(&rest, '='), 2);

	for (size_t i = 0; i < FLAGS; i++) {
		const struct ctl_flag *f = &flags[i];

		*value = NULL;
		if (f->command != c)
			continue;
		if (arg[1] == '-' && slice_is(word, f->word)) {
			*value = rest.p;
			return f;
		}
		if (arg[1] == f->letter) {
			if (arg[2] != '\0')
				*value = arg + 2;
			return f;
		}
	}
	return NULL;
}

static enum err
take_flag(struct words *w, struct ctl_args *out, struct buf *complaint)
{
	const char *arg = w->v[w->i++], *value;
	const struct ctl_flag *f;
	enum err e;

	if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
		out->wants_help = true;
		return OK;
	}
	f = find_flag(out->command, arg, &value);
	if (f == NULL || (f->value[0] == '\0' && value != NULL))
		return unknown_flag(out->command, slice_str(arg), complaint);
	if (f->value[0] == '\0')
		value = "";
	else if (value == NULL && w->i < w->n)
		value = w->v[w->i++];
	if (value == NULL) {
		e = buf_printf(complaint, "weir %s: `%s` wants %s\n",
		    facts[out->command].words, arg, f->value);
		return e == OK ? ERR_SYNTAX : e;
	}
	memcpy((char *)out + f->offset, &value, sizeof value);
	return OK;
}

static enum err
count_operands(const struct ctl_args *a, size_t n, struct buf *complaint)
{
	const struct ctl_fact *f = &facts[a->command];
	enum err e = OK;

	if (a->wants_help || (n >= f->least && n <= f->most))
		return OK;
	if (n < f->least)
		e = buf_printf(
		    complaint, "weir %s: wants %s\n", f->words, f->operands);
	else
		e = buf_printf(complaint,
		    "weir %s: too many words; see `weir %s --help`\n", f->words,
		    f->words);
	return e == OK ? ERR_SYNTAX : e;
}

enum err
ctl_args_parse(
    int argc, char **argv, struct ctl_args *out, struct buf *complaint)
{
	struct words w = {.v = argv, .n = argc > 0 ? (size_t)argc : 0, .i = 1};
	bool has_ended = false;
	size_t n = 0;
	enum err e;

	*out = (struct ctl_args){
	    .command = CTL_HELP, .program = argc > 0 ? argv[0] : "weir"};
	if (w.i >= w.n)
		return OK;
	if ((e = take_command(&w, out, complaint)) != OK)
		return e;
	while (w.i < w.n) {
		const char *arg = w.v[w.i];

		if (!has_ended && arg[0] == '-' && arg[1] != '\0') {
			has_ended = strcmp(arg, "--") == 0;
			if (has_ended)
				w.i++;
			else if ((e = take_flag(&w, out, complaint)) != OK)
				return e;
			continue;
		}
		if (n < CTL_OPERANDS_MAX)
			out->operands[n] = arg;
		n++;
		w.i++;
	}
	out->n_operands = n < CTL_OPERANDS_MAX ? n : CTL_OPERANDS_MAX;
	return count_operands(out, n, complaint);
}
