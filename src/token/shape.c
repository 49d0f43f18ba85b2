/*
 * What is counted for a layer depends on what kind it is: attention over all of
 * the context, attention within a window, recurrent, or several of these.  The
 * file tells that by keys of its architecture; what llama.cpp knows by heart of
 * some architectures stands in a table here.
 */
#include "token/shape.h"
#include <stdio.h>
#include <sys/stat.h>

enum {
	LAYERS_MAX = 1024,
	HEADS_MAX = 1 << 16,
	LENGTH_MAX = 1 << 20,
	CELLS_PAD = 256,
	KEY_MAX = 160,
	PARTS_MAX = 512,
};

/* No layer has more than this for one token: 16 GiB of f16 in all. */
#define VALUES_MAX (INT64_C(1) << 33)

/* Which layers of an architecture have a window, where no list says. */
static const struct windows {
	const char *architecture;
	unsigned period;     /* one of so many sees all */
	bool is_dense_first; /* the first of them, else the last */
	int64_t window_tok;  /* without a key; 0: then there is none */
	unsigned layers;     /* only with so many; 0: always */
} windows[] = {
    {"gemma2", 2, false, 4096, 0},
    {"gemma3", 6, false, 0, 0},
    {"gemma3n", 5, false, 0, 0},
    {"cohere2", 4, false, 4096, 0},
    {"cohere2moe", 4, false, 0, 0},
    {"gpt-oss", 2, false, 0, 0},
    {"gptoss", 2, false, 0, 0}, /* as Ollama's library has it */
    {"llama4", 4, false, 8192, 0},
    {"olmo2", 4, false, 0, 0},
    {"exaone4", 4, false, 4096, 64},
    {"exaone-moe", 4, false, 0, 0},
    {"smallthinker", 4, true, 4096, 0},
    {"afmoe", 4, false, 0, 0},
    {"plamo3", 8, false, 0, 0},
};

/* They keep no context: embedders, and models that diffuse. */
static const char *const keeps_none[] = {"bert", "jina-bert-v2", "jina-bert-v3",
    "nomic-bert", "nomic-bert-moe", "neo-bert", "eurobert", "modern-bert",
    "gemma-embedding", "dream", "llada", "llada-moe", "rnd1"};

static const struct {
	const char *name;
	unsigned block, bytes; /* values of a block, and what it takes */
} types[SHAPE_TYPES] = {
    [SHAPE_F16] = {"f16", 1, 2},
    [SHAPE_F32] = {"f32", 1, 4},
    [SHAPE_BF16] = {"bf16", 1, 2},
    [SHAPE_Q8_0] = {"q8_0", 32, 34},
    [SHAPE_Q5_1] = {"q5_1", 32, 24},
    [SHAPE_Q5_0] = {"q5_0", 32, 22},
    [SHAPE_Q4_1] = {"q4_1", 32, 20},
    [SHAPE_Q4_0] = {"q4_0", 32, 18},
    [SHAPE_IQ4_NL] = {"iq4_nl", 32, 18},
};

/* The metadata being read. */
struct reading {
	const struct gguf *g;
	struct slice architecture;
	const struct windows *windows; /* NULL: none known */
	bool has_range_error;
	int64_t layers, embedding, heads;
	int64_t k_length, v_length, k_length_window, v_length_window;
	int64_t last_kv_layer;	  /* those behind share; layers: none do */
	int64_t attention_period; /* hybrid: one of so many has it; 0: none */
};

static const struct gguf_value *
find(const struct reading *r, const char *name)
{
	char key[KEY_MAX];
	int n = snprintf(
	    key, sizeof key, "%.*s.%s", SLICE_ARG(r->architecture), name);

	return n > 0 && (size_t)n < sizeof key ? gguf_find(r->g, key) : NULL;
}

/* The number ${name} of layer ${i}, at most ${max}; ${other} without one. */
static int64_t
number_of(
    struct reading *r, const char *name, uint64_t i, int64_t max, int64_t other)
{
	const struct gguf_value *v = find(r, name);
	int64_t n = other;

	if (v == NULL || !gguf_item_i64(v, i, &n))
		return other;
	if (n < 0 || n > max) {
		r->has_range_error = true;
		return 0;
	}
	return n;
}

