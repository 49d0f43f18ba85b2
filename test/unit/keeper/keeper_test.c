/* The keeper's promises, with a stand-in for the gate. */
#include "ipc/gate_start.h"
#include "keeper/child.h"
#include "os/clock.h"
#include "stand_in.h"
#include "world.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANY_PORT "listen: 127.0.0.1:0"
enum { GRACE_US = 10 * 1000 * 1000 };

static struct world w;
static struct greeting g;

static int
set_up(void **state)
{
	(void)state;
	world_init(&w);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	world_fini(&w);
	return 0;
}

static void
start(const char *first)
{
	world_write(&w, first, ANY_PORT);
	world_start(&w, false, GRACE_US);
	world_hear_port(&w);
}

static void
greet(void)
{
	assert_true(world_greet(w.port, &g));
	assert_true(g.generation > 0);
}

static void
test_serves_and_stops(void **state)
{
	(void)state;
	start("hello");
	world_hear(&w, "configuration: ");
	assert_memory_equal(w.text, w.config, strlen(w.config));
	greet();
	assert_int_equal(g.generation, 1);
	assert_string_equal(g.text, "# hello");
	assert_int_equal(kill(w.keeper, SIGTERM), 0);
	assert_int_equal(world_end(&w), 0);
	world_wait_gone((pid_t)g.pid);
	assert_false(world_greet(w.port, &g));
	assert_int_equal(access(w.control, F_OK), -1);
}

/* The promise: refused connections 0, state not forgotten. */
static void
test_killed_gate_is_replaced(void **state)
{
	long first, last = 0, lost = 0;

	(void)state;
	start("x");
	greet();
	first = g.pid;
	for (int i = 0; i < 200; i++) {
		if (i == 50 || i == 100 || i == 150)
			assert_int_equal(kill((pid_t)g.pid, SIGKILL), 0);
		/* Connecting never fails. */
		assert_true(world_greet(w.port, &g));
		if (g.generation == 0) {
			/* Accepted by the gate that died; the pid is due. */
			lost++;
			greet();
		}
		assert_true(g.count > last);
		last = g.count;
	}
	assert_int_equal(g.generation, 4);
	assert_true(g.pid != first);
	assert_in_range(lost, 0, 3);
	assert_true(g.count >= 200);
	world_hear(&w, "signal 9, Killed");
}

/* Signals meant for everybody are left to the keeper. */
static void
test_gate_ignores_signals(void **state)
{
	long pid;

	(void)state;
	start("x");
	greet();
	pid = g.pid;
	assert_int_equal(kill((pid_t)pid, SIGTERM), 0);
	assert_int_equal(kill((pid_t)pid, SIGINT), 0);
	assert_int_equal(kill((pid_t)pid, SIGHUP), 0);
	greet();
	assert_int_equal(g.pid, pid);
	assert_int_equal(g.drained, 0);
}

static void
test_bad_configuration(void **state)
{
	(void)state;
	world_write(&w, "x", "lisen: 1");
	world_start(&w, false, GRACE_US);
	world_hear(&w, "weir.yaml:2:1: ");
	assert_int_equal(world_end(&w), 1);
	assert_int_equal(unlink(w.config), 0);
	world_start(&w, false, GRACE_US);
	world_hear(&w, "cannot be read: No such file");
	assert_int_equal(world_end(&w), 1);
}

static void
test_port_taken(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t n = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char text[128];

	(void)state;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	(void)snprintf(
	    text, sizeof text, "listen: 127.0.0.1:%u", ntohs(at.sin_port));
	world_write(&w, "x", text);
	world_start(&w, false, GRACE_US);
	(void)snprintf(
	    text, sizeof text, "port %u is taken by ", ntohs(at.sin_port));
	world_hear(&w, text);
	/* It names us. */
	(void)snprintf(
	    text, sizeof text, "(pid %ld); stop it, or choose", (long)getpid());
	world_hear(&w, text);
	assert_int_equal(world_end(&w), 1);
	(void)close(fd);
}

static void
test_gate_that_cannot_start(void **state)
{
	(void)state;
	world_write(&w, "unwell", ANY_PORT);
	world_start(&w, false, GRACE_US);
	world_hear(&w, "could not start (exit status 3)");
	assert_int_equal(world_end(&w), 1);
}

static void
test_gate_that_cannot_stay(void **state)
{
	(void)state;
	start("curt");
	world_hear(&w, "ended (exit status 2); starting another");
	world_hear(&w, "the next start is in 100 ms");
	world_hear(&w, "the next start is in 200 ms");
	world_hear(&w, "the next start is in 400 ms");
	assert_int_equal(kill(w.keeper, SIGTERM), 0);
	assert_int_equal(world_end(&w), 0);
}

static const struct {
	unsigned deaths;
	int64_t ms;
} pauses[] = {{0, 0}, {1, 0}, {2, 100}, {3, 200}, {4, 400}, {5, 800}, {6, 1600},
    {7, 3200}, {8, 5000}, {9, 5000}, {4000000000, 5000}};

