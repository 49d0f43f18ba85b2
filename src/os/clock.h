/*
 * clock: what time it is.
 *
 * Whatever decides gets the time as an argument; only programs and tests ask.
 */
#pragma once
#include <stdint.h>

/* Microseconds of the monotonic clock; never goes back, 0 is boot or so. */
int64_t os_now_us(void);

/*
 * Between these two, os_now_us() of this thread tells the time at which
 * os_now_hold() was called: what happens in one event happens at one time, and
 * a clock that is read a dozen times for a request costs as much as a parser.
 * For the loop alone, around one event; not to be nested.
 */
void os_now_hold(void);
void os_now_release(void);

/* Microseconds since 1970-01-01T00:00:00Z; may jump either way. */
int64_t os_wall_us(void);
