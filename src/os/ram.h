/*
 * ram: how much memory a process may still take, and how hard it is pressed.
 *
 *   machine   MemAvailable, /proc/pressure/memory
 *   group     the tightest of its control group and those above it: version 2
 *             (memory.max, memory.pressure, memory.events) or 1
 *             (memory.limit_in_bytes, memory.oom_control)
 *
 * What the kernel would give back of files that nobody has used lately counts
 * as free, in a group as in the machine.  Sources: proc(5), the kernel's
 * Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst and
 * accounting/psi.rst.
 */
#pragma once
#include "base/err.h"
#include <sys/types.h>

struct os_ram {
	int64_t total_bytes; /* of the machine, or the limit if less */
	int64_t free_bytes;
	bool is_limited;   /* by a control group */
	bool is_out;	   /* the group has no memory left right now */
	int64_t oom_kills; /* in the group or machine so far; -1: unknown */
	int32_t stalled;   /* share of the last 10 s in which nothing went
				on for want of memory, in 1/10000; -1: unknown */
};

/*
 * Look at ${pid} (0: this process).  ${root} is put before all paths: "" but
 * for tests.  Some small files of /proc and /sys are read.  ERR_IO: the system
 * does not tell.
 */
MUST_CHECK enum err os_ram_look(
    const char *root, pid_t pid, struct os_ram *out);
