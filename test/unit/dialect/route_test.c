/* Which path is meant; and that no trick makes it another. */
#include "dialect/route.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { MUTATIONS = 400000 };

#define M(name) HTTP_METHOD_##name

static void
test_classes(void **state)
{
	static const struct {
		enum http_method method;
		const char *target;
		enum route_id id;
		enum route_class class;
	} cases[] = {
	    {M(POST), "/api/chat", ROUTE_API_CHAT, CLASS_INFERENCE},
	    {M(POST), "/api/generate", ROUTE_API_GENERATE, CLASS_INFERENCE},
	    {M(POST), "/api/embed", ROUTE_API_EMBED, CLASS_INFERENCE},
	    {M(POST), "/v1/chat/completions", ROUTE_V1_CHAT, CLASS_INFERENCE},
	    {M(POST), "/v1/completions", ROUTE_V1_COMPLETIONS, CLASS_INFERENCE},
	    {M(POST), "/v1/responses", ROUTE_V1_RESPONSES, CLASS_INFERENCE},
	    {M(POST), "/v1/messages", ROUTE_V1_MESSAGES, CLASS_INFERENCE},
	    {M(POST), "/v1/messages/count_tokens", ROUTE_V1_COUNT_TOKENS,
		CLASS_INFERENCE},
	    {M(POST), "/v1/audio/transcriptions", ROUTE_V1_TRANSCRIPTIONS,
		CLASS_INFERENCE},
	    {M(POST), "/completion", ROUTE_LLAMA_COMPLETION, CLASS_INFERENCE},
	    {M(POST), "/tokenize", ROUTE_TOKENIZE, CLASS_INFERENCE},
	    {M(GET), "/", ROUTE_ROOT, CLASS_READ},
	    {M(HEAD), "/", ROUTE_ROOT, CLASS_READ},
	    {M(GET), "/api/tags", ROUTE_API_TAGS, CLASS_READ},
	    {M(HEAD), "/api/tags", ROUTE_API_TAGS, CLASS_READ},
	    {M(GET), "/api/ps", ROUTE_API_PS, CLASS_READ},
	    {M(GET), "/api/version", ROUTE_API_VERSION, CLASS_READ},
	    {M(POST), "/api/show", ROUTE_API_SHOW, CLASS_READ},
	    {M(GET), "/v1/models", ROUTE_V1_MODELS, CLASS_READ},
	    {M(GET), "/v1/models/llama3.2", ROUTE_V1_MODEL, CLASS_READ},
	    {M(GET), "/props", ROUTE_PROPS, CLASS_READ},
	    {M(POST), "/props", ROUTE_PROPS_CHANGE, CLASS_FORBIDDEN},
	    {M(GET), "/lora-adapters", ROUTE_LORA, CLASS_READ},
	    {M(POST), "/lora-adapters", ROUTE_LORA_CHANGE, CLASS_FORBIDDEN},
	    {M(GET), "/health", ROUTE_HEALTH, CLASS_READ},
	    {M(GET), "/models", ROUTE_MODELS, CLASS_READ},
	    {M(DELETE), "/models", ROUTE_MODELS_CHANGE, CLASS_MANAGE},
	    {M(POST), "/models/load", ROUTE_MODELS_LOAD, CLASS_MANAGE},
	    {M(POST), "/models/unload", ROUTE_MODELS_UNLOAD, CLASS_MANAGE},
	    {M(POST), "/api/pull", ROUTE_API_PULL, CLASS_MANAGE},
	    {M(POST), "/api/push", ROUTE_API_PUSH, CLASS_MANAGE},
	    {M(POST), "/api/create", ROUTE_API_CREATE, CLASS_MANAGE},
	    {M(POST), "/api/copy", ROUTE_API_COPY, CLASS_MANAGE},
	    {M(DELETE), "/api/delete", ROUTE_API_DELETE, CLASS_MANAGE},
	    {M(POST), "/api/blobs/sha256:00ff", ROUTE_API_BLOBS, CLASS_MANAGE},
	    {M(HEAD), "/api/blobs/sha256:00ff", ROUTE_API_BLOBS, CLASS_MANAGE},
	    {M(POST), "/api/v1/models/download", ROUTE_LMS_DOWNLOAD,
		CLASS_MANAGE},
	    {M(POST), "/api/me", ROUTE_API_ME, CLASS_FORBIDDEN},
	    {M(POST), "/api/signout", ROUTE_API_SIGNOUT, CLASS_FORBIDDEN},
	    {M(DELETE), "/api/user/keys/abc", ROUTE_API_USER, CLASS_FORBIDDEN},
	    {M(POST), "/api/experimental/web_search", ROUTE_API_EXPERIMENTAL,
		CLASS_FORBIDDEN},
	    {M(GET), "/slots", ROUTE_SLOTS, CLASS_FORBIDDEN},
	    {M(POST), "/slots/0?action=save", ROUTE_SLOT, CLASS_FORBIDDEN},
	    {M(GET), "/tools", ROUTE_TOOLS, CLASS_FORBIDDEN},
	    {M(GET), "/cors-proxy", ROUTE_CORS_PROXY, CLASS_FORBIDDEN},
	    {M(GET), "/v1/responses/resp_1", ROUTE_V1_RESPONSE,
		CLASS_FORBIDDEN},
	    {M(GET), "/debug/pprof/heap", ROUTE_DEBUG_UNDER, CLASS_FORBIDDEN},
	    {M(GET), "/healthz", ROUTE_HEALTHZ, CLASS_OWN},
	    {M(GET), "/readyz", ROUTE_READYZ, CLASS_OWN},
	    {M(GET), "/metrics", ROUTE_METRICS, CLASS_OWN},
	    {M(GET), "/weir/", ROUTE_WEIR_ROOT, CLASS_OWN},
	    {M(POST), "/weir/v1/keys", ROUTE_WEIR_UNDER, CLASS_OWN},
	};
	struct route_match m;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		enum err e =
		    route_find(cases[i].method, slice_str(cases[i].target), &m);

		if (e != OK || m.route->id != cases[i].id ||
		    m.route->class != cases[i].class)
			fail_msg("%s: %s", cases[i].target,
			    e == OK ? m.route->name : err_get(e)->name);
	}
}

