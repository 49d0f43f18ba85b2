/*
 * machine: the memory of this machine, for the engines that run on it.
 *
 *   every second: RAM of the machine or the engine's control group, how hard
 *   it is pressed; GPUs on the helper thread
 *
 * An engine that is pressed gets one request at a time, and nothing is loaded
 * beside one: slower, but before the kernel kills it.
 */
#pragma once
#include "engine/engine.h"
#include "os/gpu.h"

/* Look at memory as ${conf} says, from now on; off: free it. */
void machine_configure(struct engine_set *s, const struct conf *conf);

/* Free it. */
void machine_fini(struct engine_set *s);

/* Does ${e} run here, so that this machine's memory is its own? */
bool machine_is_home(const struct engine *e);

/* GPUs as they were seen last, lent; *${n} is 0 where there are none. */
const struct os_gpu *machine_gpus(const struct engine_set *s, size_t *n);

/* Look at the RAM that ${e} may take now; false: it cannot be told. */
bool machine_look(const struct engine *e, struct os_ram *out);

/* What the configuration says. */
enum conf_guard machine_guard(const struct engine_set *s);
int64_t machine_limit_bytes(const struct engine_set *s);

/*
 * Is an engine pressed that has ${r}, where it was as ${p} tells?  From
 * ${most} of stalls on (in 1/10000; 0: never), and until half of that.
 */
void machine_judge(struct engine_pressure *p, const struct os_ram *r,
    int32_t most, int64_t now_us);

/* --- for the files of this room --- */

/* ${e} goes, or is down: nothing is known of its memory. */
void machine_forget(struct engine *e);
