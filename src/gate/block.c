/* See gate/command.h: a caller is kept out for a time. */
#include "conf/problem.h"
#include "flow/blocked.h"
#include "flow/client.h"
#include "flow/flow.h"
#include "gate/command.h"
#include "log/event.h"
#include "os/clock.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <time.h>

enum { US_PER_S = 1000000, SECONDS_MAX = 366 * 24 * 3600, NAME_MAX_ = 80 };

static const struct slice anonymous = SLICE("anonymous");

static void
unknown_caller(struct gate *g, struct slice name, struct command_answer *a)
{
	struct conf_nearest near;

	conf_nearest_init(&near, name);
	conf_nearest_try(&near, anonymous);
	for (struct caller *c = caller_next(g->env.callers, NULL); c != NULL;
	     c = caller_next(g->env.callers, c))
		conf_nearest_try(&near, c->is_anonymous ? c->shown : c->name);
	if (near.best != NULL)
		command_failed(a, "unknown_caller",
		    "There is no caller %s; did you mean `%.*s`?",
		    conf_quote(name).text, (int)near.best_n, near.best);
	else
		command_failed(a, "unknown_caller",
		    "There is no caller %s; `weir status` lists those that are "
		    "busy, `weir key list` those with keys.",
		    conf_quote(name).text);
}

/* anonymous@ADDRESS as flow/blocked.h writes it in full; false: it is none. */
static bool
canonical(struct slice name, struct buf *out)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} sa = {.v6 = {.sin6_family = AF_INET6}};
	struct slice rest = name;
	struct address a;
	char text[NAME_MAX_];

	if (!slice_eq(slice_cut(&rest, '@'), anonymous) ||
	    rest.n >= sizeof text)
		return false;
	(void)snprintf(text, sizeof text, "%.*s", SLICE_ARG(rest));
	if (inet_pton(AF_INET, text, &sa.v4.sin_addr) == 1)
		sa.any.sa_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &sa.v6.sin6_addr) != 1)
		return false;
	a = address_of(&sa.any);
	a = address_group(&a);
	buf_clear(out);
	return buf_add(out, anonymous) == OK && buf_add_char(out, '@') == OK &&
	    address_show(&a, CONF_ADDRESS_FULL, out) == OK;
}

/*
 * Put the name under which ${name} is marked into ${out}: a caller's, that of
 * all without keys, or of one address, known or not.  False: nobody's.
 */
static bool
resolve(struct gate *g, struct slice name, struct buf *out)
{
	if (canonical(name, out))
		return true;
	buf_clear(out);
	if (buf_add(out, name) != OK)
		return false;
	if (slice_eq(name, anonymous) ||
	    caller_find(g->env.callers, name) != NULL)
		return true;
	for (struct caller *c = caller_next(g->env.callers, NULL); c != NULL;
	     c = caller_next(g->env.callers, c))
		if (blocked_is_meant(c, name))
			return true;
	return false;
}

/* Those of ${name} that wait leave the line; returns how many. */
static size_t
refuse_waiting(
    struct gate *g, struct slice name, int64_t wait_us, size_t *in_flight)
{
	size_t n = 0;

	LIST_EACH_SAFE (it, &g->env.clients) {
		struct flow *f = LIST_OF(it, struct client, node)->flow;

		if (f == NULL || f->caller == NULL ||
		    !blocked_is_meant(f->caller, name))
			continue;
		if (f->item.state == QUEUE_WAITING) {
			flow_end(f, ERR_CALLER_BLOCKED, wait_us);
			n++;
		} else if (f->has_slot) {
			++*in_flight;
		}
	}
	return n;
}

/* "2026-02-24 18:00 UTC" of ${wall_us}, at ${out}. */
static void
format_time(int64_t wall_us, char out[32])
{
	time_t t = (time_t)(wall_us / US_PER_S);
	struct tm tm;

	out[0] = '\0';
	if (gmtime_r(&t, &tm) != NULL &&
	    strftime(out, 32, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		out[0] = '\0';
}

/* An address stands in the log only as log.address says. */
static struct slice
for_log(const struct gate *g, struct slice name)
{
	struct slice rest = name;

	if (g->env.conf->log_address == CONF_ADDRESS_FULL ||
	    !slice_eq(slice_cut(&rest, '@'), anonymous))
		return name;
	return anonymous;
}

static void
block(struct gate *g, struct slice name, int64_t seconds,
    struct command_answer *a)
{
	int64_t wait_us = seconds * US_PER_S, now_us = os_now_us();
	size_t in_flight = 0, refused;
	char until[32];

	if (marks_set(&g->blocked, name, now_us + wait_us, now_us) != OK) {
		command_failed(a, "too_many",
		    "Too many callers are blocked already; unblock some.");
		return;
	}
	event_write(g->env.log, os_wall_us(), EVENT_CALLER_BLOCKED,
	    EVENT_ARGS(event_slice("caller", for_log(g, name)),
		event_num("seconds", seconds)));
	refused = refuse_waiting(g, name, wait_us, &in_flight);
	format_time(os_wall_us() + wait_us, until);
	command_done(a,
	    "%.*s is blocked until %s. Of its requests %zu were waiting and "
	    "were refused, %zu are in flight and go on.",
	    SLICE_ARG(name), until, refused, in_flight);
	json_str(&a->w, "caller", name);
	json_int(&a->w, "seconds", seconds);
	json_int(&a->w, "refused", (int64_t)refused);
	json_int(&a->w, "in_flight", (int64_t)in_flight);
}

void
command_block(
    struct gate *g, struct slice seconds_caller, struct command_answer *a)
{
	struct slice name = seconds_caller, word = slice_cut(&name, ' ');
	struct buf resolved;
	uint64_t seconds;

	name = slice_trim(name);
	if (!slice_u64(word, SECONDS_MAX, &seconds) || seconds == 0) {
		command_failed(a, "invalid_duration",
		    "A caller can be blocked for one second to 366 days.");
		return;
	}
	buf_init(&resolved, MARKS_NAME_MAX);
	if (resolve(g, name, &resolved))
		block(g, buf_slice(&resolved), (int64_t)seconds, a);
	else
		unknown_caller(g, name, a);
	buf_fini(&resolved);
}

void
command_unblock(struct gate *g, struct slice caller, struct command_answer *a)
{
	struct buf resolved;
	struct slice name;

	buf_init(&resolved, MARKS_NAME_MAX);
	name = canonical(caller, &resolved) ? buf_slice(&resolved) : caller;
	if (marks_clear(&g->blocked, name, os_now_us())) {
		event_write(g->env.log, os_wall_us(), EVENT_CALLER_UNBLOCKED,
		    EVENT_ARGS(event_slice("caller", for_log(g, name))));
		command_done(a, "%.*s is no longer blocked.", SLICE_ARG(name));
		json_str(&a->w, "caller", name);
	} else if (resolve(g, caller, &resolved)) {
		command_done(a, "%.*s was not blocked.", SLICE_ARG(caller));
		json_str(&a->w, "caller", caller);
	} else {
		unknown_caller(g, caller, a);
	}
	buf_fini(&resolved);
}
