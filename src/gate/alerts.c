#include "gate/alerts.h"
#include "alert/message.h"
#include "alert/sender.h"
#include "base/hash.h"
#include "conf/mask.h"
#include "conf/words.h"
#include "gate/command.h"
#include "log/event.h"
#include "os/clock.h"
#include "os/file.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

enum {
	LOG_TARGET = 0, /* those of the configuration follow */
	LOG_KEY = 1,
	LOG_AFTER_US = 10 * 1000 * 1000,
	SPENT_US = 600 * 1000 * 1000, /* without a refusal: it is over */
	S_US = 1000 * 1000,
	TOKEN_MAX = 4096,
};

/* --- whose board it is --- */

/* The same for the same one in all gates. */
static uint64_t
target_key(const struct conf_alert *a)
{
	static const struct hash_key fixed;
	uint64_t key =
	    hash_bytes(fixed, a->webhook.n > 0 ? a->webhook : a->command);

	return key > LOG_KEY ? key : key + 1 + LOG_KEY;
}

static void
set_targets(struct gate *g)
{
	const struct conf *c = g->env.conf;
	struct alert_target v[ALERT_TARGETS] = {
	    [LOG_TARGET] = {LOG_KEY, LOG_AFTER_US, INT64_MAX}};

	for (size_t i = 0; i < c->n_alerts; i++)
		v[1 + i] = (struct alert_target){target_key(&c->alerts[i]),
		    c->alerts[i].after_us, c->alerts[i].remind_us};
	alert_set_targets(&g->alerts.board, v, 1 + c->n_alerts);
}

/* Is it this gate that tells, and not the one before or behind it? */
static bool
is_mine(struct gate *g, int64_t now_us)
{
	struct alert_board *b = &g->alerts.board;
	size_t n;

	if (g->is_leaving || g->is_draining)
		return false;
	if (b->store == NULL) {
		b->store = state_get(&g->state, STATE_ALERTS, &n);
		b->generation = g->generation ? g->generation : 1;
		assert(sizeof *b->store <= n);
	}
	if (!alert_own(b, g->live, g->n_live, now_us))
		return false;
	if (b->n_targets == 0)
		set_targets(g);
	return true;
}

/* --- what is wrong --- */

