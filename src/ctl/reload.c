#include "ctl/reload.h"
#include "ctl/ask.h"
#include "ipc/control.h"
#include <stdio.h>

static int
order(const struct ctl_args *args, const char *command)
{
	struct buf answer;
	bool ok = false, is_answered;

	buf_init(&answer, CONTROL_ANSWER_MAX);
	is_answered = ctl_ask(args, command, &ok, &answer);
	if (is_answered)
		(void)fprintf(ok ? stdout : stderr, "%.*s",
		    SLICE_ARG(buf_slice(&answer)));
	buf_fini(&answer);
	return is_answered && ok ? 0 : 1;
}

int
ctl_reload(const struct ctl_args *args)
{
	return order(args, "reload");
}

int
ctl_reexec(const struct ctl_args *args)
{
	return order(args, "reexec");
}
