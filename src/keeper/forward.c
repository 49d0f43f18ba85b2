/*
 * Commands of people that are the gate's affair: sent there, and the answer
 * sent back.  Whoever asked always gets one, also if the gate dies or hangs.
 * A request that the gate does not know may be one that an earlier gate still
 * finishes: those are asked one after the other.
 */
#include "keeper/inside.h"

enum { PATIENCE_US = 5 * 1000 * 1000 };

static void
close_forward(struct forward *f)
{
	f->seq = 0;
	buf_fini(&f->text);
}

/* What goes wrong on the way has the form of the gate's own answers. */
static void
fail(struct keeper *k, uint32_t client, const char *code, const char *text)
{
	struct buf b;

	buf_init(&b, 1024);
	(void)!buf_printf(
	    &b, "{\"ok\":false,\"code\":\"%s\",\"text\":\"%s\"}\n", code, text);
	control_answer(&k->control, client, false, buf_slice(&b));
	buf_fini(&b);
}

/* Ask the gate ${c}.  False: it cannot be asked. */
static bool
ask(struct keeper *k, struct forward *f, struct child *c)
{
	if (c->link.channel.fd < 0 ||
	    keeper_link_command(
		&c->link, k->forward_seq + 1, slice_str(f->command)) != OK)
		return false;
	f->seq = ++k->forward_seq;
	f->generation = c->generation;
	return true;
}

/* It said that it does not know the request; ask the gate before it. */
static bool
ask_earlier(struct keeper *k, struct forward *f)
{
	struct child *earlier = NULL;

	if (!slice_has(
		buf_slice(&f->text), slice_str("\"code\":\"unknown_request\"")))
		return false;
	for (size_t i = 0; i < k->n_outgoing; i++) {
		struct child *c = &k->outgoing[i];

		if (c->generation < f->generation &&
		    (!earlier || c->generation > earlier->generation))
			earlier = c;
	}
	if (earlier == NULL || !ask(k, f, earlier))
		return false;
	buf_clear(&f->text);
	return true;
}

/* `gate N COMMAND` is for the gate of that generation; NULL: there is none. */
static struct child *
addressee(struct keeper *k, struct slice *command)
{
	struct slice rest = *command;
	uint64_t generation;

	if (!slice_is(slice_cut(&rest, ' '), "gate"))
		return &k->child;
	if (!slice_u64(slice_cut(&rest, ' '), UINT64_MAX, &generation))
		return NULL;
	*command = rest;
	for (size_t i = 0; i < k->n_outgoing; i++)
		if (k->outgoing[i].generation == generation)
			return &k->outgoing[i];
	return k->child.generation == generation ? &k->child : NULL;
}

void
forward_begin(
    struct keeper *k, uint32_t client, struct slice command, int64_t now_us)
{
	struct child *to = addressee(k, &command);
	struct forward *f = k->forwards;

	/* There are as many places as clients, but slow ones lose theirs. */
	while (f < k->forwards + CONTROL_CLIENTS_MAX && f->seq != 0)
		f++;
	if (f == k->forwards + CONTROL_CLIENTS_MAX) {
		fail(k, client, "busy", "Too many commands at once.");
		return;
	}
	if (to == NULL) {
		fail(k, client, "unknown_gate", "There is no such gate now.");
		return;
	}
	*f = (struct forward){
	    .client = client, .deadline_us = now_us + PATIENCE_US};
	command = slice_to(command, GATE_COMMAND_MAX);
	memcpy(f->command, command.p, command.n);
	if (!to->is_ready || !ask(k, f, to)) {
		fail(k, client, "gate_away",
		    "The gate (weir's network process) is not running now; "
		    "try again in a moment, and look at the log.");
		return;
	}
	buf_init(&f->text, GATE_ANSWER_MAX);
}

void
forward_answered(struct keeper *k, const struct report *r)
{
	for (struct forward *f = k->forwards;
	     f < k->forwards + CONTROL_CLIENTS_MAX; f++) {
		if (f->seq == 0 || f->seq != r->seq)
			continue;
		if (buf_add(&f->text, r->text) != OK) {
			fail(k, f->client, "answer_too_long",
			    "The gate's answer is too long; this is a bug "
			    "worth a report.");
			close_forward(f);
		} else if (!r->has_more && (r->ok || !ask_earlier(k, f))) {
			control_answer(
			    &k->control, f->client, r->ok, buf_slice(&f->text));
			close_forward(f);
		}
		return;
	}
}

int64_t
forward_deadline(const struct keeper *k)
{
	int64_t at_us = INT64_MAX;

	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (k->forwards[i].seq != 0 &&
		    k->forwards[i].deadline_us < at_us)
			at_us = k->forwards[i].deadline_us;
	return at_us;
}

void
forward_on_time(struct keeper *k, int64_t now_us)
{
	for (struct forward *f = k->forwards;
	     f < k->forwards + CONTROL_CLIENTS_MAX; f++) {
		if (f->seq == 0 || now_us < f->deadline_us)
			continue;
		fail(k, f->client, "gate_silent",
		    "The gate (weir's network process) does not answer; it "
		    "may still do as told.");
		close_forward(f);
	}
}

void
forward_cancel(struct keeper *k)
{
	for (struct forward *f = k->forwards;
	     f < k->forwards + CONTROL_CLIENTS_MAX; f++) {
		if (f->seq == 0)
			continue;
		fail(k, f->client, "gate_died",
		    "The gate (weir's network process) ended before it "
		    "answered; another is started.");
		close_forward(f);
	}
}
