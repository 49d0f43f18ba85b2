/* What probes find out about engines that follow a script. */
#include "engine/address.h"
#include "engine/probe.h"
#include "mill.h"
#include <arpa/inet.h>
#include <netdb.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#define MS INT64_C(1000)
#define LLAMA "Server: llama.cpp\r\n"

static struct mill m;

static void
say(struct mill_conn *c, int status, const char *fields, const char *body)
{
	char text[2000];

	(void)snprintf(text, sizeof text,
	    "HTTP/1.1 %d X\r\n%sContent-Length: %zu\r\n\r\n%s", status, fields,
	    strlen(body), body);
	mill_say(c, text);
}

/* --- engines --- */

static int health; /* status of llama-server's /health */

static void
llama(struct mill_conn *c)
{
	if (slice_is(c->path, "/health"))
		say(c, health, LLAMA, "{\"status\":\"x\"}");
	else if (slice_is(c->path, "/props"))
		say(c, 200, LLAMA,
		    "{\"x\":{\"total_slots\":9},\"total_slots\":4}");
	else if (slice_is(c->path, "/v1/models"))
		say(c, 200, LLAMA, "{\"data\":[{\"id\":\"m.gguf\"}]}");
	else
		say(c, 404, LLAMA, "{}");
}

/* llama-server without /props, and with nonsense there. */
static void
llama_without_props(struct mill_conn *c)
{
	if (slice_is(c->path, "/props"))
		say(c, 404, LLAMA, "{}");
	else
		llama(c);
}

static void
llama_with_bad_props(struct mill_conn *c)
{
	if (slice_is(c->path, "/props"))
		say(c, 200, LLAMA,
		    "{\"total_slots\":-5,\"total_slots\":1e9,"
		    "\"total_slots\":999999999999}");
	else
		llama(c);
}

static void
vllm(struct mill_conn *c)
{
	if (slice_is(c->path, "/v1/models"))
		say(c, 200, "Server: uvicorn\r\n",
		    "{\"object\":\"list\",\"data\":[{\"id\":\"Qwen/Q\"}]}");
	else
		say(c, 404, "Server: uvicorn\r\n", "{\"detail\":\"no\"}");
}

/* LM Studio answers 200 with an error to what it does not know. */
static void
lm_studio(struct mill_conn *c)
{
	if (slice_is(c->path, "/v1/models"))
		say(c, 200, "", "{\"data\":[],\"object\":\"list\"}");
	else
		say(c, 200, "", "{\"error\":\"Unexpected endpoint\"}");
}

static void
weir(struct mill_conn *c)
{
	if (slice_is(c->path, "/api/version"))
		say(c, 200, "Server: weir\r\n", "{\"version\":\"0.6.1\"}");
	else if (slice_is(c->path, "/v1/models"))
		say(c, 200, "Server: weir\r\n", "{\"data\":[]}");
	else
		say(c, 200, "Server: weir\r\n", "{\"models\":[]}");
}

static void
wants_key(struct mill_conn *c)
{
	if (slice_has(c->head, slice_str("Authorization: Bearer k")))
		vllm(c);
	else
		say(c, 401, "", "{\"error\":\"Unauthorized\"}");
}

static void
web_site(struct mill_conn *c)
{
	say(c, 200, "Server: nginx\r\nContent-Type: text/html\r\n",
	    "<html>Welcome</html>");
}

static void
not_found(struct mill_conn *c)
{
	say(c, 404, "Server: nginx\r\n", "");
}

static void
ssh(struct mill_conn *c)
{
	mill_say(c, "SSH-2.0-OpenSSH_9.2\r\n");
}

