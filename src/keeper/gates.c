/*
 * Gates besides the one that serves: the heir that a new program starts, and
 * those that have been followed and finish what they have.
 */
#include "keeper/inside.h"
#include "os/fd.h"

enum {
	LEAVE_US = 600 * 1000 * 1000,	 /* they may take to finish */
	KILL_AFTER_US = 5 * 1000 * 1000, /* that is over, and so long */
	QUIT_WITHIN_US = 1000 * 1000,
	END_WITHIN_US = 1000 * 1000, /* after it closed its link */
};

void
gates_tell_gone(struct keeper *k, uint64_t generation)
{
	if (k->child.pid != 0)
		(void)!keeper_link_gone(&k->child.link, generation);
	if (k->heir.pid != 0)
		(void)!keeper_link_gone(&k->heir.link, generation);
	for (size_t i = 0; i < k->n_outgoing; i++)
		(void)!keeper_link_gone(&k->outgoing[i].link, generation);
}

static void
leave(struct keeper *k, int64_t now_us)
{
	struct child *c = &k->outgoing[k->n_outgoing++];

	*c = k->child;
	child_kill_at(c, now_us + LEAVE_US + KILL_AFTER_US);
	if (keeper_link_retire(&c->link, LEAVE_US) != OK)
		child_kill_at(c, now_us);
}

void
gates_follow(struct keeper *k, int64_t now_us)
{
	uint64_t gone = k->child.generation;
	bool is_gone = k->child.pid == 0;

	if (!is_gone)
		leave(k, now_us);
	k->child = k->heir;
	child_init(&k->heir);
	if (is_gone)
		gates_tell_gone(k, gone);
	crew_tell_all(&k->crew, now_us);
}

/* What a gate that leaves wishes is no matter any more; it may be asked. */
static void
hear(struct keeper *k, struct child *c, int64_t now_us)
{
	enum report_kind kind;
	struct report r;

	while (c->link.channel.fd >= 0 &&
	    (kind = keeper_link_next(&c->link, &r)) != REPORT_NONE) {
		if (kind == REPORT_READY)
			c->is_ready = true;
		if (kind == REPORT_ANSWER)
			forward_answered(k, &r);
		if (kind != REPORT_LOST)
			continue;
		os_fd_close(&c->link.channel.fd);
		child_kill_at(c, now_us + END_WITHIN_US);
	}
}

static void
turn_heir(struct keeper *k, int64_t now_us)
{
	struct child_end end;

	if (k->heir.pid == 0)
		return;
	hear(k, &k->heir, now_us);
	if (k->heir.is_ready) {
		reexec_done(k);
		return;
	}
	child_kill_if_due(&k->heir, now_us);
	if (child_reap(&k->heir, now_us, &end))
		reexec_failed(k, end.reason);
}

static void
turn_outgoing(struct keeper *k, int64_t now_us)
{
	size_t kept = 0, n = k->n_outgoing;
	uint64_t gone[GATES_MAX];
	size_t n_gone = 0;

	for (size_t i = 0; i < n; i++) {
		struct child *c = &k->outgoing[i];
		struct child_end end;

		hear(k, c, now_us);
		child_kill_if_due(c, now_us);
		if (!child_reap(c, now_us, &end)) {
			if (kept != i)
				k->outgoing[kept] = *c;
			kept++;
			continue;
		}
		gone[n_gone++] = c->generation;
		keeper_log(k, EVENT_GATE_LEFT,
		    EVENT_ARGS(event_str("reason", end.reason)));
	}
	k->n_outgoing = kept;
	for (size_t i = 0; i < n_gone; i++)
		gates_tell_gone(k, gone[i]);
}

void
gates_turn(struct keeper *k, int64_t now_us)
{
	turn_heir(k, now_us);
	turn_outgoing(k, now_us);
}

void
gates_stop(struct keeper *k, bool at_once, int64_t now_us)
{
	int64_t end_us = now_us + QUIT_WITHIN_US;

	if (k->heir.pid != 0) {
		(void)!keeper_link_quit(&k->heir.link);
		child_kill_at(&k->heir, end_us);
	}
	if (!at_once)
		end_us = now_us + k->opts->grace_us + KILL_AFTER_US;
	for (size_t i = 0; i < k->n_outgoing; i++) {
		struct child *c = &k->outgoing[i];

		child_kill_at(c, end_us);
		if ((at_once ? keeper_link_quit(&c->link)
			     : keeper_link_drain(
				   &c->link, k->opts->grace_us)) != OK)
			child_kill_at(c, now_us);
	}
}

void
gates_list(const struct keeper *k, uint64_t *out, size_t *n)
{
	*n = 0;
	if (k->child.pid != 0)
		out[(*n)++] = k->child.generation;
	for (size_t i = 0; i < k->n_outgoing && *n < GATES_MAX; i++)
		out[(*n)++] = k->outgoing[i].generation;
}

bool
gates_are_gone(const struct keeper *k)
{
	return k->child.pid == 0 && k->heir.pid == 0 && k->n_outgoing == 0;
}

bool
gates_have(const struct keeper *k, pid_t pid)
{
	bool found = pid == k->child.pid || pid == k->heir.pid;

	for (size_t i = 0; i < k->n_outgoing; i++)
		found = found || pid == k->outgoing[i].pid;
	return found;
}

static size_t
add_poll(const struct child *c, struct pollfd *out)
{
	if (c->pid == 0 || c->link.channel.fd < 0)
		return 0;
	*out = (struct pollfd){c->link.channel.fd, POLLIN, 0};
	return 1;
}

size_t
gates_polls(const struct keeper *k, struct pollfd *out)
{
	size_t n = add_poll(&k->heir, out);

	for (size_t i = 0; i < k->n_outgoing; i++)
		n += add_poll(&k->outgoing[i], out + n);
	return n;
}

int64_t
gates_deadline(const struct keeper *k)
{
	int64_t at_us = k->heir.pid != 0 ? k->heir.kill_at_us : INT64_MAX;

	for (size_t i = 0; i < k->n_outgoing; i++)
		if (k->outgoing[i].kill_at_us < at_us)
			at_us = k->outgoing[i].kill_at_us;
	return at_us;
}
