#include "engine/proof.h"
#include "engine/cure.h"
#include "engine/fetch.h"
#include "engine/load.h"
#include "engine/machine.h"
#include "json/write.h"
#include "model/name.h"
#include <stdlib.h>

enum {
	ANSWER_MAX = 4 * 1024 * 1024, /* an embedding of thousands of numbers */
	BODY_MAX = 8 * 1024,
	SPEAK_US = 300 * 1000000,
	AGAIN_US = 1000 * 1000,
	LOOK_US = 30 * 1000000,
	CANARY_US = 300 * 1000000,
	/* Longer than a prefill of a stranger's. */
	CANARY_SPEAK_US = 90 * 1000000,
};

/* The questions, from the likeliest to the last resort. */
enum question { ASK_TOKEN, ASK_EMBED };

struct engine_proof {
	struct fetch fetch;
	struct engine *engine;
	struct timer timer;
	bool is_asking;
	bool is_canary; /* it spoke before */
	enum question question;
	char key[MODEL_NAME_MAX]; /* canonical, of the model that is asked */
	size_t key_n;
	int64_t began_us;
};

/* --- what is wanted --- */

void
proof_configure_fini(struct engine_set *s)
{
	for (size_t i = 0; i < s->n_wanted; i++)
		free((void *)(uintptr_t)s->wanted[i].name.p);
	free(s->wanted);
	s->wanted = NULL;
	s->n_wanted = 0;
}

static struct slice
own_name(struct slice raw)
{
	struct name name;
	struct slice s;
	char *p;

	if (name_parse(raw, &name) != OK)
		return (struct slice){0};
	s = name_short(&name);
	if ((p = malloc(s.n)) == NULL)
		abort();
	memcpy(p, s.p, s.n);
	return slice_of(p, s.n);
}

void
proof_configure(struct engine_set *s, const struct conf *conf)
{
	proof_configure_fini(s);
	s->wanted = calloc(conf->n_models + 1, sizeof *s->wanted);
	if (s->wanted == NULL)
		abort();
	for (size_t i = 0; i < conf->n_models; i++) {
		const struct conf_model *m = &conf->models[i];
		struct proof_wanted *w = &s->wanted[s->n_wanted];

		bool is_pull = m->pull == CONF_PULL_IF_MISSING;

		if (!m->preload && m->keep_loaded_us == 0 && !is_pull)
			continue;
		*w = (struct proof_wanted){.name = own_name(m->name),
		    .is_preload = m->preload,
		    .is_pull = is_pull,
		    .keep_us = m->keep_loaded_us};
		if (m->preload && m->keep_loaded_us == 0)
			w->keep_us = INT64_MAX;
		s->n_wanted += w->name.p != NULL;
	}
}

static const struct proof_wanted *
find_wanted(const struct engine_set *s, struct slice canonical)
{
	for (size_t i = 0; i < s->n_wanted; i++)
		if (slice_eq(s->wanted[i].name, canonical))
			return &s->wanted[i];
	return NULL;
}

void
proof_write_keep(
    const struct engine_set *s, struct slice canonical, struct json_writer *w)
{
	const struct proof_wanted *p = find_wanted(s, canonical);

	if (p)
		json_int(w, "keep_alive",
		    p->keep_us == INT64_MAX ? -1 : p->keep_us / 1000000);
}

static struct engine_model *
find_model(const struct engine *e, struct slice canonical)
{
	struct table_node *n = table_find(&e->models, canonical);

	return n ? TABLE_OF(n, struct engine_model, node) : NULL;
}

static struct engine_model *
model_of(const struct engine_proof *p)
{
	return find_model(p->engine, slice_of(p->key, p->key_n));
}

/* --- make it speak --- */

static void
put_token(struct json_writer *w, enum engine_kind kind)
{
	json_str(w, "prompt", slice_str("a"));
	if (kind == ENGINE_OLLAMA) {
		json_bool(w, "stream", false);
		json_object_begin(w, "options");
		json_int(w, "num_predict", 1);
		json_object_end(w);
	} else {
		json_int(
		    w, kind == ENGINE_LLAMA ? "n_predict" : "max_tokens", 1);
	}
}

static const char *
path_of(enum engine_kind kind, enum question q)
{
	if (q == ASK_EMBED)
		return kind == ENGINE_OLLAMA ? "/api/embed" : "/v1/embeddings";
	return kind == ENGINE_OLLAMA ? "/api/generate"
	    : kind == ENGINE_LLAMA   ? "/completion"
				     : "/v1/completions";
}

