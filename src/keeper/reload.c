/*
 * A reload has two halves.  The keeper checks the file and opens what is new;
 * then the gate swaps, or refuses.  Until the gate has said yes nothing that
 * is in force is touched, so every failure ends with the old configuration
 * whole.
 */
#include "keeper/inside.h"

enum {
	PATIENCE_US = 10 * 1000 * 1000,
	WHY_MAX = 8192,
};

static void
refuse(struct keeper *k, uint32_t client, struct slice why)
{
	struct buf text;

	why = slice_trim(why);
	keeper_say(
	    k, EVENT_RELOAD_REFUSED, EVENT_ARGS(event_slice("reason", why)));
	buf_init(&text, CONTROL_ANSWER_MAX);
	(void)!buf_printf(&text,
	    "%.*s\nThe configuration was refused; the old one stays in "
	    "force.\n",
	    SLICE_ARG(why));
	control_answer(&k->control, client, false, buf_slice(&text));
	buf_fini(&text);
}

void
reload_begin(struct keeper *k, uint32_t client, int64_t now_us)
{
	struct reload *r = &k->reload;
	struct buf why;

	if (k->reexec.phase != REEXEC_NONE) {
		refuse(k, client,
		    slice_str("weir is being re-executed; try again then"));
		return;
	}
	if (r->is_pending) {
		r->again = true;
		control_answer(&k->control, client, false,
		    slice_str(
			"Another reload is running; this one follows.\n"));
		return;
	}
	buf_init(&why, WHY_MAX);
	if (k->child.pid == 0 || k->is_stopping) {
		refuse(k, client, slice_str("the gate is not running"));
		goto free_why;
	}
	if (setup_load(&r->setup, &k->opts->env, k->opts->config, &why) != OK) {
		refuse(k, client, buf_slice(&why));
		goto free_why;
	}
	buf_clear(&why);
	if (listener_set_make(&r->listeners, &k->listeners,
		&r->setup.conf->listen, &why) != OK) {
		refuse(k, client, buf_slice(&why));
		setup_fini(&r->setup);
		goto free_why;
	}
	r->is_pending = true;
	r->client = client;
	r->deadline_us = now_us + PATIENCE_US;
	listener_set_put(&r->listeners, &k->listeners, &k->start);
	memcpy(k->start.config, r->setup.path, sizeof k->start.config);
	k->start.config_fd = r->setup.config_fd;
	crew_ports(&k->crew, r->setup.conf, &k->start.ports);
	if (keeper_link_reload(&k->child.link, ++r->seq, &k->start) != OK)
		reload_cancel(k, "the gate does not listen");
free_why:
	buf_fini(&why);
}

/* What the old one has and the new one has not is closed, and so on. */
static void
commit(struct keeper *k, int64_t now_us)
{
	struct reload *r = &k->reload;

	listener_set_close_missing(&k->listeners, &r->listeners);
	k->listeners = r->listeners;
	setup_fini(&k->setup);
	k->setup = r->setup;
	r->setup = (struct setup){.config_fd = -1};
	crew_update(&k->crew, k->setup.conf, now_us);
}

static void
undo(struct keeper *k)
{
	listener_set_close_missing(&k->reload.listeners, &k->listeners);
	setup_fini(&k->reload.setup);
}

/* Say which addresses ${a} has and ${b} has not. */
static void
say_difference(struct keeper *k, enum event_id id, const struct listener_set *a,
    const struct listener_set *b)
{
	for (size_t i = 0; i < a->n; i++) {
		bool found = false;

		for (size_t j = 0; j < b->n; j++)
			found = found || a->v[i].gate.id == b->v[j].gate.id;
		if (!found)
			keeper_say(k, id,
			    EVENT_ARGS(
				event_str("listen", a->v[i].gate.address)));
	}
}

void
reload_answered(
    struct keeper *k, uint32_t seq, bool ok, struct slice text, int64_t now_us)
{
	struct reload *r = &k->reload;
	const char *name;
	struct buf answer;

	if (!r->is_pending || seq != r->seq)
		return;
	r->is_pending = false;
	if (ok) {
		say_difference(
		    k, EVENT_LISTENER_OPENED, &r->listeners, &k->listeners);
		say_difference(
		    k, EVENT_LISTENER_CLOSED, &k->listeners, &r->listeners);
		commit(k, now_us);
		name = k->setup.path[0] ? k->setup.path : "(defaults)";
		keeper_say(
		    k, EVENT_RELOADED, EVENT_ARGS(event_str("config", name)));
		buf_init(&answer, CONTROL_ANSWER_MAX);
		(void)!buf_printf(&answer,
		    "%.*sThe configuration %s is in force.\n", SLICE_ARG(text),
		    name);
		control_answer(
		    &k->control, r->client, true, buf_slice(&answer));
		buf_fini(&answer);
	} else {
		undo(k);
		refuse(k, r->client, text);
	}
	if (r->again) {
		r->again = false;
		reload_begin(k, 0, now_us);
	}
}

/*
 * The one who asked does not wait for ever; but the gate may still swap, so
 * the reload stays pending until it answers or dies.
 */
void
reload_on_time(struct keeper *k, int64_t now_us)
{
	struct reload *r = &k->reload;

	if (!r->is_pending || now_us < r->deadline_us)
		return;
	control_answer(&k->control, r->client, false,
	    slice_str("The gate has not answered yet; the log will say what "
		      "became of it.\n"));
	r->client = 0;
	r->deadline_us = INT64_MAX;
}

void
reload_cancel(struct keeper *k, const char *reason)
{
	if (!k->reload.is_pending)
		return;
	k->reload.is_pending = false;
	undo(k);
	refuse(k, k->reload.client, slice_str(reason));
}
