/*
 * forward: send the request to the engine and wait until it answers.
 *
 * The only place that sends anything twice: a stale pooled connection is
 * replaced at once; an engine that could not be reached sends the request back
 * into the line; one that died before a byte of its answer, once.  RFC 9110
 * 9.2.2 lets no proxy repeat a POST by itself; weir is the gateway on the
 * origin's side and inference has no side effect.  Routes that store or reach
 * out are never repeated.
 */
#include "flow/flow.h"
#include "flow/recall.h"
#include "flow/relay.h"
#include "flow/reply.h"
#include "http/write.h"

/* Fields of the caller that go on to the engine; all others do not. */
static const struct slice passed[] = {
    SLICE("Content-Type"),
    SLICE("Accept"),
    SLICE("User-Agent"),
    SLICE("Anthropic-Version"),
    SLICE("Anthropic-Beta"),
    SLICE("Traceparent"),
    SLICE("Tracestate"),
};

static bool
is_passed(struct slice name)
{
	for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
		if (slice_eq_nocase(name, passed[i]))
			return true;
	return false;
}

/* What the engine sees as target: the path as it came; queries only where
 * something is read. */
static struct slice
target_of(const struct flow *f)
{
	struct slice t = http_head_target(&f->head);

	if (f->match.route->class == CLASS_READ)
		return t;
	return slice_to(t, slice_find(t, '?'));
}

static enum err
write_head(struct flow *f, size_t body_n, struct buf *b)
{
	enum err e;

	if ((e = http_write_request(
		 b, http_head_method(&f->head), target_of(f))) != OK ||
	    (e = http_write_field(b, slice_str("Host"), f->engine->host)) !=
		OK ||
	    (e = buf_add_str(b, "Accept-Encoding: identity\r\n")) != OK)
		return e;
	for (unsigned i = 0; i < f->head.n_fields; i++) {
		struct slice name = http_head_name(&f->head, i);

		if (is_passed(name) &&
		    (e = http_write_field(
			 b, name, http_head_value(&f->head, i))) != OK)
			return e;
	}
	if (f->engine->key.n) {
		e = buf_printf(b, "Authorization: Bearer %.*s\r\n",
		    SLICE_ARG(f->engine->key));
		if (e != OK)
			return e;
	}
	if ((f->body_begun || body_n > 0) &&
	    (e = http_write_field_u64(b, "Content-Length", body_n)) != OK)
		return e;
	return http_write_end(b);
}

/* Head and body as slices; the bytes live as long as the flow. */
static bool
compose(struct flow *f, struct slice *out, unsigned *n)
{
	struct buf *b = &f->env->scratch;
	size_t body_n = f->body_n;

	*n = 1;
	if (f->has_inspect) {
		body_n = json_edits_total(&f->edits.splices);
		*n += (unsigned)json_edits_slices(&f->edits.splices, out + 1);
	} else if (body_n > 0) {
		out[(*n)++] = slice_of(f->body, body_n);
	}
	buf_clear(b);
	if (write_head(f, body_n, b) != OK)
		return false;
	out[0] = arena_copy(&f->arena, buf_slice(b));
	return out[0].p != NULL;
}

static void
on_upstream(struct upstream_user *user, enum upstream_event ev)
{
	struct flow *f =
	    (struct flow *)(void *)((char *)user - offsetof(struct flow, user));

	switch (ev) {
	case UPSTREAM_HEAD:
		f->up_head = true;
		flow_run(f);
		break;
	case UPSTREAM_BODY:
		if (relay_body(f))
			flow_run(f);
		break;
	case UPSTREAM_FAIL:
		f->up_failed = true;
		f->up_err = f->up->err;
		flow_run(f);
		break;
	case UPSTREAM_SENT:
		break;
	}
}

static enum step
no_engine(struct flow *f)
{
	if (recall_serve(f))
		return STEP_DONE;
	f->refusal.wait_us = 2000000;
	return flow_refuse(f, ERR_ENGINE_AWAY);
}

