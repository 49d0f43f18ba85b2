/*
 * Engines as processes: started, ended in every way, changed, left behind.
 * The engines are shells; the time is the real one, and each wait ends with
 * what it waits for.
 */
#include "run/crew.h"
#include "engine/recipe.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/proc.h"
#include "os/spawn.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_US = 20 * 1000000, HEARD_MAX = 64 };

static char dir[64];
static struct crew crew;
static struct conf *conf;
static struct engine_news heard[HEARD_MAX];
static char tails[HEARD_MAX][ENGINE_TAIL_MAX + 1];
static size_t n_heard;

static bool
hear(void *ctx, const struct engine_news *n)
{
	(void)ctx;
	assert_true(n_heard < HEARD_MAX);
	if (n->tail.n > 0)
		memcpy(tails[n_heard], n->tail.p, n->tail.n);
	tails[n_heard][n->tail.n] = 0;
	heard[n_heard++] = *n;
	return true;
}

static int
set_up(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/weir-crew-XXXXXX");
	assert_non_null(mkdtemp(dir));
	crew_init(&crew, dir, hear, NULL);
	n_heard = 0;
	return 0;
}

static int
tear_down(void **state)
{
	char command[100];

	(void)state;
	crew_end(&crew, 0);
	assert_true(crew_is_gone(&crew));
	crew_fini(&crew);
	(void)snprintf(command, sizeof command, "rm -r %s", dir);
	assert_int_equal(system(command), 0);
	return 0;
}

static void
configure(const char *text)
{
	static struct conf_problems p;
	struct engine_ports ports;

	if (conf_parse(slice_str(text), "t", &conf, &p) != OK)
		fail_msg("%s", p.n_errors ? "not a configuration" : "");
	crew_ports(&crew, conf, &ports);
	crew_update(&crew, conf, os_now_us());
	conf_drop(conf);
}

/* Turn until there are ${n} news; returns the last. */
static const struct engine_news *
until(size_t n)
{
	int64_t end_us = os_now_us() + PATIENCE_US;

	while (n_heard < n) {
		assert_true(os_now_us() < end_us);
		(void)poll(NULL, 0, 2);
		crew_step(&crew, os_now_us());
	}
	return &heard[n - 1];
}

static void
turn_for(int64_t us)
{
	int64_t end_us = os_now_us() + us;

	while (os_now_us() < end_us) {
		crew_step(&crew, os_now_us());
		(void)poll(NULL, 0, 2);
	}
}

/* --- ends --- */

static void
test_ends(void **state)
{
	static const struct {
		const char *run;
		enum engine_end end;
		int code;
		const char *tail;
	} cases[] = {
	    {"sh -c 'echo said; exit 3'", ENGINE_END_EXIT, 3, "said\n"},
	    {"sh -c 'echo bad >&2; exit 0'", ENGINE_END_EXIT, 0, "bad\n"},
	    {"sh -c 'kill -9 $$'", ENGINE_END_SIGNAL, SIGKILL, ""},
	    {"sh -c 'kill -SEGV $$'", ENGINE_END_SIGNAL, SIGSEGV, ""},
	    {"/no/such/program", ENGINE_END_NO_EXEC, ENOENT, ""},
	    {"no-such-program-anywhere", ENGINE_END_NO_EXEC, ENOENT, ""},
	    {"/etc/passwd", ENGINE_END_NO_EXEC, EACCES, ""},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct engine_news *n;
		char text[256];

		if (i > 0)
			assert_int_equal(set_up(state), 0);
		(void)snprintf(text, sizeof text,
		    "engines:\n- name: e\n  url: http://127.0.0.1:1\n"
		    "  run: %s\n",
		    cases[i].run);
		configure(text);
		n = until(1);
		assert_int_equal(n->phase, ENGINE_IS_RUNNING);
		assert_true(n->is_fresh && n->pid > 0);
		n = until(2);
		assert_int_equal(n->phase, ENGINE_IS_WAITING);
		assert_int_equal(n->end, cases[i].end);
		assert_int_equal(n->code, cases[i].code);
		assert_string_equal(tails[1], cases[i].tail);
		assert_int_equal(n->exits, 1);
		assert_in_range(n->delay_us, 0, 500000);
		/* And it is started again. */
		assert_int_equal(until(3)->phase, ENGINE_IS_RUNNING);
		if (i + 1 < sizeof cases / sizeof *cases)
			assert_int_equal(tear_down(state), 0);
	}
}

