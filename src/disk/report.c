#include "disk/report.h"
#include <stdio.h>

enum { HOUR_S = 3600, MONTH_S = 30 * 24 * HOUR_S, PATH_SHOWN = 200 };

void
disk_full_text(int64_t seconds, char out[DISK_TEXT_MAX])
{
	out[0] = '\0';
	if (seconds < 0 || seconds > MONTH_S)
		return;
	if (seconds < 2 * HOUR_S)
		(void)snprintf(out, DISK_TEXT_MAX, "full in %lld min",
		    (long long)(seconds / 60));
	else
		(void)snprintf(out, DISK_TEXT_MAX, "full in %lld h",
		    (long long)(seconds / HOUR_S));
}

void
disk_bytes_text(uint64_t bytes, char out[DISK_TEXT_MAX])
{
	struct buf b;

	buf_init(&b, DISK_TEXT_MAX - 1);
	out[0] = '\0';
	if (buf_add_size(&b, (int64_t)bytes) == OK) {
		memcpy(out, b.p, b.n);
		out[b.n] = '\0';
	}
	buf_fini(&b);
}

static void
write_disk(struct json_writer *w, const struct disk *d, int64_t now_us)
{
	int64_t full_s = disk_trend_full_s(&d->trend, now_us);

	json_object_begin(w, NULL);
	json_str(w, "holds", slice_str(d->names));
	json_str(w, "path", slice_to(slice_str(d->path), PATH_SHOWN));
	json_str(w, "level", slice_str(disk_level_name(d->level)));
	json_int(w, "used_percent", d->permille / 10);
	json_int(w, "free_bytes", (int64_t)d->last.free_bytes);
	json_int(w, "size_bytes", (int64_t)d->last.size_bytes);
	if (full_s >= 0 && full_s <= MONTH_S)
		json_int(w, "full_in_h", full_s / HOUR_S);
	json_object_end(w);
}

void
disk_report(struct json_writer *w, const struct disk_guard *g, int64_t now_us)
{
	json_array_begin(w, "disks");
	for (size_t i = 0; i < DISK_PLACES; i++)
		if (g->disks[i].is_used)
			write_disk(w, &g->disks[i], now_us);
	for (size_t i = 0; i < g->n_places; i++) {
		const struct disk_place *p = &g->places[i];

		if (!p->is_hung)
			continue;
		json_object_begin(w, NULL);
		json_str(w, "holds", slice_str(disk_kind_name(p->kind)));
		json_str(w, "path", slice_to(slice_str(p->path), PATH_SHOWN));
		json_str(w, "level", (struct slice)SLICE("unknown"));
		json_object_end(w);
	}
	json_array_end(w);
}