static const struct {
	const char *name;
	void (*answer)(struct mill_conn *c);
	enum conf_engine_kind conf;
	enum engine_state state;
	enum engine_kind kind;
	enum err why;
	unsigned slots;
	const char *model;
} kinds[] = {
    {"Ollama", mill_ollama, CONF_ENGINE_KIND_AUTO, ENGINE_UP, ENGINE_OLLAMA, OK,
	1, "a"},
    {"llama-server", llama, CONF_ENGINE_KIND_AUTO, ENGINE_UP, ENGINE_LLAMA, OK,
	4, "m.gguf"},
    {"llama-server without /props", llama_without_props, CONF_ENGINE_KIND_AUTO,
	ENGINE_UP, ENGINE_LLAMA, OK, 1, "m.gguf"},
    {"llama-server with bad /props", llama_with_bad_props,
	CONF_ENGINE_KIND_AUTO, ENGINE_UP, ENGINE_LLAMA, OK, 1, "m.gguf"},
    {"vLLM", vllm, CONF_ENGINE_KIND_AUTO, ENGINE_UP, ENGINE_OPENAI, OK, 64,
	"qwen/q"},
    {"LM Studio", lm_studio, CONF_ENGINE_KIND_AUTO, ENGINE_UP, ENGINE_OPENAI,
	OK, 64, NULL},
    {"weir", weir, CONF_ENGINE_KIND_AUTO, ENGINE_DOWN, ENGINE_AUTO, ERR_LOOP, 1,
	NULL},
    {"weir as ollama", weir, CONF_ENGINE_KIND_OLLAMA, ENGINE_DOWN,
	ENGINE_OLLAMA, ERR_LOOP, 1, NULL},
    {"weir as openai", weir, CONF_ENGINE_KIND_OPENAI, ENGINE_DOWN,
	ENGINE_OPENAI, ERR_LOOP, 1, NULL},
    {"wants a key", wants_key, CONF_ENGINE_KIND_AUTO, ENGINE_DOWN, ENGINE_AUTO,
	ERR_ENGINE_KEY, 1, NULL},
    {"a web site", web_site, CONF_ENGINE_KIND_AUTO, ENGINE_DOWN, ENGINE_AUTO,
	ERR_ENGINE_PROTOCOL, 1, NULL},
    /* Who says that it is an engine is believed. */
    {"odd, but configured", web_site, CONF_ENGINE_KIND_OPENAI, ENGINE_UP,
	ENGINE_OPENAI, OK, 64, NULL},
    {"nothing there", not_found, CONF_ENGINE_KIND_AUTO, ENGINE_DOWN,
	ENGINE_AUTO, ERR_ENGINE_PROTOCOL, 1, NULL},
    {"no HTTP", ssh, CONF_ENGINE_KIND_AUTO, ENGINE_DOWN, ENGINE_AUTO,
	ERR_SYNTAX, 1, NULL},
    {"hangs up", mill_hang_up, CONF_ENGINE_KIND_AUTO, ENGINE_DOWN, ENGINE_AUTO,
	ERR_EOF, 1, NULL},
    {"resets", mill_reset, CONF_ENGINE_KIND_AUTO, ENGINE_DOWN, ENGINE_AUTO,
	ERR_EOF, 1, NULL},
};

static bool
is_known(void *ctx)
{
	return ((struct engine *)ctx)->state != ENGINE_UNKNOWN;
}

static void
test_kinds(void **state)
{
	(void)state;
	health = 200;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct conf_engine ce;
		struct engine *e;

		mill_init(&m);
		m.on_request = kinds[i].answer;
		ce = mill_conf(&m, "e");
		ce.kind = kinds[i].conf;
		mill_configure(&m, &ce, 1);
		e = mill_engine(&m, "e");
		mill_until(&m, is_known, e);
		if (e->state != kinds[i].state || e->kind != kinds[i].kind ||
		    e->why != kinds[i].why || e->slots != kinds[i].slots)
			fail_msg("%s: state %s, kind %s, why %d, %u slots",
			    kinds[i].name, engine_state_name(e->state),
			    engine_kind_name(e->kind), (int)e->why, e->slots);
		if (kinds[i].model)
			assert_non_null(engine_find_model(
			    &m.set, slice_str(kinds[i].model)));
		else
			assert_int_equal(e->models.n, 0);
		assert_true(engine_why(e)[0] != 0);
		mill_fini(&m);
	}
}

/* What the configuration says about slots stands. */
static void
test_configured_slots(void **state)
{
	struct conf_engine ce;
	struct engine *e;

	(void)state;
	health = 200;
	mill_init(&m);
	m.on_request = llama;
	ce = mill_conf(&m, "e");
	ce.slots = 7;
	mill_configure(&m, &ce, 1);
	e = mill_engine(&m, "e");
	mill_until_state(&m, e, ENGINE_UP);
	assert_int_equal(e->slots, 7);
	/* Back to auto: what the engine says, without asking again. */
	ce.slots = CONF_AUTO;
	mill_configure(&m, &ce, 1);
	assert_ptr_equal(mill_engine(&m, "e"), e);
	assert_int_equal(e->slots, 4);
	mill_fini(&m);
}

/* --- loading, dying, coming back --- */

static int changes, states_seen;

static void
on_change(void *ctx)
{
	(void)ctx;
	changes++;
}

static void
on_state(void *ctx, struct engine *e)
{
	(void)ctx;
	(void)e;
	states_seen++;
}

static bool
is_loading(void *ctx)
{
	return ((struct engine *)ctx)->why == ERR_ENGINE_LOADING;
}

