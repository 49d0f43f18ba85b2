#include "ctl/ask.h"
#include "ctl/check.h"
#include "ipc/control.h"
#include "json/write.h"
#include <errno.h>
#include <stdio.h>

enum { PATIENCE_US = 30 * 1000 * 1000, PATH_BYTES = 4096, WHY_MAX = 8192 };

/* Why nobody answered at ${path}, and what to do. */
static enum err
explain(enum err e, const char *path, struct buf *out)
{
	if (e == ERR_CONNECT && (errno == ENOENT || errno == ECONNREFUSED))
		return buf_printf(out,
		    "no weir runs that listens at %s; start one with `weir "
		    "serve`, or name its configuration with -c",
		    path);
	if (e == ERR_CONNECT && errno == EACCES)
		return buf_printf(out,
		    "you may not open %s; be root, of the group weir, or the "
		    "user who runs weir",
		    path);
	if (e == ERR_CONNECT)
		return buf_printf(
		    out, "cannot open %s: %s", path, strerror(errno));
	if (e == ERR_TIMEOUT)
		return buf_printf(out,
		    "no answer from %s; look whether the process hangs or is "
		    "stopped",
		    path);
	return buf_printf(
	    out, "no answer from %s (%s)", path, err_get(e)->code);
}

static void
complain(const struct ctl_args *args, struct slice why, struct buf *answer)
{
	struct json_writer w;

	if (args->json == NULL) {
		(void)fprintf(stderr, "weir %s: %.*s\n",
		    ctl_fact_get(args->command)->words, SLICE_ARG(why));
		return;
	}
	buf_clear(answer);
	json_writer_init(&w, answer);
	json_object_begin(&w, NULL);
	json_bool(&w, "ok", false);
	json_str(&w, "text", why);
	json_str(&w, "code", slice_str("unreachable"));
	json_object_end(&w);
	(void)!buf_add_char(answer, '\n');
}

bool
ctl_ask(const struct ctl_args *args, const char *command, bool *ok,
    struct buf *answer)
{
	struct conf_env env = ctl_env();
	struct conf *conf;
	struct buf path, why;
	enum err e;

	buf_init(&path, PATH_BYTES);
	buf_init(&why, WHY_MAX);
	e = ctl_load(args, &conf);
	if (e != OK && args->command == CTL_RELOAD) {
		(void)!buf_add_str(&why,
		    "nothing was done; the running weir keeps its "
		    "configuration");
		goto tell;
	}
	/* What was broken since weir began must not hide it. */
	if (e != OK)
		conf = conf_default();
	if (conf_control_path(conf, &env, &path) != OK ||
	    buf_add_char(&path, '\0') != OK) {
		e = ERR_NOT_FOUND;
		(void)!buf_add_str(&why, "set `control` in the configuration");
	} else {
		e = control_call(path.p, command, PATIENCE_US, ok, answer);
		if (e != OK)
			(void)!explain(e, path.p, &why);
	}
	conf_drop(conf);
tell:
	if (e != OK)
		complain(args, buf_slice(&why), answer);
	buf_fini(&why);
	buf_fini(&path);
	return e == OK;
}