static void
test_parts(void **state)
{
	static const struct {
		const char *target, *param, *query;
	} cases[] = {
	    {"/v1/models", "", ""},
	    {"/v1/models?", "", ""},
	    {"/v1/models?a=b&c=%20?x", "", "a=b&c=%20?x"},
	    {"/v1/models/qwen3:8b", "qwen3:8b", ""},
	    {"/v1/models/Qwen/Qwen3-8B?x", "Qwen/Qwen3-8B", "x"},
	    {"/v1/models/hf.co/a/b:q4@z", "hf.co/a/b:q4@z", ""},
	};
	struct route_match m;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(
		    route_find(M(GET), slice_str(cases[i].target), &m), OK);
		assert_true(slice_is(m.param, cases[i].param));
		assert_true(slice_is(m.query, cases[i].query));
	}
	/* What is logged is the row, never what the caller wrote. */
	assert_true(slice_is(m.route->path, "/v1/models/:model"));
}

static void
test_unknown(void **state)
{
	static const char *const targets[] = {"", "*", "api/chat",
	    "http://h/api/chat", "HTTP://h/api/chat", "//api/chat",
	    "/api//chat", "/api/chat/", "/api/chat//", "/api/./chat",
	    "/api/../api/chat", "/x/../api/chat", "/api/chat/.", "/api/chat/..",
	    "/api%2fchat", "/api/%63hat", "/api/chat%00", "/api/chat;x",
	    "/api;x/chat", "/api/chat#", "/api/chat#x", "/api/chat?x#y",
	    "/api/chat?x\\y", "/api\\chat", "\\api\\chat", "/API/chat",
	    "/api/Chat", "/api/chat ", " /api/chat", "/api/chat\t",
	    "/api/chat?a b", "/api/chat?\x7f", "/api/chat?\xc3\xa9", "/api/cha",
	    "/api/chatt", "/apichat", "/v1/", "/v1", "/api", "/v1/models/",
	    "/v1/models/.", "/v1/models/..", "/v1/models/../api/pull",
	    "/v1/models/a/../b", "/v1/models/a//b", "/v1/models/a/",
	    "/v1/models/...", "/v1/models/a%2fb", "/v1/models/a;b",
	    "/v1/models/a\\b", "/v1/models/a b", "/v1/models/a+b",
	    "/v1/models/a*", "/v1/models/a~", "/api/blobs/", "/slots/../props",
	    "/k/weir_x/api/chat", "/v2/models", "/favicon.ico",
	    "/api/tokenize"};
	static const enum http_method methods[] = {
	    M(GET), M(POST), M(DELETE), M(HEAD), M(OTHER)};
	struct route_match m;

	(void)state;
	for (size_t i = 0; i < COUNT(targets); i++)
		for (size_t j = 0; j < COUNT(methods); j++)
			if (route_find(methods[j], slice_str(targets[i]), &m) !=
				ERR_ROUTE_UNKNOWN ||
			    m.route != NULL)
				fail_msg("'%s' %d", targets[i], methods[j]);
	assert_int_equal(route_find(M(POST), slice_of("/api/chat\0", 10), &m),
	    ERR_ROUTE_UNKNOWN);
}

