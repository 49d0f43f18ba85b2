/*
 * Two who run one engine, and engines that are not as the configuration has
 * them.  What is looked at is the process that holds an engine's port: its
 * group (a unit of systemd's), its environment, and what the engine answers.
 */
#include "conf/problem.h"
#include "ctl/check.h"
#include "ctl/doc.h"
#include "ctl/doctor_part.h"
#include "engine/recipe.h"
#include "engine/slots.h"
#include "os/peer.h"
#include "os/proc.h"
#include "os/sock.h"
#include "os/unit.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	ANSWER_MAX = 1 << 20,
	ENVIRON_MAX = 256 * 1024,
	OLLAMA_PORT = 11434,
	TEXT_MAX = 600,
};

/* Who holds a port. */
struct holder {
	pid_t pid; /* 0: nobody, or it cannot be told */
	bool is_ollama;
	char unit[256];	   /* of systemd's; "": none */
	char name[64];	   /* of the program */
	struct buf env;	   /* NUL behind each; of its unit's files, else */
	struct slice mark; /* WEIR_ENGINE: some weir has started it */
};

struct look {
	struct doctor *d;
	const struct conf *c;
	const struct conf_engine *e;
	struct holder h;
	struct buf answer;
};

static struct slice
variable(struct slice env, const char *name)
{
	while (env.n > 0) {
		struct slice value = slice_cut(&env, '\0');

		if (slice_is(slice_cut(&value, '='), name))
			return value;
	}
	return slice_of("", 0);
}

static bool
hold(struct holder *h, uint16_t port)
{
	char path[PATH_MAX];
	struct slice s;

	*h = (struct holder){.pid = os_sock_port_pid(port)};
	if (h->pid <= 0)
		h->pid = os_sock_port_pid_named(port, "ollama");
	if (h->pid <= 0)
		return false;
	buf_init(&h->env, ENVIRON_MAX);
	if (os_unit_environ_of(h->pid, &h->env) != OK)
		buf_clear(&h->env);
	h->mark = variable(buf_slice(&h->env), RECIPE_MARK);
	if (os_unit_of(h->pid, h->unit, sizeof h->unit) != OK)
		h->unit[0] = '\0';
	(void)snprintf(h->name, sizeof h->name, "a process");
	if (os_peer_exe(h->pid, path, sizeof path) == OK) {
		s = slice_str(path);
		s = slice_from(s, slice_rfind(s, '/') + 1);
		(void)snprintf(h->name, sizeof h->name, "%.*s",
		    SLICE_ARG(slice_to(s, sizeof h->name - 1)));
	}
	h->is_ollama = strcmp(h->name, "ollama") == 0;
	return true;
}

static void
let_go(struct holder *h)
{
	if (h->pid > 0)
		buf_fini(&h->env);
}

/* --- two supervisors --- */

/* NAME@KEEPER@FOLDER: is it the weir of this configuration? */
static bool
is_ours(const struct conf *c, struct slice mark)
{
	struct conf_env env = ctl_env();
	struct buf state;
	bool is = false;

	buf_init(&state, PATH_MAX);
	(void)slice_cut(&mark, '@');
	(void)slice_cut(&mark, '@');
	if (conf_state_path(c, &env, &state) == OK)
		is = slice_eq(buf_slice(&state), mark);
	buf_fini(&state);
	return is;
}

