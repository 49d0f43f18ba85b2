/*
 * clock: what time it is.
 *
 * Whatever decides gets the time as an argument; only programs and tests ask.
 */
#pragma once
#include <stdint.h>

/* Microseconds of the monotonic clock; never goes back, 0 is boot or so. */
int64_t os_now_us(void);

/* Microseconds since 1970-01-01T00:00:00Z; may jump either way. */
int64_t os_wall_us(void);
