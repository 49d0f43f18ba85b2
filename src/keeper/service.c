/*
 * What the service manager is told.  Ready is, by default, who listens: callers
 * wait in the line while models load, and what depends on weir can start.
 * With `ready: models` it is /readyz, and as long as that takes the manager is
 * asked for more time.
 */
#include "keeper/inside.h"
#include "os/service.h"

enum {
	EXTEND_US = 10 * 1000 * 1000,
	WATCHDOG_SHARE = 3, /* as often within the manager's patience */
};

static bool
is_ready(const struct keeper *k)
{
	return k->child.is_ready &&
	    (k->setup.conf->ready == CONF_READY_LISTENING ||
		k->service.is_well);
}

static int64_t
pause_us(const struct keeper *k)
{
	int64_t us = k->service.is_told ? INT64_MAX : EXTEND_US;
	int64_t watchdog_us = k->service.watchdog_us / WATCHDOG_SHARE;

	return watchdog_us > 0 && watchdog_us < us ? watchdog_us : us;
}

void
service_turn(struct keeper *k, int64_t now_us)
{
	struct service *s = &k->service;

	if (s->told_us == 0)
		s->watchdog_us = os_service_watchdog_us();
	if (!s->is_told && is_ready(k)) {
		s->is_told = true;
		s->told_us = now_us;
		os_service_tell("READY=1\nSTATUS=Serving.");
		return;
	}
	if (s->told_us != 0 && now_us - s->told_us < pause_us(k))
		return;
	s->told_us = now_us;
	/* A manager that hears nothing starts all anew. */
	if (!watch_is_well(k))
		return;
	if (s->is_told)
		os_service_tell("WATCHDOG=1");
	else if (k->setup.conf->ready == CONF_READY_MODELS)
		os_service_tell("EXTEND_TIMEOUT_USEC=60000000\n"
				"STATUS=Models are being loaded.\nWATCHDOG=1");
}

int64_t
service_deadline(const struct keeper *k)
{
	int64_t us = pause_us(k);

	return us == INT64_MAX ? us : k->service.told_us + us;
}
