/* Orders and reports between keeper and gate. */
#include "ipc/gate_link.h"
#include "ipc/keeper_link.h"
#include "ipc/link.h"
#include "os/fd.h"
#include "os/proc.h"
#include "os/share.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct ends {
	struct keeper_link keeper;
	struct gate_link gate;
	int64_t fds;
};

static struct order order;
static struct gate_start start, got;

static int64_t
count_fds(void)
{
	struct os_usage u;

	assert_int_equal(os_proc_usage(0, &u), OK);
	return u.fds;
}

static int
set_up(void **state)
{
	struct ends *e = calloc(1, sizeof *e);
	int pair[2];

	assert_non_null(e);
	e->fds = count_fds();
	assert_int_equal(os_fd_pair(pair), OK);
	channel_init(&e->keeper.channel, pair[0]);
	channel_init(&e->gate.channel, e->gate.fd = pair[1]);
	*state = e;
	return 0;
}

static int
tear_down(void **state)
{
	struct ends *e = *state;

	channel_fini(&e->keeper.channel);
	gate_link_close(&e->gate);
	assert_int_equal(count_fds(), e->fds);
	free(e);
	return 0;
}

static ino_t
inode(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

/* A start with the most of everything. */
static void
fill_start(void)
{
	start = (struct gate_start){.generation = 1ull << 40};
	start.n_listeners = GATE_LISTENERS_MAX;
	for (uint32_t i = 0; i < GATE_LISTENERS_MAX; i++) {
		struct gate_listener *l = &start.listeners[i];

		*l = (struct gate_listener){
		    .fd = STDERR_FILENO, .id = i + 100, .is_unix = i & 1};
		memset(l->address, 'a', GATE_ADDRESS_MAX - 1);
	}
	start.ports.n = ENGINES_RUN_MAX;
	for (size_t i = 0; i < ENGINES_RUN_MAX; i++) {
		memset(start.ports.v[i].name, 'e', ENGINE_NAME_MAX - 1);
		start.ports.v[i].port = (uint16_t)(65535 - i);
	}
	memset(start.config, 'p', GATE_PATH_MAX - 1);
	assert_int_equal(os_share_new("config", 5, &start.config_fd), OK);
	assert_int_equal(os_share_new("state", 4096, &start.state_fd), OK);
	assert_int_equal(os_share_new("metrics", 64, &start.metrics_fd), OK);
	assert_int_equal(pwrite(start.config_fd, "a: 1\n", 5, 0), 5);
}

static void
test_start(void **state)
{
	struct ends *e = *state;
	struct buf text;

	fill_start();
	assert_int_equal(keeper_link_start(&e->keeper, &start), OK);
	/* An order right behind it is not swallowed. */
	assert_int_equal(keeper_link_reopen_log(&e->keeper), OK);
	assert_int_equal(
	    gate_link_open(&e->gate, e->gate.fd, 1000000, &got), OK);
	assert_int_equal(got.link_fd, e->gate.fd);
	assert_true(got.generation == 1ull << 40);
	assert_int_equal(got.n_listeners, GATE_LISTENERS_MAX);
	for (size_t i = 0; i < got.n_listeners; i++) {
		struct gate_listener *l = &got.listeners[i];

		assert_int_equal(l->id, i + 100);
		assert_int_equal(l->is_unix, i & 1);
		assert_true(l->fd > STDERR_FILENO);
		assert_int_equal(inode(l->fd), inode(STDERR_FILENO));
		assert_int_equal(strlen(l->address), GATE_ADDRESS_MAX - 1);
	}
	assert_int_equal(got.ports.n, ENGINES_RUN_MAX);
	for (size_t i = 0; i < ENGINES_RUN_MAX; i++) {
		assert_int_equal(strlen(got.ports.v[i].name), 64);
		assert_int_equal(got.ports.v[i].port, 65535 - i);
	}
	assert_int_equal(inode(got.state_fd), inode(start.state_fd));
	assert_int_equal(inode(got.metrics_fd), inode(start.metrics_fd));
	assert_string_equal(got.config, start.config);
	buf_init(&text, 100);
	for (int again = 0; again < 2; again++) {
		buf_clear(&text);
		assert_int_equal(gate_config_read(got.config_fd, &text), OK);
		assert_true(slice_is(buf_slice(&text), "a: 1\n"));
	}
	buf_fini(&text);
	assert_int_equal(gate_link_next(&e->gate, &order), ORDER_REOPEN_LOG);
	link_close_setup(&got);
	os_fd_close(&start.config_fd);
	os_fd_close(&start.state_fd);
	os_fd_close(&start.metrics_fd);
}

static void
test_start_without_a_keeper(void **state)
{
	static const enum err want[] = {ERR_TIMEOUT, ERR_SYNTAX, ERR_EOF};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct ends *e;
		void *one;

		assert_int_equal(set_up(&one), 0);
		e = one;
		if (i == 1)
			assert_int_equal(keeper_link_quit(&e->keeper), OK);
		if (i == 2)
			channel_fini(&e->keeper.channel);
		assert_int_equal(
		    gate_link_open(&e->gate, e->gate.fd, 1000, &got), want[i]);
		assert_int_equal(e->gate.fd, -1);
		assert_int_equal(tear_down(&one), 0);
	}
}