static void
test_crash_loop(void **state)
{
	const struct engine_news *n;

	(void)state;
	configure("engines:\n- {name: e, run: 'false'}\n");
	n = until(10);
	assert_int_equal(n->phase, ENGINE_IS_LOOPING);
	assert_int_equal(n->exits, 5);
	assert_int_equal(n->delay_us, 30 * 1000000);
	for (size_t i = 1; i < 9; i += 2)
		assert_int_equal(heard[i].phase, ENGINE_IS_WAITING);
	/* A new gate is told what is, as no news. */
	crew_tell_all(&crew, os_now_us() + 10 * 1000000);
	assert_int_equal(heard[10].phase, ENGINE_IS_LOOPING);
	assert_false(heard[10].is_fresh);
	assert_in_range(heard[10].delay_us, 18 * 1000000, 20 * 1000000);
}

/* --- what it is given --- */

static void
test_environment(void **state)
{
	struct buf env;

	(void)state;
	assert_int_equal(setenv("NOTIFY_SOCKET", "/run/x", 1), 0);
	assert_int_equal(setenv("OLLAMA_DEBUG", "1", 1), 0);
	configure("models: {a: {context: 4096}, b: {context: 8192}, c: {}}\n"
		  "engines:\n"
		  "- name: e\n"
		  "  kind: ollama\n"
		  "  url: http://127.0.0.1:12345\n"
		  "  slots: 3\n"
		  "  env: {OLLAMA_MODELS: /m, OLLAMA_NO_CLOUD: '0'}\n"
		  "  run: sh -c 'env; echo at {host} {port}; sleep 100'\n");
	until(1);
	for (int i = 0; i < 2000 &&
	     !slice_has(slice_of(crew.runs[0]->out.tail, crew.runs[0]->out.n),
		 slice_str("at 127.0.0.1 12345\n"));
	     i++)
		turn_for(5000);
	buf_init(&env, 100000);
	assert_int_equal(buf_add_char(&env, '\n'), OK);
	assert_int_equal(
	    buf_add(
		&env, slice_of(crew.runs[0]->out.tail, crew.runs[0]->out.n)),
	    OK);
#define HAS(line) assert_true(slice_has(buf_slice(&env), slice_str(line)))
#define HAS_NOT(s) assert_false(slice_has(buf_slice(&env), slice_str(s)))
	HAS("\nat 127.0.0.1 12345\n");
	HAS("\nOLLAMA_HOST=127.0.0.1:12345\n");
	HAS("\nOLLAMA_NUM_PARALLEL=3\n");
	HAS("\nOLLAMA_CONTEXT_LENGTH=8192\n");
	HAS("\nOLLAMA_DEBUG=false\n");
	HAS("\nOLLAMA_DEBUG_LOG_REQUESTS=false\n");
	/* env: stands above ours. */
	HAS("\nOLLAMA_NO_CLOUD=0\n");
	HAS_NOT("OLLAMA_NO_CLOUD=1");
	HAS("\nPATH=");
	HAS("\nWEIR_ENGINE=e@");
	HAS_NOT("NOTIFY_SOCKET");
	HAS_NOT("LLAMA_ARG_PORT");
	buf_fini(&env);
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("OLLAMA_DEBUG");
}

