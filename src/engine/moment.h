/*
 * moment: points in time as engines write them.
 */
#pragma once
#include "base/slice.h"

/*
 * How long after ${wall_us} (since 1970) is ${text}, an RFC 3339 date with
 * time ("2026-11-22T10:05:50.608978817Z")?  Microseconds, 0 if it is past or
 * is no date, INT64_MAX if it is more than ten years away, which is how Ollama
 * says "for ever".
 */
int64_t moment_left_us(struct slice text, int64_t wall_us);
