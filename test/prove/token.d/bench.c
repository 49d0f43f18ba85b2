/*
 * bench VOCAB.gguf FILE...: how fast weir counts beside llama.cpp's
 * llama_tokenize(), in one process, on one core.
 *
 * cold: nothing is remembered; warm: words are, chunks are not (the text
 * itself is new); known: the same text again.  Best of some rounds.
 */
#include "token/count.h"
#include "token/kind.h"
#include <llama.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 9, THEIR_ROUNDS = 2 };

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static struct slice
slurp(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *p = malloc(64 << 20);
	size_t n;

	if (f == NULL || p == NULL)
		exit(2);
	n = fread(p, 1, 64 << 20, f);
	fclose(f);
	return slice_of(p, n);
}

static double
count(struct counter *c, struct slice text, uint64_t *n)
{
	double from = now_ms();

	if (count_text(c, text, COUNT_AS_ENGINE, n) != OK)
		exit(1);
	return now_ms() - from;
}

static double
least(double a, double b)
{
	return a < b ? a : b;
}

static void
measure(const struct llama_vocab *theirs, struct counter *c, const char *path)
{
	struct slice text = slurp(path);
	int32_t *ids = malloc((text.n + 8) * sizeof *ids), m = 0;
	double cold = 1e9, warm = 1e9, known = 1e9, their = 1e9, per, full;
	uint64_t n = 0;

	for (int i = 0; i < ROUNDS; i++) {
		counter_forget(c);
		cold = least(cold, count(c, text, &n));
		memo_clear(&c->memo);
		warm = least(warm, count(c, text, &n));
		known = least(known, count(c, text, &n));
	}
	for (int i = 0; theirs && i < THEIR_ROUNDS; i++) {
		double from = now_ms();

		m = llama_tokenize(theirs, text.p, (int32_t)text.n, ids,
		    (int32_t)text.n + 8, true, true);
		their = least(their, now_ms() - from);
	}
	if (theirs && (uint64_t)m != n)
		printf("DIFFERENT: %d, %llu\n", m, (unsigned long long)n);
	per = (double)text.n / 1e3;
	full = 131072.0 / (double)n;
	printf("| %s | %llu | %.1f | %.0f | %.0f | %.0f | %.2f | %.2f | %.0f | "
	       "%.0fx | %.0fx |\n",
	    strrchr(path, '/') ? strrchr(path, '/') + 1 : path,
	    (unsigned long long)n, per / their, per / cold, per / warm,
	    per / known, cold * full, warm * full, known * full * 1e3,
	    their / cold, their / warm);
	free(ids);
	free((void *)(uintptr_t)text.p);
}

static void
quiet(enum ggml_log_level level, const char *text, void *user)
{
	(void)level;
	(void)text;
	(void)user;
}

int
main(int argc, char **argv)
{
	struct llama_model_params params = llama_model_default_params();
	struct llama_model *model = NULL;
	struct counter *c;
	struct vocab *v;
	double from;

	if (argc < 3)
		return 2;
	llama_log_set(quiet, NULL);
	params.vocab_only = true;
	if (getenv("WEIR_ALONE") == NULL)
		model = llama_model_load_from_file(argv[1], params);
	from = now_ms();
	if (vocab_open(argv[1], &v) != OK || counter_new(v, NULL, &c) != OK)
		return 1;
	printf("%s: loaded in %.0f ms, %.1f MB and %.1f MB a counter\n",
	    argv[1], now_ms() - from, (double)vocab_bytes(v) / 1e6,
	    (double)counter_bytes(c) / 1e6);
	printf("| text | tokens | llama.cpp MB/s | cold | warm | known | 128k "
	       "tokens: cold ms | warm ms | known us | x cold | x warm |\n");
	for (int i = 2; i < argc; i++)
		measure(
		    model ? llama_model_get_vocab(model) : NULL, c, argv[i]);
	counter_free(c);
	vocab_drop(v);
	return 0;
}
