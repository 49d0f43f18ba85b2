#include "ipc/keeper_link.h"
#include "ipc/link.h"
#include <assert.h>

/*
 * What the keeper sends is made by the keeper, of bounded parts: that it does
 * not fit would be our own fault.
 */
static enum err
send_wire(struct keeper_link *l, enum link_type type, const struct wire_out *w,
    const struct link_fds *fds)
{
	assert(!w->is_bad);
	return channel_send(
	    &l->channel, (uint16_t)type, slice_of(w->p, w->n), fds->v, fds->n);
}

enum err
keeper_link_start(struct keeper_link *l, const struct gate_start *start)
{
	char room[CHANNEL_PAYLOAD_MAX];
	struct wire_out w = {.p = room, .cap = sizeof room};
	struct link_fds fds = {.n = 0};

	wire_put_u64(&w, start->generation);
	wire_put_u32(&w, (uint32_t)start->n_live);
	for (size_t i = 0; i < start->n_live; i++)
		wire_put_u64(&w, start->live[i]);
	link_put_setup(&w, &fds, start);
	fds.v[fds.n++] = start->state_fd;
	fds.v[fds.n++] = start->metrics_fd;
	return send_wire(l, LINK_START, &w, &fds);
}

enum err
keeper_link_reload(
    struct keeper_link *l, uint32_t seq, const struct gate_start *start)
{
	char room[CHANNEL_PAYLOAD_MAX];
	struct wire_out w = {.p = room, .cap = sizeof room};
	struct link_fds fds = {.n = 0};

	wire_put_u32(&w, seq);
	link_put_setup(&w, &fds, start);
	return send_wire(l, LINK_RELOAD, &w, &fds);
}

static enum err
send_number(struct keeper_link *l, enum link_type type, uint64_t number)
{
	char room[8];
	struct wire_out w = {.p = room, .cap = sizeof room};

	wire_put_u64(&w, number);
	return send_wire(l, type, &w, &(struct link_fds){.n = 0});
}

enum err
keeper_link_drain(struct keeper_link *l, int64_t grace_us)
{
	return send_number(l, LINK_DRAIN, (uint64_t)grace_us);
}

enum err
keeper_link_retire(struct keeper_link *l, int64_t grace_us)
{
	return send_number(l, LINK_RETIRE, (uint64_t)grace_us);
}

enum err
keeper_link_gone(struct keeper_link *l, uint64_t generation)
{
	return send_number(l, LINK_GONE, generation);
}

static enum err
send_bare(struct keeper_link *l, enum link_type type, struct slice payload)
{
	return channel_send(&l->channel, (uint16_t)type, payload, NULL, 0);
}

enum err
keeper_link_quit(struct keeper_link *l)
{
	return send_bare(l, LINK_QUIT, slice_of(NULL, 0));
}

enum err
keeper_link_reopen_log(struct keeper_link *l)
{
	return send_bare(l, LINK_REOPEN_LOG, slice_of(NULL, 0));
}

enum err
keeper_link_log_line(struct keeper_link *l, struct slice line)
{
	if (line.n > LINK_LINE_MAX)
		return OK;
	return send_bare(l, LINK_LOG_LINE, line);
}

enum err
keeper_link_command(struct keeper_link *l, uint32_t seq, struct slice text)
{
	char room[GATE_COMMAND_MAX + 8];
	struct wire_out w = {.p = room, .cap = sizeof room};

	wire_put_u32(&w, seq);
	wire_put_text(&w, text);
	return send_wire(l, LINK_COMMAND, &w, &(struct link_fds){.n = 0});
}

enum err
keeper_link_engine(struct keeper_link *l, const struct engine_news *news)
{
	char room[CHANNEL_PAYLOAD_MAX];
	struct wire_out w = {.p = room, .cap = sizeof room};

	link_put_news(&w, news);
	return send_wire(l, LINK_ENGINE, &w, &(struct link_fds){.n = 0});
}

static enum report_kind
read_wish(const struct message *m, struct report *r)
{
	struct wire_in w = {.rest = m->payload};
	uint32_t wish = wire_get_u32(&w);

	wire_get_string(&w, r->engine, sizeof r->engine);
	r->wish = (enum engine_wish)wish;
	return wire_is_done(&w) && wish > 0 && wish < ENGINE_WISHES
	    ? REPORT_WISH
	    : REPORT_LOST;
}

static enum report_kind
read_answer(const struct message *m, struct report *r)
{
	struct wire_in w = {.rest = m->payload};
	uint32_t ok, more;

	r->seq = wire_get_u32(&w);
	ok = wire_get_u32(&w);
	more = wire_get_u32(&w);
	r->text = wire_get_text(&w);
	r->ok = ok == 1;
	r->has_more = more == 1;
	return wire_is_done(&w) && ok <= 1 && more <= 1 &&
		r->text.n <= LINK_PART_MAX
	    ? REPORT_ANSWER
	    : REPORT_LOST;
}

/* A gate is at the network's mercy: nothing that it says is taken on trust. */
static enum report_kind
read_report(struct message *m, struct report *r)
{
	struct wire_in w = {.rest = m->payload};
	uint32_t ok;

	if (m->n_fds != 0)
		return REPORT_LOST;
	switch (m->type) {
	case LINK_READY:
		return m->payload.n == 0 ? REPORT_READY : REPORT_LOST;
	case LINK_WELL:
		return m->payload.n == 0 ? REPORT_WELL : REPORT_LOST;
	case LINK_DRAINED:
		return m->payload.n == 0 ? REPORT_DRAINED : REPORT_LOST;
	case LINK_RELOADED:
		r->seq = wire_get_u32(&w);
		ok = wire_get_u32(&w);
		r->ok = ok == 1;
		r->text = wire_get_text(&w);
		return wire_is_done(&w) && ok <= 1 && r->text.n <= LINK_TEXT_MAX
		    ? REPORT_RELOADED
		    : REPORT_LOST;
	case LINK_ANSWER:
		return read_answer(m, r);
	case LINK_WISH:
		return read_wish(m, r);
	default:
		return REPORT_LOST;
	}
}

enum report_kind
keeper_link_next(struct keeper_link *l, struct report *r)
{
	enum channel_got got;
	struct message m;

	*r = (struct report){.kind = REPORT_NONE};
	got = channel_next(&l->channel, &m);
	if (got == CHANNEL_LOST)
		r->kind = REPORT_LOST;
	if (got == CHANNEL_MESSAGE)
		r->kind = read_report(&m, r);
	if (r->kind == REPORT_LOST)
		l->channel.is_lost = true;
	return r->kind;
}
