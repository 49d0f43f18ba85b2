/*
 * A pull is judged by what it announces, against the free bytes of the last
 * look, of which some stay free for others.  Later only what really is there
 * counts: a pull that was let in is not ended for a few bytes of somebody's.
 */
#include "flow/space.h"
#include "disk/guard.h"
#include "disk/pull.h"
#include "disk/report.h"
#include "flow/client.h"

static bool
fills_disk(const struct flow *f)
{
	switch (f->match.route->id) {
	case ROUTE_API_PULL:
	case ROUTE_API_CREATE:
		return true;
	case ROUTE_API_BLOBS:
		return f->head.method == HTTP_METHOD_POST;
	default:
		return false;
	}
}

/* The disk that the engine of ${f} writes models to; NULL: not known. */
static const struct disk *
disk_of(const struct flow *f)
{
	if (f->env->disks == NULL || f->engine == NULL)
		return NULL;
	return disk_guard_find(f->env->disks, DISK_MODELS, f->engine->name);
}

/* Make ${text} the reason of the refusal that is to come. */
static void
give_reason(struct flow *f, struct buf *text)
{
	f->refusal.reason = arena_copy(&f->arena, buf_slice(text));
}

static void
say_full(struct flow *f, const struct disk *d, enum disk_level level)
{
	const struct disk_guard *g = f->env->disks;
	char free[DISK_TEXT_MAX], size[DISK_TEXT_MAX];
	struct buf *b = &f->env->scratch;

	disk_bytes_text(d->last.free_bytes, free);
	disk_bytes_text(d->last.size_bytes, size);
	buf_clear(b);
	if (buf_printf(b,
		"it is %d %% full (%s of %s free), and from %d %% on nothing "
		"is stored there",
		d->permille / 10, free, size, g->marks.percent[level]) == OK)
		give_reason(f, b);
	buf_clear(b);
}

/* ${left} of ${total} are still to come. */
static void
say_sum(struct flow *f, const struct disk *d, uint64_t left, uint64_t total)
{
	uint64_t room = disk_room(
	    &f->env->disks->marks, d->last.size_bytes, d->last.free_bytes);
	char texts[4][DISK_TEXT_MAX];
	struct buf *b = &f->env->scratch;

	disk_bytes_text(left, texts[0]);
	disk_bytes_text(total, texts[1]);
	disk_bytes_text(d->last.free_bytes, texts[2]);
	disk_bytes_text(d->last.free_bytes - room, texts[3]);
	buf_clear(b);
	if (buf_printf(b,
		"%s of %s are still to come (%llu bytes), %s are free (%llu "
		"bytes), of which %s stay free for all else",
		texts[0], texts[1], (unsigned long long)left, texts[2],
		(unsigned long long)d->last.free_bytes, texts[3]) == OK)
		give_reason(f, b);
	buf_clear(b);
}

/* Do ${left} bytes fit?  The numbers are told if not. */
static bool
fits(struct flow *f, const struct disk *d, uint64_t left, uint64_t total)
{
	if (left <= disk_room(&f->env->disks->marks, d->last.size_bytes,
			d->last.free_bytes))
		return true;
	say_sum(f, d, left, total);
	return false;
}

enum step
space_judge(struct flow *f)
{
	const struct disk *d;
	int64_t n = f->head.content_length;

	if (f->match.route->class != CLASS_MANAGE || !fills_disk(f) ||
	    (d = disk_of(f)) == NULL)
		return STEP_NEXT;
	disk_guard_hurry(f->env->disks, os_now_us());
	if (d->level >= DISK_REFUSE) {
		say_full(f, d, DISK_REFUSE);
		return flow_refuse(f, ERR_DISK_FULL);
	}
	if (f->match.route->id == ROUTE_API_BLOBS && n > 0 &&
	    !fits(f, d, (uint64_t)n, (uint64_t)n))
		return flow_refuse(f, ERR_DISK_FULL);
	return STEP_NEXT;
}

/* Does what it has announced so far fit?  The numbers are told if not. */
static bool
pull_fits(struct flow *f)
{
	const struct disk *d = disk_of(f);
	uint64_t left = pull_left(f->pull), total = pull_total(f->pull);

	if (d == NULL)
		return true;
	if (!f->pull->is_judged) {
		f->pull->is_judged = true;
		return fits(f, d, left, total);
	}
	if (left <= d->last.free_bytes)
		return true;
	say_sum(f, d, left, total);
	return false;
}

bool
space_note(struct flow *f, struct slice line)
{
	if (f->match.route->id != ROUTE_API_PULL || f->env->disks == NULL)
		return false;
	if (f->pull == NULL) {
		f->pull = arena_alloc(&f->arena, sizeof *f->pull);
		if (f->pull == NULL)
			return false;
		memset(f->pull, 0, sizeof *f->pull);
	}
	disk_guard_hurry(f->env->disks, os_now_us());
	return pull_read(f->pull, line) != PULL_NOTHING && !pull_fits(f);
}

/* Must ${f} end?  Then its refusal has the reason. */
static bool
is_too_much(struct flow *f)
{
	const struct disk *d;

	if (f->up == NULL || !fills_disk(f) || (d = disk_of(f)) == NULL)
		return false;
	if (f->pull != NULL && f->pull->n > 0)
		return !pull_fits(f);
	if (d->level < DISK_MEMORY)
		return false;
	say_full(f, d, DISK_MEMORY);
	return true;
}

void
space_look(struct flow_env *env)
{
	LIST_EACH_SAFE (it, &env->clients) {
		struct flow *f = LIST_OF(it, struct client, node)->flow;

		if (f != NULL && is_too_much(f))
			flow_end_told(f, ERR_DISK_FULL);
	}
}
