/* Each look adds findings; one that is wrong comes with what mends it. */
#include "ctl/doctor.h"
#include "caller/caller.h"
#include "ctl/check.h"
#include "ctl/doctor_part.h"
#include "ctl/grid.h"
#include "engine/blob.h"
#include "engine/store.h"
#include "json/write.h"
#include "os/clock.h"
#include "os/disk.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/gpu.h"
#include "os/ram.h"
#include "os/sock.h"
#include "token/shape.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { OUT_MAX = 4 << 20, CONTEXT_LEAST = 4096, OTHERS_READ = 0044 };

/* 2025-01-01: a clock before that was never set. */
#define CLOCK_LEAST_US (INT64_C(1735689600) * 1000000)

struct doctor {
	struct conf *conf;
	struct buf text;      /* findings, for people */
	struct json_writer w; /* and for programs, into json */
	struct buf json, models;
	struct json_writer m;
	struct grid *grid;
	int64_t memory_bytes;
	const char *store;
	size_t n_wrong, n_models;
};

void
doctor_wrong(
    struct doctor *d, const char *code, const char *what, const char *cure)
{
	d->n_wrong++;
	(void)!buf_printf(&d->text, "wrong: %s\n  %s\n", what, cure);
	json_object_begin(&d->w, NULL);
	json_str(&d->w, "code", slice_str(code));
	json_str(&d->w, "what", slice_str(what));
	json_str(&d->w, "cure", slice_str(cure));
	json_object_end(&d->w);
}

/* --- the engines --- */

static void
look_at_port(struct doctor *d, const char *host, unsigned port)
{
	char what[300], cure[300];

	if (strcmp(host, "localhost") != 0 && strncmp(host, "127.", 4) != 0)
		return;
	if (!os_sock_port_is_public("", (uint16_t)port))
		return;
	(void)snprintf(what, sizeof what,
	    "the engine on port %u can be reached from other machines, past "
	    "weir",
	    port);
	(void)snprintf(cure, sizeof cure,
	    "start it with OLLAMA_HOST=127.0.0.1:%u (llama-server: --host "
	    "127.0.0.1)",
	    port);
	doctor_wrong(d, "engine_bypassable", what, cure);
}

/* Lines "# engine NAME, URL: it answers: ..." */
static void
look_at_engines(struct doctor *d)
{
	struct buf found;
	struct slice rest;

	buf_init(&found, OUT_MAX);
	if (ctl_probe_engines(d->conf, &found) != OK)
		buf_clear(&found);
	rest = buf_slice(&found);
	while (rest.n > 0) {
		struct slice line = slice_cut(&rest, '\n');
		char what[400];

		if (slice_has(line, (struct slice)SLICE("it answers: ")) ||
		    slice_has(line, (struct slice)SLICE("weir runs it")))
			continue;
		(void)snprintf(what, sizeof what, "%.*s",
		    SLICE_ARG(slice_from(line, line.n > 2 ? 2 : 0)));
		doctor_wrong(d, "engine_away", what,
		    "start the engine (ollama serve), correct engines: url, or "
		    "let weir run it: engines: run");
	}
	buf_fini(&found);
	for (size_t i = 0; i < d->conf->n_engines; i++)
		look_at_port(d,
		    d->conf->engines[i].url.host.n
			? d->conf->engines[i].url.host.p
			: "",
		    d->conf->engines[i].url.port);
	if (d->conf->n_engines == 0)
		look_at_port(d, "127.0.0.1", 11434);
}

/* --- the machine --- */

static void
look_at_limits(struct doctor *d)
{
	uint64_t want = (uint64_t)d->conf->limits_connections * 2;
	uint64_t have = os_fd_raise_limit(want);
	char what[200];

	if (os_wall_us() < CLOCK_LEAST_US)
		doctor_wrong(d, "clock", "the clock is years behind",
		    "timedatectl set-ntp true");
	if (have >= want)
		return;
	(void)snprintf(what, sizeof what,
	    "%llu files may be open; %lld connections want two each",
	    (unsigned long long)have, (long long)d->conf->limits_connections);
	doctor_wrong(d, "file_limit", what,
	    "ulimit -n 65536, in a unit LimitNOFILE=65536, or lower "
	    "limits.connections");
}