/* Without a url a free port, which stays over reloads, and is told. */
static void
test_port(void **state)
{
	static const char text[] = "engines:\n- {name: e, run: sleep 100}\n- "
				   "{name: f, run: sleep 1}\n";
	struct engine_ports ports;
	uint16_t e, f;

	(void)state;
	configure(text);
	until(2);
	e = engine_ports_find(&crew.ports, slice_str("e"));
	f = engine_ports_find(&crew.ports, slice_str("f"));
	assert_true(e > 0 && f > 0 && e != f);
	assert_int_equal(heard[0].port, e);
	assert_string_equal(
	    recipe_env(&crew.runs[0]->recipe, "LLAMA_ARG_HOST"), "127.0.0.1");
	assert_int_equal(
	    atoi(recipe_env(&crew.runs[0]->recipe, "LLAMA_ARG_PORT")), e);
	configure(text);
	crew_ports(&crew, crew.conf, &ports);
	assert_int_equal(engine_ports_find(&ports, slice_str("e")), e);
	assert_int_equal(engine_ports_find(&ports, slice_str("g")), 0);
}

/* --- by difference --- */

static void
test_update(void **state)
{
	pid_t stays, changes, goes;

	(void)state;
	configure("engines:\n"
		  "- {name: a, url: 'http://127.0.0.1:1', run: sleep 100}\n"
		  "- {name: b, url: 'http://127.0.0.1:2', run: sleep 100}\n"
		  "- {name: c, url: 'http://127.0.0.1:3', run: sleep 100}\n");
	until(3);
	stays = heard[0].pid;
	changes = heard[1].pid;
	goes = heard[2].pid;
	configure("engines:\n"
		  "- {name: d, url: 'http://127.0.0.1:4', run: sleep 100}\n"
		  "- {name: b, url: 'http://127.0.0.1:2', run: sleep 100, "
		  "env: {X: y}}\n"
		  "- {name: a, url: 'http://127.0.0.1:1', run: sleep 100, "
		  "connect: 9s}\n");
	until(7);
	turn_for(50000);
	assert_int_equal(n_heard, 7);
	assert_int_equal(kill(changes, 0), -1);
	assert_int_equal(kill(goes, 0), -1);
	assert_int_equal(kill(stays, 0), 0);
	assert_int_equal(crew.n, 3);
	for (size_t i = 3; i < 7; i++)
		switch (heard[i].name[0]) {
		case 'b':
			/* Its end is ours: no pause, nothing counted. */
			assert_int_equal(heard[i].exits, 0);
			break;
		case 'c':
			assert_int_equal(heard[i].phase, ENGINE_IS_STOPPED);
			break;
		case 'd':
			assert_int_equal(heard[i].phase, ENGINE_IS_RUNNING);
			break;
		default:
			fail_msg("%s was touched", heard[i].name);
		}
}

/* One that does not listen is killed when the grace is over. */
static void
test_stubborn(void **state)
{
	int64_t began_us;

	(void)state;
	configure(
	    "engines:\n- name: e\n  run: >-\n"
	    "    sh -c 'trap \"\" TERM; echo deaf; sleep 100; sleep 100'\n");
	until(1);
	while (crew.runs[0]->out.n == 0)
		turn_for(1000);
	began_us = os_now_us();
	crew_stop(&crew, began_us, 300000);
	(void)until(2);
	assert_in_range(os_now_us() - began_us, 300000, 5000000);
	assert_int_equal(heard[1].phase, ENGINE_IS_STOPPED);
	assert_int_equal(heard[1].code, SIGKILL);
}

/* SIGSTOP does not keep one from being stopped. */
static void
test_stopped(void **state)
{
	(void)state;
	configure("engines:\n- {name: e, run: sleep 100}\n");
	until(1);
	assert_int_equal(kill(heard[0].pid, SIGSTOP), 0);
	crew_stop(&crew, os_now_us(), PATIENCE_US);
	assert_int_equal(until(2)->code, SIGTERM);
}

/* --- whatever it started --- */

static pid_t
read_pid(const struct run *r)
{
	while (slice_find(slice_of(r->out.tail, r->out.n), '\n') == r->out.n)
		turn_for(1000);
	return atoi(r->out.tail);
}

static bool
lives(pid_t pid)
{
	return os_proc_began(pid) != 0;
}

