/*
 * A look is a detached thread and a piece of memory that both sides hold: who
 * lets go of it last frees it.  So nobody ever waits for a look.
 */
#include "disk/guard.h"
#include "os/thread.h"
#include <stdio.h>
#include <stdlib.h>

enum {
	HURRY_EVERY_US = 1000 * 1000,
	HURRY_US = 5 * 1000 * 1000,
	HUNG_US = 15 * 1000 * 1000,
	SAMPLES_IN = 6, /* looks between two samples of the trend */
	STACK_BYTES = 256 * 1024,
};

struct disk_look {
	_Atomic int holders;
	_Atomic bool is_done;
	enum err err;
	struct os_disk disk;
	char path[DISK_PATH_MAX];
};

const char *
disk_kind_name(enum disk_kind k)
{
	static const char *const names[] = {"models", "log", "state", "temp"};

	return names[k];
}

/* --- looks --- */

static void
let_go(struct disk_look *l)
{
	if (atomic_fetch_sub(&l->holders, 1) == 1)
		free(l);
}

static void *
look(void *arg)
{
	struct disk_look *l = arg;

	l->err = os_disk_look(l->path, &l->disk);
	atomic_store(&l->is_done, true);
	let_go(l);
	return NULL;
}

static bool
start_thread(struct disk_look *l)
{
	pthread_attr_t attr;
	pthread_t thread;
	enum err e;

	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	e = os_thread_start(&thread, &attr, look, l);
	(void)pthread_attr_destroy(&attr);
	return e == OK;
}

/* What cannot be begun now is begun the next time. */
static void
begin_look(struct disk_place *p, int64_t now_us)
{
	struct disk_look *l = calloc(1, sizeof *l);

	p->asked_us = now_us;
	if (l == NULL)
		return;
	atomic_store(&l->holders, 2);
	memcpy(l->path, p->path, sizeof l->path);
	if (start_thread(l))
		p->look = l;
	else
		free(l);
}

static void
forget_look(struct disk_place *p)
{
	if (p->look != NULL)
		let_go(p->look);
	p->look = NULL;
}

/* --- places --- */

void
disk_guard_begin(struct disk_guard *g)
{
	for (size_t i = 0; i < g->n_places; i++)
		g->places[i].is_wanted = false;
}

/* Its index; n_places: there is none. */
static size_t
index_of(const struct disk_guard *g, enum disk_kind kind, struct slice owner)
{
	size_t i = 0;

	owner = slice_to(owner, DISK_OWNER_MAX - 1);
	while (i < g->n_places &&
	    (g->places[i].kind != kind ||
		!slice_eq(slice_str(g->places[i].owner), owner)))
		i++;
	return i;
}

const struct disk_place *
disk_guard_place(
    const struct disk_guard *g, enum disk_kind kind, struct slice owner)
{
	size_t i = index_of(g, kind, owner);

	return i < g->n_places ? &g->places[i] : NULL;
}

void
disk_guard_tag(
    struct disk_guard *g, enum disk_kind kind, struct slice owner, int64_t tag)
{
	size_t i = index_of(g, kind, owner);

	if (i < g->n_places)
		g->places[i].tag = tag;
}

void
disk_guard_add(struct disk_guard *g, enum disk_kind kind, struct slice owner,
    const char *path)
{
	size_t i = index_of(g, kind, owner);
	struct disk_place *p = i < g->n_places ? &g->places[i] : NULL;

	if (path[0] == '\0' || strlen(path) >= sizeof p->path)
		return;
	if (p != NULL && strcmp(p->path, path) == 0) {
		p->is_wanted = true;
		return;
	}
	if (p == NULL && g->n_places == DISK_PLACES)
		return;
	if (p == NULL)
		p = &g->places[g->n_places++];
	else
		forget_look(p);
	*p = (struct disk_place){.kind = kind, .is_wanted = true};
	owner = slice_to(owner, sizeof p->owner - 1);
	if (owner.n > 0)
		memcpy(p->owner, owner.p, owner.n);
	memcpy(p->path, path, strlen(path) + 1);
}

void
disk_guard_end(struct disk_guard *g)
{
	size_t n = 0;

	for (size_t i = 0; i < g->n_places; i++) {
		if (!g->places[i].is_wanted)
			forget_look(&g->places[i]);
		else if (n++ != i)
			g->places[n - 1] = g->places[i];
	}
	g->n_places = n;
}

/* --- disks --- */

static struct disk *
find_disk(struct disk_guard *g, uint64_t dev)
{
	for (size_t i = 0; i < DISK_PLACES; i++)
		if (g->disks[i].is_used && g->disks[i].dev == dev)
			return &g->disks[i];
	return NULL;
}

/* There is one for each place at the most. */
static struct disk *
get_disk(struct disk_guard *g, uint64_t dev)
{
	struct disk *d = find_disk(g, dev);
	size_t i = 0;

	if (d != NULL)
		return d;
	while (g->disks[i].is_used)
		i++;
	d = &g->disks[i];
	memset(d, 0, sizeof *d);
	d->dev = dev;
	d->is_used = true;
	return d;
}

