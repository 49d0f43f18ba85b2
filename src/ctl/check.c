#include "ctl/check.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TEXT_BYTES_MAX = 32 << 20 };

static bool
file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

struct conf_env
ctl_env(void)
{
	return (struct conf_env){.weir_config = getenv("WEIR_CONFIG"),
	    .home = getenv("HOME"),
	    .xdg_state_home = getenv("XDG_STATE_HOME"),
	    .xdg_runtime_dir = getenv("XDG_RUNTIME_DIR"),
	    .exists = file_exists,
	    .is_root = geteuid() == 0};
}

enum err
ctl_load(const struct ctl_args *args, struct conf **out)
{
	struct conf_env env = ctl_env();
	struct conf_problems p;
	struct buf text;
	enum err e;

	e = conf_load(conf_find(&env, args->config), out, &p);
	buf_init(&text, TEXT_BYTES_MAX);
	if (conf_problems_print(&p, &text) == OK)
		(void)fprintf(stderr, "%.*s", SLICE_ARG(buf_slice(&text)));
	buf_fini(&text);
	return e;
}

/* All that check has to say about a configuration without errors. */
static enum err
report(const struct conf *c, const char *path, struct buf *out)
{
	enum err e;

	if (path != NULL)
		e = buf_printf(out, "# In force with %s:\n", path);
	else
		e = buf_add_str(out, "# No file; the defaults:\n");
	if (e == OK)
		e = conf_print(c, out);
	return e == OK ? ctl_probe_engines(c, out) : e;
}

int
ctl_check(const struct ctl_args *args)
{
	struct conf_env env = ctl_env();
	struct conf *c;
	struct buf text;
	int status = 1;

	if (ctl_load(args, &c) != OK)
		return 1;
	(void)signal(SIGPIPE, SIG_IGN); /* an engine may hang up */
	buf_init(&text, TEXT_BYTES_MAX);
	if (report(c, conf_find(&env, args->config), &text) == OK &&
	    fwrite(text.p, 1, text.n, stdout) == text.n && fflush(stdout) == 0)
		status = 0;
	else
		(void)fputs("weir check: cannot write\n", stderr);
	buf_fini(&text);
	conf_drop(c);
	return status;
}
