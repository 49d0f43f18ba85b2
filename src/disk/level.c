#include "disk/level.h"

enum disk_level
disk_level_next(enum disk_level now, const struct disk_marks *m, int permille)
{
	enum disk_level l = DISK_LEVELS - 1;

	for (; l > DISK_WELL; l--) {
		int mark = 10 * m->percent[l];

		if (permille >= mark - (l <= now ? DISK_SLACK : 0))
			break;
	}
	return l;
}

const char *
disk_level_name(enum disk_level l)
{
	static const char *const names[] = {
	    "well", "alert", "refuse", "memory"};

	return names[l];
}

void
disk_trend_add(
    struct disk_trend *t, uint64_t free_bytes, int64_t now_us, int64_t apart_us)
{
	unsigned last = (t->next + DISK_TREND_SAMPLES - 1) % DISK_TREND_SAMPLES;

	if (t->n > 0 && now_us - t->v[last].at_us < apart_us)
		return;
	t->v[t->next].at_us = now_us;
	t->v[t->next].free = (double)free_bytes;
	t->next = (t->next + 1) % DISK_TREND_SAMPLES;
	if (t->n < DISK_TREND_SAMPLES)
		t->n++;
}

int64_t
disk_trend_full_s(const struct disk_trend *t, int64_t now_us)
{
	double n = t->n, x = 0, y = 0, xx = 0, xy = 0, slope, at_now;

	if (t->n < DISK_TREND_LEAST)
		return -1;
	for (unsigned i = 0; i < t->n; i++) {
		double s = (double)(t->v[i].at_us - now_us) / 1e6;

		x += s;
		y += t->v[i].free;
		xx += s * s;
		xy += s * t->v[i].free;
	}
	if (n * xx - x * x <= 0)
		return -1;
	slope = (n * xy - x * y) / (n * xx - x * x);
	at_now = (y - slope * x) / n;
	/* Less than a byte a second is noise. */
	if (slope > -1)
		return -1;
	return at_now <= 0 ? 0 : (int64_t)(at_now / -slope);
}

uint64_t
disk_room(const struct disk_marks *m, uint64_t size_bytes, uint64_t free_bytes)
{
	uint64_t kept =
	    size_bytes / 100 * (uint64_t)(100 - m->percent[DISK_MEMORY]);

	return free_bytes > kept ? free_bytes - kept : 0;
}
