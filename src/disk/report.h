/*
 * report: the disks as JSON, for operators and programs.
 */
#pragma once
#include "disk/guard.h"
#include "json/write.h"

/*
 * Append "disks":[{"holds":"models, state","path":...,"level":"well",
 * "used_percent":...,"free_bytes":...,"size_bytes":...,"full_in_h":...}]; the
 * last only where the trend tells.  Places whose disk does not answer have
 * "level":"unknown" and nothing behind it.
 */
void disk_report(
    struct json_writer *w, const struct disk_guard *g, int64_t now_us);

enum { DISK_TEXT_MAX = 200 };

/*
 * "full in 3 h", "full in 12 min", of ${seconds}; "" where that is negative
 * or more than 30 days.
 */
void disk_full_text(int64_t seconds, char out[DISK_TEXT_MAX]);

/* "4.7 GiB" of ${bytes}, in at most 16 bytes. */
void disk_bytes_text(uint64_t bytes, char out[DISK_TEXT_MAX]);
