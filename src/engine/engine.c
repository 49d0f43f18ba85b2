#include "engine/engine.h"
#include "engine/address.h"
#include "engine/cure.h"
#include "engine/linger.h"
#include "engine/listing.h"
#include "engine/load.h"
#include "engine/machine.h"
#include "engine/probe.h"
#include "engine/proof.h"
#include "engine/slots.h"
#include "engine/tokenizer.h"
#include "engine/upstream.h"
#include "os/file.h"
#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>

enum {
	MODELS_MAX = 10000,
	FAILURES_MAX = 5,
	OPEN_FIRST_US = 1000000,
	OPEN_MAX_US = 30 * 1000000,
	SAME_DEATH_US = 1000000,
};

static const struct {
	const char *name;
	unsigned moves;
} states[ENGINE_STATES] = {
#define TO(machine, name) (1u << machine##_##name)
#define STATE(machine, name, text, moves) STATE_##machine(name, text, moves)
#define STATE_ENGINE(nm, text, mv) [ENGINE_##nm] = {text, mv},
#include "facts/states.def"
#undef STATE_ENGINE
#undef STATE
#undef TO
};

const char *
engine_state_name(enum engine_state s)
{
	return states[s].name;
}

const char *
engine_kind_name(enum engine_kind k)
{
	switch (k) {
	case ENGINE_OLLAMA:
		return "ollama";
	case ENGINE_LLAMA:
		return "llama-server";
	case ENGINE_OPENAI:
		return "openai";
	case ENGINE_AUTO:
		break;
	}
	return "auto";
}

const char *
engine_why(const struct engine *e)
{
	if (e->life[0] && e->why != ERR_ENGINE_LOADING)
		return e->life;
	switch (e->why) {
	case ERR_CONNECT:
		return "it does not accept connections (is it running, "
		       "is the url right?)";
	case ERR_EOF:
		return "it closed the connection before it answered";
	case ERR_TIMEOUT:
		return "it accepts connections but does not answer";
	case ERR_ENGINE_LOADING:
		return "it is loading its model";
	case ERR_ENGINE_KEY:
		return "it wants an API key: set key_file for this engine";
	case ERR_LOOP:
		return "this address is a weir's; it must be the engine's";
	case ERR_SYNTAX:
	case ERR_ENGINE_PROTOCOL:
		return "what answers there is not an engine's HTTP";
	case ERR_ENGINE_FAILED:
		return "it failed five requests in a row; one is tried soon";
	default:
		return "it has not answered yet";
	}
}

struct engine *
engine_hold(struct engine *e)
{
	e->refs++;
	return e;
}

void
engine_drop(struct engine *e)
{
	assert(e->refs > 0);
	if (--e->refs > 0)
		return;
	listing_clear(e);
	table_fini(&e->models);
	uses_fini(&e->uses);
	address_fini(e);
	free((void *)(uintptr_t)e->name.p);
	free((void *)(uintptr_t)e->key.p);
	free(e);
}

void
engine_move(struct engine *e, enum engine_state to, enum err why)
{
	if (e->state == to) {
		if (to == ENGINE_DOWN)
			e->why = why;
		return;
	}
	assert(states[e->state].moves & 1u << to);
	e->state = to;
	e->since_us = os_now_us();
	e->why = why;
	if (to == ENGINE_DOWN) {
		e->lacks = 0;
		upstream_close_idle(e);
		load_forget(e);
		machine_forget(e);
		proof_forget(e);
		cure_forget(e);
		linger_end(e);
	}
	if (engine_is_up(e)) {
		e->life[0] = 0;
		linger_take_left(e);
	}
	series_set(e->m_up, engine_is_up(e));
	if (e->set->on_state)
		e->set->on_state(e->set->ctx_state, e);
	if (e->set->on_change)
		e->set->on_change(e->set->ctx);
}

void
engine_note_alive(struct engine *e)
{
	e->seen_us = os_now_us();
	if (e->is_retired || e->state == ENGINE_TRIAL)
		return;
	engine_move(e, e->is_open ? ENGINE_TRIAL : ENGINE_UP, OK);
}

/* One more failure; at the fifth in a row, or in a trial, the circuit opens. */
void
engine_note_failure(struct engine *e)
{
	bool is_trial = e->state == ENGINE_TRIAL;

	if (e->is_retired || (++e->failures < FAILURES_MAX && !is_trial))
		return;
	e->is_open = true;
	e->open_us = e->open_us ? e->open_us * 2 : OPEN_FIRST_US;
	if (e->open_us > OPEN_MAX_US)
		e->open_us = OPEN_MAX_US;
	if (e->state != ENGINE_DOWN)
		engine_move(e, ENGINE_DOWN, ERR_ENGINE_FAILED);
	probe_at(e, os_now_us() + e->open_us);
}

