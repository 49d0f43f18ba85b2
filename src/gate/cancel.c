/* See gate/command.h: one request is ended by the operator. */
#include "conf/problem.h"
#include "flow/client.h"
#include "flow/flow.h"
#include "gate/command.h"
#include "os/clock.h"

/* What people copy from a terminal; ids are upper case and hex-like. */
enum { ABBREVIATED_MIN = 6 };

static bool
is_meant(const struct flow *f, struct slice id)
{
	struct slice whole = slice_of(f->id, ID_LEN);

	return id.n <= ID_LEN &&
	    (slice_eq_nocase(slice_to(whole, id.n), id) ||
		slice_eq_nocase(slice_from(whole, ID_LEN - id.n), id));
}

/* The last request that ${id} means, and in ${n} how many it means. */
static struct flow *
find(struct gate *g, struct slice id, size_t *n)
{
	struct flow *found = NULL;

	*n = 0;
	LIST_EACH (it, &g->env.clients) {
		struct flow *f = LIST_OF(it, struct client, node)->flow;

		if (f == NULL || !f->has_head || !is_meant(f, id))
			continue;
		found = f;
		++*n;
	}
	return found;
}

static void
end(struct flow *f, struct command_answer *a)
{
	struct slice who = f->caller ? f->caller->shown : slice_str("-");
	bool was_waiting = f->item.state == QUEUE_WAITING;
	int64_t age_us = os_now_us() - f->start_us;

	command_done(a, "Cancelled %.*s of %.*s, which %s; it came %lld s ago.",
	    ID_LEN, f->id, SLICE_ARG(who),
	    was_waiting ? "was waiting" : "was running",
	    (long long)(age_us / 1000000));
	json_str(&a->w, "id", slice_of(f->id, ID_LEN));
	json_str(&a->w, "caller", who);
	json_bool(&a->w, "was_waiting", was_waiting);
	json_int(&a->w, "age_ms", age_us / 1000);
	flow_end(f, ERR_CANCELLED, 0);
}

void
command_cancel(struct gate *g, struct slice id, struct command_answer *a)
{
	struct flow *f;
	size_t n;

	if (id.n < ABBREVIATED_MIN) {
		command_failed(a, "id_too_short",
		    "Give at least %d characters of the request's id, of its "
		    "begin or its end.",
		    ABBREVIATED_MIN);
		return;
	}
	f = find(g, id, &n);
	if (n == 1)
		end(f, a);
	else if (n == 0)
		command_failed(a, "unknown_request",
		    "No request %s is waiting or running; `weir status` lists "
		    "them.  It may have ended meanwhile: look for it in the "
		    "log.",
		    conf_quote(id).text);
	else
		command_failed(a, "ambiguous",
		    "%zu requests have %s in their ids; give more of it.", n,
		    conf_quote(id).text);
}