static void
tell_second(struct look *l, unsigned port)
{
	const struct holder *h = &l->h;
	char what[TEXT_MAX], cure[TEXT_MAX];
	struct slice folder = h->mark;

	(void)slice_cut(&folder, '@');
	(void)slice_cut(&folder, '@');
	if (h->mark.n > 0) {
		(void)snprintf(what, sizeof what,
		    "the engine on port %u is run by another weir, whose state "
		    "is in %.*s",
		    port, SLICE_ARG(slice_to(folder, 300)));
		(void)snprintf(cure, sizeof cure,
		    "engines: %.*s: leave `run` to one of them, or give each "
		    "a url of its own",
		    SLICE_ARG(slice_to(l->e->name, 64)));
	} else if (h->unit[0] != '\0') {
		(void)snprintf(what, sizeof what,
		    "weir is to run the engine %.*s, and systemd runs one on "
		    "port %u (%s)",
		    SLICE_ARG(slice_to(l->e->name, 64)), port, h->unit);
		(void)snprintf(cure, sizeof cure,
		    "systemctl disable --now %s, or write `unit: %s` in place "
		    "of `run`",
		    h->unit, h->unit);
	} else {
		(void)snprintf(what, sizeof what,
		    "weir is to run the engine %.*s, and %s (pid %ld), which "
		    "somebody else has started, has port %u",
		    SLICE_ARG(slice_to(l->e->name, 64)), h->name, (long)h->pid,
		    port);
		(void)snprintf(cure, sizeof cure,
		    "end that one (quit the desktop app; kill %ld), or write "
		    "its url and no `run`",
		    (long)h->pid);
	}
	doctor_wrong(l->d, "two_supervisors", what, cure);
}

/* `unit:` says that systemd runs it; does somebody else? */
static void
look_at_unit(struct look *l)
{
	const struct holder *h = &l->h;
	struct slice unit = l->e->unit;
	char what[TEXT_MAX], cure[TEXT_MAX], group[PATH_MAX];

	if (os_peer_group(h->pid, group, sizeof group) != OK)
		group[0] = '\0';
	/* A container's group has no unit: that may well be its own. */
	if (slice_is(unit, h->unit) ||
	    (h->unit[0] == '\0' && h->mark.n == 0 &&
		strncmp(group, "/user.slice/", 12) != 0))
		return;
	(void)snprintf(what, sizeof what,
	    "%.*s is to run the engine %.*s, and %s (pid %ld%s%s) has its port",
	    SLICE_ARG(slice_to(unit, 100)), SLICE_ARG(slice_to(l->e->name, 64)),
	    h->name, (long)h->pid, h->unit[0] ? ", " : "", h->unit);
	(void)snprintf(cure, sizeof cure,
	    "end that one (quit the desktop app; kill %ld), then systemctl "
	    "restart %.*s",
	    (long)h->pid, SLICE_ARG(slice_to(unit, 100)));
	doctor_wrong(l->d, "two_supervisors", what, cure);
}

static void
look_at_supervisors(struct look *l, unsigned port)
{
	if (l->h.pid > 0 && l->e->unit.n > 0)
		look_at_unit(l);
	if (l->h.pid > 0 && l->e->run.n > 0 &&
	    (l->h.mark.n == 0 || !is_ours(l->c, l->h.mark)))
		tell_second(l, port);
}

/* An Ollama that weir runs elsewhere, and one where Ollamas usually are. */
static void
look_beside(struct look *l)
{
	struct holder own = l->h;

	if (l->e->run.n == 0 || l->e->url.port == OLLAMA_PORT ||
	    !slice_has(l->e->run, (struct slice)SLICE("ollama")))
		return;
	if (hold(&l->h, OLLAMA_PORT) && l->h.is_ollama)
		look_at_supervisors(l, OLLAMA_PORT);
	let_go(&l->h);
	l->h = own;
}

/* --- slots and contexts --- */

/* How many requests at a time it works on; 0: not known. */
static unsigned
slots_of(struct look *l)
{
	unsigned n = 0;

	for (size_t i = 0; i < l->e->env.n; i++)
		if (slice_is(l->e->env.v[i].name, "OLLAMA_NUM_PARALLEL"))
			n = (unsigned)strtoul(l->e->env.v[i].value.p, NULL, 10);
	if (l->h.pid > 0 && n == 0)
		n = slots_of_environ(
		    buf_slice(&l->h.env), "OLLAMA_NUM_PARALLEL");
	/* Ollama's own default. */
	if (n == 0 && l->h.is_ollama && l->h.env.n > 0)
		n = 1;
	if (n == 0 && ctl_probe_get(l->e, "/props", &l->answer) == OK)
		n = (unsigned)doc_int(buf_slice(&l->answer), "total_slots");
	return n;
}

