#include "run/leftover.h"
#include "engine/recipe.h"
#include "os/proc.h"
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

struct sweep {
	const struct leftover_of *of;
	int signal;
	size_t n;
};

void
leftover_mark(const struct leftover_of *of, char out[LEFTOVER_MARK_MAX])
{
	(void)snprintf(out, LEFTOVER_MARK_MAX, "%s@%s@%s", of->name, of->keeper,
	    of->folder);
}

/* Is the keeper "PID.BEGAN" one that lives? */
static bool
is_alive(struct slice keeper)
{
	struct slice began = keeper;
	uint64_t pid, at;

	return slice_u64(slice_cut(&began, '.'), INT32_MAX, &pid) &&
	    slice_u64(began, UINT64_MAX, &at) && at != 0 &&
	    os_proc_began((pid_t)pid) == at;
}

static void
see_marked(void *ctx, pid_t pid, struct slice value)
{
	struct sweep *s = ctx;
	struct slice name = slice_cut(&value, '@');
	struct slice keeper = slice_cut(&value, '@');

	if (!slice_is(name, s->of->name) || !slice_is(value, s->of->folder))
		return;
	if (!slice_is(keeper, s->of->keeper) && is_alive(keeper))
		return;
	/* One that has ended and only waits to be collected is no matter. */
	if (os_proc_began(pid) == 0)
		return;
	s->n++;
	(void)kill(pid, s->signal);
	(void)kill(pid, SIGCONT);
}

size_t
leftover_end(const struct leftover_of *of, int signal)
{
	struct sweep s = {.of = of, .signal = signal};

	(void)os_cgroup_kill(of->cgroup, signal);
	os_proc_each_with(RECIPE_MARK, see_marked, &s);
	return s.n;
}
