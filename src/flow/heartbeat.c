#include "flow/heartbeat.h"
#include "flow/client.h"
#include "flow/reply.h"
#include "http/write.h"
#include <stdio.h>

static bool
write_head(struct flow *f, struct buf *b)
{
	const char *type = f->framing == FRAMING_SSE
	    ? "Content-Type: text/event-stream\r\n"
	    : "Content-Type: application/x-ndjson\r\n";

	buf_clear(b);
	f->delimit = f->head.minor == 1 ? DELIMIT_CHUNKS : DELIMIT_CLOSE;
	return reply_head(f, 200, b) == OK && buf_add_str(b, type) == OK &&
	    (f->delimit == DELIMIT_CLOSE ||
		buf_add_str(b, "Transfer-Encoding: chunked\r\n") == OK) &&
	    http_write_end(b) == OK;
}

/*
 * The beat itself; to a caller that asked (X-Weir-Queue-Updates: 1) and still
 * waits in line, a comment that says at which place and for how long.
 */
static struct slice
news(const struct flow *f, char *out, size_t cap)
{
	struct slice asked = http_head_find(&f->head, "x-weir-queue-updates");
	const struct queue *q = &f->env->queue;
	int64_t wait_us;
	size_t place;
	int n;

	if (f->item.state != QUEUE_WAITING || !slice_is(asked, "1") ||
	    route_framing(f->match.route->shape) != FRAMING_SSE)
		return error_heartbeat(f->match.route);
	place = queue_position(q, &f->item);
	wait_us = queue_wait_estimate(q, place);
	n = wait_us < 0 ? snprintf(out, cap, ": weir place=%zu\n\n", place)
			: snprintf(out, cap, ": weir place=%zu wait_s=%lld\n\n",
			      place, (long long)error_wait_s(wait_us));
	return slice_of(out, (size_t)n);
}

static void
send_beat(struct flow *f)
{
	static const struct slice crlf = SLICE("\r\n");
	char place[128];
	struct slice beat = news(f, place, sizeof place);
	struct slice s[4];
	char size[HTTP_CHUNK_HEAD_MAX];
	unsigned n = 0;

	if (!f->head_sent) {
		f->framing = route_framing(f->match.route->shape);
		if (!write_head(f, &f->reply)) {
			flow_abort(f, ERR_INTERNAL);
			return;
		}
		s[n++] = buf_slice(&f->reply);
		f->head_sent = f->has_beaten = true;
	}
	if (f->delimit == DELIMIT_CHUNKS)
		s[n++] = slice_of(size, http_chunk_head(size, beat.n));
	s[n++] = beat;
	if (f->delimit == DELIMIT_CHUNKS)
		s[n++] = crlf;
	client_write(f->client, s, n);
	f->beats++;
}

static void
on_beat(struct timer *t)
{
	struct flow *f =
	    (struct flow *)(void *)((char *)t - offsetof(struct flow, beat));
	int64_t every_us = f->conf->queue_heartbeat_us;
	int64_t now_us = os_now_us();

	if (f->last_us + every_us > now_us) {
		timer_set(t, f->last_us + every_us);
		return;
	}
	timer_set(t, now_us + every_us);
	f->last_us = now_us;
	/* Only between two pieces, and not to a reader that is behind. */
	if (f->carry.n == 0 && conn_pending(&f->client->conn) == 0)
		send_beat(f);
}

void
heartbeat_start(struct flow *f)
{
	if (!f->has_inspect || !f->inspect.is_stream || f->beat_set ||
	    f->conf->queue_heartbeat_us == CONF_FOREVER ||
	    route_framing(f->match.route->shape) == FRAMING_WHOLE)
		return;
	f->beat_set = true;
	f->last_us = os_now_us();
	timer_init(&f->beat, f->env->loop, on_beat);
	timer_set(&f->beat, f->last_us + f->conf->queue_heartbeat_us);
}

void
heartbeat_stop(struct flow *f)
{
	if (f->beat_set)
		timer_stop(&f->beat);
	f->beat_set = false;
}

bool
heartbeat_fits(const struct flow *f, enum framing framing, int status)
{
	return !f->has_beaten || (status == 200 && framing == f->framing);
}

enum err
heartbeat_wrap(
    const struct flow *f, struct slice body, bool is_error, struct buf *out)
{
	bool is_sse = f->framing == FRAMING_SSE;
	struct slice rest = slice_trim(body);
	enum err e = OK;

	if (is_sse && is_error && f->match.route->shape != SHAPE_OPENAI)
		e = buf_add_str(out, "event: error\n");
	/* A document of several lines is several data lines, or one line. */
	while (rest.n > 0 && e == OK) {
		struct slice line = slice_trim(slice_cut(&rest, '\n'));

		if (is_sse)
			e = buf_add_str(out, "data: ");
		if (e == OK)
			e = buf_add(out, line);
		if (e == OK && is_sse)
			e = buf_add_char(out, '\n');
	}
	return e == OK ? buf_add_char(out, '\n') : e;
}
