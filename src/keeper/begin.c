/*
 * How a keeper begins: anew, or in the place of the program before it.
 */
#include "keeper/given.h"
#include "keeper/inside.h"
#include "metric/metric.h"
#include "os/fd.h"
#include "os/proc.h"
#include "os/share.h"
#include "os/spawn.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool
tell_gate(void *ctx, const struct engine_news *news)
{
	struct keeper *k = ctx;

	return k->child.pid != 0 &&
	    keeper_link_engine(&k->child.link, news) == OK;
}

/* Without a state folder their output goes nowhere. */
void
keeper_open_crew(struct keeper *k)
{
	struct buf state;

	buf_init(&state, 4096);
	if (conf_state_path(k->setup.conf, &k->opts->env, &state) != OK)
		buf_clear(&state);
	if (buf_add_char(&state, '\0') == OK)
		crew_init(&k->crew, state.p, tell_gate, k);
	buf_fini(&state);
	os_adopt_orphans();
}

/* Without it all works but weir's own commands: no reason not to serve. */
void
keeper_open_control(struct keeper *k, struct buf *why)
{
	struct buf path;

	buf_init(&path, 4096);
	buf_clear(why);
	if (conf_control_path(k->setup.conf, &k->opts->env, &path) != OK ||
	    buf_add_char(&path, '\0') != OK)
		(void)!buf_add_str(why, "there is no folder for it");
	else
		(void)!control_open(&k->control, path.p, why);
	if (k->control.socket.fd < 0)
		(void)fprintf(stderr,
		    "weir: no control socket: %.*s (set `control`)\n",
		    SLICE_ARG(buf_slice(why)));
	buf_fini(&path);
}

enum err
keeper_open_memory(struct keeper *k)
{
	enum err e = OK;

	if (k->state_fd < 0)
		e = os_share_new("weir-state", GATE_STATE_BYTES, &k->state_fd);
	if (e == OK && k->metrics_fd < 0)
		e = os_share_new(
		    "weir-metrics", METRICS_SHARE_BYTES, &k->metrics_fd);
	return e;
}

static bool
open_all(struct keeper *k, struct buf *why)
{
	static const struct listener_set none;
	enum err e;

	if (setup_load(&k->setup, &k->opts->env, k->opts->config, why) != OK)
		return false;
	given_begin();
	e = listener_set_make(
	    &k->listeners, &none, &k->setup.conf->listen, why);
	given_end(why);
	if (e != OK)
		return false;
	if (keeper_open_memory(k) == OK)
		return true;
	(void)!buf_add_str(why, "no memory to share");
	return false;
}

/*
 * From the program before this one, whose place this is; where that cannot be,
 * back to it: all that it held is still there.
 */
static bool
take_over(struct keeper *k, int fd, struct buf *why)
{
	if (handover_read(k, fd, false, why) == OK) {
		k->is_announced = k->service.is_told = true;
		(void)close(fd);
		return true;
	}
	if (k->reexec.old_fd >= 0 && k->reexec.returned[0] == 0) {
		os_fd_cloexec(fd, false);
		os_proc_become(k->reexec.old_fd, k->opts->argv);
	}
	return false;
}

/* What the program before this one left in the environment; -1: nothing. */
static int
handed_over(void)
{
	const char *number = getenv(KEEPER_HANDOVER_ENV);
	uint64_t fd;

	if (number == NULL || !slice_u64(slice_str(number), INT32_MAX, &fd))
		return -1;
	/* What is started from here shall not think it was meant. */
	(void)unsetenv(KEEPER_HANDOVER_ENV);
	return (int)fd;
}

bool
keeper_begin(struct keeper *k, struct buf *why)
{
	int fd = handed_over();

	return fd >= 0 ? take_over(k, fd, why) : open_all(k, why);
}
