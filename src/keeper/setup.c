#include "keeper/setup.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/share.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CONFIG_BYTES_MAX = 1 << 20 };

/* A nameless file with ${text}, for other processes to read. */
static enum err
make_snapshot(struct slice text, int *out)
{
	enum err e = os_share_new("weir-config", text.n, out);

	if (e == OK && pwrite(*out, text.p, text.n, 0) != (ssize_t)text.n) {
		os_fd_close(out);
		e = ERR_IO;
	}
	return e;
}

static enum err
read_text(const char *path, struct buf *text, struct buf *why)
{
	enum err e = file_read(path, text, NULL);

	if (e == ERR_FULL)
		(void)!buf_printf(why, "%s: is larger than 1 MiB\n", path);
	else if (e != OK)
		(void)!buf_printf(
		    why, "%s: cannot be read: %s\n", path, strerror(errno));
	return e == OK || e == ERR_NOMEM ? e : ERR_IO;
}

static enum err
parse(struct setup *s, struct slice text, const char *name, struct buf *why)
{
	struct conf_problems *p = malloc(sizeof *p);
	enum err e;

	if (p == NULL)
		return ERR_NOMEM;
	e = conf_parse(text, name, &s->conf, p);
	(void)!conf_problems_print(p, why);
	free(p);
	return e;
}

enum err
setup_load(struct setup *s, const struct conf_env *env, const char *given,
    struct buf *why)
{
	const char *path = conf_find(env, given);
	struct buf text;
	enum err e = OK;

	*s = (struct setup){.config_fd = -1};
	buf_init(&text, CONFIG_BYTES_MAX);
	if (path != NULL) {
		if (strlen(path) >= sizeof s->path)
			e = ERR_RANGE;
		else
			memcpy(s->path, path, strlen(path) + 1);
		if (e == OK)
			e = read_text(path, &text, why);
	}
	if (e == OK)
		e = parse(s, buf_slice(&text), path ? path : "defaults", why);
	if (e == OK && path != NULL)
		e = make_snapshot(buf_slice(&text), &s->config_fd);
	if (e != OK)
		setup_fini(s);
	buf_fini(&text);
	return e;
}

enum err
setup_take(struct setup *s, const char *path, int config_fd, struct buf *why)
{
	struct buf text;
	enum err e;

	*s = (struct setup){.config_fd = config_fd};
	(void)snprintf(s->path, sizeof s->path, "%s", path);
	buf_init(&text, CONFIG_BYTES_MAX);
	e = gate_config_read(config_fd, &text);
	if (e == OK)
		e = parse(
		    s, buf_slice(&text), path[0] ? path : "defaults", why);
	if (e != OK)
		setup_fini(s);
	buf_fini(&text);
	return e;
}

void
setup_fini(struct setup *s)
{
	conf_drop(s->conf);
	s->conf = NULL;
	os_fd_close(&s->config_fd);
}
