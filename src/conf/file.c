/* Where the configuration and weir's own files are. */
#include "conf/conf.h"
#include <errno.h>
#include <stdio.h>

enum { FILE_BYTES_MAX = (1 << 20) + 1 };

/* All of ${f}, or one byte more than a configuration may have. */
static enum err
read_all(FILE *f, struct buf *out)
{
	char part[16384];
	enum err e = OK;
	size_t n = 1;

	while (e == OK && n > 0 && out->n < FILE_BYTES_MAX) {
		n = fread(part, 1, sizeof part, f);
		if (n > FILE_BYTES_MAX - out->n)
			n = FILE_BYTES_MAX - out->n;
		e = buf_add(out, slice_of(part, n));
	}
	return e == OK && ferror(f) ? ERR_IO : e;
}

enum err
conf_load(const char *path, struct conf **out, struct conf_problems *p)
{
	enum err e = ERR_IO;
	struct buf text;
	FILE *f;

	*out = NULL;
	if (path == NULL)
		return conf_parse(slice_of("", 0), "defaults", out, p);
	conf_problems_init(p, path);
	buf_init(&text, FILE_BYTES_MAX);
	if ((f = fopen(path, "rbe")) != NULL)
		e = read_all(f, &text);
	if (e == ERR_IO)
		conf_problem_error(
		    p, 0, 0, "cannot be read: %s", strerror(errno));
	if (f != NULL)
		(void)fclose(f);
	if (e == OK)
		e = conf_parse(buf_slice(&text), path, out, p);
	buf_fini(&text);
	return e;
}

static bool
is_set(const char *s)
{
	return s != NULL && s[0] != '\0';
}

const char *
conf_find(const struct conf_env *env, const char *given)
{
	static const char *const places[] = {
	    "./weir.yaml", "/etc/weir/weir.yaml"};

	if (given != NULL)
		return given;
	if (is_set(env->weir_config))
		return env->weir_config;
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (env->exists(places[i]))
			return places[i];
	return NULL;
}

enum err
conf_state_path(
    const struct conf *c, const struct conf_env *env, struct buf *out)
{
	if (c->state.n > 0)
		return buf_add(out, c->state);
	if (env->is_root)
		return buf_add_str(out, "/var/lib/weir");
	if (is_set(env->xdg_state_home))
		return buf_printf(out, "%s/weir", env->xdg_state_home);
	if (is_set(env->home))
		return buf_printf(out, "%s/.local/state/weir", env->home);
	return ERR_NOT_FOUND;
}

enum err
conf_control_path(
    const struct conf *c, const struct conf_env *env, struct buf *out)
{
	enum err e;

	if (c->control.n > 0)
		return buf_add(out, c->control);
	if (env->is_root)
		return buf_add_str(out, "/run/weir/ctl.sock");
	if (is_set(env->xdg_runtime_dir))
		return buf_printf(
		    out, "%s/weir/ctl.sock", env->xdg_runtime_dir);
	e = conf_state_path(c, env, out);
	return e == OK ? buf_add_str(out, "/ctl.sock") : e;
}