static void
look_at_disk(struct doctor *d, const char *path)
{
	struct os_disk disk;
	char what[4400];
	int permille;

	if (path == NULL || os_disk_look(path, &disk) != OK)
		return;
	permille = os_disk_permille(&disk);
	if (permille < d->conf->disk_alert * 10)
		return;
	(void)snprintf(what, sizeof what, "the disk of %s is %d %% full", path,
	    permille / 10);
	doctor_wrong(
	    d, "disk", what, "free space: ollama rm MODEL, older logs");
}

static void
look_at_secret(struct doctor *d, const char *path)
{
	struct file_stamp s = file_stamp(path);
	char what[4400], cure[4400];

	if (s.ino == 0 || (s.mode & OTHERS_READ) == 0)
		return;
	(void)snprintf(
	    what, sizeof what, "others can read the keys in %s", path);
	(void)snprintf(cure, sizeof cure, "chmod 600 %s", path);
	doctor_wrong(d, "key_readable", what, cure);
}

static void
look_at_state(struct doctor *d)
{
	struct conf_env env = ctl_env();
	struct buf path;

	for (size_t i = 0; i < d->conf->n_engines; i++)
		if (d->conf->engines[i].key_file.n > 0)
			look_at_secret(d, d->conf->engines[i].key_file.p);
	buf_init(&path, PATH_MAX);
	if (conf_state_path(d->conf, &env, &path) == OK) {
		size_t n = path.n;

		if (buf_add_char(&path, '\0') == OK)
			look_at_disk(d, path.p);
		path.n = n;
		if (buf_add_str(&path, "/" CALLER_KEYFILE) == OK &&
		    buf_add_char(&path, '\0') == OK)
			look_at_secret(d, path.p);
	}
	buf_fini(&path);
}

/* --- the models --- */

static int64_t
context_of(const struct doctor *d, struct slice name, const struct shape *s)
{
	int64_t context = CONTEXT_LEAST;
	const char *env = getenv("OLLAMA_CONTEXT_LENGTH");
	uint64_t v;

	if (env && slice_u64(slice_str(env), SHAPE_CONTEXT_MAX, &v) && v > 0)
		context = (int64_t)v;
	for (size_t i = 0; i < d->conf->n_models; i++)
		if (slice_eq_nocase(d->conf->models[i].name, name) &&
		    d->conf->models[i].context != CONF_AUTO)
			context = d->conf->models[i].context;
	return s->context_max_tok > 0 && context > s->context_max_tok
	    ? s->context_max_tok
	    : context;
}

static void
cell_size(struct grid *g, int64_t bytes)
{
	(void)!buf_add_size(grid_cell(g), bytes);
	grid_end_cell(g);
}

static void
tell_model(struct doctor *d, struct slice name, const struct shape_use *u,
    const struct shape_need *n, bool fits)
{
	grid_add(d->grid, name);
	cell_size(d->grid, n->weights_bytes);
	(void)!buf_add_i64(grid_cell(d->grid), u->context_tok);
	grid_end_cell(d->grid);
	cell_size(d->grid, n->context_bytes);
	cell_size(d->grid, n->total_bytes);
	grid_add(d->grid, slice_str(fits ? "yes" : "NO"));
	json_object_begin(&d->m, NULL);
	json_str(&d->m, "model", name);
	json_int(&d->m, "weights_bytes", n->weights_bytes);
	json_int(&d->m, "context_tokens", u->context_tok);
	json_int(&d->m, "context_bytes", n->context_bytes);
	json_int(&d->m, "total_bytes", n->total_bytes);
	json_bool(&d->m, "fits", fits);
	json_object_end(&d->m);
}