static void
test_methods(void **state)
{
	static const struct {
		enum http_method method;
		const char *target, *allow;
	} cases[] = {
	    {M(GET), "/api/chat", "POST"},
	    {M(OTHER), "/api/chat", "POST"},
	    {M(OPTIONS), "/api/chat", "POST"},
	    {M(POST), "/api/tags", "GET, HEAD"},
	    {M(POST), "/api/delete", "DELETE"},
	    {M(GET), "/api/blobs/sha256:00", "HEAD, POST"},
	    {M(PUT), "/models", "GET, HEAD, POST, DELETE"},
	    {M(DELETE), "/props", "GET, HEAD, POST"},
	    {M(DELETE), "/v1/models/llama3.2", "GET, HEAD"},
	    {M(PATCH), "/weir/v1/keys", "GET, HEAD, POST, PUT, DELETE"},
	};
	char out[ROUTE_ALLOW_MAX];
	struct route_match m;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(
		    route_find(cases[i].method, slice_str(cases[i].target), &m),
		    ERR_METHOD_NOT_ALLOWED);
		assert_non_null(m.route);
		if (!slice_is(route_allow(m.verbs, out), cases[i].allow))
			fail_msg("%s", cases[i].target);
	}
	assert_true(route_allow(0xff, out).n <= ROUTE_ALLOW_MAX);
}

/* Rows that cannot be reached, or say the impossible. */
static void
test_rows(void **state)
{
	struct route_match m;

	(void)state;
	for (unsigned id = 0; id < ROUTE_COUNT; id++) {
		const struct route *r = route_get(id);
		char target[128];

		assert_int_equal(r->id, id);
		(void)snprintf(target, sizeof target, "%.*s%s", r->prefix_n,
		    r->path.p, r->under ? "x" : "");
		for (enum http_method v = M(OTHER); v <= M(PATCH); v++)
			if (r->verbs & 1U << v) {
				if (route_find(v, slice_str(target), &m) !=
					OK ||
				    m.route != r)
					fail_msg("%s", r->name);
			}
		if (r->class == CLASS_INFERENCE)
			assert_int_equal(r->verbs, 1U << M(POST));
		if (r->model == MODEL_BODY || r->model == MODEL_MAYBE)
			assert_int_equal(r->body, BODY_JSON);
		assert_true(r->under == (r->path.p[r->prefix_n] == ':'));
	}
}

