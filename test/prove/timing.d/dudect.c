/*
 * dudect: does the time of a look-up tell how much of a key is right?
 *
 * Two classes of inputs, in random order: digests that differ from the one
 * that is there in their first byte, and digests that differ in their last
 * byte only; Welch's t over the times, cropped at several percentiles, as
 * "Dude, is my code constant time?" (Reparaz, Balasch, Verbauwhede, 2017)
 * has it.  |t| above 4.5 tells the classes apart.
 *
 * usage: dudect SAMPLES [leaky]    leaky: memcmp, to see that it can fail
 */
#include "caller/keyring.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CROPS = 10, BATCH = 16 };

static bool is_leaky;

static int
leaky_eq(const uint8_t *a, const uint8_t *b)
{
	/* As a compiler may write memcmp: it ends at the first difference. */
	for (size_t i = 0; i < KEY_DIGEST_BYTES; i++)
		if (((volatile const uint8_t *)a)[i] != b[i])
			return 0;
	return 1;
}

static double
measure(const struct key_digest *have, const struct key_digest *got)
{
	struct timespec a, b;
	volatile unsigned sum = 0;

	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < BATCH; i++)
		sum += is_leaky ? (unsigned)leaky_eq(have->b, got->b)
				: (unsigned)key_digest_eq(have, got);
	clock_gettime(CLOCK_MONOTONIC, &b);
	return (double)(b.tv_sec - a.tv_sec) * 1e9 +
	    (double)(b.tv_nsec - a.tv_nsec);
}

struct welch {
	double n[2], mean[2], m2[2];
};

static void
add(struct welch *w, int class, double x)
{
	double d = x - w->mean[class];

	w->n[class]++;
	w->mean[class] += d / w->n[class];
	w->m2[class] += d * (x - w->mean[class]);
}

static double
value(const struct welch *w)
{
	double v0 = w->m2[0] / (w->n[0] - 1), v1 = w->m2[1] / (w->n[1] - 1);

	if (w->n[0] < 1000 || w->n[1] < 1000 || v0 + v1 <= 0)
		return 0;
	return (w->mean[0] - w->mean[1]) / sqrt(v0 / w->n[0] + v1 / w->n[1]);
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
	double *times = calloc(n, sizeof *times), *sorted;
	uint8_t *classes = calloc(n, 1);
	double crops[CROPS + 1], worst = 0;
	struct welch all[CROPS + 1] = {0};
	struct key_digest have, got[2];
	struct key_hasher *h = key_hasher_new();

	is_leaky = argc > 2;
	have = key_hash(h, (struct slice)SLICE("weir_of_somebody"));
	got[0] = got[1] = have;
	got[0].b[0] ^= 1;
	got[1].b[KEY_DIGEST_BYTES - 1] ^= 1;
	srandom(1);
	for (size_t i = 0; i < n; i++) {
		/* Both are copied, so that the cache knows no class. */
		struct key_digest one;

		classes[i] = random() & 1;
		one = got[classes[i]];
		times[i] = measure(&have, &one);
	}
	sorted = malloc(n * sizeof *sorted);
	memcpy(sorted, times, n * sizeof *sorted);
	qsort(sorted, n, sizeof *sorted, by_size);
	crops[0] = INFINITY;
	for (int c = 1; c <= CROPS; c++)
		crops[c] =
		    sorted[(size_t)((double)(n - 1) * (1 - pow(0.5, c)))];
	for (size_t i = n / 100; i < n; i++)
		for (int c = 0; c <= CROPS; c++)
			if (times[i] <= crops[c])
				add(&all[c], classes[i], times[i]);
	for (int c = 0; c <= CROPS; c++)
		if (fabs(value(&all[c])) > worst)
			worst = fabs(value(&all[c]));
	printf("%s: %zu samples, median %.0f ns for %d, max |t| %.2f\n",
	    is_leaky ? "memcmp" : "key_digest_eq", n, sorted[n / 2], BATCH,
	    worst);
	free(times);
	free(sorted);
	free(classes);
	key_hasher_free(h);
	return worst < 4.5 ? 0 : 1;
}
