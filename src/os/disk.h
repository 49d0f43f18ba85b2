/*
 * disk: how full the file system is that holds a folder.
 */
#pragma once
#include "base/err.h"

struct os_disk {
	uint64_t dev; /* two folders of one file system have the same */
	uint64_t size_bytes, used_bytes;
	uint64_t free_bytes; /* that we may use: without what root keeps */
};

/*
 * Look at the file system of ${path}, or of the nearest folder above it that
 * is there.  May block for ever where it is on a network and dead.  ERR_IO
 * (errno is set).
 */
MUST_CHECK enum err os_disk_look(const char *path, struct os_disk *out);

/*
 * The share of a disk that is in use, in thousandths, as df has it: of what is
 * used and what may still be used.
 */
int os_disk_permille(const struct os_disk *d);