void
engine_note_mute(struct engine *e)
{
	e->failures = FAILURES_MAX;
	engine_note_failure(e);
}

unsigned
engine_note_death(struct engine *e)
{
	int64_t now_us = os_now_us();

	if (e->died_us == 0 || now_us - e->died_us > SAME_DEATH_US) {
		e->died_company = e->in_use;
		e->died_us = now_us;
		engine_note_failure(e);
	}
	engine_note_suspect(e);
	return e->died_company;
}

void
engine_note_success(struct engine *e)
{
	e->failures = 0;
	if (e->is_open) {
		e->is_open = e->is_looping = false;
		e->open_us = 0;
	}
	if (e->state == ENGINE_TRIAL)
		engine_move(e, ENGINE_UP, OK);
	if (!e->is_run || e->is_proved)
		return;
	e->is_proved = true;
	if (e->set->on_proved)
		e->set->on_proved(e->set->ctx_state, e);
}

void
engine_note_dead(struct engine *e, enum err why)
{
	if (e->is_retired)
		return;
	engine_move(e, ENGINE_DOWN, why);
	probe_soon(e);
}

void
engine_note_changed(struct engine *e)
{
	engine_note_suspect(e);
}

void
engine_note_suspect(struct engine *e)
{
	if (!e->is_retired && !e->is_open)
		probe_soon(e);
}

bool
engine_is_loopback(const struct engine *e)
{
	const struct sockaddr *sa = &e->address.sa;

	if (e->address.is_unix || !e->has_address)
		return false;
	if (sa->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)sa)
				 ->sin_addr.s_addr) >>
		    24 ==
		    127;
	return sa->sa_family == AF_INET6 &&
	    IN6_IS_ADDR_LOOPBACK(
		&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
}

void
engine_found_slots(struct engine *e, unsigned slots)
{
	e->found_slots = slots;
	if (e->conf_slots || slots == 0 || slots == e->slots)
		return;
	e->slots = slots;
	series_set(e->m_slots, slots);
	if (e->set->on_change)
		e->set->on_change(e->set->ctx);
}

void
engine_set_init(struct engine_set *s, struct loop *l, struct metrics *m,
    struct hash_key seed)
{
	*s = (struct engine_set){.loop = l, .metrics = m, .seed = seed};
	list_init(&s->engines);
}

static struct slice
own(struct slice s)
{
	char *p = malloc(s.n ? s.n : 1);

	if (p == NULL)
		abort();
	if (s.n)
		memcpy(p, s.p, s.n);
	return slice_of(p, s.n);
}

/* Boot and reload may abort where memory is out. */
static struct engine *
engine_new(struct engine_set *s, const struct conf_engine *ce)
{
	struct engine *e = calloc(1, sizeof *e);

	if (e == NULL)
		abort();
	e->refs = 1;
	e->set = s;
	e->loop = s->loop;
	e->name = own(ce->name);
	e->tally_row = TALLY_NONE;
	/* The same in all gates, so not with the set's seed. */
	e->tally_key = hash_bytes((struct hash_key){0, 0}, e->name);
	e->state = ENGINE_UNKNOWN;
	e->since_us = os_now_us();
	list_init(&e->node);
	list_init(&e->idle);
	list_init(&e->busy);
	table_init(&e->models, MODELS_MAX, s->seed);
	swap_init(&e->swap, ENGINE_HOLDS, 1);
	e->m_up = metric_series(s->metrics, METRIC_ENGINE_UP, &e->name);
	e->m_slots = metric_series(s->metrics, METRIC_SLOTS, &e->name);
	e->m_lingering = metric_series(s->metrics, METRIC_LINGERING, &e->name);
	e->m_slots_used =
	    metric_series(s->metrics, METRIC_SLOTS_USED, &e->name);
	return e;
}

static void
retire(struct engine *e)
{
	struct table_node *n;

	e->is_retired = true;
	list_del(&e->node);
	for (n = table_next(&e->models, NULL); n; n = table_next(&e->models, n))
		tokenizer_forget(TABLE_OF(n, struct engine_model, node));
	probe_stop(e);
	slots_unwatch(e);
	load_fini(e);
	proof_fini(e);
	cure_fini(e);
	linger_end(e);
	upstream_close_idle(e);
	series_set(e->m_up, 0);
	series_set(e->m_slots, 0);
	engine_drop(e);
}