static void
test_loading(void **state)
{
	struct conf_engine ce;
	struct engine *e;

	(void)state;
	mill_init(&m);
	m.on_request = llama;
	m.set.on_change = on_change;
	m.set.on_state = on_state;
	changes = states_seen = 0;
	health = 503;
	ce = mill_conf(&m, "e");
	mill_configure(&m, &ce, 1);
	e = mill_engine(&m, "e");
	mill_until(&m, is_loading, e);
	assert_int_equal(e->state, ENGINE_DOWN);
	assert_null(engine_find_up(&m.set, (struct slice){0}));
	health = 200;
	mill_until_state(&m, e, ENGINE_UP);
	assert_int_equal(states_seen, 2);
	assert_true(changes >= 2);
	assert_ptr_equal(engine_find_up(&m.set, (struct slice){0}), e);
	assert_true(e->seen_us > 0);
	mill_fini(&m);
}

static bool
has_tried_5(void *ctx)
{
	(void)ctx;
	return m.n_accepted >= 5;
}

/* Again after 0.1 s, 0.2 s, 0.4 s, 0.8 s; never sooner. */
static void
test_backoff(void **state)
{
	struct conf_engine ce;
	struct engine *e;
	int64_t gap_us = 100 * MS;

	(void)state;
	mill_init(&m);
	m.on_request = mill_hang_up;
	ce = mill_conf(&m, "e");
	mill_configure(&m, &ce, 1);
	e = mill_engine(&m, "e");
	mill_until(&m, has_tried_5, NULL);
	for (int i = 1; i < 5; i++, gap_us *= 2)
		assert_true(m.accepted_us[i] - m.accepted_us[i - 1] >= gap_us);
	/* Traffic that fails does not hurry it. */
	engine_note_dead(e, ERR_CONNECT);
	engine_note_suspect(e);
	mill_for(&m, 100 * MS);
	assert_int_equal(m.n_accepted, 5);
	m.on_request = NULL;
	mill_until_state(&m, e, ENGINE_UP);
	/* It was proved alive: a death is noticed as soon as at first. */
	m.on_request = mill_hang_up;
	m.n_accepted = 0;
	engine_note_dead(e, ERR_CONNECT);
	assert_int_equal(e->state, ENGINE_DOWN);
	assert_true(list_is_empty(&e->idle));
	m.on_request = NULL;
	mill_until_state(&m, e, ENGINE_UP);
	assert_true(m.accepted_us[0] > 0);
	mill_fini(&m);
}

/* A stopped server, and another one at the same place. */
static void
test_another_kind_comes_back(void **state)
{
	struct conf_engine ce;
	struct engine *e;
	int port;

	(void)state;
	health = 200;
	mill_init(&m);
	m.on_request = vllm;
	ce = mill_conf(&m, "e");
	mill_configure(&m, &ce, 1);
	e = mill_engine(&m, "e");
	mill_until_state(&m, e, ENGINE_UP);
	assert_int_equal(e->slots, 64);
	m.on_request = mill_hang_up;
	engine_note_suspect(e);
	mill_until_state(&m, e, ENGINE_DOWN);
	m.on_request = mill_ollama;
	mill_until_state(&m, e, ENGINE_UP);
	assert_int_equal(e->kind, ENGINE_OLLAMA);
	assert_int_equal(e->slots, 1);
	assert_null(engine_find_model(&m.set, slice_str("qwen/q")));
	port = m.port;
	mill_close(&m);
	engine_note_suspect(e);
	mill_until_state(&m, e, ENGINE_DOWN);
	assert_int_equal(e->why, ERR_CONNECT);
	m.on_request = llama;
	assert_true(mill_open(&m, port));
	mill_until_state(&m, e, ENGINE_UP);
	assert_int_equal(e->kind, ENGINE_LLAMA);
	assert_int_equal(e->slots, 4);
	assert_non_null(engine_find_model(&m.set, slice_str("m.gguf")));
	assert_null(engine_find_model(&m.set, slice_str("a")));
	mill_fini(&m);
}

/* Stopped at any moment of a probe: nothing is left behind. */
static void
test_stop_any_time(void **state)
{
	(void)state;
	health = 200;
	for (int turns = 0; turns < 25; turns++) {
		struct conf_engine ce;

		mill_init(&m);
		m.on_request = llama;
		ce = mill_conf(&m, "e");
		mill_configure(&m, &ce, 1);
		for (int i = 0; i < turns; i++)
			(void)uv_run(&m.loop.uv, UV_RUN_NOWAIT);
		mill_fini(&m);
	}
}

/* --- where it is --- */