static int64_t
number(struct reading *r, const char *name, int64_t max, int64_t other)
{
	return number_of(r, name, 0, max, other);
}

/* --- what kind of layer --- */

static bool
is_architecture(const struct reading *r, const char *name)
{
	return slice_is(r->architecture, name);
}

static bool
keeps_no_context(const struct reading *r)
{
	for (size_t i = 0; i < sizeof keeps_none / sizeof *keeps_none; i++)
		if (is_architecture(r, keeps_none[i]))
			return true;
	return false;
}

static const struct windows *
windows_of(const struct reading *r)
{
	for (size_t i = 0; i < sizeof windows / sizeof *windows; i++)
		if (is_architecture(r, windows[i].architecture) &&
		    (windows[i].layers == 0 || windows[i].layers == r->layers))
			return &windows[i];
	return NULL;
}

/* The window of those layers that have one; 0: none has. */
static int64_t
read_window(struct reading *r)
{
	int64_t other = r->windows ? r->windows->window_tok : 0;

	if (r->windows == NULL &&
	    find(r, "attention.sliding_window_pattern") == NULL)
		return 0;
	return number(r, "attention.sliding_window", SHAPE_CONTEXT_MAX, other);
}

static bool
has_window(struct reading *r, int64_t layer)
{
	const struct gguf_value *v =
	    find(r, "attention.sliding_window_pattern");
	int64_t period = r->windows ? (int64_t)r->windows->period : 1;
	int64_t place;

	if (v != NULL && v->type == GGUF_ARRAY)
		return number_of(r, "attention.sliding_window_pattern",
			   (uint64_t)layer, 1, 0) != 0;
	if (v != NULL)
		period = number(
		    r, "attention.sliding_window_pattern", LAYERS_MAX, period);
	if (period == 0)
		return true;
	place = layer % period;
	return r->windows && r->windows->is_dense_first ? place != 0
							: place < period - 1;
}

static bool
has_attention(struct reading *r, int64_t layer, int64_t heads_kv)
{
	if (heads_kv == 0 || layer >= r->last_kv_layer)
		return false;
	return r->attention_period == 0 ||
	    (layer + 1) % r->attention_period == 0;
}

/* --- recurrent layers --- */

/* What one slot keeps of one recurrent layer; 0: there are none. */
static int64_t
state_values(struct reading *r)
{
	int64_t conv = number(r, "ssm.conv_kernel", 4096, 0);
	int64_t inner = number(r, "ssm.inner_size", LENGTH_MAX, 0);
	int64_t state = number(r, "ssm.state_size", LENGTH_MAX, 0);
	int64_t groups = number(r, "ssm.group_count", 4096, 0);
	int64_t short_conv = number(r, "shortconv.l_cache", 4096, 0);
	int64_t wkv = number(r, "wkv.head_size", LENGTH_MAX, 0);
	int64_t kda = number(r, "kda.head_dim", 4096, 0);

	if (wkv > 0)
		return r->embedding *
		    (wkv + number(r, "token_shift_count", 16, 2));
	if (short_conv > 0)
		return r->embedding * (short_conv - 1);
	if (kda > 0)
		return r->heads * kda * (3 * (conv > 0 ? conv - 1 : 0) + kda);
	if (conv == 0 || inner == 0)
		return 0;
	return (conv - 1) * (inner + 2 * groups * state) + state * inner;
}

static bool
is_recurrent(struct reading *r, int64_t layer, int64_t heads_kv)
{
	if (is_architecture(r, "falcon-h1"))
		return true;
	if (r->attention_period != 0)
		return (layer + 1) % r->attention_period != 0;
	if (heads_kv != 0)
		return false;
	/* Its layers do one thing each: what has a width is feed-forward. */
	return !slice_starts(
		   r->architecture, (struct slice)SLICE("nemotron_h")) ||
	    number_of(
		r, "feed_forward_length", (uint64_t)layer, LENGTH_MAX, 0) == 0;
}

/* --- all of it --- */

