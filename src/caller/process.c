#include "caller/process.h"

enum { ID_DIGITS = 64, ID_SHORTEST = 12 };

enum process_need
process_needs(const struct conf_caller *row)
{
	if (row->process_unit.n || row->process_exe.n ||
	    row->process_container.n)
		return PROCESS_ALL;
	return row->process_uid != CONF_AUTO ? PROCESS_UID : PROCESS_NONE;
}

enum err
process_find(struct process *p, int fd, enum process_need need,
    struct os_peer_memo *memo)
{
	struct os_peer peer = {0};
	enum err e = os_peer_find(fd, &peer, need == PROCESS_ALL ? memo : NULL);

	if (e != OK)
		return e;
	*p = (struct process){.uid = peer.uid, .pid = peer.pid};
	if (need != PROCESS_ALL || p->pid == 0)
		return OK;
	if (os_peer_exe(p->pid, p->exe, sizeof p->exe) != OK)
		p->exe[0] = 0;
	if (os_peer_group(p->pid, p->group, sizeof p->group) != OK)
		p->group[0] = 0;
	process_read_group(p);
	return OK;
}

static bool
is_unit(struct slice part)
{
	return slice_ends(part, (struct slice)SLICE(".service")) ||
	    slice_ends(part, (struct slice)SLICE(".scope"));
}

/* Append ${part}; what is built of the group is never longer than it. */
static void
append(struct process *p, struct slice part)
{
	size_t n = strlen(p->unit);

	if (n > 0)
		p->unit[n++] = '/';
	memcpy(p->unit + n, part.p, part.n);
	p->unit[n + part.n] = 0;
}

static bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

void
process_read_group(struct process *p)
{
	static const struct slice manager = SLICE("user@");
	struct slice group = slice_str(p->group), rest = group;
	size_t run = 0;

	p->unit[0] = 0;
	p->container = (struct slice){0};
	while (rest.n > 0) {
		struct slice part = slice_cut(&rest, '/');

		if (!is_unit(part))
			continue;
		append(p, part);
		if (!slice_starts(part, manager))
			break;
	}
	for (size_t i = 0; i <= group.n && p->container.n == 0; i++) {
		if (i < group.n && is_hex(group.p[i])) {
			run++;
			continue;
		}
		if (run == ID_DIGITS)
			p->container = slice_of(group.p + i - run, run);
		run = 0;
	}
}

/* An identifier, or as much of it as people write, or a pattern. */
static bool
is_container(struct slice want, struct slice id)
{
	return slice_glob(want, id) ||
	    (want.n >= ID_SHORTEST && slice_starts(id, want));
}

bool
process_is(const struct process *p, const struct conf_caller *row)
{
	if (process_needs(row) == PROCESS_NONE)
		return false;
	if (row->process_uid != CONF_AUTO && row->process_uid != p->uid)
		return false;
	if (row->process_unit.n &&
	    (p->unit[0] == 0 ||
		!slice_glob(row->process_unit, slice_str(p->unit))))
		return false;
	if (row->process_exe.n &&
	    (p->exe[0] == 0 ||
		!slice_glob(row->process_exe, slice_str(p->exe))))
		return false;
	return row->process_container.n == 0 ||
	    (p->container.n > 0 &&
		is_container(row->process_container, p->container));
}
