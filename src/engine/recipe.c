/*
 * All words lie one behind the other in one buffer: first the count of them
 * that is the command, then NAME=VALUE, a later one of a name standing above
 * an earlier one.  So equality is that of bytes.
 */
#include "engine/recipe.h"
#include "conf/words.h"
#include <stdlib.h>

enum { TEXT_MAX = 1024 * 1024, WORDS_MAX = 4096, VALUE_MAX = 4400 };

/* Of weir's own service, or its own options: not for what it starts. */
static const struct slice hidden[] = {
    SLICE("NOTIFY_SOCKET"),
    SLICE("WATCHDOG_PID"),
    SLICE("WATCHDOG_USEC"),
    SLICE("LISTEN_PID"),
    SLICE("LISTEN_FDS"),
    SLICE("LISTEN_FDNAMES"),
    SLICE("WEIR_CONFIG"),
    SLICE(RECIPE_MARK),
    /* They write prompts into the output. */
    SLICE("OLLAMA_DEBUG"),
    SLICE("OLLAMA_DEBUG_LOG_REQUESTS"),
    SLICE("LLAMA_LOG_VERBOSITY"),
    SLICE("LLAMA_ARG_LOG_VERBOSITY"),
};

/* What is being made. */
struct maker {
	const struct recipe_of *of;
	struct buf *text;
	enum err e;
};

static void
add(struct maker *m, struct slice s)
{
	if (m->e == OK)
		m->e = buf_add(m->text, s);
}

static struct slice
name_of(struct slice pair)
{
	return slice_to(pair, slice_find(pair, '='));
}

static bool
is_hidden(struct slice name)
{
	for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
		if (slice_eq(name, hidden[i]))
			return true;
	return false;
}

/* --- the command --- */

static struct slice
program_of(const struct conf_engine *e)
{
	struct slice first = slice_to(e->run, slice_find(e->run, ' '));
	size_t at = slice_rfind(first, '/');

	return at == first.n ? first : slice_from(first, at + 1);
}

bool
recipe_is_ollama(const struct conf_engine *e)
{
	return e->kind == CONF_ENGINE_KIND_OLLAMA ||
	    (e->kind == CONF_ENGINE_KIND_AUTO &&
		slice_has(program_of(e), (struct slice)SLICE("ollama")));
}

/* Is it surely no Ollama? */
static bool
is_other(const struct conf_engine *e)
{
	return !recipe_is_ollama(e) &&
	    (e->kind != CONF_ENGINE_KIND_AUTO ||
		slice_starts(program_of(e), (struct slice)SLICE("llama")));
}

static struct slice
host_of(const struct recipe_of *of)
{
	const struct conf_url *url = &of->engine->url;

	if (url->path.n > 0)
		return url->path;
	return url->host.n > 0 ? url->host : (struct slice)SLICE("127.0.0.1");
}

static unsigned
port_of(const struct recipe_of *of)
{
	return of->engine->url.text.n > 0 ? of->engine->url.port : of->port;
}

/* ${word} with {host} and {port} filled in, and its NUL. */
static void
add_filled(struct maker *m, struct slice word)
{
	static const struct slice host = SLICE("{host}"),
				  port = SLICE("{port}");

	while (word.n > 0) {
		size_t n = slice_find(word, '{');

		add(m, slice_to(word, n));
		word = slice_from(word, n);
		if (slice_starts(word, host)) {
			add(m, host_of(m->of));
			word = slice_from(word, host.n);
		} else if (slice_starts(word, port)) {
			if (m->e == OK)
				m->e = buf_add_u64(m->text, port_of(m->of));
			word = slice_from(word, port.n);
		} else {
			add(m, slice_to(word, 1));
			word = slice_from(word, word.n > 0 ? 1 : 0);
		}
	}
	add(m, slice_of("", 1));
}

static size_t
add_command(struct maker *m)
{
	struct buf words;
	struct slice rest;
	size_t n = 0;

	buf_init(&words, 16 * 1024);
	m->e = conf_words(m->of->engine->run, &words, &n);
	rest = buf_slice(&words);
	for (size_t i = 0; i < n && m->e == OK; i++)
		add_filled(m, slice_cut(&rest, 0));
	buf_fini(&words);
	return n;
}

/* --- the environment --- */

static void
set(struct maker *m, const char *name, struct slice value)
{
	add(m, slice_str(name));
	add(m, (struct slice)SLICE("="));
	add(m, value);
	add(m, slice_of("", 1));
}

static void
set_number(struct maker *m, const char *name, int64_t value)
{
	add(m, slice_str(name));
	add(m, (struct slice)SLICE("="));
	if (m->e == OK)
		m->e = buf_add_i64(m->text, value);
	add(m, slice_of("", 1));
}