static void report(struct gate *g, struct alert_news n, int64_t now_us,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static void
report(
    struct gate *g, struct alert_news n, int64_t now_us, const char *fmt, ...)
{
	char text[ALERT_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	n.text = slice_str(text);
	alert_raise(&g->alerts.board, &n, now_us);
}

static void
look_at_models(struct gate *g, struct engine *e, int64_t now_us)
{
	struct table_node *n = NULL;
	char subject[ALERT_SUBJECT_MAX];

	while ((n = table_next(&e->models, n)) != NULL) {
		const struct engine_model *m =
		    TABLE_OF(n, struct engine_model, node);

		bool is_broken = m->failures > 0 && m->reason != NULL;

		if (!is_broken && !m->is_proved)
			continue;
		(void)snprintf(subject, sizeof subject, "%.*s on %.*s",
		    SLICE_ARG(slice_to(n->key, 90)),
		    SLICE_ARG(slice_to(e->name, 60)));
		if (!is_broken) {
			alert_is_well(&g->alerts.board, ALERT_MODEL_BROKEN,
			    slice_str(subject));
			continue;
		}
		report(g,
		    (struct alert_news){
			ALERT_MODEL_BROKEN, slice_str(subject), {0}, 0},
		    now_us, "The model %.*s does not work on %.*s: %s.",
		    SLICE_ARG(n->key), SLICE_ARG(e->name), m->reason);
	}
}

static void
look_at_engine(struct gate *g, struct engine *e, int64_t now_us)
{
	struct alert_news n = {.subject = e->name};

	if (e->state == ENGINE_DOWN) {
		n.kind = ALERT_ENGINE_DOWN;
		report(g, n, now_us,
		    "The engine %.*s at %.*s does not answer: %s.",
		    SLICE_ARG(e->name), SLICE_ARG(e->host), engine_why(e));
	}
	if (e->is_looping) {
		n.kind = ALERT_CRASH_LOOP;
		report(g, n, now_us,
		    "The engine %.*s keeps ending; it is started every 30 s.%s"
		    "%s",
		    SLICE_ARG(e->name), e->life[0] ? "  At last: " : "",
		    e->life);
	}
	if (e->pressure.why != NULL) {
		n.kind = ALERT_MEMORY;
		report(g, n, now_us,
		    "The engine %.*s is pressed for memory: %s.",
		    SLICE_ARG(e->name), e->pressure.why);
	}
	look_at_models(g, e, now_us);
}

static void
look_at_disks(struct gate *g, int64_t now_us)
{
	for (size_t i = 0; i < DISK_PLACES; i++) {
		const struct disk *d = &g->disks.disks[i];
		struct alert_news n = {
		    ALERT_DISK, slice_str(d->path), {0}, (int)d->level};

		if (d->is_used && d->level >= DISK_ALERT)
			report(g, n, now_us,
			    "The disk of %s is %d %% full: %llu of %llu MiB "
			    "are free (%s)%s.",
			    d->names, d->permille / 10,
			    (unsigned long long)(d->last.free_bytes >> 20),
			    (unsigned long long)(d->last.size_bytes >> 20),
			    d->path,
			    d->level >= DISK_REFUSE
				? "; no models are stored there"
				: "");
	}
	for (size_t i = 0; i < g->disks.n_places; i++) {
		const struct disk_place *p = &g->disks.places[i];
		struct alert_news n = {
		    ALERT_DISK_HUNG, slice_str(p->path), {0}, 0};

		if (p->is_hung)
			report(g, n, now_us,
			    "The disk of %s does not answer (%s).",
			    disk_kind_name(p->kind), p->path);
	}
}

void
alerts_spent(void *ctx, const struct caller *c, int64_t wait_us)
{
	struct gate *g = ctx;
	int64_t now_us = os_now_us();
	char text[ALERT_TEXT_MAX];
	struct alert_news n = {ALERT_BUDGET, c->shown, {0}, 0};

	(void)snprintf(text, sizeof text,
	    "The caller %.*s has used up its tokens; its next request can be "
	    "let in within %lld s.",
	    SLICE_ARG(c->shown), (long long)((wait_us + S_US - 1) / S_US));
	n.text = slice_str(text);
	if (is_mine(g, now_us))
		alert_hold(
		    &g->alerts.board, &n, now_us, now_us + wait_us + SPENT_US);
}

void
alerts_ledger(struct gate *g, const char *reason, int64_t until_us)
{
	struct alert_news n = {ALERT_LEDGER, slice_str("ledger"), {0}, 0};
	char text[ALERT_TEXT_MAX];
	int64_t now_us = os_now_us();

	(void)snprintf(text, sizeof text, "The ledger %.300s: %.200s.",
	    g->ledger_path, reason);
	n.text = slice_str(text);
	if (!is_mine(g, now_us))
		return;
	if (until_us > now_us || alert_has(&g->alerts.board, ALERT_LEDGER))
		alert_hold(&g->alerts.board, &n, now_us, until_us);
}

/* --- who is told --- */

/* Without what may be a secret. */
static void
name_target(const struct conf_alert *a, size_t i, char *out, size_t cap)
{
	struct slice s =
	    a->webhook.n > 0 ? mask_host(a->webhook) : mask_command(a->command);

	(void)snprintf(out, cap, "alerts %zu (%.*s)", i + 1, SLICE_ARG(s));
}

/* "Authorization: Bearer ..." of what stands in its file. */
static enum err
add_token(const struct conf_alert *a, struct buf *fields)
{
	struct buf token;
	struct slice s;
	enum err e;

	if (a->token_file.n == 0)
		return OK;
	buf_init(&token, TOKEN_MAX);
	e = file_read(a->token_file.p, &token, NULL);
	s = slice_trim(buf_slice(&token));
	if (e == OK && slice_find(s, '\n') < s.n)
		e = ERR_SYNTAX;
	if (e == OK)
		e = buf_printf(
		    fields, "Authorization: Bearer %.*s\n", SLICE_ARG(s));
	buf_fini(&token);
	return e;
}

static enum err
post_webhook(struct gate *g, const struct conf_alert *a,
    const struct alert_message *m, struct sender_job *j)
{
	struct buf fields, body;
	enum err e;

	buf_init(&fields, ALERT_FIELDS_MAX + TOKEN_MAX);
	buf_init(&body, ALERT_BODY_MAX);
	if ((e = alert_fields(a->shape, m, &fields)) == OK &&
	    (e = add_token(a, &fields)) == OK &&
	    (e = alert_body(a->shape, m, &body)) == OK) {
		j->url = a->webhook.p;
		j->fields = buf_slice(&fields);
		j->body = buf_slice(&body);
		e = sender_post(g->alerts.sender, j);
	}
	buf_fini(&fields);
	buf_fini(&body);
	return e;
}

static enum err
post_command(struct gate *g, const struct conf_alert *a,
    const struct alert_message *m, struct sender_job *j)
{
	struct buf words, variables;
	enum err e;
	size_t n;

	buf_init(&words, 2 * ALERT_BODY_MAX);
	buf_init(&variables, 2 * ALERT_BODY_MAX);
	if ((e = conf_words(a->command, &words, &n)) == OK &&
	    (e = alert_variables(m, &variables)) == OK) {
		j->words = buf_slice(&words);
		j->variables = buf_slice(&variables);
		e = sender_post(g->alerts.sender, j);
	}
	buf_fini(&words);
	buf_fini(&variables);
	return e;
}

static void
not_delivered(struct gate *g, const char *what, const char *name,
    unsigned tries, const char *why)
{
	event_write(g->env.log, os_wall_us(), EVENT_ALERT_LOST,
	    EVENT_ARGS(event_str("alert", what), event_str("target", name),
		event_num("tries", tries), event_str("reason", why)));
}

/*
 * Have the target ${i} told of the item ${id}; ${once}: tried once.  ERR_FULL:
 * too much waits already; any other error is logged.
 */
static enum err
post(struct gate *g, size_t i, const struct alert_message *m, uint64_t id,
    bool once)
{
	const struct conf_alert *a = &g->env.conf->alerts[i];
	char name[ALERTS_NAME_MAX];
	struct sender_job j = {.lane = (unsigned)i,
	    .name = name,
	    .what = m->code,
	    .id = id,
	    .key = target_key(a),
	    .once = once};
	enum err e = ERR_NOMEM;

	name_target(a, i, name, sizeof name);
	if (g->alerts.sender == NULL)
		g->alerts.sender = sender_new();
	if (g->alerts.sender != NULL)
		e = a->webhook.n > 0 ? post_webhook(g, a, m, &j)
				     : post_command(g, a, m, &j);
	if (e == OK || (e == ERR_FULL && !once))
		return e;
	not_delivered(g, m->code, name, 0,
	    e == ERR_FULL	 ? "too many alerts wait already"
		: e == ERR_NOMEM ? "memory ran out"
				 : "its token file cannot be read");
	if (once && i < g->alerts.n_tests) {
		g->alerts.tests[i].state = ALERTS_FAILED;
		(void)snprintf(g->alerts.tests[i].why, ALERTS_WHY_MAX,
		    "it could not be sent, see the log");
	}
	return e;
}

static enum alert_tell
tell(void *ctx, size_t target, const struct alert_item *it,
    enum alert_state state)
{
	struct gate *g = ctx;
	const struct alert_fact *fact = alert_fact_get(it->kind);
	int64_t wall_us = os_wall_us();
	struct alert_message m = {.code = fact->code,
	    .level = fact->level,
	    .state = alert_state_name(state),
	    .is_over = state == ALERT_RESOLVED,
	    .subject = slice_str(it->subject),
	    .text = slice_str(it->text),
	    .host = slice_str(g->env.host_name),
	    .since_s = (wall_us - (os_now_us() - it->since_us)) / S_US,
	    .now_s = wall_us / S_US,
	    .remind_us = g->alerts.board.targets[target].remind_us};
	enum err e;

	if (target != LOG_TARGET) {
		e = post(g, target - 1, &m, it->id, false);
		return e == OK	    ? ALERT_SENDING
		    : e == ERR_FULL ? ALERT_NOT_NOW
				    : ALERT_TOLD;
	}
	event_write(g->env.log, wall_us,
	    m.is_over ? EVENT_ALERT_OVER : EVENT_ALERT,
	    EVENT_ARGS(event_str("alert", m.code),
		event_slice("subject", m.subject),
		event_slice("about", m.text)));
	return ALERT_TOLD;
}

/* --- what became of it --- */

static void
note_test(struct gate *g, const struct sender_outcome *o)
{
	for (size_t i = 0; i < g->alerts.n_tests; i++) {
		struct alerts_test *t = &g->alerts.tests[i];

		if (strcmp(t->name, o->name) != 0)
			continue;
		t->state = o->is_ok ? ALERTS_OK : ALERTS_FAILED;
		(void)snprintf(t->why, sizeof t->why, "%s", o->why);
	}
}

static void
take_outcomes(struct gate *g)
{
	struct sender_outcome o;

	while (g->alerts.sender != NULL && sender_next(g->alerts.sender, &o)) {
		struct slice labels[1] = {slice_str(o.is_ok ? "ok" : "failed")};

		series_add(
		    metric_series(g->env.metrics, METRIC_ALERTS, labels), 1);
		if (o.id == 0)
			note_test(g, &o);
		else
			alert_delivered(&g->alerts.board, o.id, o.key);
		if (!o.is_ok)
			not_delivered(g, o.what, o.name, o.tries, o.why);
	}
}

void
alerts_look(struct gate *g, int64_t now_us)
{
	struct alert_board *b = &g->alerts.board;

	take_outcomes(g);
	if (!is_mine(g, now_us))
		return;
	b->tell = tell;
	b->ctx = g;
	set_targets(g);
	alert_begin(b);
	LIST_EACH (it, &g->env.engines.engines)
		look_at_engine(g, LIST_OF(it, struct engine, node), now_us);
	look_at_disks(g, now_us);
	alert_end(b, now_us);
}

void
alerts_leave(struct gate *g)
{
	if (g->alerts.board.store != NULL)
		alert_release(&g->alerts.board);
}

void
alerts_close(struct gate *g, int64_t wait_us)
{
	sender_close(g->alerts.sender, wait_us);
	g->alerts.sender = NULL;
}

/* --- weir alert test --- */

static void
begin_test(struct gate *g, struct command_answer *a)
{
	const struct conf *c = g->env.conf;
	int64_t now_s = os_wall_us() / S_US;
	struct alert_message m = {.code = alert_fact_get(ALERT_TEST)->code,
	    .level = LEVEL_INFO,
	    .state = "test",
	    .subject = slice_str("weir"),
	    .text = slice_str("This is a test; nothing is wrong."),
	    .host = slice_str(g->env.host_name),
	    .since_s = now_s,
	    .now_s = now_s,
	    .remind_us = 0};

	if (c->n_alerts == 0) {
		command_failed(a, "no_alerts",
		    "Nobody is told: there is no `alerts` in the "
		    "configuration.");
		return;
	}
	g->alerts.n_tests = c->n_alerts;
	for (size_t i = 0; i < c->n_alerts; i++) {
		struct alerts_test *t = &g->alerts.tests[i];

		*t = (struct alerts_test){.state = ALERTS_PENDING};
		name_target(&c->alerts[i], i, t->name, sizeof t->name);
		(void)!post(g, i, &m, 0, true);
	}
	command_done(a, "A test is being sent to %zu.", c->n_alerts);
}

static void
tell_test(struct gate *g, struct command_answer *a)
{
	static const char *const words[] = {"pending", "ok", "failed"};

	command_done(a, "What became of the last test.");
	json_array_begin(&a->w, "targets");
	for (size_t i = 0; i < g->alerts.n_tests; i++) {
		const struct alerts_test *t = &g->alerts.tests[i];

		json_object_begin(&a->w, NULL);
		json_str(&a->w, "name", slice_str(t->name));
		json_str(&a->w, "state", slice_str(words[t->state]));
		if (t->state == ALERTS_FAILED)
			json_str(&a->w, "why", slice_str(t->why));
		json_object_end(&a->w);
	}
	json_array_end(&a->w);
}

void
command_alert(struct gate *g, struct slice verb, struct command_answer *a)
{
	take_outcomes(g);
	if (slice_is(verb, "test"))
		begin_test(g, a);
	else
		tell_test(g, a);
}
