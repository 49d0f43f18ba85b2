#include "admin/admin.h"
#include "disk/report.h"
#include "engine/proof.h"
#include "json/write.h"
#include "os/clock.h"
#include <time.h>

static int
healthz(struct buf *body)
{
	return buf_add_str(body, "ok\n") == OK ? 200 : 500;
}

/* "2026-02-24T18:00:00Z" of a moment of the monotonic clock. */
static void
write_since(struct json_writer *w, int64_t at_us)
{
	int64_t wall_s = (os_wall_us() - (os_now_us() - at_us)) / 1000000;
	time_t t = (time_t)wall_s;
	struct tm tm;
	char text[32];

	if (gmtime_r(&t, &tm) == NULL)
		return;
	json_str(w, "since",
	    slice_of(
		text, strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm)));
}

/* The models that are in its memory, where that can be told. */
static void
write_loaded(struct json_writer *w, const struct engine *e)
{
	struct table_node *n = NULL;

	json_array_begin(w, "loaded");
	while ((n = table_next(&e->models, n)) != NULL) {
		const struct engine_model *m =
		    TABLE_OF(n, struct engine_model, node);

		if (!m->is_loaded)
			continue;
		json_object_begin(w, NULL);
		json_str(w, "name", n->key);
		if (m->context)
			json_int(w, "context", m->context);
		if (m->context_max)
			json_int(w, "context_max", m->context_max);
		json_object_end(w);
	}
	json_array_end(w);
}

static void
write_engine(struct json_writer *w, const struct engine *e)
{
	json_object_begin(w, NULL);
	json_str(w, "name", e->name);
	json_str(w, "kind", slice_str(engine_kind_name(e->kind)));
	json_str(w, "url", e->host);
	json_str(w, "state", slice_str(engine_state_name(e->state)));
	write_since(w, e->since_us);
	if (!engine_is_up(e))
		json_str(w, "why", slice_str(engine_why(e)));
	json_int(w, "slots", e->slots);
	json_int(w, "in_use", e->in_use);
	if (e->lingering)
		json_int(w, "lingering", e->lingering);
	if (e->is_draining)
		json_bool(w, "draining", true);
	if (e->has_listing) {
		json_int(w, "models", (int64_t)e->models.n);
		write_loaded(w, e);
	}
	json_object_end(w);
}

static bool
is_serving(const struct engine *e)
{
	return engine_is_up(e) && !e->is_draining;
}

/* Is every model that is to be preloaded ready? */
static bool
has_models(const struct admin *a)
{
	struct proof_state p;

	for (size_t i = 0; proof_state_at(a->engines, i, &p); i++)
		if (strcmp(p.state, "ready") != 0)
			return false;
	return true;
}

static void
write_models(struct json_writer *w, const struct admin *a)
{
	struct proof_state p;

	json_array_begin(w, "models");
	for (size_t i = 0; proof_state_at(a->engines, i, &p); i++) {
		json_object_begin(w, NULL);
		json_str(w, "name", p.name);
		json_str(w, "state", slice_str(p.state));
		if (p.why)
			json_str(w, "why", slice_str(p.why));
		json_object_end(w);
	}
	json_array_end(w);
}

static bool
has_looping(const struct admin *a)
{
	LIST_EACH (it, &a->engines->engines)
		if (LIST_OF(it, struct engine, node)->is_looping)
			return true;
	return false;
}

/* Why not; NULL: it is ready. */
static const char *
find_reason(const struct admin *a)
{
	LIST_EACH (it, &a->engines->engines)
		if (is_serving(LIST_OF(it, struct engine, node)))
			return has_models(a)
			    ? NULL
			    : "models that are to be preloaded do not answer "
			      "yet";
	return has_looping(a) ? "no engine answers: one keeps ending "
				"(crash loop)"
			      : "no engine answers";
}

bool
admin_is_ready(const struct admin *a)
{
	return find_reason(a) == NULL;
}

static int
readyz(const struct admin *a, bool is_trusted, struct buf *body)
{
	const char *reason = find_reason(a);
	struct json_writer w;

	json_writer_init(&w, body);
	json_object_begin(&w, NULL);
	json_bool(&w, "ready", reason == NULL);
	if (reason)
		json_str(&w, "reason", slice_str(reason));
	if (is_trusted) {
		if (a->engines->n_wanted > 0)
			write_models(&w, a);
		json_array_begin(&w, "engines");
		LIST_EACH (it, &a->engines->engines)
			write_engine(&w, LIST_OF(it, struct engine, node));
		json_array_end(&w);
		disk_report(&w, a->disks, os_now_us());
	}
	json_object_end(&w);
	if (w.err != OK || buf_add_char(body, '\n') != OK)
		return 500;
	return reason == NULL ? 200 : 503;
}

static int
metrics(const struct admin *a, bool is_trusted, struct buf *body)
{
	if (!is_trusted) {
		(void)!buf_add_str(body,
		    "Metrics are told to callers on this machine, and to "
		    "those with manage_models: true.\n");
		return 403;
	}
	return metrics_print(a->metrics, body) == OK ? 200 : 500;
}

int
admin_answer(void *ctx, const struct route *r, bool is_trusted,
    struct buf *body, const char **type)
{
	const struct admin *a = ctx;

	switch (r->id) {
	case ROUTE_HEALTHZ:
		*type = "text/plain; charset=utf-8";
		return healthz(body);
	case ROUTE_READYZ:
		*type = "application/json";
		return readyz(a, is_trusted, body);
	case ROUTE_METRICS:
		*type = "text/plain; version=0.0.4; charset=utf-8";
		return metrics(a, is_trusted, body);
	default:
		*type = "text/plain; charset=utf-8";
		(void)!buf_add_str(body,
		    "This page is not there; weir answers /healthz, /readyz "
		    "and /metrics itself.\n");
		return 404;
	}
}