/* Those that no place is on any more. */
static void
drop_disks(struct disk_guard *g)
{
	for (size_t i = 0; i < DISK_PLACES; i++) {
		bool has = false;

		for (size_t k = 0; k < g->n_places; k++)
			has = has ||
			    (g->places[k].is_known &&
				g->places[k].last.dev == g->disks[i].dev);
		g->disks[i].is_used = g->disks[i].is_used && has;
	}
}

/* Each name once, in the order of the places. */
static void
add_name(struct disk *d, const struct disk_place *p)
{
	const char *name = disk_kind_name(p->kind);
	size_t n = strlen(d->names);

	if (strstr(d->names, name) == NULL)
		(void)snprintf(d->names + n, sizeof d->names - n, "%s%s",
		    n ? ", " : "", name);
	if (n == 0)
		memcpy(d->path, p->path, sizeof d->path);
}

static void
name_disks(struct disk_guard *g)
{
	for (size_t i = 0; i < DISK_PLACES; i++)
		g->disks[i].names[0] = '\0';
	for (size_t i = 0; i < g->n_places; i++) {
		struct disk *d = g->places[i].is_known
		    ? find_disk(g, g->places[i].last.dev)
		    : NULL;

		if (d != NULL)
			add_name(d, &g->places[i]);
	}
}

/* The levels as the last looks have it; tells of those that changed. */
static void
judge(struct disk_guard *g)
{
	name_disks(g);
	for (size_t i = 0; i < DISK_PLACES; i++) {
		struct disk *d = &g->disks[i];
		enum disk_level before = d->level;

		if (!d->is_used)
			continue;
		d->permille = os_disk_permille(&d->last);
		d->level = disk_level_next(before, &g->marks, d->permille);
		if (d->level != before && g->on_level != NULL)
			g->on_level(g->ctx, d, before);
	}
}

/* --- the round --- */

static void
tell_hung(struct disk_guard *g, struct disk_place *p, bool is_hung)
{
	if (p->is_hung == is_hung)
		return;
	p->is_hung = is_hung;
	if (g->on_hung != NULL)
		g->on_hung(g->ctx, p);
}

/* Is the look of ${p} over?  Then what it saw is in p->last. */
static bool
take_look(struct disk_guard *g, struct disk_place *p, int64_t now_us)
{
	struct disk_look *l = p->look;

	if (l == NULL)
		return false;
	if (!atomic_load(&l->is_done)) {
		if (now_us - p->asked_us > HUNG_US)
			tell_hung(g, p, true);
		return false;
	}
	p->is_known = l->err == OK;
	p->last = l->disk;
	p->look = NULL;
	let_go(l);
	tell_hung(g, p, false);
	return true;
}

void
disk_guard_tick(struct disk_guard *g, int64_t now_us)
{
	int64_t every =
	    now_us < g->hurry_until_us && HURRY_EVERY_US < g->every_us
	    ? HURRY_EVERY_US
	    : g->every_us;
	bool is_new = false;

	for (size_t i = 0; i < g->n_places; i++)
		is_new = take_look(g, &g->places[i], now_us) || is_new;
	if (is_new) {
		drop_disks(g);
		for (size_t i = 0; i < g->n_places; i++) {
			const struct disk_place *p = &g->places[i];
			struct disk *d =
			    p->is_known ? get_disk(g, p->last.dev) : NULL;

			if (d == NULL)
				continue;
			d->last = p->last;
			disk_trend_add(&d->trend, p->last.free_bytes, now_us,
			    SAMPLES_IN * g->every_us);
		}
		judge(g);
	}
	for (size_t i = 0; i < g->n_places; i++) {
		struct disk_place *p = &g->places[i];

		if (p->look == NULL &&
		    (p->asked_us == 0 || now_us - p->asked_us >= every))
			begin_look(p, now_us);
	}
}

void
disk_guard_hurry(struct disk_guard *g, int64_t now_us)
{
	g->hurry_until_us = now_us + HURRY_US;
}

const struct disk *
disk_guard_of(const struct disk_guard *g, const struct disk_place *p)
{
	if (!p->is_known)
		return NULL;
	for (size_t i = 0; i < DISK_PLACES; i++)
		if (g->disks[i].is_used && g->disks[i].dev == p->last.dev)
			return &g->disks[i];
	return NULL;
}

const struct disk *
disk_guard_find(
    const struct disk_guard *g, enum disk_kind kind, struct slice owner)
{
	const struct disk_place *p = disk_guard_place(g, kind, owner);

	return p != NULL ? disk_guard_of(g, p) : NULL;
}

void
disk_guard_fini(struct disk_guard *g)
{
	for (size_t i = 0; i < g->n_places; i++)
		forget_look(&g->places[i]);
	g->n_places = 0;
}