static enum step
send_request(struct flow *f, bool fresh)
{
	struct slice out[1 + JSON_EDITS_SLICES_MAX];
	unsigned n;

	if (!f->has_engine) {
		f->engine = engine_find_up(&f->env->engines,
		    f->has_name ? name_short(&f->name) : (struct slice){0});
		if (f->engine == NULL)
			return no_engine(f);
		(void)engine_hold(f->engine);
		f->has_engine = true;
	}
	if (!compose(f, out, &n))
		return flow_refuse(f, ERR_INTERNAL);
	f->user.on_event = on_upstream;
	f->up = upstream_open(f->engine, &f->user, fresh);
	if (f->up == NULL) {
		f->up_failed = true;
		f->up_err = ERR_CONNECT;
		return STEP_NEXT;
	}
	upstream_send(f->up, out, n, f->head.method == HTTP_METHOD_HEAD);
	return STEP_WAIT;
}

/* Give up this engine for now; the flow keeps its place in the line. */
static void
leave_engine(struct flow *f)
{
	if (f->has_slot)
		engine_give_slot(f->engine);
	else if (f->has_engine)
		engine_drop(f->engine);
	f->has_slot = f->has_engine = false;
	f->engine = NULL;
}

static bool
may_retry(const struct flow *f, int64_t now_us)
{
	int64_t most = f->conf->queue_retries;

	return f->match.route->class == CLASS_INFERENCE &&
	    (most == CONF_AUTO || f->retries < most) &&
	    now_us - f->away_us < f->conf->queue_hold_us;
}

static enum step
again(struct flow *f)
{
	f->retries++;
	leave_engine(f);
	if (queue_put_back(&f->env->queue, &f->item) != OK)
		return flow_refuse(f, ERR_INTERNAL);
	return STEP_AGAIN;
}

/* The engine gave no answer. */
static enum step
failed(struct flow *f)
{
	struct upstream *up = f->up;
	enum err why = f->up_err;
	bool stale = up && up->reused && !up->got_bytes && why == ERR_EOF;
	bool died = up && !up->got_bytes && why == ERR_EOF;
	int64_t now_us = os_now_us();

	f->up_failed = false;
	f->up = NULL;
	if (up)
		upstream_close(up);
	if (stale)
		return send_request(f, true);
	if (f->away_us == 0)
		f->away_us = now_us;
	if (why == ERR_CONNECT)
		engine_note_dead(f->engine, why);
	else if (died)
		engine_note_suspect(f->engine);
	if (why == ERR_CONNECT && may_retry(f, now_us))
		return again(f);
	if (died && f->n_deaths++ == 0 && may_retry(f, now_us))
		return again(f);
	if (recall_serve(f))
		return STEP_DONE;
	switch (why) {
	case ERR_TIMEOUT:
		f->refusal.limit = f->engine->first_byte_us / 1000000;
		return flow_refuse(f, ERR_ENGINE_TIMEOUT);
	case ERR_SYNTAX:
		return flow_refuse(f, ERR_ENGINE_PROTOCOL);
	case ERR_CONNECT:
		f->refusal.wait_us = 2000000;
		return flow_refuse(f, ERR_ENGINE_AWAY);
	default:
		return flow_refuse(f, ERR_ENGINE_FAILED);
	}
}

static enum step
own(struct flow *f)
{
	const char *type = "text/plain";
	int status;

	buf_clear(&f->saved);
	status = f->env->own(
	    f->env->own_ctx, f->match.route, f->is_trusted, &f->saved, &type);
	reply_whole(f, status, type, buf_slice(&f->saved));
	return STEP_DONE;
}

enum step
stage_forward(struct flow *f)
{
	enum step step = STEP_WAIT;

	if (f->match.route->class == CLASS_OWN)
		return own(f);
	if (f->up_head)
		return STEP_NEXT;
	if (f->up == NULL && !f->up_failed)
		step = send_request(f, false);
	while (f->up_failed && (step == STEP_WAIT || step == STEP_NEXT))
		step = failed(f);
	return step;
}
