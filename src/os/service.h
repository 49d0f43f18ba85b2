/*
 * service: what the service manager and this process tell each other.
 *
 * systemd's protocol, without its library: datagrams of "NAME=value" lines to
 * the unix socket $NOTIFY_SOCKET (sd_notify(3)), and listening sockets from
 * descriptor 3 on, as $LISTEN_PID and $LISTEN_FDS say (sd_listen_fds(3)).
 * Elsewhere, and where nobody listens, nothing happens.
 */
#pragma once
#include "base/err.h"

/* Tell it ${lines}, such as "READY=1\nSTATUS=serving". */
void os_service_tell(const char *lines);

/* How often it wants to hear "WATCHDOG=1", in microseconds; 0: never. */
int64_t os_service_watchdog_us(void);

/*
 * The sockets that it has opened for this process: their number, and the first
 * in ${first}; they are close-on-exec from now on and nobody's twice.
 */
size_t os_service_sockets(int *first);

/* Is launchd this system's, and not systemd? */
bool os_service_is_launchd(void);
