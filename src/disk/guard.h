/*
 * guard: watches the disks that weir and its engines write to.
 *
 *   places: models, log, state, temp        disks: their file systems
 *   every 10 s a look at each, on a thread of its own: a dead network mount
 *   holds up nobody but its own next look
 *
 * One per gate; the loop thread's.
 */
#pragma once
#include "disk/level.h"
#include "os/disk.h"

enum {
	DISK_PLACES = 12,
	DISK_PATH_MAX = 4096,
	DISK_OWNER_MAX = 72,
	DISK_NAMES_MAX = 160,
};

enum disk_kind { DISK_MODELS, DISK_LOG, DISK_STATE, DISK_TEMP, DISK_KINDS };

struct disk_look;

/* A folder that is written to. */
struct disk_place {
	enum disk_kind kind;
	char owner[DISK_OWNER_MAX]; /* the engine of MODELS; else "" */
	char path[DISK_PATH_MAX];
	int64_t tag;	/* whoever added it may know by it what it was */
	bool is_wanted; /* mark of disk_guard_end */
	struct disk_look *look; /* under way; NULL */
	int64_t asked_us;	/* the last look, 0: none */
	struct os_disk last;
	bool is_known; /* last was looked at */
	bool is_hung;  /* the look takes too long */
};

/* A file system with at least one place on it. */
struct disk {
	uint64_t dev;
	bool is_used;
	enum disk_level level;
	int permille;
	struct os_disk last;
	struct disk_trend trend;
	char names[DISK_NAMES_MAX]; /* of its places: "models, state" */
	char path[DISK_PATH_MAX];   /* of the first */
};

struct disk_guard {
	struct disk_marks marks;
	int64_t every_us;
	struct disk_place places[DISK_PLACES];
	size_t n_places;
	struct disk disks[DISK_PLACES];
	int64_t hurry_until_us;
	/* A disk has another level than ${before}. */
	void (*on_level)(
	    void *ctx, const struct disk *d, enum disk_level before);
	/* The disk of ${p} does not answer, or does again (p->is_hung). */
	void (*on_hung)(void *ctx, const struct disk_place *p);
	void *ctx;
};

/*
 * Say which folders there are: begin, one call for each, end; places that
 * stay keep what is known of them.  ${path} "": none; past DISK_PLACES: not
 * watched.
 */
void disk_guard_begin(struct disk_guard *g);
void disk_guard_add(struct disk_guard *g, enum disk_kind kind,
    struct slice owner, const char *path);
void disk_guard_end(struct disk_guard *g);

/* A place; NULL.  And a number to know it by, 0 at first. */
const struct disk_place *disk_guard_place(
    const struct disk_guard *g, enum disk_kind kind, struct slice owner);
void disk_guard_tag(
    struct disk_guard *g, enum disk_kind kind, struct slice owner, int64_t tag);

/*
 * Begin the looks that are due and take in those that are done; to be called
 * every half second or so.  Never blocks.
 */
void disk_guard_tick(struct disk_guard *g, int64_t now_us);

/* Look every second for a while: something large is being written. */
void disk_guard_hurry(struct disk_guard *g, int64_t now_us);

/* The disk of a place; NULL where it is not known. */
const struct disk *disk_guard_find(
    const struct disk_guard *g, enum disk_kind kind, struct slice owner);

/* The disk that ${p} is on; NULL where it is not known. */
const struct disk *disk_guard_of(
    const struct disk_guard *g, const struct disk_place *p);

/* "models", "log", "state", "temp". */
const char *disk_kind_name(enum disk_kind k);

/* Forget all; a look that hangs is left behind with its memory. */
void disk_guard_fini(struct disk_guard *g);