static void
read_attention(struct reading *r)
{
	int64_t shared = number(r, "attention.shared_kv_layers", LAYERS_MAX, 0);
	int64_t length;

	r->heads = number(r, "attention.head_count", HEADS_MAX, 0);
	for (int64_t i = 1; r->heads == 0 && i < r->layers; i++)
		r->heads = number_of(
		    r, "attention.head_count", (uint64_t)i, HEADS_MAX, 0);
	length = r->heads > 0 ? r->embedding / r->heads : 0;
	r->k_length = number(r, "attention.key_length", LENGTH_MAX, length);
	r->v_length = number(r, "attention.value_length", LENGTH_MAX, length);
	r->k_length_window =
	    number(r, "attention.key_length_swa", LENGTH_MAX, r->k_length);
	r->v_length_window =
	    number(r, "attention.value_length_swa", LENGTH_MAX, r->v_length);
	/* MLA: the values are made of the one key that is kept. */
	if (number(r, "attention.key_length_mla", LENGTH_MAX, 0) > 0)
		r->v_length = 0;
	r->last_kv_layer = r->layers - shared;
	if (is_architecture(r, "gemma3n") && r->layers > 20)
		r->last_kv_layer = 20;
	if (slice_starts(r->architecture, (struct slice)SLICE("qwen35")) ||
	    is_architecture(r, "qwen3next"))
		r->attention_period =
		    number(r, "full_attention_interval", LAYERS_MAX, 4);
}

static void
add_layer(struct reading *r, int64_t layer, int64_t state, struct shape *out)
{
	/* As llama.cpp: where nothing is said, each head has its own. */
	int64_t heads =
	    number_of(r, "attention.head_count", (uint64_t)layer, HEADS_MAX, 0);
	int64_t kv = number_of(
	    r, "attention.head_count_kv", (uint64_t)layer, HEADS_MAX, heads);

	if (state > 0 && is_recurrent(r, layer, kv))
		out->state_bytes += 4 * state;
	if (!has_attention(r, layer, kv))
		return;
	if (out->window_tok > 0 && has_window(r, layer)) {
		out->k_window += kv * r->k_length_window;
		out->v_window += kv * r->v_length_window;
	} else {
		/* Sparse attention keeps a key of its own to choose by. */
		out->k_values += kv * r->k_length +
		    number(r, "attention.indexer.key_length", LENGTH_MAX, 0);
		out->v_values += kv * r->v_length;
	}
}

/* As wide as the widest step: what llama-server took for two models. */
static int64_t
work_values(struct reading *r)
{
	int64_t wide = number(r, "feed_forward_length", LENGTH_MAX, 0);
	int64_t expert = number(r, "expert_feed_forward_length", LENGTH_MAX, 0);
	int64_t used = number(r, "expert_used_count", LAYERS_MAX, 0);

	if (expert * used > wide)
		wide = expert * used;
	return 2 * r->embedding + 4 * wide;
}

static bool
is_sane(const struct shape *s)
{
	return s->k_values <= VALUES_MAX && s->v_values <= VALUES_MAX &&
	    s->k_window <= VALUES_MAX && s->v_window <= VALUES_MAX &&
	    s->state_bytes <= VALUES_MAX;
}

enum err
shape_read(const struct gguf *g, int64_t file_bytes, struct shape *out)
{
	struct reading r = {
	    .g = g, .architecture = gguf_text(g, "general.architecture")};
	int64_t state, all;

	*out = (struct shape){0};
	if (file_bytes > (int64_t)gguf_bytes(g))
		out->weights_bytes = file_bytes - (int64_t)gguf_bytes(g);
	all = number(&r, "block_count", LAYERS_MAX, 0);
	/* Those that only guess what comes next are not loaded. */
	r.layers = all - number(&r, "nextn_predict_layers", LAYERS_MAX, 0);
	r.embedding = number(&r, "embedding_length", LENGTH_MAX, 0);
	if (r.architecture.n == 0 || r.layers <= 0 || r.embedding == 0)
		return r.has_range_error ? ERR_RANGE : ERR_SYNTAX;
	out->layers = (unsigned)r.layers;
	out->context_max_tok =
	    number(&r, "context_length", SHAPE_CONTEXT_MAX, 0);
	out->work_values = work_values(&r);
	read_attention(&r);
	r.windows = windows_of(&r);
	out->window_tok = read_window(&r);
	state = state_values(&r);
	for (int64_t i = 0; i < r.layers && !keeps_no_context(&r); i++)
		add_layer(&r, i, state, out);
	return r.has_range_error || !is_sane(out) ? ERR_RANGE : OK;
}

/* --- the file --- */