static void
test_no_configuration(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, 100);
	assert_int_equal(gate_config_read(-1, &text), OK);
	assert_int_equal(text.n, 0);
	buf_fini(&text);
}

static void
test_orders(void **state)
{
	struct ends *e = *state;
	struct slice line = slice_str("{\"event\":\"x\"}");

	assert_int_equal(gate_link_next(&e->gate, &order), ORDER_NONE);
	assert_int_equal(keeper_link_drain(&e->keeper, 30000000), OK);
	assert_int_equal(keeper_link_log_line(&e->keeper, line), OK);
	assert_int_equal(keeper_link_reopen_log(&e->keeper), OK);
	assert_int_equal(keeper_link_quit(&e->keeper), OK);
	assert_int_equal(gate_link_next(&e->gate, &order), ORDER_DRAIN);
	assert_int_equal(order.grace_us, 30000000);
	assert_int_equal(gate_link_next(&e->gate, &order), ORDER_LOG_LINE);
	assert_true(slice_eq(order.line, line));
	assert_int_equal(gate_link_next(&e->gate, &order), ORDER_REOPEN_LOG);
	assert_int_equal(gate_link_next(&e->gate, &order), ORDER_QUIT);
	assert_int_equal(gate_link_next(&e->gate, &order), ORDER_NONE);
	channel_fini(&e->keeper.channel);
	assert_int_equal(gate_link_next(&e->gate, &order), ORDER_LOST);
	assert_int_equal(e->gate.fd, -1);
	assert_int_equal(gate_link_next(&e->gate, &order), ORDER_LOST);
	assert_int_equal(gate_link_ready(&e->gate), ERR_IO);
}

/* News of engines and wishes, with the most of everything. */
static void
test_engines(void **state)
{
	struct engine_news n = {.phase = ENGINE_IS_LOOPING,
	    .is_fresh = true,
	    .pid = INT32_MAX,
	    .port = 65535,
	    .exits = 5,
	    .end = ENGINE_END_SIGNAL,
	    .code = 11,
	    .ran_us = 1ll << 50,
	    .delay_us = 30000000};
	static char tail[ENGINE_TAIL_MAX];
	struct ends *e = *state;
	struct report r;

	memset(n.name, 'n', sizeof n.name - 1);
	memset(n.note, 'o', sizeof n.note - 1);
	memset(tail, 't', sizeof tail);
	n.tail = slice_of(tail, sizeof tail);
	assert_int_equal(keeper_link_engine(&e->keeper, &n), OK);
	assert_int_equal(gate_link_next(&e->gate, &order), ORDER_ENGINE);
	assert_string_equal(order.news.name, n.name);
	assert_string_equal(order.news.note, n.note);
	assert_int_equal(order.news.phase, n.phase);
	assert_true(order.news.is_fresh);
	assert_int_equal(order.news.pid, n.pid);
	assert_int_equal(order.news.port, n.port);
	assert_int_equal(order.news.exits, n.exits);
	assert_int_equal(order.news.end, n.end);
	assert_int_equal(order.news.code, n.code);
	assert_true(order.news.ran_us == n.ran_us);
	assert_true(order.news.delay_us == n.delay_us);
	assert_true(slice_eq(order.news.tail, n.tail));
	assert_int_equal(
	    gate_link_wish(&e->gate, ENGINE_RESTART, slice_str("local")), OK);
	assert_int_equal(keeper_link_next(&e->keeper, &r), REPORT_WISH);
	assert_int_equal(r.wish, ENGINE_RESTART);
	assert_string_equal(r.engine, "local");
	/* A gate that wishes nonsense is no gate. */
	assert_int_equal(
	    gate_link_wish(&e->gate, ENGINE_WISHES, slice_str("local")), OK);
	assert_int_equal(keeper_link_next(&e->keeper, &r), REPORT_LOST);
}

