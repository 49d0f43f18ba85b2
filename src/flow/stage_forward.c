/*
 * forward: send the request to the engine and wait until it answers.
 *
 * The only place that sends anything twice; death.c says when.  RFC 9110 9.2.2
 * lets no proxy repeat a POST by itself; weir is the gateway on the origin's
 * side and inference has no side effect.  Routes that store or reach out are
 * never repeated.
 */
#include "flow/flow.h"
#include "dialect/overflow.h"
#include "flow/count.h"
#include "flow/death.h"
#include "flow/edits.h"
#include "flow/exact.h"
#include "flow/hold.h"
#include "flow/models.h"
#include "flow/recall.h"
#include "flow/relay.h"
#include "flow/reply.h"
#include "flow/space.h"
#include "flow/upload.h"
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
target_of(struct flow *f)
{
	struct slice t = f->target;

	if (f->alias && f->match.route->model == MODEL_PATH) {
		f->edits.made |= 1U << EDIT_ALIAS;
		return models_target(f);
	}
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
	e = OK;
	if (f->uploads)
		e = upload_add_fields(f, b);
	else if (f->body_begun || body_n > 0)
		e = http_write_field_u64(b, "Content-Length", body_n);
	if (e != OK)
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

/* The body of a suspicious answer; true when it is whole. */
static bool
collect(struct flow *f)
{
	struct upstream *up = f->up;

	for (unsigned i = 0; i < up->n_parts; i++)
		if (buf_add(&f->saved, up->parts[i]) != OK)
			break;
	f->suspicious_end = up->ended;
	return up->ended;
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
		if (f->stage == STAGE_forward ? collect(f) : relay_body(f))
			flow_run(f);
		break;
	case UPSTREAM_FAIL:
		f->up_failed = true;
		f->up_err = f->up->err;
		flow_run(f);
		break;
	case UPSTREAM_SENT:
		if (f->uploads)
			upload_more(f);
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
	enum step step;
	unsigned n;

	if (!f->has_engine) {
		f->engine = engine_find_up(&f->env->engines, flow_model(f));
		if (f->engine == NULL)
			return no_engine(f);
		(void)engine_hold(f->engine);
		f->has_engine = true;
	}
	if (f->untold && death_is_proved(f))
		return STEP_REFUSE;
	if ((step = count_judge(f, f->engine)) != STEP_NEXT)
		return step;
	if ((step = space_judge(f)) != STEP_NEXT)
		return step;
	if (f->has_inspect && edits_plan(f) != OK)
		return flow_refuse(f, ERR_INTERNAL);
	if (!compose(f, out, &n))
		return flow_refuse(f, ERR_INTERNAL);
	f->user.on_event = on_upstream;
	/* What changes models must not meet a connection that just died. */
	f->up = upstream_open(f->engine, &f->user,
	    fresh || f->match.route->class == CLASS_MANAGE);
	if (f->up == NULL) {
		f->up_failed = true;
		f->up_err = ERR_CONNECT;
		return STEP_NEXT;
	}
	f->sent_us = os_now_us();
	upstream_send(f->up, out, n, f->head.method == HTTP_METHOD_HEAD);
	if (f->uploads)
		upload_begin(f);
	return STEP_WAIT;
}

/* Give up this engine for now; the flow keeps its place in the line. */
static void
leave_engine(struct flow *f)
{
	exact_leave(f);
	if (f->has_slot)
		engine_give_slot(f->engine, flow_model(f));
	else if (f->has_engine)
		engine_drop(f->engine);
	f->has_slot = f->has_engine = false;
	f->engine = NULL;
}

static enum step
again(struct flow *f)
{
	f->retries++;
	leave_engine(f);
	hold_return(f);
	if (queue_put_back(&f->env->queue, &f->item) != OK)
		return flow_refuse(f, ERR_INTERNAL);
	return STEP_AGAIN;
}

/* The engine gave no answer: death.c judges what that means. */
static enum step
failed(struct flow *f)
{
	struct upstream *up = f->up;
	enum verdict verdict = death_judge(f, up, f->up_err);

	f->up_failed = f->up_head = false;
	f->suspicious = 0;
	f->up = NULL;
	if (up)
		upstream_close(up);
	switch (verdict) {
	case VERDICT_AT_ONCE:
		return send_request(f, true);
	case VERDICT_AGAIN:
		return again(f);
	case VERDICT_REFUSE:
		break;
	}
	return recall_serve(f) ? STEP_DONE : STEP_REFUSE;
}

/* A refusal that may be about the length of the prompt. */
static bool
may_be_overflow(const struct flow *f, const struct http_head *h)
{
	if (h->status != 400 || f->match.route->class != CLASS_INFERENCE)
		return false;
	/* Ollama answers so to a request for a stream; its errors are short. */
	if (h->chunked)
		return f->engine->kind == ENGINE_OLLAMA;
	return h->content_length >= 0 &&
	    h->content_length <= OVERFLOW_ANSWER_MAX;
}

/* Anthropic's API is the one that engines came to last. */
static bool
may_lack_api(const struct flow *f, int status)
{
	return f->match.route->dialect == DIALECT_ANTHROPIC &&
	    (status == 404 || status == 405);
}

/* Who has the API tells its errors in its own form, a missing model too. */
static bool
lacks_api(const struct flow *f, int status, struct slice body)
{
	static const struct slice mark = SLICE("\"type\":\"error\"");
	static const struct slice spaced = SLICE("\"type\": \"error\"");

	return may_lack_api(f, status) && !slice_has(body, mark) &&
	    !slice_has(body, spaced);
}

/*
 * The head is there.  One that may be the engine's way to say that it is not
 * well is looked at whole before anything goes to the caller.
 */
static enum step
on_head(struct flow *f)
{
	struct http_head *h = &f->up->head;
	struct slice type = http_head_find(h, "content-type");

	if (!death_is_suspicious(f, h->status) && !may_be_overflow(f, h) &&
	    !may_lack_api(f, h->status)) {
		engine_note_success(f->engine);
		if (h->status == 200 &&
		    f->match.route->class == CLASS_INFERENCE)
			engine_note_served(f->engine, flow_model(f));
		engine_end_alone(f->engine);
		return STEP_NEXT;
	}
	f->suspicious = h->status;
	f->up_type_n =
	    type.n < sizeof f->up_type ? type.n : sizeof f->up_type - 1;
	memcpy(f->up_type, type.p, f->up_type_n);
	f->up_type[f->up_type_n] = 0;
	buf_clear(&f->saved);
	return STEP_WAIT;
}

static enum step
judge_told(struct flow *f)
{
	struct slice body = buf_slice(&f->saved);
	int status = f->suspicious;
	struct overflow over;
	enum err why;

	f->suspicious = 0;
	f->suspicious_end = false;
	if (death_is_told(status, body, &why)) {
		upstream_release(f->up);
		f->up = NULL;
		f->up_err = why;
		return failed(f);
	}
	/* An honest error: the caller's. */
	engine_note_alive(f->engine);
	engine_end_alone(f->engine);
	upstream_release(f->up);
	f->up = NULL;
	if (lacks_api(f, status, body))
		return flow_refuse(f, ERR_API_MISSING);
	if (overflow_read(status, body, &over))
		return count_refuse_told(f, &over);
	f->err = ERR_ENGINE_STATUS;
	if (f->has_beaten)
		relay_wrapped(f);
	else
		reply_whole(f, status,
		    f->up_type_n ? f->up_type : "application/json", body);
	return STEP_DONE;
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

static enum step
refuse_upload(struct flow *f)
{
	if (f->up)
		upstream_close(f->up);
	f->up = NULL;
	return STEP_REFUSE;
}

enum step
stage_forward(struct flow *f)
{
	enum step step = STEP_WAIT;

	if (f->match.route->class == CLASS_OWN)
		return own(f);
	/* The body turned out to be none, or stopped coming. */
	if (f->uploads && f->refusal.err != OK)
		return refuse_upload(f);
	if (f->suspicious_end)
		step = judge_told(f);
	else if (f->up_head && !f->up_failed)
		return f->suspicious ? STEP_WAIT : on_head(f);
	if (f->up == NULL && !f->up_failed && step == STEP_WAIT)
		step = send_request(f, f->sent_us != 0);
	while (f->up_failed && (step == STEP_WAIT || step == STEP_NEXT))
		step = failed(f);
	return step;
}
