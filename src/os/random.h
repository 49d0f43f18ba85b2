/*
 * random: unpredictable bytes from the operating system, for keys and for the
 * seeds of hash tables.
 */
#pragma once
#include <stddef.h>

/*
 * Fill ${n} bytes at ${p}.  Blocks only in the first moments after a boot,
 * until the kernel has gathered entropy; aborts if there is no source at all,
 * because nothing that asks for secrets can go on without.
 */
void random_must_fill(void *p, size_t n);