/* A line longer than the log takes is left out, not half sent. */
static void
test_long_line(void **state)
{
	static char big[LINK_LINE_MAX + 1];
	struct ends *e = *state;

	assert_int_equal(
	    keeper_link_log_line(&e->keeper, slice_of(big, sizeof big)), OK);
	assert_int_equal(gate_link_next(&e->gate, &order), ORDER_NONE);
}

static void
test_reload(void **state)
{
	struct ends *e = *state;
	struct gate_start s = {
	    .n_listeners = 2, .config_fd = -1, .state_fd = -1};

	s.listeners[0] =
	    (struct gate_listener){.fd = -1, .id = 1, .address = "127.0.0.1:1"};
	s.listeners[1] = (struct gate_listener){
	    .fd = STDERR_FILENO, .id = 2, .address = "unix:/x", .is_unix = 1};
	assert_int_equal(keeper_link_reload(&e->keeper, 9, &s), OK);
	assert_int_equal(gate_link_next(&e->gate, &order), ORDER_RELOAD);
	assert_int_equal(order.seq, 9);
	assert_int_equal(order.n_listeners, 2);
	assert_int_equal(order.listeners[0].fd, -1);
	assert_int_equal(order.listeners[0].id, 1);
	assert_int_equal(inode(order.listeners[1].fd), inode(STDERR_FILENO));
	assert_string_equal(order.listeners[1].address, "unix:/x");
	assert_int_equal(order.config_fd, -1);
	assert_string_equal(order.config, "");
	os_fd_close(&order.listeners[1].fd);
}

static void
test_commands(void **state)
{
	static char big[GATE_ANSWER_MAX];
	struct ends *e = *state;
	struct report r;
	size_t n = 0;

	assert_int_equal(
	    keeper_link_command(&e->keeper, 7, slice_str("cancel X")), OK);
	assert_int_equal(
	    keeper_link_command(&e->keeper, 8, slice_of(big, GATE_COMMAND_MAX)),
	    OK);
	assert_int_equal(gate_link_next(&e->gate, &order), ORDER_COMMAND);
	assert_int_equal(order.seq, 7);
	assert_true(slice_is(order.line, "cancel X"));
	assert_int_equal(gate_link_next(&e->gate, &order), ORDER_COMMAND);
	assert_int_equal(order.line.n, GATE_COMMAND_MAX);

	assert_int_equal(
	    gate_link_answer(&e->gate, 7, false, slice_str("")), OK);
	assert_int_equal(keeper_link_next(&e->keeper, &r), REPORT_ANSWER);
	assert_int_equal(r.seq, 7);
	assert_false(r.ok);
	assert_false(r.has_more);
	assert_int_equal(r.text.n, 0);

	/* The longest one comes whole, though nobody reads meanwhile. */
	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (char)(i % 251);
	assert_int_equal(gate_link_answer(&e->gate, 1u << 31, true,
			     slice_of(big, sizeof big)),
	    OK);
	do {
		assert_int_equal(
		    keeper_link_next(&e->keeper, &r), REPORT_ANSWER);
		assert_true(r.seq == 1u << 31);
		assert_true(r.ok);
		assert_true(n + r.text.n <= sizeof big);
		assert_memory_equal(r.text.p, big + n, r.text.n);
		n += r.text.n;
	} while (r.has_more);
	assert_int_equal(n, sizeof big);
	assert_int_equal(keeper_link_next(&e->keeper, &r), REPORT_NONE);
}

static void
test_reports(void **state)
{
	static char big[LINK_TEXT_MAX + 100];
	struct ends *e = *state;
	struct report r;

	assert_int_equal(keeper_link_next(&e->keeper, &r), REPORT_NONE);
	assert_int_equal(gate_link_ready(&e->gate), OK);
	assert_int_equal(
	    gate_link_reloaded(&e->gate, 3, false, slice_str("why")), OK);
	assert_int_equal(
	    gate_link_reloaded(&e->gate, 4, true, slice_of(big, sizeof big)),
	    OK);
	assert_int_equal(gate_link_drained(&e->gate), OK);
	assert_int_equal(keeper_link_next(&e->keeper, &r), REPORT_READY);
	assert_int_equal(keeper_link_next(&e->keeper, &r), REPORT_RELOADED);
	assert_int_equal(r.seq, 3);
	assert_false(r.ok);
	assert_true(slice_is(r.text, "why"));
	assert_int_equal(keeper_link_next(&e->keeper, &r), REPORT_RELOADED);
	assert_true(r.ok);
	assert_int_equal(r.text.n, LINK_TEXT_MAX);
	assert_int_equal(keeper_link_next(&e->keeper, &r), REPORT_DRAINED);
	gate_link_close(&e->gate);
	assert_int_equal(keeper_link_next(&e->keeper, &r), REPORT_LOST);
}