/* Children die with it: in its group, and those that left its group too. */
static void
test_children_go_too(void **state)
{
	static const char *const starts[] = {"", "setsid "};

	for (size_t i = 0; i < 2; i++) {
		char text[256];
		pid_t child;

		if (i > 0)
			assert_int_equal(set_up(state), 0);
		(void)snprintf(text, sizeof text,
		    "engines:\n- name: e\n  run: >-\n"
		    "    sh -c '%ssh -c \"echo \\$$; exec sleep 100\" & "
		    "wait'\n",
		    starts[i]);
		configure(text);
		until(1);
		child = read_pid(crew.runs[0]);
		assert_true(lives(child));
		(void)kill(heard[0].pid, SIGKILL);
		until(2);
		for (int k = 0; k < 2000 && lives(child); k++)
			turn_for(5000);
		assert_false(lives(child));
		if (i == 0)
			assert_int_equal(tear_down(state), 0);
	}
}

/* A program with the mark of ${keeper}, as if that had left it. */
static pid_t
leave(const char *keeper)
{
	static char program[] = "sleep", time[] = "100", mark[256];
	char *argv[] = {program, time, NULL}, *env[] = {mark, NULL};
	struct os_spawn s = {.argv = argv, .env = env, .out_fd = 2};
	int why_fd;
	pid_t pid;

	(void)snprintf(
	    mark, sizeof mark, "WEIR_ENGINE=e@%s@%s/engines", keeper, dir);
	assert_int_equal(os_spawn(&s, &pid, &why_fd), OK);
	/* Until it is that program. */
	for (errno = EAGAIN; errno == EAGAIN;) {
		(void)poll(NULL, 0, 1);
		errno = 0;
		assert_int_equal(os_spawn_error(why_fd), 0);
	}
	os_fd_close(&why_fd);
	return pid;
}

static void
test_leftovers(void **state)
{
	char other[64];
	pid_t old, foreign;
	int status;

	(void)state;
	/* 1 began long ago, and not then. */
	old = leave("1.12345");
	/* Its keeper lives: 1 itself. */
	(void)snprintf(other, sizeof other, "1.%llu",
	    (unsigned long long)os_proc_began(1));
	foreign = leave(other);
	configure("engines:\n- {name: e, run: sleep 100}\n");
	assert_int_equal(until(1)->phase, ENGINE_IS_SWEEPING);
	assert_string_equal(heard[0].note, "1");
	assert_int_equal(until(2)->phase, ENGINE_IS_RUNNING);
	assert_int_equal(waitpid(old, &status, WNOHANG), old);
	assert_int_equal(WTERMSIG(status), SIGTERM);
	assert_true(lives(foreign));
	(void)kill(foreign, SIGKILL);
	(void)waitpid(foreign, NULL, 0);
}

/* --- somebody else --- */

static int
listen_at(uint16_t *port)
{
	struct door d = {.n = sizeof d.at.v4};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	d.at.v4.sin_family = AF_INET;
	d.at.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, &d.at.any, d.n), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, &d.at.any, &d.n), 0);
	*port = ntohs(d.at.v4.sin_port);
	return fd;
}

static void
test_elsewhere(void **state)
{
	const struct engine_news *n;
	char text[128], who[32];
	int64_t began_us;
	uint16_t port;
	int fd = listen_at(&port);

	(void)state;
	(void)snprintf(text, sizeof text,
	    "engines:\n- {name: e, url: 'http://127.0.0.1:%u', run: sleep 9}\n",
	    port);
	configure(text);
	n = until(1);
	assert_int_equal(n->phase, ENGINE_IS_ELSEWHERE);
	(void)snprintf(who, sizeof who, "(pid %ld)", (long)getpid());
	assert_non_null(strstr(n->note, who));
	turn_for(1500000);
	assert_int_equal(n_heard, 1);
	/* Free: only after its own supervisor had time to start it again. */
	(void)close(fd);
	began_us = os_now_us();
	assert_int_equal(until(2)->phase, ENGINE_IS_RUNNING);
	assert_in_range(os_now_us() - began_us, 4900000, 9000000);
}

