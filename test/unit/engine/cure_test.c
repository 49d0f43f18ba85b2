/* The steps of a cure, against an engine that never answers, and processes. */
#include "engine/cure.h"
#include "engine/listing.h"
#include "mill.h"
#include "os/clock.h"
#include "os/peer.h"
#include "os/proc.h"
#include <signal.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define SECOND INT64_C(1000000)

static struct mill m;
static char folder[] = "/tmp/weir-cure-XXXXXX";

/* --- what is told: "close+" begins, "close!" helped, "close-" did not --- */

static char told[500];

static void
on_cure(void *ctx, struct engine *e, unsigned step, unsigned result, pid_t pid)
{
	static const char marks[] = {'+', '!', '-'};
	size_t n = strlen(told);

	(void)ctx;
	(void)e;
	assert_true(pid > 0);
	(void)snprintf(told + n, sizeof told - n, "%s%c ",
	    cure_name((enum cure_step)step), marks[result]);
}

/* --- a server with a runner, both real --- */

static pid_t server, runner;

static pid_t
find_runner(void)
{
	char exe[300];
	pid_t child;

	return os_proc_children(server, &child, 1) == 1 &&
		os_peer_exe(child, exe, sizeof exe) == OK &&
		strstr(exe, "llama-server") != NULL
	    ? child
	    : 0;
}

static void
start_server(void)
{
	int64_t until_us = os_now_us() + 20 * SECOND;
	char path[100], script[200];

	(void)snprintf(path, sizeof path, "%s/ollama", folder);
	(void)snprintf(
	    script, sizeof script, "%s/llama-server 60; sleep 60", folder);
	server = fork();
	assert_true(server >= 0);
	if (server == 0) {
		(void)setsid();
		/* Whoever reads this program's output is not to wait. */
		(void)!freopen("/dev/null", "w", stdout);
		(void)!freopen("/dev/null", "w", stderr);
		(void)execl(path, path, "-c", script, (char *)NULL);
		_exit(1);
	}
	while ((runner = find_runner()) == 0) {
		assert_true(os_now_us() < until_us);
		(void)usleep(10000);
	}
}

static void
end_server(void)
{
	(void)kill(-server, SIGKILL);
	assert_int_equal(waitpid(server, NULL, 0), server);
}

/* --- the engine --- */

static bool answers; /* what it is asked; else it is silent */
static bool unloads; /* as Ollama does: the runner ends */
static char asked[500];

static void
on_request(struct mill_conn *c)
{
	size_t n = strlen(asked);

	(void)snprintf(asked + n, sizeof asked - n, "%.*s %.*s ",
	    SLICE_ARG(c->path), SLICE_ARG(c->body));
	if (unloads && slice_has(c->body, (struct slice)SLICE("keep_alive")))
		(void)kill(runner, SIGKILL);
	if (answers && !slice_is(c->path, "/api/chat"))
		mill_json(c, "{\"response\":\"a\",\"done\":true}");
}

static bool
has_asked(void *what)
{
	return strstr(asked, what) != NULL;
}

static void
give_model(struct engine *e)
{
	static const char ps[] =
	    "{\"models\":[{\"name\":\"a:latest\",\"size\":1}]}";
	static const char tags[] =
	    "{\"models\":[{\"name\":\"a:latest\",\"model\":\"a:latest\"}]}";

	assert_int_equal(listing_from_ollama(e, slice_str(tags)), OK);
	assert_int_equal(listing_loaded_from_ollama(e, slice_str(ps)), OK);
}

static struct engine *
make(bool will_answer, bool will_unload)
{
	struct engine *e;

	answers = will_answer;
	unloads = will_unload;
	told[0] = asked[0] = 0;
	mill_init(&m);
	e = mill_quiet_engine(&m);
	m.on_request = on_request;
	m.set.on_cure = on_cure;
	start_server();
	e->kind = ENGINE_OLLAMA;
	e->pid = server;
	give_model(e);
	return e;
}

static struct engine *seen;

/* Where nobody answers the bounds, of seconds, are as if they had passed. */
static bool
is_over(void *ctx)
{
	bool is_slow = strstr(told, "end_runner") != NULL || answers ||
	    unloads ||
	    !has_asked(strstr(told, "unload") ? "keep_alive" : "num_predict");

	(void)ctx;
	cure_look(seen, os_now_us() + (is_slow ? 0 : 10 * SECOND));
	return !cure_is_busy(seen);
}