/* What a gate gone wrong might say to its keeper, and the other way round. */
static void
test_hostile_messages(void **state)
{
	/* seq 1, and a text of a byte more than a command may have */
	static const char long_command[8 + GATE_COMMAND_MAX + 1] = {
	    1, 0, 0, 0, 1, 1, 0, 0};
	static const struct {
		uint16_t type;
		const char *bytes;
		size_t n;
		size_t n_fds;
	} cases[] = {
	    {0, "", 0, 0},
	    {99, "", 0, 0},
	    {LINK_START, "", 0, 0},
	    {LINK_RELOAD, "\1\0\0\0\377\377\377\377", 8, 0},
	    {LINK_RELOAD, "\1\0\0\0\1\0\0\0\1\0\0\0", 12, 0},
	    /* a listener that says it has a descriptor and has none */
	    {LINK_RELOAD,
		"\1\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0x"
		"\0\0\0\0\0\0\0\0",
		33, 0},
	    /* and one whose address has no end */
	    {LINK_RELOAD, "\1\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\377\0\0\0x",
		25, 1},
	    /* bytes or descriptors behind the end */
	    {LINK_RELOAD, "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0x", 17, 0},
	    {LINK_RELOAD, "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, 2},
	    {LINK_DRAIN, "\1\0\0", 3, 0},
	    {LINK_DRAIN, "\377\377\377\377\377\377\377\377", 8, 0},
	    {LINK_READY, "x", 1, 0},
	    {LINK_READY, "", 0, 1},
	    {LINK_RELOADED, "\1\0\0\0\2\0\0\0\0\0\0\0", 12, 0},
	    {LINK_RELOADED, "\1\0\0\0\1\0\0\0\5\0\0\0abc", 15, 0},
	    {LINK_RELOADED, "\1\0\0\0\1\0\0\0\0\0\0\0abc", 15, 0},
	    {LINK_COMMAND, "\1\0\0\0\4\0\0\0abc", 11, 0},
	    {LINK_COMMAND, long_command, sizeof long_command, 0},
	    {LINK_ANSWER, "\1\0\0\0\1\0\0\0\0\0\0\0", 12, 0},
	    {LINK_ANSWER, "\1\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0", 16, 0},
	    {LINK_ANSWER, "\1\0\0\0\1\0\0\0\2\0\0\0\0\0\0\0", 16, 0},
	    {LINK_ANSWER, "\1\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0x", 17, 0},
	};
	const int fds[2] = {STDERR_FILENO, STDERR_FILENO};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct slice p = slice_of(cases[i].bytes, cases[i].n);
		struct ends *e;
		struct report r;
		void *one;

		assert_int_equal(set_up(&one), 0);
		e = one;
		assert_int_equal(channel_send(&e->keeper.channel, cases[i].type,
				     p, fds, cases[i].n_fds),
		    OK);
		assert_int_equal(channel_send(&e->gate.channel, cases[i].type,
				     p, fds, cases[i].n_fds),
		    OK);
		assert_int_equal(gate_link_next(&e->gate, &order), ORDER_LOST);
		assert_int_equal(keeper_link_next(&e->keeper, &r), REPORT_LOST);
		assert_int_equal(keeper_link_next(&e->keeper, &r), REPORT_LOST);
		assert_int_equal(tear_down(&one), 0);
	}
}

#define ON_ENDS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ON_ENDS(test_start),
	    ON_ENDS(test_start_without_a_keeper),
	    cmocka_unit_test(test_no_configuration),
	    ON_ENDS(test_orders),
	    ON_ENDS(test_engines),
	    ON_ENDS(test_long_line),
	    ON_ENDS(test_reload),
	    ON_ENDS(test_commands),
	    ON_ENDS(test_reports),
	    cmocka_unit_test(test_hostile_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