static void
on_model(void *ctx, struct slice name)
{
	struct doctor *d = ctx;
	struct shape_use use = {.slots = 1};
	struct shape_need need;
	char path[PATH_MAX], what[500];
	struct shape s;

	if (blob_find(d->store, name, path, sizeof path) != OK ||
	    shape_open(path, &s) != OK)
		return;
	for (size_t i = 0; i < d->conf->n_engines; i++)
		if (d->conf->engines[i].slots > use.slots)
			use.slots = d->conf->engines[i].slots;
	use.context_tok = context_of(d, name, &s);
	need = shape_need(&s, &use);
	d->n_models++;
	tell_model(d, name, &use, &need, need.total_bytes <= d->memory_bytes);
	if (need.total_bytes <= d->memory_bytes)
		return;
	(void)snprintf(what, sizeof what,
	    "the model %.*s does not fit into the memory of this machine",
	    SLICE_ARG(slice_to(name, 300)));
	doctor_wrong(d, "model_too_large", what,
	    "fetch a smaller quantisation, or lower OLLAMA_CONTEXT_LENGTH or "
	    "models: context");
}

static void
look_at_models(struct doctor *d)
{
	const char *own = getenv("OLLAMA_MODELS"), *home = getenv("HOME");
	char usual[PATH_MAX], store[PATH_MAX];
	struct os_gpu gpu[OS_GPUS_MAX];
	struct os_gpus *gpus;
	struct os_ram ram;

	if (os_ram_look("", 1, &ram) == OK)
		d->memory_bytes = ram.total_bytes;
	if (os_gpus_open(NULL, "", &gpus) == OK) {
		size_t n = os_gpus_look(gpus, gpu, OS_GPUS_MAX);

		while (n-- > 0)
			d->memory_bytes += gpu[n].total_bytes;
		os_gpus_close(gpus);
	}
	(void)snprintf(
	    usual, sizeof usual, "%s/.ollama/models", home ? home : "");
	if (store_choose(own ? own : usual, store_usual(), store,
		sizeof store) == STORE_HIDDEN)
		doctor_wrong(d, "store_hidden",
		    "the store of Ollama's models cannot be read from here",
		    "run weir doctor as root, or as the user of Ollama");
	d->store = store;
	look_at_disk(d, store);
	store_each(store, on_model, d);
	d->store = NULL;
}

/* --- all of it --- */

static void
print(struct doctor *d, bool as_json)
{
	struct buf out;

	buf_init(&out, 3 * OUT_MAX);
	json_array_end(&d->w);
	json_array_end(&d->m);
	if (as_json) {
		(void)!buf_printf(&out,
		    "{\"ok\":%s,\"memory_bytes\":%lld,\"wrong\":%.*s,"
		    "\"models\":%.*s}\n",
		    d->n_wrong ? "false" : "true", (long long)d->memory_bytes,
		    SLICE_ARG(buf_slice(&d->json)),
		    SLICE_ARG(buf_slice(&d->models)));
	} else {
		if (d->n_models > 0)
			(void)!grid_print(d->grid, &out);
		(void)!buf_add(&out, buf_slice(&d->text));
		if (d->n_wrong == 0)
			(void)!buf_add_str(&out, "Nothing is wrong.\n");
	}
	(void)fwrite(out.p, 1, out.n, stdout);
	buf_fini(&out);
}

int
ctl_doctor(const struct ctl_args *args)
{
	struct doctor d = {.grid = calloc(1, sizeof *d.grid)};

	if (d.grid == NULL || ctl_load(args, &d.conf) != OK) {
		free(d.grid);
		return 1;
	}
	buf_init(&d.text, OUT_MAX);
	buf_init(&d.json, OUT_MAX);
	buf_init(&d.models, OUT_MAX);
	json_writer_init(&d.w, &d.json);
	json_writer_init(&d.m, &d.models);
	json_array_begin(&d.w, NULL);
	json_array_begin(&d.m, NULL);
	grid_init(d.grid, "MODEL|>WEIGHTS|>TOKENS|>CONTEXT|>TOTAL|FITS");
	look_at_engines(&d);
	doctor_look_at_runs(&d, d.conf);
	look_at_models(&d);
	look_at_limits(&d);
	look_at_state(&d);
	print(&d, args->json != NULL);
	grid_fini(d.grid);
	free(d.grid);
	buf_fini(&d.text);
	buf_fini(&d.json);
	buf_fini(&d.models);
	conf_drop(d.conf);
	return d.n_wrong > 0 || fflush(stdout) != 0;
}
