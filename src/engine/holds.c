#include "engine/holds.h"
#include "engine/blob.h"
#include "engine/store.h"
#include "os/gpu.h"
#include "os/ram.h"
#include "token/shape.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	MODELS_MAX = 1000,
	CONTEXT_LEAST = 4096, /* Ollama's, where nobody says */
};

struct holds {
	const char *store;
	struct shape_use use;
	int64_t need[MODELS_MAX];
	size_t n;
};

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int
holds_judge(int64_t *need, size_t n, int64_t total)
{
	if (n < 2 || total <= 0)
		return HOLDS_UNKNOWN;
	qsort(need, n, sizeof *need, compare);
	/* No sum: they may be any number. */
	return need[0] > total - need[1] ? HOLDS_ONE : HOLDS_MORE;
}

static void
add(void *ctx, struct slice name)
{
	struct holds *h = ctx;
	struct shape_use use = h->use;
	char path[PATH_MAX];
	struct shape s;

	if (h->n == MODELS_MAX ||
	    blob_find(h->store, name, path, sizeof path) != OK ||
	    shape_open(path, &s) != OK)
		return;
	if (s.context_max_tok > 0 && use.context_tok > s.context_max_tok)
		use.context_tok = s.context_max_tok;
	h->need[h->n++] = shape_need(&s, &use).total_bytes;
}

static int64_t
number(const struct recipe *r, const char *name, int64_t most, int64_t none)
{
	const char *text = recipe_env(r, name);
	uint64_t v;

	if (text == NULL || !slice_u64(slice_str(text), (uint64_t)most, &v) ||
	    v == 0)
		return none;
	return (int64_t)v;
}

static int64_t
memory_bytes(const struct conf *conf)
{
	struct os_gpu gpu[OS_GPUS_MAX];
	struct os_gpus *gpus;
	struct os_ram ram;
	int64_t sum, limit = (int64_t)conf->memory_limit;

	if (os_ram_look("", 0, &ram) != OK)
		return 0;
	sum = ram.total_bytes;
	if (os_gpus_open(NULL, "", &gpus) == OK) {
		size_t n = os_gpus_look(gpus, gpu, OS_GPUS_MAX);

		while (n-- > 0)
			sum += gpu[n].total_bytes;
		os_gpus_close(gpus);
	}
	return limit > 0 && limit < sum ? limit : sum;
}

int
holds_find(const struct conf *conf, const struct conf_engine *e,
    const struct recipe *r)
{
	const char *store = recipe_env(r, "OLLAMA_MODELS");
	const char *home = recipe_env(r, "HOME");
	const char *type = recipe_env(r, "OLLAMA_KV_CACHE_TYPE");
	char own[PATH_MAX], found[PATH_MAX];
	struct holds *h;
	int holds;

	(void)snprintf(own, sizeof own, "%s/.ollama/models", home ? home : "");
	if (store == NULL) {
		if (store_choose(own, store_usual(), found, sizeof found) ==
		    STORE_HIDDEN)
			return HOLDS_UNKNOWN;
		store = found;
	}
	if ((h = calloc(1, sizeof *h)) == NULL)
		return HOLDS_UNKNOWN;
	h->store = store;
	h->use.context_tok = number(
	    r, "OLLAMA_CONTEXT_LENGTH", SHAPE_CONTEXT_MAX, CONTEXT_LEAST);
	h->use.slots = e->slots != CONF_AUTO
	    ? e->slots
	    : number(r, "OLLAMA_NUM_PARALLEL", SHAPE_SLOTS_MAX, 1);
	if (type != NULL && shape_type_find(slice_str(type), &h->use.k_type))
		h->use.v_type = h->use.k_type;
	for (size_t i = 0; i < conf->n_models; i++)
		add(h, conf->models[i].name);
	if (conf->n_models == 0)
		store_each(store, add, h);
	holds = holds_judge(h->need, h->n, memory_bytes(conf));
	free(h);
	return holds;
}