static void
look_at_slots(struct look *l)
{
	long long want = l->e->slots;
	unsigned have;
	char what[TEXT_MAX], cure[TEXT_MAX];

	if (l->e->slots == CONF_AUTO || (have = slots_of(l)) == 0 ||
	    want <= (long long)have)
		return;
	(void)snprintf(what, sizeof what,
	    "weir sends the engine %.*s %lld requests at a time, which works "
	    "on %u: the others wait inside of it, past weir's line",
	    SLICE_ARG(slice_to(l->e->name, 64)), want, have);
	(void)snprintf(cure, sizeof cure,
	    "engines: %.*s: slots: auto, or start it with "
	    "OLLAMA_NUM_PARALLEL=%lld (llama-server: --parallel %lld)",
	    SLICE_ARG(slice_to(l->e->name, 64)), want, want);
	doctor_wrong(l->d, "slots_disagree", what, cure);
}

static bool
is_model(struct slice a, struct slice b)
{
	static const struct slice latest = SLICE(":latest");

	if (a.n > latest.n && slice_eq(slice_from(a, a.n - latest.n), latest))
		a = slice_to(a, a.n - latest.n);
	if (b.n > latest.n && slice_eq(slice_from(b, b.n - latest.n), latest))
		b = slice_to(b, b.n - latest.n);
	return slice_eq_nocase(a, b);
}

static void
compare_context(struct look *l, struct slice name, int64_t have_tok)
{
	char what[TEXT_MAX], cure[TEXT_MAX];

	for (size_t i = 0; i < l->c->n_models && have_tok > 0; i++) {
		const struct conf_model *m = &l->c->models[i];

		if (m->context == CONF_AUTO || m->context <= have_tok ||
		    m->overflow == CONF_OVERFLOW_FIT ||
		    !is_model(m->name, name))
			continue;
		(void)snprintf(what, sizeof what,
		    "models: %.*s: context is %lld, but the engine %.*s has "
		    "it with %lld tokens",
		    SLICE_ARG(slice_to(m->name, 200)), (long long)m->context,
		    SLICE_ARG(slice_to(l->e->name, 64)), (long long)have_tok);
		(void)snprintf(cure, sizeof cure,
		    "write context: %lld, or start it with "
		    "OLLAMA_CONTEXT_LENGTH=%lld (llama-server: --ctx-size), or "
		    "overflow: fit",
		    (long long)have_tok, (long long)m->context);
		doctor_wrong(l->d, "context_disagrees", what, cure);
	}
}

/* A text of JSON without its quotes; names have no escapes. */
static struct slice
bare(struct slice s)
{
	return s.n >= 2 && s.p[0] == '"' ? slice_of(s.p + 1, s.n - 2) : s;
}

static void
look_at_contexts(struct look *l)
{
	struct json_reader r;
	struct slice row;
	int64_t tok = 0;

	if (l->c->n_models == 0)
		return;
	/* Ollama */
	if (ctl_probe_get(l->e, "/api/ps", &l->answer) == OK) {
		doc_begin(&r, doc_get(buf_slice(&l->answer), "models"));
		while (doc_next(&r, &row))
			compare_context(l, bare(doc_get(row, "name")),
			    doc_int(row, "context_length"));
	}
	/* llama-server: one context for what it has */
	if (ctl_probe_get(l->e, "/props", &l->answer) == OK)
		tok = doc_int(doc_get(buf_slice(&l->answer),
				  "default_generation_settings"),
		    "n_ctx");
	if (tok == 0 || ctl_probe_get(l->e, "/v1/models", &l->answer) != OK)
		return;
	doc_begin(&r, doc_get(buf_slice(&l->answer), "data"));
	while (doc_next(&r, &row))
		compare_context(l, bare(doc_get(row, "id")), tok);
}