static void
test_pauses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++)
		assert_int_equal(
		    child_pause_us(pauses[i].deaths), pauses[i].ms * 1000);
}

static void
test_reload(void **state)
{
	char answer[1024], listen[256];
	long pid;

	(void)state;
	start("one");
	greet();
	pid = g.pid;
	(void)snprintf(listen, sizeof listen,
	    "listen: [\"127.0.0.1:0\", \"unix:%s\"]", w.unix_path);
	world_write(&w, "two", listen);
	assert_true(world_control(&w, "reload", answer, sizeof answer));
	assert_non_null(strstr(answer, "is in force"));
	/* The same gate, on the old address and on the new one. */
	greet();
	assert_int_equal(g.pid, pid);
	assert_string_equal(g.text, "# two");
	assert_true(world_greet_unix(&w, &g));
	assert_int_equal(g.pid, pid);
	/* And a gate that follows a crash has both, and the new text. */
	assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
	world_wait_gone((pid_t)pid);
	assert_true(world_greet_unix(&w, &g));
	assert_int_equal(g.generation, 2);
	assert_string_equal(g.text, "# two");
	greet();
	/* Away with the first: nobody is behind it any more. */
	(void)snprintf(
	    listen, sizeof listen, "listen: \"unix:%s\"", w.unix_path);
	world_write(&w, "three", listen);
	assert_true(world_control(&w, "reload", answer, sizeof answer));
	assert_false(world_greet(w.port, &g));
	assert_true(world_greet_unix(&w, &g));
	assert_string_equal(g.text, "# three");
	assert_int_equal(kill(w.keeper, SIGTERM), 0);
	assert_int_equal(world_end(&w), 0);
	assert_int_equal(access(w.unix_path, F_OK), -1);
}

/* A broken file is refused, and stays without effect even after a crash. */
static void
test_bad_reload(void **state)
{
	char answer[1024];
	long pid;

	(void)state;
	start("good");
	greet();
	pid = g.pid;
	world_write(&w, "bad", "listen: 127.0.0.1:0\nqueue: 7");
	assert_false(world_control(&w, "reload", answer, sizeof answer));
	assert_non_null(strstr(answer, "weir.yaml:3:"));
	assert_non_null(strstr(answer, "the old one stays"));
	world_hear(&w, "was refused");
	assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
	world_wait_gone((pid_t)pid);
	greet();
	assert_string_equal(g.text, "# good");
	assert_int_equal(g.generation, 2);
	/* An address that cannot be had: the same. */
	world_write(&w, "bad", "listen: [127.0.0.1:0, 192.0.2.1:9]");
	assert_false(world_control(&w, "reload", answer, sizeof answer));
	assert_non_null(strstr(answer, "192.0.2.1:9"));
	greet();
	assert_string_equal(g.text, "# good");
}

/* The gate says no: what was opened for it is closed again. */
static void
test_gate_refuses_reload(void **state)
{
	char answer[1024], listen[256];

	(void)state;
	start("picky");
	(void)snprintf(listen, sizeof listen,
	    "listen: [\"127.0.0.1:0\", \"unix:%s\"]", w.unix_path);
	world_write(&w, "two", listen);
	assert_false(world_control(&w, "reload", answer, sizeof answer));
	assert_non_null(strstr(answer, "I do not like it"));
	assert_int_equal(access(w.unix_path, F_OK), -1);
	greet();
	assert_string_equal(g.text, "# picky");
}

/* The gate dies over it: the same. */
static void
test_gate_dies_while_reloading(void **state)
{
	char answer[1024];
	pid_t asker;
	int status;

	(void)state;
	start("mute");
	greet();
	world_write(&w, "two", ANY_PORT);
	if ((asker = fork()) == 0)
		_exit(world_control(&w, "reload", answer, sizeof answer) ||
		    strstr(answer, "died while") == NULL);
	do
		greet();
	while (strcmp(g.text, "muted") != 0);
	/* Only one at a time. */
	assert_false(world_control(&w, "reload", answer, sizeof answer));
	assert_non_null(strstr(answer, "Another reload"));
	assert_int_equal(kill((pid_t)g.pid, SIGKILL), 0);
	world_hear(&w, "died while it reloaded");
	assert_int_equal(waitpid(asker, &status, 0), asker);
	assert_int_equal(status, 0);
	greet();
	assert_int_equal(g.generation, 2);
	assert_string_equal(g.text, "# mute");
}

static void
test_hangup_reloads_and_reopens_the_log(void **state)
{
	(void)state;
	start("one");
	greet();
	assert_int_equal(g.reopened, 0);
	world_write(&w, "two", ANY_PORT);
	assert_int_equal(kill(w.keeper, SIGHUP), 0);
	world_hear(&w, "is in force");
	greet();
	assert_string_equal(g.text, "# two");
	assert_int_equal(g.reopened, 1);
}

