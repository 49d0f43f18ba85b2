/* Places, disks and looks, with folders of this machine. */
#include "disk/guard.h"
#include "os/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <poll.h>
#include <cmocka.h>

#define S INT64_C(1000000)

struct told {
	int n;
	enum disk_level before, level;
};

static void
on_level(void *ctx, const struct disk *d, enum disk_level before)
{
	struct told *t = ctx;

	t->n++;
	t->before = before;
	t->level = d->level;
}

static void
add_all(struct disk_guard *g, const char *models)
{
	disk_guard_begin(g);
	disk_guard_add(g, DISK_MODELS, slice_str("local"), models);
	disk_guard_add(g, DISK_STATE, slice_of(NULL, 0), "/tmp/not/there/yet");
	disk_guard_add(g, DISK_TEMP, slice_of(NULL, 0), "/tmp");
	disk_guard_add(g, DISK_LOG, slice_of(NULL, 0), "");
	disk_guard_end(g);
}

/* Tick at ${now_us} until all looks that this began are over. */
static void
settle(struct disk_guard *g, int64_t now_us)
{
	int64_t until_us = os_now_us() + 20 * S;
	bool busy = true;

	disk_guard_tick(g, now_us);
	while (busy) {
		assert_true(os_now_us() < until_us);
		(void)poll(NULL, 0, 1);
		disk_guard_tick(g, now_us);
		busy = false;
		for (size_t i = 0; i < g->n_places; i++)
			busy = busy || g->places[i].look != NULL;
	}
}

static void
test_places_share_a_disk(void **state)
{
	/* Marks so low that any disk with a byte on it has the last level. */
	static struct disk_guard g;
	struct told told = {0};
	const struct disk *d;

	g = (struct disk_guard){.marks = {{0, 100, 100, 100}},
	    .every_us = 10 * S,
	    .on_level = on_level,
	    .ctx = &told};
	add_all(&g, "/tmp");
	assert_int_equal(g.n_places, 3);
	assert_null(disk_guard_find(&g, DISK_MODELS, slice_str("local")));
	settle(&g, 100 * S);
	d = disk_guard_find(&g, DISK_MODELS, slice_str("local"));
	assert_non_null(d);
	assert_string_equal(d->names, "models, state, temp");
	assert_string_equal(d->path, "/tmp");
	assert_true(d->last.size_bytes > 0);
	assert_ptr_equal(d, disk_guard_find(&g, DISK_TEMP, slice_of(NULL, 0)));
	assert_null(disk_guard_find(&g, DISK_LOG, slice_of(NULL, 0)));
	assert_null(disk_guard_find(&g, DISK_MODELS, slice_str("other")));
	assert_int_equal(told.n, 0);
	/* Told once for the disk, not for each of its places. */
	g.marks = (struct disk_marks){{0, 0, 0, 0}};
	settle(&g, 109 * S);
	assert_int_equal(told.n, 0);
	settle(&g, 110 * S);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.before, DISK_WELL);
	assert_int_equal(told.level, DISK_MEMORY);
	/* In a hurry the next look comes soon. */
	g.marks = (struct disk_marks){{0, 200, 200, 200}};
	disk_guard_hurry(&g, 110 * S);
	settle(&g, 111 * S);
	assert_int_equal(told.n, 2);
	assert_int_equal(told.level, DISK_WELL);
	disk_guard_fini(&g);
}

static void
test_a_place_moves_or_goes(void **state)
{
	static struct disk_guard g;
	const struct disk *proc;

	g = (struct disk_guard){.marks = {{0, 80, 90, 95}}, .every_us = S};
	add_all(&g, "/proc");
	settle(&g, S);
	proc = disk_guard_find(&g, DISK_MODELS, slice_str("local"));
	assert_non_null(proc);
	assert_ptr_not_equal(
	    proc, disk_guard_find(&g, DISK_TEMP, slice_of(NULL, 0)));
	assert_int_equal(proc->permille, 0);
	disk_guard_tag(&g, DISK_MODELS, slice_str("local"), 7);
	add_all(&g, "/proc");
	assert_int_equal(
	    disk_guard_place(&g, DISK_MODELS, slice_str("local"))->tag, 7);
	add_all(&g, "/tmp");
	assert_null(disk_guard_find(&g, DISK_MODELS, slice_str("local")));
	settle(&g, 2 * S);
	assert_ptr_equal(disk_guard_find(&g, DISK_MODELS, slice_str("local")),
	    disk_guard_find(&g, DISK_TEMP, slice_of(NULL, 0)));
	disk_guard_begin(&g);
	disk_guard_end(&g);
	assert_int_equal(g.n_places, 0);
	disk_guard_fini(&g);
}

static void
test_more_places_than_room(void **state)
{
	static struct disk_guard g;
	char name[2] = "a";

	g = (struct disk_guard){.every_us = S};
	disk_guard_begin(&g);
	for (int i = 0; i < 20; i++, name[0]++)
		disk_guard_add(&g, DISK_MODELS, slice_str(name), "/tmp");
	disk_guard_end(&g);
	assert_int_equal(g.n_places, DISK_PLACES);
	settle(&g, S);
	/* The last look may be under way: nobody waits for it. */
	disk_guard_tick(&g, 3 * S);
	disk_guard_fini(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_places_share_a_disk),
	    cmocka_unit_test(test_a_place_moves_or_goes),
	    cmocka_unit_test(test_more_places_than_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
