#include "ctl/reload.h"
#include "ctl/check.h"
#include "ipc/control.h"
#include <errno.h>
#include <stdio.h>

enum { PATIENCE_US = 30 * 1000 * 1000 };

/* Why nobody answered at ${path}, and what to do. */
static void
complain(enum err e, const char *path)
{
	if (e == ERR_CONNECT && (errno == ENOENT || errno == ECONNREFUSED))
		(void)fprintf(stderr,
		    "weir reload: no weir runs that listens at %s; start one "
		    "with `weir serve`, or name its configuration with -c\n",
		    path);
	else if (e == ERR_CONNECT)
		(void)fprintf(stderr, "weir reload: cannot open %s: %s\n", path,
		    strerror(errno));
	else
		(void)fprintf(stderr, "weir reload: no answer from %s (%s)\n",
		    path, err_get(e)->code);
}

static int
call(const char *path)
{
	struct buf text;
	bool ok;
	enum err e;

	buf_init(&text, CONTROL_ANSWER_MAX);
	e = control_call(path, "reload", PATIENCE_US, &ok, &text);
	if (e != OK)
		complain(e, path);
	else
		(void)fprintf(
		    ok ? stdout : stderr, "%.*s", SLICE_ARG(buf_slice(&text)));
	buf_fini(&text);
	return e == OK && ok ? 0 : 1;
}

int
ctl_reload(const struct ctl_args *args)
{
	struct conf_env env = ctl_env();
	struct conf *conf;
	struct buf path;
	int status = 1;

	if (ctl_load(args, &conf) != OK) {
		(void)fprintf(stderr,
		    "weir reload: nothing was done; the running weir keeps "
		    "its configuration\n");
		return 1;
	}
	buf_init(&path, 4096);
	if (conf_control_path(conf, &env, &path) == OK &&
	    buf_add_char(&path, '\0') == OK)
		status = call(path.p);
	else
		(void)fprintf(stderr,
		    "weir reload: set `control` in the configuration\n");
	buf_fini(&path);
	conf_drop(conf);
	return status;
}