static void
test_second_signal_ends_at_once(void **state)
{
	int64_t from = os_now_us();

	(void)state;
	start("stubborn");
	greet();
	assert_int_equal(kill(w.keeper, SIGINT), 0);
	/* New callers are turned away at once, not left to wait. */
	while (world_greet(w.port, &g))
		continue;
	assert_int_equal(kill(w.keeper, SIGINT), 0);
	assert_int_equal(world_end(&w), 0);
	assert_true(os_now_us() - from < GRACE_US / 2);
}

static void
test_grace_has_an_end(void **state)
{
	(void)state;
	world_write(&w, "stubborn", ANY_PORT);
	world_start(&w, false, 1000);
	world_hear_port(&w);
	greet();
	assert_int_equal(kill(w.keeper, SIGTERM), 0);
	assert_int_equal(world_end(&w), 0);
	world_wait_gone((pid_t)g.pid);
}

static void
test_gate_ends_with_its_keeper(void **state)
{
	(void)state;
	start("x");
	greet();
	assert_int_equal(kill(w.keeper, SIGKILL), 0);
	assert_int_equal(world_end(&w), -SIGKILL);
	world_wait_gone((pid_t)g.pid);
	/* And another takes over the socket's name that it left. */
	start("y");
	greet();
	assert_string_equal(g.text, "# y");
}

static void
test_control_commands(void **state)
{
	char answer[1024];

	(void)state;
	start("x");
	assert_true(world_control(&w, "ping", answer, sizeof answer));
	assert_non_null(strstr(answer, "generation 1"));
}

/* What is not the keeper's own goes to the gate, and its answer comes back. */
static void
test_commands_for_the_gate(void **state)
{
	static char answer[GATE_ANSWER_MAX + 2];
	long first;

	(void)state;
	start("x");
	greet();
	first = g.pid;
	assert_true(world_control(&w, "status so", answer, sizeof answer));
	assert_string_equal(answer, "status so");
	assert_false(world_control(&w, "fail", answer, sizeof answer));
	assert_string_equal(answer, "fail");
	assert_true(world_control(&w, "big", answer, sizeof answer));
	assert_int_equal(strlen(answer), GATE_ANSWER_MAX);
	/* Whoever asks is told in any case. */
	assert_false(world_control(&w, "hang", answer, sizeof answer));
	assert_non_null(strstr(answer, "\"code\":\"gate_silent\""));
	assert_false(world_control(&w, "die", answer, sizeof answer));
	assert_non_null(strstr(answer, "\"code\":\"gate_died\""));
	greet();
	assert_true(g.pid != first);
	assert_true(world_control(&w, "again", answer, sizeof answer));
	assert_string_equal(answer, "again");
}

/* Two weirs with one control path: the second serves without commands. */
static void
test_control_path_taken(void **state)
{
	struct world other;

	(void)state;
	start("x");
	world_init(&other);
	memcpy(other.config, w.config, sizeof other.config);
	world_start(&other, false, GRACE_US);
	world_hear(&other, "no control socket: another process serves");
	world_hear_port(&other);
	assert_true(world_greet(other.port, &g));
	other.config[0] = 0;
	world_fini(&other);
	greet();
}

static void
test_one_process(void **state)
{
	(void)state;
	world_write(&w, "single", ANY_PORT);
	world_start(&w, true, GRACE_US);
	world_hear_port(&w);
	greet();
	assert_int_equal(g.pid, w.keeper);
	assert_string_equal(g.text, "# single");
	assert_int_equal(world_end(&w), 42);
}

#define WITH_WORLD(test)                                                       \
	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    WITH_WORLD(test_serves_and_stops),
	    WITH_WORLD(test_killed_gate_is_replaced),
	    WITH_WORLD(test_gate_ignores_signals),
	    WITH_WORLD(test_bad_configuration),
	    WITH_WORLD(test_port_taken),
	    WITH_WORLD(test_gate_that_cannot_start),
	    WITH_WORLD(test_gate_that_cannot_stay),
	    cmocka_unit_test(test_pauses),
	    WITH_WORLD(test_reload),
	    WITH_WORLD(test_bad_reload),
	    WITH_WORLD(test_gate_refuses_reload),
	    WITH_WORLD(test_gate_dies_while_reloading),
	    WITH_WORLD(test_hangup_reloads_and_reopens_the_log),
	    WITH_WORLD(test_second_signal_ends_at_once),
	    WITH_WORLD(test_grace_has_an_end),
	    WITH_WORLD(test_gate_ends_with_its_keeper),
	    WITH_WORLD(test_control_commands),
	    WITH_WORLD(test_commands_for_the_gate),
	    WITH_WORLD(test_control_path_taken),
	    WITH_WORLD(test_one_process),
	};
	int status = stand_in_main(argc, argv);

	if (status >= 0)
		return status;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
