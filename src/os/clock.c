#include "os/clock.h"
#include <assert.h>
#include <time.h>

static _Thread_local int64_t held_us; /* 0: not held */

static int64_t
read_us(clockid_t clock)
{
	struct timespec t;
	int r = clock_gettime(clock, &t);

	assert(r == 0);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
os_now_us(void)
{
	return held_us ? held_us : read_us(CLOCK_MONOTONIC);
}

void
os_now_hold(void)
{
	assert(held_us == 0);
	held_us = read_us(CLOCK_MONOTONIC);
}

void
os_now_release(void)
{
	held_us = 0;
}

int64_t
os_wall_us(void)
{
	return read_us(CLOCK_REALTIME);
}
