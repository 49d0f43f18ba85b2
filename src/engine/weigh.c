/*
 * The job on the helper thread cannot be taken back, so whoever cancels leaves
 * the whole thing to it (is_lost) and begins anew the next time.
 */
#include "engine/weigh.h"
#include "engine/fetch.h"
#include "engine/machine.h"
#include "engine/where.h"
#include "json/write.h"
#include "loop/job.h"
#include "model/name.h"
#include "token/shape.h"
#include <limits.h>
#include <stdlib.h>

enum {
	ANSWER_MAX = 16 * 1024 * 1024,
	BODY_MAX = 4 * 1024,
	ASK_US = 10 * 1000000,
	/* Ollama's, where nobody says: with less memory than for more. */
	CONTEXT_LEAST = 4096,
};

/* What a model was found to take. */
struct engine_weight {
	struct shape shape;
	uint32_t own_context; /* that it asks for itself, 0: none */
	char text[256];	      /* why it does not fit */
};

struct weigh {
	struct fetch fetch;
	struct job job;
	struct engine *engine;
	bool is_lost, is_working;
	char key[MODEL_NAME_MAX]; /* canonical */
	size_t key_n;
	char path[PATH_MAX];
	uint32_t own_context;
	struct shape shape; /* the job's until it is done */
	enum err err;
	void (*done)(struct engine *e);
};

static struct engine_model *
model_of(const struct weigh *w)
{
	return engine_own_model(w->engine, slice_of(w->key, w->key_n));
}

/* --- the verdict --- */

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

enum weigh_verdict
weigh_judge(const struct weigh_facts *f)
{
	/*
	 * What is mapped of a model's file counts as free, and yet it must
	 * stay: so the loaded ones are set off against the total as well.
	 */
	if (f->need <= least(f->free, f->total - f->own - f->others))
		return WEIGH_FITS;
	if (f->own > 0 &&
	    f->need <= least(f->free + f->own, f->total - f->others))
		return WEIGH_OTHERS;
	return WEIGH_NEVER;
}

static int64_t
loaded_bytes(const struct engine *e, const struct engine_model *but)
{
	struct table_node *n = NULL;
	int64_t sum = 0;

	while ((n = table_next(&e->models, n)) != NULL) {
		const struct engine_model *m =
		    TABLE_OF(n, struct engine_model, node);

		if (m->is_loaded && m != but)
			sum += m->size_bytes;
	}
	return sum;
}

/* What there is, and what is taken, besides ${m} itself. */
static bool
read_facts(const struct engine *e, const struct engine_model *m,
    struct weigh_facts *out)
{
	int64_t limit = machine_limit_bytes(e->set);
	const struct os_gpu *gpu;
	struct os_ram ram;
	size_t n;

	*out = (struct weigh_facts){0};
	if (!machine_look(e, &ram))
		return false;
	gpu = machine_gpus(e->set, &n);
	out->total = ram.total_bytes;
	out->free = ram.free_bytes;
	for (size_t i = 0; i < n; i++) {
		out->total += gpu[i].total_bytes;
		out->free += gpu[i].free_bytes;
	}
	if (limit > 0)
		out->total = least(out->total, limit);
	out->own = loaded_bytes(e, m);
	LIST_EACH (it, &e->set->engines) {
		const struct engine *o = LIST_OF(it, struct engine, node);

		if (o != e && machine_is_home(o))
			out->others += loaded_bytes(o, NULL);
	}
	return true;
}

static struct shape_use
use_of(const struct engine *e, const struct engine_model *m)
{
	const struct engine_weight *w = m->weight;
	struct shape_use u = {.slots = m->is_embedder ? 1 : e->slots,
	    .k_type = (enum shape_type)e->kv_type,
	    .v_type = (enum shape_type)e->kv_type};

	u.context_tok = w->own_context ? w->own_context
	    : e->env_context	       ? e->env_context
				       : CONTEXT_LEAST;
	if (w->shape.context_max_tok > 0)
		u.context_tok = least(u.context_tok, w->shape.context_max_tok);
	return u;
}

static void
explain(struct engine_weight *w, const struct shape_use *u,
    const struct shape_need *need, const struct weigh_facts *f)
{
	struct buf b;
	enum err e;

	buf_init(&b, sizeof w->text);
	if ((e = buf_add_str(&b, "it takes ")) == OK &&
	    (e = buf_add_size(&b, need->total_bytes)) == OK &&
	    (e = buf_add_str(&b, " (weights ")) == OK &&
	    (e = buf_add_size(&b, need->weights_bytes)) == OK &&
	    (e = buf_printf(&b, ", %lld tokens of context for %lld slot%s ",
		 (long long)u->context_tok, (long long)u->slots,
		 u->slots == 1 ? "" : "s")) == OK &&
	    (e = buf_add_size(&b, need->context_bytes)) == OK &&
	    (e = buf_add_str(&b, "), and ")) == OK &&
	    (e = buf_add_size(
		 &b, least(f->free + f->own, f->total - f->others))) == OK &&
	    (e = buf_add_str(&b, " of ")) == OK &&
	    (e = buf_add_size(&b, f->total)) == OK)
		e = buf_add_str(&b, " can be had");
	if (e != OK)
		buf_clear(&b);
	memcpy(w->text, b.p ? b.p : "", b.n);
	w->text[b.n < sizeof w->text ? b.n : sizeof w->text - 1] = 0;
	buf_fini(&b);
}