/* Ask ${m}, or by ${key} where it is listed no more. */
static void
ask_by(struct fetch *f, const struct engine_model *m, struct slice key,
    enum question q, int64_t bound_us)
{
	enum engine_kind kind = f->engine->kind;
	struct json_writer w;
	struct buf body;

	buf_init(&body, BODY_MAX);
	json_writer_init(&w, &body);
	json_object_begin(&w, NULL);
	json_str(&w, "model", m ? m->raw : key);
	if (q == ASK_TOKEN)
		put_token(&w, kind);
	else
		json_str(&w, "input", slice_str("a"));
	json_object_end(&w);
	fetch_start(f, "POST", path_of(kind, q), buf_slice(&body), bound_us);
	buf_fini(&body);
}

void
proof_ask(struct fetch *f, const struct engine_model *m, int64_t bound_us)
{
	ask_by(f, m, m->node.key, m->is_embedder ? ASK_EMBED : ASK_TOKEN,
	    bound_us);
}

static void
ask(struct engine_proof *p, enum question q)
{
	int64_t most_us = p->is_canary ? CANARY_SPEAK_US : SPEAK_US;
	int64_t bound_us = p->engine->first_byte_us;

	p->question = q;
	p->is_asking = true;
	ask_by(&p->fetch, model_of(p), slice_of(p->key, p->key_n), q,
	    bound_us < most_us ? bound_us : most_us);
}

/* Only of those that are to be preloaded: others are nobody's business. */
static void
tell(struct engine *e, struct engine_model *m)
{
	const struct proof_wanted *w = find_wanted(e->set, m->node.key);
	int64_t began_us = e->proof ? e->proof->began_us : 0;

	if (w && w->is_preload && e->set->on_model)
		e->set->on_model(e->set->ctx_state, e, m,
		    began_us ? os_now_us() - began_us : 0);
}

void
proof_served(struct engine *e, struct engine_model *m)
{
	bool was_proved = m->is_proved;

	m->is_proved = true;
	m->used_us = os_now_us();
	if (!was_proved && e->set->n_wanted > 0)
		tell(e, m);
}

void
proof_load_failed(struct engine *e, struct engine_model *m)
{
	if (e->set->n_wanted > 0)
		tell(e, m);
}

static void
spoke(struct engine_proof *p, struct engine_model *m)
{
	m->is_embedder = p->question == ASK_EMBED;
	m->failures = 0;
	m->retry_us = 0;
	engine_note_success(p->engine);
	proof_served(p->engine, m);
	p->began_us = 0;
}

/* It answered, and not with what it was asked for; or not in time. */
static void
mute(struct engine_proof *p, struct engine_model *m, const char *reason)
{
	load_failed(p->engine, m, reason);
	tell(p->engine, m);
	if (p->is_canary)
		engine_note_mute(p->engine);
}

static void
on_done(struct fetch *f)
{
	struct engine_proof *p = (struct engine_proof *)(void *)f;
	struct engine_model *m = model_of(p);
	bool is_ok = f->err == OK && f->status == 200 &&
	    !slice_has(buf_slice(&f->answer), (struct slice)SLICE("\"error\""));

	p->is_asking = false;
	if (m == NULL) {
		/* It is listed no more. */
	} else if (is_ok) {
		spoke(p, m);
	} else if (f->err == OK && p->question == ASK_TOKEN &&
	    (f->status == 400 || f->status == 404 || f->status == 501)) {
		ask(p, ASK_EMBED);
		return;
	} else if (f->err == OK && f->status != 503) {
		mute(p, m, load_reason(f->status, buf_slice(&f->answer)));
	} else if (f->err == ERR_TIMEOUT) {
		mute(p, m, "it is loaded but does not speak");
	} else {
		/* The engine's fault, not yet the model's: its probe decides. */
		engine_note_suspect(p->engine);
	}
	buf_fini(&f->answer);
	timer_set(&p->timer, os_now_us() + (is_ok ? 0 : AGAIN_US));
	if (p->engine->set->on_change)
		p->engine->set->on_change(p->engine->set->ctx);
}

/* --- what is next --- */

static void
on_timer(struct timer *t)
{
	proof_next(((struct engine_proof *)(void *)((char *)t -
			offsetof(struct engine_proof, timer)))
		       ->engine);
}

static struct engine_proof *
need(struct engine *e)
{
	struct engine_proof *p = e->proof;

	if (p)
		return p;
	if ((p = calloc(1, sizeof *p)) == NULL)
		abort();
	p->engine = engine_hold(e);
	fetch_init(&p->fetch, e, ANSWER_MAX, on_done);
	timer_init(&p->timer, e->loop, on_timer);
	e->proof = p;
	return p;
}

