/*
 * level: what the fullness of a disk means, and where it leads.
 *
 *   WELL --80 %--> ALERT --90 %--> REFUSE --95 %--> MEMORY
 *        <-78 %--        <-88 %--         <-93 %--
 *
 * No clock, no files.
 */
#pragma once
#include "base/err.h"

enum disk_level {
	DISK_WELL,
	DISK_ALERT,  /* somebody should know */
	DISK_REFUSE, /* nothing large goes there any more */
	DISK_MEMORY, /* weir's own log neither */
	DISK_LEVELS
};

/* From which fullness on a disk has each level, in percent; [0] is unused. */
struct disk_marks {
	int percent[DISK_LEVELS];
};

enum { DISK_SLACK = 20 /* thousandths below a mark that end its level */ };

/* The level behind ${now} of a disk that is ${permille} thousandths full. */
enum disk_level disk_level_next(
    enum disk_level now, const struct disk_marks *m, int permille);

/* "well", "alert", "refuse", "memory". */
const char *disk_level_name(enum disk_level l);

enum {
	DISK_TREND_SAMPLES = 60,
	DISK_TREND_LEAST = 10, /* samples before anything is foretold */
};

/* Free bytes over the last hour or so; all 0 at first. */
struct disk_trend {
	struct {
		int64_t at_us;
		double free;
	} v[DISK_TREND_SAMPLES];
	unsigned n, next;
};

/*
 * Note ${free_bytes} at ${now_us}; one sample in ${apart_us} is kept, and no
 * more than the last DISK_TREND_SAMPLES.
 */
void disk_trend_add(struct disk_trend *t, uint64_t free_bytes, int64_t now_us,
    int64_t apart_us);

/*
 * Seconds from ${now_us} until nothing is free, by the straight line that fits
 * the samples best (least squares); -1: it does not shrink, or there is too
 * little to tell.
 */
int64_t disk_trend_full_s(const struct disk_trend *t, int64_t now_us);

/*
 * Bytes that something new may take on a disk of ${size_bytes} with
 * ${free_bytes} free: all but what stands above the mark of MEMORY.
 */
uint64_t disk_room(
    const struct disk_marks *m, uint64_t size_bytes, uint64_t free_bytes);
