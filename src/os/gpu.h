/*
 * gpu: the memory of graphics processors.
 *
 *   NVIDIA   libnvidia-ml.so.1, loaded when first asked for (NVML)
 *   AMD      /sys/class/drm/cardN/device/mem_info_vram_total, _used
 *
 * Those that share the machine's memory, and those with less than 1 GiB of
 * their own, are left out: models are not kept there.  Asking NVML takes
 * milliseconds and may hang with a broken driver: for a helper thread.
 * Sources: NVIDIA's nvml.h; the kernel's gpu/amdgpu/driver-misc.rst.
 */
#pragma once
#include "base/err.h"

enum { OS_GPUS_MAX = 16 };

struct os_gpu {
	char name[64];
	int64_t total_bytes, free_bytes;
};

struct os_gpus;

/*
 * Begin to look; free with os_gpus_close.  ${library} is that of NVML and
 * ${root} stands before /sys: NULL and "" but for tests.
 */
MUST_CHECK enum err os_gpus_open(
    const char *library, const char *root, struct os_gpus **out);

/* All there are, at most ${cap}, to ${out}; returns how many. */
size_t os_gpus_look(struct os_gpus *g, struct os_gpu *out, size_t cap);

/* Free; NULL is fine. */
void os_gpus_close(struct os_gpus *g);
