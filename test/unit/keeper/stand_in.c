#include "stand_in.h"
#include "base/buf.h"
#include "ipc/gate_link.h"
#include "keeper/keeper.h"
#include "os/fd.h"
#include "os/share.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct gate_start start;
static struct gate_link link_;
static struct order order;
static char text[256];
static int reopened, drained;
static uint64_t *count;

static bool
says(const char *word)
{
	return strstr(text, word) != NULL;
}

static void
read_config(int fd)
{
	struct buf b;

	buf_init(&b, 65536);
	if (gate_config_read(fd, &b) != OK)
		exit(9);
	(void)snprintf(text, sizeof text, "%.*s",
	    (int)slice_find(buf_slice(&b), '\n'), b.n ? b.p : "");
	buf_fini(&b);
	os_fd_close(&fd);
}

static void
serve_one(int listener)
{
	int fd = accept(listener, NULL, NULL);
	char line[512];
	int n;

	if (fd < 0)
		return;
	n = snprintf(line, sizeof line, "%llu %ld %llu %d %d %s\n",
	    (unsigned long long)start.generation, (long)getpid(),
	    (unsigned long long)++*count, reopened, drained, text);
	if (send(fd, line, (size_t)n, MSG_NOSIGNAL) != n)
		exit(8);
	(void)close(fd);
}

/* What the order lists, with our own descriptors where it has none. */
static void
take_listeners(void)
{
	for (size_t i = 0; i < order.n_listeners; i++)
		for (size_t j = 0; j < start.n_listeners; j++)
			if (order.listeners[i].id == start.listeners[j].id) {
				order.listeners[i].fd = start.listeners[j].fd;
				start.listeners[j].fd = -1;
			}
	for (size_t j = 0; j < start.n_listeners; j++)
		os_fd_close(&start.listeners[j].fd);
	memcpy(start.listeners, order.listeners, sizeof start.listeners);
	start.n_listeners = order.n_listeners;
}

static void
reload(void)
{
	bool picky = says("picky");

	if (says("mute")) {
		(void)snprintf(text, sizeof text, "muted");
		os_fd_close(&order.config_fd);
		return;
	}
	if (picky) {
		for (size_t i = 0; i < order.n_listeners; i++)
			os_fd_close(&order.listeners[i].fd);
		os_fd_close(&order.config_fd);
	} else {
		read_config(order.config_fd);
		take_listeners();
	}
	if (gate_link_reloaded(&link_, order.seq, !picky,
		slice_str(picky ? "I do not like it\n" : "")) != OK)
		exit(7);
}

static void
command(void)
{
	static char big[GATE_ANSWER_MAX];
	struct slice said = order.line;

	memset(big, 'x', sizeof big);
	if (slice_is(said, "die"))
		exit(1);
	if (slice_is(said, "hang"))
		return;
	if (slice_is(said, "big"))
		said = slice_of(big, sizeof big);
	if (gate_link_answer(
		&link_, order.seq, !slice_is(said, "fail"), said) != OK)
		exit(11);
}

static void
obey(void)
{
	while (gate_link_next(&link_, &order) != ORDER_NONE)
		switch (order.kind) {
		case ORDER_RELOAD:
			reload();
			break;
		case ORDER_REOPEN_LOG:
			reopened++;
			break;
		case ORDER_DRAIN:
			drained++;
			for (size_t i = 0; i < start.n_listeners; i++)
				os_fd_close(&start.listeners[i].fd);
			start.n_listeners = 0;
			if (says("stubborn"))
				break;
			if (gate_link_drained(&link_) != OK)
				exit(6);
			exit(0);
		case ORDER_COMMAND:
			command();
			break;
		case ORDER_RETIRE:
		case ORDER_GONE:
		case ORDER_LOG_LINE:
		case ORDER_ENGINE:
		case ORDER_NONE:
			break;
		case ORDER_QUIT:
		case ORDER_LOST:
			exit(0);
		}
}

int
gate_main(const struct gate_start *s)
{
	struct pollfd p[GATE_LISTENERS_MAX + 1];
	void *state;

	if (s->link_fd < 0) {
		start = *s;
	} else if (gate_link_open(&link_, s->link_fd, 5000000, &start) != OK)
		return 5;
	read_config(start.config_fd);
	if (os_share_map(start.state_fd, GATE_STATE_BYTES, &state) != OK)
		return 4;
	count = state;
	if (says("unwell"))
		return 3;
	/* In one process: one answer, and that was it. */
	if (s->link_fd < 0) {
		p[0] = (struct pollfd){start.listeners[0].fd, POLLIN, 0};
		(void)poll(p, 1, 10000);
		serve_one(start.listeners[0].fd);
		return 42;
	}
	if (gate_link_ready(&link_) != OK || says("curt"))
		return 2;
	for (;;) {
		nfds_t n = 0;

		for (; n < start.n_listeners; n++)
			p[n] =
			    (struct pollfd){start.listeners[n].fd, POLLIN, 0};
		p[n] = (struct pollfd){link_.fd, POLLIN, 0};
		(void)poll(p, n + 1, -1);
		for (nfds_t i = 0; i < n; i++)
			if (p[i].revents)
				serve_one(p[i].fd);
		if (p[n].revents)
			obey();
	}
}

int
stand_in_main(int argc, char **argv)
{
	if (argc != 2 || strcmp(argv[1], "gate") != 0)
		return -1;
	return keeper_gate_child();
}
