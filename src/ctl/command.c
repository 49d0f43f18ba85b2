#include "ctl/command.h"
#include "ctl/manual.h"
#include <stdio.h>

enum { TEXT_BYTES_MAX = 1 << 20 };

/* Print what was made, if it was; the exit status. */
static int
finish(enum err e, struct buf *text)
{
	bool is_ok = e == OK &&
	    fwrite(text->p, 1, text->n, stdout) == text->n &&
	    fflush(stdout) == 0;

	buf_fini(text);
	if (!is_ok)
		(void)fputs("weir: cannot write\n", stderr);
	return is_ok ? 0 : 1;
}

int
ctl_help_of(enum ctl_command c)
{
	struct buf text;

	buf_init(&text, TEXT_BYTES_MAX);
	return finish(ctl_help_command(c, &text), &text);
}

int
ctl_help(const struct ctl_args *args)
{
	struct buf text;

	if (args->n_operands > 0) {
		enum ctl_command c =
		    ctl_command_find(args->operands, args->n_operands);

		if (c < CTL_COUNT)
			return ctl_help_of(c);
		(void)fprintf(stderr, "weir help: no command `%.40s`\n",
		    args->operands[args->n_operands - 1]);
		return 2;
	}
	buf_init(&text, TEXT_BYTES_MAX);
	return finish(ctl_help_print(&text), &text);
}

int
ctl_man(const struct ctl_args *args)
{
	struct buf text;

	buf_init(&text, TEXT_BYTES_MAX);
	return finish(ctl_man_print(&text), &text);
}

int
ctl_version(const struct ctl_args *args)
{
	return puts("weir " WEIR_VERSION) < 0 ? 1 : 0;
}

int
ctl_later(const struct ctl_args *args)
{
	(void)fprintf(stderr, "weir: %s: not built yet\n",
	    ctl_fact_get(args->command)->words);
	return 1;
}
