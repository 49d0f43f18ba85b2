#include "engine/server.h"
#include "engine/slots.h"
#include "os/peer.h"
#include "os/proc.h"
#include <limits.h>
#include <unistd.h>

enum { ARGS_MAX = 256 * 1024, CHILDREN_MAX = 32 };

static bool
is_named_ollama(struct slice path)
{
	size_t at = slice_rfind(path, '/');

	if (at < path.n)
		path = slice_from(path, at + 1);
	return slice_has(path, (struct slice)SLICE("ollama"));
}

/* By its program, where that is shown, else by its command line. */
static bool
is_ollama(pid_t pid)
{
	char exe[PATH_MAX];
	struct buf args;
	struct slice rest;
	bool is;

	if (os_peer_exe(pid, exe, sizeof exe) == OK)
		return is_named_ollama(slice_str(exe));
	buf_init(&args, ARGS_MAX);
	/* A part of long ones will do. */
	(void)!os_proc_args(pid, &args);
	rest = buf_slice(&args);
	is = is_named_ollama(slice_cut(&rest, 0));
	buf_fini(&args);
	return is;
}

pid_t
server_find(const struct engine *e)
{
	bool is_other = e->kind == ENGINE_OLLAMA && e->pid > 0;

	/* What weir runs has a session of its own; a shell may be before it. */
	if (is_other &&
	    ((e->run_pid > 0 && getsid(e->pid) == e->run_pid) ||
		is_ollama(e->pid)))
		return e->pid;
	return e->run_pid;
}

static bool
is_runner(pid_t pid)
{
	struct buf args;
	bool is;

	buf_init(&args, ARGS_MAX);
	(void)!os_proc_args(pid, &args);
	is = slots_is_runner(buf_slice(&args));
	buf_fini(&args);
	return is;
}

bool
server_has_runner(pid_t server, pid_t pid)
{
	pid_t child[CHILDREN_MAX];
	size_t n = os_proc_children(server, child, CHILDREN_MAX);

	for (size_t i = 0; i < n; i++)
		if (child[i] == pid)
			return is_runner(pid);
	return false;
}

pid_t
server_runner(pid_t server, size_t *n)
{
	pid_t child[CHILDREN_MAX], runner = 0;
	size_t children = os_proc_children(server, child, CHILDREN_MAX);

	*n = 0;
	for (size_t i = 0; i < children; i++)
		if (is_runner(child[i])) {
			runner = child[i];
			++*n;
		}
	return *n == 1 ? runner : 0;
}