/* A port that we chose and that was taken meanwhile: another one. */
static void
test_moves_away(void **state)
{
	uint16_t port;
	int fd = listen_at(&port);
	const struct engine_news *n;

	(void)state;
	crew.ports.n = 1;
	crew.ports.v[0] = (struct engine_port){.name = "e", .port = port};
	configure("engines:\n- {name: e, run: sleep 100}\n");
	n = until(2);
	assert_int_equal(n->phase, ENGINE_IS_RUNNING);
	assert_true(n->port != 0 && n->port != port);
	(void)close(fd);
}

/* --- out of memory --- */

static void
test_oom(void **state)
{
	const struct run *r;
	char path[600];
	FILE *f = NULL;

	(void)state;
	configure("engines:\n- name: e\n  run: >-\n"
		  "    sh -c 'sleep 0.3; "
		  "x=$(head -c 100000000 /dev/zero | tr \"\\0\" x)'\n");
	until(1);
	r = crew.runs[0];
	(void)snprintf(path, sizeof path, "%s/%s", r->cgroup.path,
	    r->cgroup.is_v1 ? "memory.limit_in_bytes" : "memory.max");
	if (r->cgroup.path[0] == 0 || (f = fopen(path, "w")) == NULL)
		skip();
	assert_true(fprintf(f, "20000000\n") > 0);
	if (fclose(f) != 0)
		skip();
	assert_int_equal(until(2)->end, ENGINE_END_MEMORY);
}

/* --- systemd's --- */

/* A systemctl that says ${state} and notes what else it is asked for. */
static void
stand_in(const char *state)
{
	char text[300], path[100];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/systemctl", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	(void)snprintf(text, sizeof text,
	    "#!/bin/sh\n[ \"$1\" != show ] || exec echo %s\n"
	    "echo \"$@\" >> %s/asked\n[ %s != failed ] || exit 4\n",
	    state, dir, state);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0755), 0);
}

static void
test_systemd_is_asked(void **state)
{
	static const struct {
		const char *state;
		int status;
		bool is_asked;
	} cases[] = {
	    {"active", 0, true},
	    {"failed", 4, true}, /* what systemctl ends with is told */
	    {"inactive", CREW_LEFT_ALONE, false},
	};
	char path[8192], asked[200], line[200];

	(void)state;
	(void)snprintf(path, sizeof path, "%s:%s", dir, getenv("PATH"));
	assert_int_equal(setenv("PATH", path, 1), 0);
	(void)snprintf(asked, sizeof asked, "%s/asked", dir);
	configure(
	    "engines:\n- {name: e, url: 'http://127.0.0.1:9', unit: o}\n");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		/* Long enough ago to be asked again. */
		int64_t now_us = os_now_us() + (int64_t)i * 3600 * 1000000;
		FILE *f;
		int status;

		stand_in(cases[i].state);
		crew_wish(&crew, "e", ENGINE_RESTART, now_us);
		assert_true(waitpid(crew.asked[0].pid, &status, 0) > 0);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), cases[i].status);
		f = fopen(asked, "r");
		assert_int_equal(f != NULL, cases[i].is_asked);
		if (f == NULL)
			continue;
		assert_non_null(fgets(line, sizeof line, f));
		assert_string_equal(
		    line, "--no-ask-password --no-block restart -- o\n");
		(void)fclose(f);
		assert_int_equal(unlink(asked), 0);
	}
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
	    TEST(test_ends),
	    TEST(test_crash_loop),
	    TEST(test_environment),
	    TEST(test_port),
	    TEST(test_update),
	    TEST(test_stubborn),
	    TEST(test_stopped),
	    TEST(test_children_go_too),
	    TEST(test_leftovers),
	    TEST(test_elsewhere),
	    TEST(test_moves_away),
	    TEST(test_oom),
	    TEST(test_systemd_is_asked),
	};

	os_adopt_orphans();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