static bool
is_served(int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool is = connect(fd, (struct sockaddr *)&at, sizeof at) == 0;

	(void)close(fd);
	return is;
}

/* With no engine configured, one is looked for at the usual ports. */
static void
test_search(void **state)
{
	static const int usual[] = {11434, 8080, 9931, 1234, 8000};
	struct conf_engine ce;
	struct engine *e;

	(void)state;
	for (size_t i = 0; i < 5; i++)
		if (is_served(usual[i])) {
			print_message("port %d is in use\n", usual[i]);
			skip();
		}
	mill_init(&m);
	mill_close(&m);
	if (!mill_open(&m, 9931)) {
		mill_fini(&m);
		skip();
	}
	mill_configure(&m, NULL, 0);
	e = mill_engine(&m, "local");
	assert_non_null(e);
	mill_until_state(&m, e, ENGINE_UP);
	assert_int_equal(e->port, 9931);
	assert_true(slice_is(e->host, "127.0.0.1:9931"));
	/* A reload without engines keeps it; one with engines does not. */
	mill_configure(&m, NULL, 0);
	assert_ptr_equal(mill_engine(&m, "local"), e);
	assert_int_equal(e->state, ENGINE_UP);
	ce = mill_conf(&m, "local");
	mill_configure(&m, &ce, 1);
	assert_int_equal(mill_engine(&m, "local")->state, ENGINE_UNKNOWN);
	mill_until_state(&m, mill_engine(&m, "local"), ENGINE_UP);
	mill_fini(&m);
}

static bool
is_resolved(void *ctx)
{
	return !((struct engine *)ctx)->is_asking;
}

static void
test_name(void **state)
{
	struct conf_engine ce;
	struct engine *e;

	(void)state;
	mill_init(&m);
	ce = mill_conf(&m, "e");
	ce.url.host = slice_str("localhost");
	mill_configure(&m, &ce, 1);
	e = mill_engine(&m, "e");
	mill_until_state(&m, e, ENGINE_UP);
	assert_true(slice_starts(e->host, slice_str("localhost:")));
	/* Retired in the middle of a look-up. */
	address_refresh(e);
	address_refresh(e);
	(void)engine_hold(e);
	engine_set_fini(&m.set);
	mill_until(&m, is_resolved, e);
	engine_drop(e);
	mill_fini(&m);
}

/* A name that does not exist is an engine that is away. */
static void
test_no_such_name(void **state)
{
	struct conf_engine ce;
	struct engine *e;

	(void)state;
	mill_init(&m);
	ce = mill_conf(&m, "e");
	ce.url.host = slice_str("no-such-host.invalid");
	mill_configure(&m, &ce, 1);
	e = mill_engine(&m, "e");
	mill_until_state(&m, e, ENGINE_DOWN);
	assert_int_equal(e->why, ERR_CONNECT);
	mill_until(&m, is_resolved, e);
	(void)engine_hold(e);
	engine_set_fini(&m.set);
	mill_until(&m, is_resolved, e);
	engine_drop(e);
	mill_fini(&m);
}

static void
test_unix(void **state)
{
	struct conf_engine ce;
	struct engine *e;

	(void)state;
	mill_init(&m);
	mill_close(&m);
	mill_open_unix(&m);
	ce = mill_conf(&m, "e");
	mill_configure(&m, &ce, 1);
	e = mill_engine(&m, "e");
	mill_until_state(&m, e, ENGINE_UP);
	assert_int_equal(e->kind, ENGINE_OLLAMA);
	assert_true(slice_is(e->host, "localhost"));
	mill_fini(&m);
}

/* Every address of a name gets its turn. */
static void
test_pick(void **state)
{
	struct addrinfo list[3] = {
	    {.ai_next = &list[1]}, {.ai_next = &list[2]}, {.ai_next = NULL}};

	(void)state;
	assert_null(address_pick(NULL, 0));
	assert_null(address_pick(NULL, 5));
	for (unsigned turn = 0; turn < 10; turn++)
		assert_ptr_equal(address_pick(list, turn), &list[turn % 3]);
	assert_ptr_equal(address_pick(&list[2], 7), &list[2]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_kinds),
	    cmocka_unit_test(test_configured_slots),
	    cmocka_unit_test(test_loading),
	    cmocka_unit_test(test_backoff),
	    cmocka_unit_test(test_another_kind_comes_back),
	    cmocka_unit_test(test_stop_any_time),
	    cmocka_unit_test(test_search),
	    cmocka_unit_test(test_name),
	    cmocka_unit_test(test_no_such_name),
	    cmocka_unit_test(test_unix),
	    cmocka_unit_test(test_pick),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