/* Bytes of all parts of a split model, of which ${path} is one; else 0. */
static int64_t
bytes_of_parts(const char *path, int64_t parts)
{
	size_t n = strlen(path);
	int64_t sum = 0;
	char other[4400];
	struct stat st;

	/* NAME-00001-of-00003.gguf */
	if (parts < 2 || parts > PARTS_MAX || n < 20 || n >= sizeof other)
		return 0;
	for (int64_t i = 1; i <= parts; i++) {
		(void)snprintf(other, sizeof other, "%.*s-%05d%s",
		    (int)(n - 20), path, (int)i, path + n - 14);
		if (stat(other, &st) != 0)
			return 0;
		sum += (int64_t)st.st_size;
	}
	return sum;
}

enum err
shape_open(const char *path, struct shape *out)
{
	int64_t bytes, parts = 0;
	struct gguf *g;
	struct stat st;
	enum err e = gguf_open(path, &g);

	if (e != OK)
		return e;
	if (stat(path, &st) != 0) {
		gguf_free(g);
		return ERR_IO;
	}
	bytes = (int64_t)st.st_size;
	if (gguf_i64(g, "split.count", &parts) && parts > 1)
		parts = bytes_of_parts(path, parts);
	e = shape_read(g, parts > bytes ? parts : bytes, out);
	gguf_free(g);
	return e;
}

/* --- what it takes --- */

static int64_t
clamp(int64_t n, int64_t least, int64_t most)
{
	return n < least ? least : n > most ? most : n;
}

static int64_t
pad(int64_t cells)
{
	return (cells + CELLS_PAD - 1) / CELLS_PAD * CELLS_PAD;
}

static int64_t
bytes_of(int64_t values, enum shape_type t)
{
	return (values + types[t].block - 1) / types[t].block * types[t].bytes;
}

/* No sum of what the maxima allow may overflow. */
static int64_t
times(int64_t bytes, int64_t n)
{
	return bytes > 0 && n > INT64_MAX / 8 / bytes ? INT64_MAX / 8
						      : bytes * n;
}

struct shape_need
shape_need(const struct shape *s, const struct shape_use *u)
{
	struct shape_need need = {.weights_bytes = s->weights_bytes};
	int64_t slots = clamp(u->slots, 1, SHAPE_SLOTS_MAX);
	int64_t batch = clamp(
	    u->batch_tok ? u->batch_tok : SHAPE_BATCH, 1, SHAPE_CONTEXT_MAX);
	int64_t each = u->context_tok ? u->context_tok : s->context_max_tok;
	int64_t streams = u->is_shared ? 1 : slots, cells, window;

	cells = pad(clamp(each, 1, SHAPE_CONTEXT_MAX));
	if (batch > cells)
		batch = cells;
	window = times(s->window_tok, u->is_shared ? slots : 1) + batch;
	window = pad(window < cells ? window : cells);
	need.context_bytes = times(bytes_of(s->k_values, u->k_type) +
				     bytes_of(s->v_values, u->v_type),
				 cells * streams) +
	    times(bytes_of(s->k_window, u->k_type) +
		    bytes_of(s->v_window, u->v_type),
		window * streams) +
	    times(s->state_bytes, slots);
	need.work_bytes = times(4 * s->work_values + 2 * cells, batch);
	need.total_bytes =
	    need.weights_bytes + need.context_bytes + need.work_bytes;
	return need;
}

int64_t
shape_fitting_context(
    const struct shape *s, const struct shape_use *u, int64_t bytes)
{
	struct shape_use try = *u;
	int64_t low = 0,
		high = u->context_tok ? u->context_tok : s->context_max_tok;

	high = clamp(high, 1, SHAPE_CONTEXT_MAX);
	/* The largest that fits lies within low and high. */
	while (low < high) {
		try.context_tok = low + (high - low + 1) / 2;
		if (shape_need(s, &try).total_bytes <= bytes)
			low = try.context_tok;
		else
			high = try.context_tok - 1;
	}
	return low > 1024 ? low / 1024 * 1024 : low;
}

bool
shape_type_find(struct slice name, enum shape_type *out)
{
	for (int i = 0; i < SHAPE_TYPES; i++)
		if (slice_is(name, types[i].name)) {
			*out = (enum shape_type)i;
			return true;
		}
	return false;
}