/* The largest of the models' own: no other cuts none of their prompts. */
static int64_t
largest_context(const struct conf *c)
{
	int64_t most = 0;

	for (size_t i = 0; i < c->n_models; i++)
		if (c->models[i].context > most)
			most = c->models[i].context;
	return most;
}

static void
set_for_ollama(struct maker *m)
{
	const struct conf_engine *e = m->of->engine;
	int64_t context = largest_context(m->of->conf);

	if (e->url.path.n == 0) {
		struct buf at;

		buf_init(&at, VALUE_MAX);
		if (m->e == OK)
			m->e = e->url.text.n > 0
			    ? buf_add(&at, e->url.authority)
			    : buf_printf(&at, "127.0.0.1:%u", m->of->port);
		set(m, "OLLAMA_HOST", buf_slice(&at));
		buf_fini(&at);
	}
	set(m, "OLLAMA_NO_CLOUD", slice_str("1"));
	set(m, "OLLAMA_DEBUG", slice_str("false"));
	set(m, "OLLAMA_DEBUG_LOG_REQUESTS", slice_str("false"));
	if (e->slots != CONF_AUTO)
		set_number(m, "OLLAMA_NUM_PARALLEL", e->slots);
	if (context > 0)
		set_number(m, "OLLAMA_CONTEXT_LENGTH", context);
}

static void
set_for_llama(struct maker *m)
{
	set(m, "LLAMA_ARG_HOST", host_of(m->of));
	if (m->of->engine->url.path.n == 0)
		set_number(m, "LLAMA_ARG_PORT", port_of(m->of));
}

static void
add_env(struct maker *m)
{
	const struct conf_pairs *own = &m->of->engine->env;

	if (m->of->home != NULL)
		set(m, "HOME", slice_str(m->of->home));
	for (char *const *at = m->of->around; *at != NULL; at++)
		if (!is_hidden(name_of(slice_str(*at))))
			add(m, slice_of(*at, strlen(*at) + 1));
	if (!is_other(m->of->engine))
		set_for_ollama(m);
	if (!recipe_is_ollama(m->of->engine))
		set_for_llama(m);
	for (size_t i = 0; i < own->n; i++)
		set(m, own->v[i].name.p, own->v[i].value);
	set(m, RECIPE_MARK, slice_str(m->of->mark));
}

/* --- the arrays --- */

/* Those of a name that comes again are left out. */
static bool
is_last(struct slice pair, struct slice rest)
{
	while (rest.n > 0) {
		struct slice other = slice_cut(&rest, 0);

		if (slice_eq(name_of(other), name_of(pair)))
			return false;
	}
	return true;
}

static enum err
make_arrays(struct recipe *r, size_t n_argv)
{
	struct slice rest = buf_slice(&r->text);
	size_t n = 0, k = 0;

	for (size_t i = 0; i < rest.n; i++)
		n += rest.p[i] == 0;
	if (n > WORDS_MAX)
		return ERR_RANGE;
	r->argv = calloc(n + 2, sizeof *r->argv);
	if (r->argv == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < n_argv; i++)
		r->argv[k++] = (char *)(uintptr_t)slice_cut(&rest, 0).p;
	k++;
	r->env = r->argv + k;
	while (rest.n > 0) {
		struct slice pair = slice_cut(&rest, 0);

		if (is_last(pair, rest))
			r->argv[k++] = (char *)(uintptr_t)pair.p;
	}
	return OK;
}

static size_t
count_argv(const struct recipe *r)
{
	size_t n = 0;

	while (r->argv[n] != NULL)
		n++;
	return n;
}

enum err
recipe_make(struct recipe *r, const struct recipe_of *of)
{
	struct maker m = {.of = of, .text = &r->text};
	size_t n;

	*r = (struct recipe){0};
	buf_init(&r->text, TEXT_MAX);
	n = add_command(&m);
	add_env(&m);
	return m.e == OK ? make_arrays(r, n) : m.e;
}

const char *
recipe_env(const struct recipe *r, const char *name)
{
	for (char **at = r->env; *at != NULL; at++)
		if (slice_is(name_of(slice_str(*at)), name))
			return *at + strlen(name) + 1;
	return NULL;
}

bool
recipe_eq(const struct recipe *a, const struct recipe *b)
{
	return slice_eq(buf_slice(&a->text), buf_slice(&b->text)) &&
	    count_argv(a) == count_argv(b);
}

void
recipe_fini(struct recipe *r)
{
	free((void *)r->argv);
	buf_fini(&r->text);
	*r = (struct recipe){0};
}