static unsigned
mutate(char *s, size_t n)
{
	static const char bytes[] = "/%.;\\#?:@2eE5cC-_aAzZ09 \t\0\x80*~";
	size_t at = (size_t)rand() % n;

	switch (rand() % 5) {
	case 0: /* another byte */
		s[at] = bytes[(size_t)rand() % (sizeof bytes - 1)];
		return (unsigned)n;
	case 1: /* one more */
		memmove(s + at + 1, s + at, n - at);
		s[at] = bytes[(size_t)rand() % (sizeof bytes - 1)];
		return (unsigned)n + 1;
	case 2: /* one less */
		memmove(s + at, s + at + 1, n - at - 1);
		return (unsigned)n - 1;
	case 3: /* another case */
		s[at] = (char)(s[at] ^ 0x20);
		return (unsigned)n;
	default: /* a piece twice */
		memmove(s + n, s + at, n - at);
		return (unsigned)(n + n - at);
	}
}

/*
 * A mutated target either is, byte for byte, a path of the table (a parameter
 * replaced by clean segments), or it is unknown.  The reference is written
 * without looking at the table's own way of searching.
 */
static bool
is_row(const struct route *r, struct slice target)
{
	struct slice path = slice_cut(&target, '?');

	if (!r->under)
		return slice_eq(path, r->path);
	if (path.n <= r->prefix_n ||
	    memcmp(path.p, r->path.p, r->prefix_n) != 0)
		return false;
	path = slice_from(path, r->prefix_n);
	for (size_t i = 0; i < path.n; i++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			   "abcdefghijklmnopqrstuvwxyz0123456789._:/@-",
			path.p[i]) == NULL ||
		    path.p[i] == 0)
			return false;
	while (path.p != NULL) {
		struct slice segment = slice_cut(&path, '/');

		if (slice_is(segment, "") || slice_is(segment, ".") ||
		    slice_is(segment, "..") || slice_is(segment, "..."))
			return false;
	}
	return true;
}

static void
test_mutations(void **state)
{
	unsigned seed = (unsigned)time(NULL), known = 0;
	struct route_match m;
	char s[512];

	(void)state;
	srand(seed);
	for (unsigned i = 0; i < MUTATIONS; i++) {
		const struct route *from =
		    route_get((enum route_id)((unsigned)rand() % ROUTE_COUNT));
		size_t n = (size_t)snprintf(s, sizeof s, "%.*s%s",
		    from->prefix_n, from->path.p, from->under ? "a:b/c" : "");
		enum err e;

		for (int k = rand() % 3; k >= 0 && n > 1; k--)
			n = mutate(s, n);
		e = route_find(M(POST), slice_of(s, n), &m);
		if (e == ERR_ROUTE_UNKNOWN)
			continue;
		known++;
		if (!is_row(m.route, slice_of(s, n)))
			fail_msg("seed %u: '%.*s' is %s", seed, (int)n, s,
			    m.route->name);
	}
	/* Some mutations are harmless; most are not. */
	assert_in_range(known, MUTATIONS / 1000, MUTATIONS / 2);
}

static void
test_words(void **state)
{
	(void)state;
	assert_int_equal(
	    route_dialect(slice_str("/api/nothing")), DIALECT_OLLAMA);
	assert_int_equal(route_dialect(slice_str("/v1/messages/batches")),
	    DIALECT_ANTHROPIC);
	assert_int_equal(
	    route_dialect(slice_str("/v1/nothing")), DIALECT_OPENAI);
	assert_int_equal(
	    route_dialect(slice_str("/api/v0/nothing")), DIALECT_OPENAI);
	assert_int_equal(route_dialect(slice_str("")), DIALECT_OPENAI);
	assert_string_equal(dialect_name(DIALECT_ANTHROPIC), "anthropic");
	assert_true(route_streams_by_default(SHAPE_OLLAMA));
	assert_true(route_streams_by_default(SHAPE_PROGRESS));
	assert_false(route_streams_by_default(SHAPE_OPENAI));
	assert_false(route_streams_by_default(SHAPE_EMBED));
	assert_int_equal(route_framing(SHAPE_OLLAMA), FRAMING_NDJSON);
	assert_int_equal(route_framing(SHAPE_ANTHROPIC), FRAMING_SSE);
	assert_int_equal(route_framing(SHAPE_EMBED), FRAMING_WHOLE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_classes),
	    cmocka_unit_test(test_parts),
	    cmocka_unit_test(test_unknown),
	    cmocka_unit_test(test_methods),
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_mutations),
	    cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
