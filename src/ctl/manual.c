/* Help on the terminal; the manual page is in roff.c. */
#include "ctl/manual.h"

enum { TEXT_WIDTH = 78 };

/* Append ${s}, broken between words, each line indented. */
static enum err
print_wrapped(struct slice s, int indent, struct buf *out)
{
	size_t room = TEXT_WIDTH - (size_t)indent;
	enum err e = OK;

	while (e == OK && s.n > 0) {
		struct slice line = slice_to(s, room);

		if (line.n < s.n) {
			size_t space = slice_rfind(slice_to(s, room + 1), ' ');

			if (space <= room)
				line = slice_to(s, space);
		}
		e = buf_printf(
		    out, "%*s%.*s\n", indent, "", SLICE_ARG(slice_trim(line)));
		s = slice_from(s, line.n);
		while (s.n > 0 && s.p[0] == ' ')
			s = slice_from(s, 1);
	}
	return e;
}

enum err
ctl_help_print(struct buf *out)
{
	enum err e = buf_add_str(out,
	    "weir " WEIR_VERSION
	    ": stands between callers and local LLM engines; knows, limits and "
	    "logs\neach caller, and streams answers through untouched.\n\n"
	    "Usage: weir COMMAND [FLAGS]\n\nCommands:\n");

	for (unsigned i = 0; e == OK && i < CTL_COUNT; i++) {
		const struct ctl_fact *f = ctl_fact_get(i);
		struct buf left;

		if (f->is_hidden)
			continue;
		buf_init(&left, 256);
		e = buf_printf(&left, "%s%s%s", f->words,
		    f->operands[0] ? " " : "", f->operands);
		if (e == OK)
			e = buf_printf(out, "  %-22.*s %s\n",
			    SLICE_ARG(buf_slice(&left)), f->help);
		buf_fini(&left);
	}
	if (e != OK)
		return e;
	return buf_add_str(out,
	    "\n`weir COMMAND --help` says more; `weir man | man -l -` is the "
	    "manual.\n\n"
	    "Without a configuration file (-c FILE, $WEIR_CONFIG, ./weir.yaml "
	    "or\n/etc/weir/weir.yaml) the defaults hold: weir listens on "
	    "127.0.0.1:11435 and\nlooks for an engine on this machine.  Start "
	    "with `weir check`, then\n`weir serve`, and point your clients at "
	    "http://127.0.0.1:11435.\n");
}

static enum err
print_flag(const struct ctl_flag *f, struct buf *out)
{
	struct buf left;
	enum err e;

	buf_init(&left, 256);
	e = buf_printf(&left, "-%c, --%s%s%s", f->letter, f->word,
	    f->value[0] ? " " : "", f->value);
	if (e == OK)
		e = buf_printf(out, "  %-22.*s %s\n",
		    SLICE_ARG(buf_slice(&left)), f->help);
	buf_fini(&left);
	return e;
}

static enum err
print_flags(enum ctl_command c, struct buf *out)
{
	static const struct ctl_flag help = {
	    .letter = 'h', .word = "help", .value = "", .help = "This text"};
	size_t n;
	const struct ctl_flag *f = ctl_flags(&n);
	enum err e = buf_add_str(out, "\nFlags:\n");

	for (size_t i = 0; e == OK && i < n; i++)
		if (f[i].command == c)
			e = print_flag(&f[i], out);
	return e == OK ? print_flag(&help, out) : e;
}

enum err
ctl_help_command(enum ctl_command c, struct buf *out)
{
	const struct ctl_fact *f = ctl_fact_get(c);
	enum err e = buf_printf(out, "Usage: weir %s [FLAGS]%s%s\n\n%s.\n",
	    f->words, f->operands[0] ? " " : "", f->operands, f->help);

	if (e == OK && f->more[0])
		e = buf_add_char(out, '\n');
	if (e == OK)
		e = print_wrapped(slice_str(f->more), 0, out);
	return e == OK ? print_flags(c, out) : e;
}