enum weigh_verdict
weigh_verdict_of(const struct engine *e, struct engine_model *m)
{
	struct weigh_facts facts;
	struct shape_need need;
	struct shape_use use;
	enum weigh_verdict v;

	if (m->weight == NULL || !read_facts(e, m, &facts))
		return WEIGH_FITS;
	use = use_of(e, m);
	need = shape_need(&m->weight->shape, &use);
	facts.need = need.total_bytes;
	if ((v = weigh_judge(&facts)) != WEIGH_FITS)
		explain(m->weight, &use, &need, &facts);
	return v;
}

const char *
weigh_why(const struct engine_model *m)
{
	return m->weight ? m->weight->text : "it is not known what it takes";
}

uint32_t
weigh_context_most(const struct engine *e, const struct engine_model *m)
{
	struct weigh_facts facts;
	struct shape_use use;
	int64_t most;

	if (m->weight == NULL || machine_guard(e->set) != CONF_GUARD_REFUSE ||
	    !read_facts(e, m, &facts))
		return UINT32_MAX;
	use = use_of(e, m);
	use.context_tok = m->weight->shape.context_max_tok;
	/* It gives back what it has now. */
	most = shape_fitting_context(&m->weight->shape, &use,
	    least(facts.free + m->size_bytes,
		facts.total - facts.own - facts.others));
	return most > UINT32_MAX ? UINT32_MAX : (uint32_t)most;
}

/* --- how it is found --- */

bool
weigh_is_wanted(const struct engine *e)
{
	return e->kind == ENGINE_OLLAMA && machine_is_home(e) &&
	    machine_guard(e->set) != CONF_GUARD_OFF;
}

static void
end(struct weigh *w)
{
	struct engine *e = w->engine;
	void (*done)(struct engine *) = w->done;

	if (w->is_lost) {
		fetch_fini(&w->fetch);
		free(w);
		engine_drop(e);
		return;
	}
	done(e);
}

static void
read_file(struct job *j)
{
	struct weigh *w =
	    (struct weigh *)(void *)((char *)j - offsetof(struct weigh, job));

	w->err = shape_open(w->path, &w->shape);
}

static void
on_read(struct job *j)
{
	struct weigh *w =
	    (struct weigh *)(void *)((char *)j - offsetof(struct weigh, job));
	struct engine_model *m = w->is_lost ? NULL : model_of(w);

	w->is_working = false;
	if (m && w->err != OK)
		weigh_forget(m);
	if (m && w->err == OK && m->weight == NULL)
		m->weight = calloc(1, sizeof *m->weight);
	if (m && w->err == OK && m->weight) {
		m->weight->shape = w->shape;
		m->weight->own_context = w->own_context;
	}
	end(w);
}

static void
on_shown(struct fetch *f)
{
	struct weigh *w = (struct weigh *)(void *)f;
	struct slice answer = buf_slice(&f->answer);
	struct engine_model *m = model_of(w);
	bool is_found = f->err == OK && f->status == 200 &&
	    where_is(w->engine, answer, w->path, sizeof w->path);

	w->own_context = is_found ? where_context(answer) : 0;
	buf_fini(&f->answer);
	if (is_found) {
		w->job = (struct job){.work = read_file, .done = on_read};
		w->is_working = job_start(w->engine->loop, &w->job) == OK;
	}
	if (w->is_working)
		return;
	if (m)
		weigh_forget(m);
	end(w);
}

static struct weigh *
need(struct engine *e)
{
	struct weigh *w = e->weigh;

	if (w)
		return w;
	if ((w = calloc(1, sizeof *w)) == NULL)
		abort();
	w->engine = engine_hold(e);
	fetch_init(&w->fetch, e, ANSWER_MAX, on_shown);
	e->weigh = w;
	return w;
}

void
weigh_start(
    struct engine *e, struct engine_model *m, void (*done)(struct engine *e))
{
	struct weigh *w = need(e);
	struct json_writer j;
	struct buf body;

	w->done = done;
	memcpy(w->key, m->node.key.p, m->node.key.n);
	w->key_n = m->node.key.n;
	buf_init(&body, BODY_MAX);
	json_writer_init(&j, &body);
	json_object_begin(&j, NULL);
	json_str(&j, "model", m->raw);
	json_object_end(&j);
	fetch_start(&w->fetch, "POST", "/api/show", buf_slice(&body), ASK_US);
	buf_fini(&body);
}

void
weigh_cancel(struct engine *e)
{
	struct weigh *w = e->weigh;

	if (w == NULL)
		return;
	fetch_cancel(&w->fetch);
	buf_fini(&w->fetch.answer);
	if (!w->is_working)
		return;
	w->is_lost = true;
	e->weigh = NULL;
}

void
weigh_fini(struct engine *e)
{
	struct weigh *w;

	weigh_cancel(e);
	if ((w = e->weigh) == NULL)
		return;
	e->weigh = NULL;
	w->is_lost = true;
	end(w);
}

void
weigh_forget(struct engine_model *m)
{
	free(m->weight);
	m->weight = NULL;
}
