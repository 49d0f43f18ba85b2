/*
 * admin: what weir answers itself: /healthz, /readyz, /metrics.
 *
 *   /healthz  the gate lives: 200 "ok"
 *   /readyz   200 while at least one engine is up and not drained and all
 *             models that are to be preloaded are proved, else 503;
 *             JSON with each engine, its state, since when and why (details
 *             for callers on this machine and managers)
 *   /metrics  Prometheus text (callers on this machine and managers)
 */
#pragma once
#include "dialect/route.h"
#include "disk/guard.h"
#include "engine/engine.h"

struct admin {
	const struct disk_guard *disks;	  /* borrowed */
	const struct engine_set *engines; /* borrowed */
	struct metrics *metrics;
	int64_t started_us;
};

/* Would /readyz say yes? */
bool admin_is_ready(const struct admin *a);

/*
 * Write the answer to ${r} into ${body} and return its status; ${type} is set
 * to its content type.  ${ctx} is the struct admin; ${is_trusted}: details may
 * be told.
 */
int admin_answer(void *ctx, const struct route *r, bool is_trusted,
    struct buf *body, const char **type);