static void
finish(struct engine *e, const char *expected)
{
	seen = e;
	mill_until(&m, is_over, NULL);
	assert_string_equal(told, expected);
	told[0] = 0;
}

static void
end(void)
{
	end_server();
	mill_fini(&m);
}

/* --- the cures --- */

/* It answers once its connections are closed: nothing more is done. */
static void
test_close_helps(void **state)
{
	const struct engine_want w = {0};
	struct engine *e = make(true, false);
	struct talk t = {0};

	(void)state;
	talk_begin(&t, &m, e, "POST /api/chat HTTP/1.1\r\nHost: e\r\n\r\n");
	mill_until(&m, has_asked, "/api/chat");
	cure_begin(e, HANG_IDLE, runner);
	assert_true(cure_is_busy(e));
	assert_null(engine_try_slot(&m.set, &w));
	finish(e, "close_connections+ close_connections! ");
	assert_int_equal(t.fails, 1);
	assert_int_equal(t.err, ERR_EOF);
	assert_true(engine_has_slot(&m.set, &w));
	/* What hangs again so soon begins with the next step. */
	unloads = true;
	cure_begin(e, HANG_IDLE, runner);
	finish(e, "unload_model+ unload_model! ");
	assert_non_null(strstr(asked, "\"keep_alive\":0"));
	buf_fini(&t.body);
	end();
}

static void
test_each_step(void **state)
{
	struct engine *e = make(false, false);

	(void)state;
	cure_begin(e, HANG_IDLE, runner);
	finish(e,
	    "close_connections+ close_connections- unload_model+ "
	    "unload_model- end_runner+ end_runner! ");
	assert_non_null(strstr(asked, "\"num_predict\":1"));
	assert_non_null(strstr(asked, "\"keep_alive\":0"));
	end();
}

static void
test_stopped(void **state)
{
	struct engine *e = make(false, false);

	(void)state;
	assert_int_equal(kill(runner, SIGSTOP), 0);
	cure_begin(e, HANG_STOPPED, runner);
	finish(e, "end_runner+ end_runner! ");
	/* The server itself: whoever runs it is asked, and it goes down. */
	cure_begin(e, HANG_STOPPED, server);
	assert_string_equal(told, "restart_server+ ");
	engine_note_dead(e, ERR_CONNECT);
	assert_false(cure_is_busy(e));
	assert_string_equal(told, "restart_server+ restart_server! ");
	told[0] = 0;
	/* One that nobody restarts is said to hang still. */
	engine_note_alive(e);
	cure_begin(e, HANG_STOPPED, server);
	cure_look(e, os_now_us() + 20 * SECOND);
	assert_true(cure_is_busy(e));
	cure_look(e, os_now_us() + 40 * SECOND);
	assert_string_equal(told, "restart_server+ restart_server- ");
	end();
}

static void
test_order(void **state)
{
	static const struct {
		enum engine_kind kind;
		bool has_runner;
		enum cure_step steps[CURE_STEPS];
	} cases[] = {
	    {ENGINE_OLLAMA, true,
		{CURE_CLOSE, CURE_UNLOAD, CURE_END, CURE_RESTART, CURE_NONE}},
	    {ENGINE_OLLAMA, false, {CURE_CLOSE, CURE_RESTART, CURE_NONE}},
	    {ENGINE_LLAMA, false, {CURE_CLOSE, CURE_RESTART, CURE_NONE}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		enum cure_step step = CURE_NONE;
		size_t k = 0;

		do {
			step =
			    cure_next(step, cases[i].kind, cases[i].has_runner);
			assert_int_equal(step, cases[i].steps[k++]);
		} while (step != CURE_NONE);
	}
}

static int
make_folder(void **state)
{
	char line[300];

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(line, sizeof line,
	    "cp \"$(readlink -f $(command -v sh))\" %s/ollama && cp "
	    "\"$(readlink -f $(command -v sleep))\" %s/llama-server",
	    folder, folder);
	return system(line);
}

static int
remove_folder(void **state)
{
	char line[100];

	(void)state;
	(void)snprintf(line, sizeof line, "rm -r %s", folder);
	return system(line);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_close_helps),
	    cmocka_unit_test(test_each_step),
	    cmocka_unit_test(test_stopped),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