/* --- two weirs --- */

/* Keepers that run, and how many of them have the engine at ${url}. */
struct keepers {
	struct slice url;
	unsigned n;
	pid_t pids[2];
};

static bool
has_engine(const char *path, struct slice url)
{
	static struct conf_problems problems;
	struct conf *c = NULL;
	bool has = false;

	if (conf_load(path, &c, &problems) != OK)
		return false;
	for (size_t i = 0; i < c->n_engines; i++)
		has = has || slice_eq_nocase(c->engines[i].url.text, url);
	conf_drop(c);
	return has;
}

/* The file of `weir serve -c FILE`, as seen from here; false: it is another. */
static bool
file_of(pid_t pid, struct slice args, char *out, size_t cap)
{
	struct slice program = slice_cut(&args, '\0'), file = slice_of("", 0);
	size_t at = slice_rfind(program, '/');

	if (at < program.n)
		program = slice_from(program, at + 1);
	if (!slice_is(program, "weir") ||
	    !slice_is(slice_cut(&args, '\0'), "serve"))
		return false;
	while (args.n > 0) {
		struct slice word = slice_cut(&args, '\0');

		if (slice_is(word, "-c") || slice_is(word, "--config"))
			file = slice_cut(&args, '\0');
	}
	if (file.n > 0 && file.p[0] == '/')
		(void)snprintf(out, cap, "%.*s", SLICE_ARG(file));
	else
		(void)snprintf(out, cap, "/proc/%ld/cwd/%.*s", (long)pid,
		    SLICE_ARG(
			file.n > 0 ? file : (struct slice)SLICE("weir.yaml")));
	return true;
}

static void
see_process(void *ctx, pid_t pid, struct slice path)
{
	struct keepers *k = ctx;
	char file[PATH_MAX];
	struct buf args;

	(void)path;
	buf_init(&args, ENVIRON_MAX);
	if (os_proc_args(pid, &args) == OK &&
	    file_of(pid, buf_slice(&args), file, sizeof file) &&
	    has_engine(file, k->url)) {
		if (k->n < 2)
			k->pids[k->n] = pid;
		k->n++;
	}
	buf_fini(&args);
}

static void
look_at_weirs(struct look *l)
{
	struct keepers k = {.url = l->e->url.text};
	char what[TEXT_MAX];

	os_proc_each_with("PATH", see_process, &k);
	if (k.n < 2)
		return;
	(void)snprintf(what, sizeof what,
	    "%u weirs have the engine %.*s (pids %ld, %ld): neither knows of "
	    "the other's requests",
	    k.n, SLICE_ARG(slice_to(l->e->url.text, 300)), (long)k.pids[0],
	    (long)k.pids[1]);
	doctor_wrong(l->d, "two_weirs", what,
	    "end one of them, and send its callers to the other");
}

static bool
is_here(struct slice host)
{
	return slice_is(host, "localhost") || slice_is(host, "::1") ||
	    slice_starts(host, (struct slice)SLICE("127."));
}

void
doctor_look_at_runs(struct doctor *d, const struct conf *c)
{
	struct look l = {.d = d, .c = c};

	buf_init(&l.answer, ANSWER_MAX);
	for (size_t i = 0; i < c->n_engines; i++) {
		uint16_t port = (uint16_t)c->engines[i].url.port;

		l.e = &c->engines[i];
		l.h = (struct holder){0};
		if (l.e->url.text.n > 0 && l.e->url.path.n == 0 &&
		    is_here(l.e->url.host))
			(void)hold(&l.h, port);
		look_at_supervisors(&l, port);
		look_beside(&l);
		if (l.e->url.text.n > 0) {
			look_at_slots(&l);
			look_at_contexts(&l);
			look_at_weirs(&l);
		}
		let_go(&l.h);
	}
	buf_fini(&l.answer);
}