/* What may change while the engine stays. */
static void
set_limits(struct engine *e, const struct conf_engine *ce)
{
	e->connect_us = ce->connect_us;
	e->first_byte_us = ce->first_byte_us;
	e->between_bytes_us = ce->between_bytes_us;
	e->conf_slots = ce->slots == CONF_AUTO ? 0 : (unsigned)ce->slots;
	e->slots = e->conf_slots ? e->conf_slots : e->found_slots;
	if (e->slots == 0)
		e->slots = 1;
}

/* Engines of one name, an old and a new one, share their series. */
static void
show(const struct engine *e)
{
	series_set(e->m_up, engine_is_up(e));
	series_set(e->m_slots, e->slots);
}

static enum engine_kind
kind_of(enum conf_engine_kind k)
{
	switch (k) {
	case CONF_ENGINE_KIND_OLLAMA:
		return ENGINE_OLLAMA;
	case CONF_ENGINE_KIND_LLAMA_SERVER:
		return ENGINE_LLAMA;
	case CONF_ENGINE_KIND_OPENAI:
		return ENGINE_OPENAI;
	case CONF_ENGINE_KIND_AUTO:
		break;
	}
	return ENGINE_AUTO;
}

/* A key that cannot be read is none; the engine's 401 then says so. */
static void
read_key(struct engine *e, const struct conf_engine *ce)
{
	struct buf b;

	free((void *)(uintptr_t)e->key.p);
	e->key = (struct slice){0};
	if (ce->key_file.n == 0)
		return;
	buf_init(&b, 4096);
	if (file_read(ce->key_file.p, &b, NULL) == OK)
		e->key = own(slice_trim(buf_slice(&b)));
	buf_fini(&b);
}

struct engine *
engine_set_find(const struct engine_set *s, struct slice name)
{
	LIST_EACH (it, &s->engines) {
		struct engine *e = LIST_OF(it, struct engine, node);

		if (slice_eq(e->name, name))
			return e;
	}
	return NULL;
}

static struct engine *
find_search(struct engine_set *s)
{
	LIST_EACH (it, &s->engines) {
		struct engine *e = LIST_OF(it, struct engine, node);

		if (e->is_search)
			return e;
	}
	return NULL;
}

static struct engine *
find_same(struct engine_set *s, const struct conf_engine *ce)
{
	LIST_EACH (it, &s->engines) {
		struct engine *e = LIST_OF(it, struct engine, node);

		if (!e->is_search && slice_eq(e->name, ce->name) &&
		    e->conf_kind == kind_of(ce->kind) &&
		    address_is(e, &ce->url))
			return e;
	}
	return NULL;
}

/* The engine of ${ce}: the one that is there, or a new one. */
static void
keep_or_add(struct engine_set *s, const struct conf_engine *ce, bool is_search,
    struct list *keep)
{
	struct engine *e = is_search ? find_search(s) : find_same(s, ce);
	bool is_new = e == NULL;

	if (is_new) {
		e = engine_new(s, ce);
		e->conf_kind = kind_of(ce->kind);
		e->kind = e->conf_kind;
		e->is_search = is_search;
		address_init(e, &ce->url);
	}
	read_key(e, ce);
	set_limits(e, ce);
	list_del(&e->node);
	list_add(keep, &e->node);
	if (is_new)
		probe_start(e);
}

/* One without a url gets it from whoever runs it. */
static bool
has_place(const struct conf_engine *ce)
{
	return ce->url.host.n > 0 || ce->url.path.n > 0;
}

void
engine_set_update(struct engine_set *s, const struct conf *conf)
{
	struct list keep;

	proof_configure(s, conf);
	list_init(&keep);
	for (size_t i = 0; i < conf->n_engines; i++)
		if (has_place(&conf->engines[i]))
			keep_or_add(s, &conf->engines[i], false, &keep);
	if (conf->n_engines == 0) {
		struct conf_engine local = {.name = SLICE("local"),
		    .url = {.host = SLICE("127.0.0.1"), .port = 11434},
		    .slots = CONF_AUTO,
		    .connect_us = 2 * CONF_SECOND,
		    .first_byte_us = 1800 * CONF_SECOND,
		    .between_bytes_us = 900 * CONF_SECOND};

		keep_or_add(s, &local, true, &keep);
	}
	LIST_EACH_SAFE (it, &s->engines)
		retire(LIST_OF(it, struct engine, node));
	machine_configure(s, conf);
	LIST_EACH_SAFE (it, &keep) {
		list_del(it);
		list_add(&s->engines, it);
		show(LIST_OF(it, struct engine, node));
		proof_next(LIST_OF(it, struct engine, node));
	}
}

void
engine_set_fini(struct engine_set *s)
{
	LIST_EACH_SAFE (it, &s->engines)
		retire(LIST_OF(it, struct engine, node));
	machine_fini(s);
	proof_configure_fini(s);
}
