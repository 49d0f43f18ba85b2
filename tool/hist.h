/*
 * hist: a histogram of durations with a bounded relative error.
 *
 * Each power of two has 128 buckets, so a percentile is at most 1/128 too
 * high; recording is a few instructions and memory does not grow.
 */
#pragma once
#include <stdint.h>
#include <stdio.h>

#define HIST_SUB 128
#define HIST_BUCKETS (HIST_SUB * 36)

struct hist {
	uint64_t count;
	int64_t max_ns;
	uint64_t sum_ns;
	uint32_t bucket[HIST_BUCKETS];
};

/* Count one duration of ${ns}; negative ones count as 0. */
void hist_add(struct hist *h, int64_t ns);

/*
 * The duration in microseconds that a share of ${q} (0 to 1) of the recorded
 * ones does not exceed; 0 when nothing was recorded.
 */
double hist_quantile_us(const struct hist *h, double q);

/*
 * Print `"NAME":{"count":..,"mean":..,"p50":..,"p90":..,"p99":..,"p999":..,
 * "max":..}`, in microseconds, as part of a JSON object.
 */
void hist_print(const struct hist *h, const char *name, FILE *out);