static bool
is_due(const struct engine_model *m, int64_t now_us)
{
	return !m->is_proved || now_us - m->used_us >= CANARY_US;
}

/*
 * Load ${m} or make it speak, if that may be done now.  True: something is
 * under way.
 */
static bool
advance(struct engine_proof *p, struct engine_model *m, int64_t now_us)
{
	struct engine *e = p->engine;

	if (m->is_remote || m->retry_us > now_us || !is_due(m, now_us))
		return false;
	if (m->is_loading)
		return true;
	if (load_is_ours(e) && !m->is_loaded) {
		/* One that gave way to others is loaded by who wants it. */
		if (m->is_proved)
			return false;
		if (load_is_busy(e))
			return true;
		p->began_us = now_us;
		load_preload(e, m);
		return true;
	}
	/* Never beside somebody's request: that proves it as well. */
	if (e->in_use > 0)
		return false;
	if (p->began_us == 0)
		p->began_us = now_us;
	memcpy(p->key, m->node.key.p, m->node.key.n);
	p->key_n = m->node.key.n;
	p->is_canary = m->is_proved;
	ask(p, m->is_embedder ? ASK_EMBED : ASK_TOKEN);
	return true;
}

struct engine_model *
proof_find_idle(struct engine *e)
{
	struct table_node *n = NULL;

	while ((n = table_next(&e->models, n)) != NULL) {
		struct engine_model *m = TABLE_OF(n, struct engine_model, node);
		const struct proof_wanted *w = find_wanted(e->set, n->key);

		if (m->is_loaded && uses_of(&e->uses, n->hash) == 0 &&
		    (w == NULL || !w->is_preload))
			return m;
	}
	return NULL;
}

/*
 * Is ${m} loaded for good, so that a question does not keep what would go?
 * Only engines of this machine: others may ask for money.
 */
static bool
stays(const struct engine *e, const struct engine_model *m)
{
	if (!m->is_proved || m->is_remote || !machine_is_home(e))
		return false;
	if (e->kind == ENGINE_LLAMA && !e->is_router)
		return true;
	return load_is_ours(e) && m->is_loaded && m->keep_us == INT64_MAX;
}

/* The canaries of models that nobody has asked to be preloaded. */
static void
ask_canaries(struct engine *e, int64_t now_us)
{
	struct table_node *n = NULL;

	if (e->in_use > 0)
		return;
	while ((n = table_next(&e->models, n)) != NULL) {
		struct engine_model *m = TABLE_OF(n, struct engine_model, node);

		if (stays(e, m) && is_due(m, now_us) &&
		    advance(need(e), m, now_us))
			return;
	}
}

void
proof_next(struct engine *e)
{
	const struct engine_set *s = e->set;
	int64_t now_us = os_now_us();
	struct engine_proof *p;
	bool is_done = true;

	if (e->is_retired || !engine_is_up(e) || !e->has_listing ||
	    (e->proof && e->proof->is_asking) || cure_is_busy(e))
		return;
	if (s->n_wanted == 0) {
		ask_canaries(e, now_us);
		return;
	}
	p = need(e);
	for (size_t i = 0; i < s->n_wanted; i++) {
		struct engine_model *m = s->wanted[i].is_preload
		    ? find_model(e, s->wanted[i].name)
		    : NULL;

		if (m == NULL)
			continue;
		if (advance(p, m, now_us)) {
			is_done = false;
			break;
		}
		is_done = is_done && m->is_proved;
	}
	if (is_done)
		ask_canaries(e, now_us);
	if (!p->is_asking)
		timer_set(&p->timer, now_us + (is_done ? LOOK_US : AGAIN_US));
}

void
proof_soon(struct engine *e, bool at_once)
{
	if (e->proof && !e->proof->is_asking)
		timer_set(
		    &e->proof->timer, os_now_us() + (at_once ? 0 : AGAIN_US));
}

void
proof_forget(struct engine *e)
{
	struct engine_proof *p = e->proof;
	struct table_node *n = NULL;

	while ((n = table_next(&e->models, n)) != NULL)
		TABLE_OF(n, struct engine_model, node)->is_proved = false;
	if (p == NULL)
		return;
	fetch_cancel(&p->fetch);
	buf_fini(&p->fetch.answer);
	timer_stop(&p->timer);
	p->is_asking = false;
	p->began_us = 0;
}

void
proof_fini(struct engine *e)
{
	struct engine_proof *p = e->proof;

	if (p == NULL)
		return;
	e->proof = NULL;
	timer_stop(&p->timer);
	fetch_fini(&p->fetch);
	free(p);
	engine_drop(e);
}
