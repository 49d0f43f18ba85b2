#include "gate/short.h"
#include "engine/machine.h"
#include "engine/weigh.h"
#include "log/event.h"
#include "os/clock.h"

static void
on_pressure(void *ctx, struct engine *e)
{
	struct gate *g = ctx;
	struct event_arg engine = event_slice("engine", e->name);

	if (e->pressure.why == NULL)
		event_write(g->env.log, os_wall_us(), EVENT_MEMORY_RELIEVED,
		    EVENT_ARGS(engine));
	else
		event_write(g->env.log, os_wall_us(), EVENT_MEMORY_PRESSED,
		    EVENT_ARGS(engine, event_str("reason", e->pressure.why)));
}

static void
on_memory(void *ctx, struct engine *e, struct engine_model *m)
{
	struct gate *g = ctx;
	struct event_arg engine = event_slice("engine", e->name);
	struct event_arg model = event_slice("model", m->node.key);

	if (m->is_loaded)
		event_write(g->env.log, os_wall_us(), EVENT_MODEL_ON_CPU,
		    EVENT_ARGS(engine, model,
			event_num("size_mib", m->size_bytes >> 20),
			event_num("vram_mib", m->vram_bytes >> 20)));
	else
		event_write(g->env.log, os_wall_us(), EVENT_MODEL_TOO_LARGE,
		    EVENT_ARGS(
			engine, model, event_str("reason", weigh_why(m))));
}

static bool
may_load(void *ctx, const struct engine *e, const struct engine_model *m,
    uint32_t context)
{
	(void)ctx;
	return context <= weigh_context_most(e, m);
}

void
short_watch(struct gate *g)
{
	g->env.engines.may_load = may_load;
	g->env.engines.on_pressure = on_pressure;
	g->env.engines.on_memory = on_memory;
}

void
short_write(const struct engine *e, struct json_writer *w)
{
	if (!e->has_ram)
		return;
	json_object_begin(w, "memory");
	json_int(w, "total_bytes", e->ram.total_bytes);
	json_int(w, "free_bytes", e->ram.free_bytes);
	json_bool(w, "limited", e->ram.is_limited);
	if (e->ram.stalled >= 0)
		json_double(w, "stalled_percent", e->ram.stalled / 100.0);
	if (e->pressure.why)
		json_str(w, "pressed", slice_str(e->pressure.why));
	json_object_end(w);
}

void
short_write_gpus(const struct gate *g, struct json_writer *w)
{
	const struct os_gpu *gpu;
	size_t n;

	gpu = machine_gpus(&g->env.engines, &n);
	if (n == 0)
		return;
	json_array_begin(w, "gpus");
	for (size_t i = 0; i < n; i++) {
		json_object_begin(w, NULL);
		json_str(w, "name", slice_str(gpu[i].name));
		json_int(w, "total_bytes", gpu[i].total_bytes);
		json_int(w, "free_bytes", gpu[i].free_bytes);
		json_object_end(w);
	}
	json_array_end(w);
}
