/* Messages and descriptors over a socket, whole, cut and malformed. */
#include "ipc/channel.h"
#include "ipc/wire.h"
#include "os/fd.h"
#include "os/proc.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct pair {
	struct channel a, b;
	int64_t fds; /* open before */
};

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
	struct pair *p = malloc(sizeof *p);
	int ends[2];

	assert_non_null(p);
	p->fds = count_fds();
	assert_int_equal(os_fd_pair(ends), OK);
	channel_init(&p->a, ends[0]);
	channel_init(&p->b, ends[1]);
	*state = p;
	return 0;
}

static int
tear_down(void **state)
{
	struct pair *p = *state;

	channel_fini(&p->a);
	channel_fini(&p->b);
	/* Whatever happened, no descriptor is left. */
	assert_int_equal(count_fds(), p->fds);
	free(p);
	return 0;
}

static void
test_messages_in_order(void **state)
{
	struct pair *p = *state;
	struct message m;

	assert_int_equal(channel_next(&p->b, &m), CHANNEL_NONE);
	assert_int_equal(channel_send(&p->a, 7, slice_str("one"), NULL, 0), OK);
	assert_int_equal(channel_send(&p->a, 8, slice_str(""), NULL, 0), OK);
	assert_int_equal(
	    channel_send(&p->a, 65535, slice_str("three"), NULL, 0), OK);
	assert_true(channel_wait(&p->b, 0));
	assert_int_equal(channel_next(&p->b, &m), CHANNEL_MESSAGE);
	assert_int_equal(m.type, 7);
	assert_true(slice_is(m.payload, "one"));
	assert_int_equal(channel_next(&p->b, &m), CHANNEL_MESSAGE);
	assert_int_equal(m.type, 8);
	assert_int_equal(m.payload.n, 0);
	assert_int_equal(channel_next(&p->b, &m), CHANNEL_MESSAGE);
	assert_int_equal(m.type, 65535);
	assert_true(slice_is(m.payload, "three"));
	assert_int_equal(channel_next(&p->b, &m), CHANNEL_NONE);
	assert_false(channel_wait(&p->b, 0));
}

/* The same file behind the descriptor, closed in programs that follow. */
static void
test_descriptors(void **state)
{
	struct pair *p = *state;
	int ends[2], fds[2], taken;
	struct message m;
	char byte;

	assert_int_equal(os_fd_pipe(ends), OK);
	fds[0] = ends[0];
	fds[1] = ends[1];
	assert_int_equal(
	    channel_send(&p->a, 1, slice_str("plain"), NULL, 0), OK);
	assert_int_equal(channel_send(&p->a, 2, slice_str("x"), fds, 2), OK);
	assert_int_equal(channel_send(&p->a, 3, slice_str("y"), fds, 1), OK);
	os_fd_close(&ends[0]);

	assert_int_equal(channel_next(&p->b, &m), CHANNEL_MESSAGE);
	assert_int_equal(m.n_fds, 0);
	assert_int_equal(channel_next(&p->b, &m), CHANNEL_MESSAGE);
	assert_int_equal(m.n_fds, 2);
	assert_true(fcntl(m.fds[0], F_GETFD) & FD_CLOEXEC);
	taken = m.fds[0];
	m.fds[0] = -1;
	assert_int_equal(channel_next(&p->b, &m), CHANNEL_MESSAGE);
	assert_int_equal(m.type, 3);
	assert_int_equal(m.n_fds, 1);
	/* What was not taken from message 2 is closed, what was is not. */
	assert_int_equal(write(ends[1], "z", 1), 1);
	assert_int_equal(read(taken, &byte, 1), 1);
	assert_int_equal(byte, 'z');
	os_fd_close(&taken);
	os_fd_close(&ends[1]);
}

static void
test_most_descriptors(void **state)
{
	struct pair *p = *state;
	int fds[CHANNEL_FDS_MAX + 1];
	struct message m;

	for (int i = 0; i <= CHANNEL_FDS_MAX; i++)
		fds[i] = STDERR_FILENO;
	assert_int_equal(
	    channel_send(&p->a, 1, slice_str("x"), fds, CHANNEL_FDS_MAX + 1),
	    ERR_RANGE);
	assert_int_equal(
	    channel_send(&p->a, 1, slice_str("x"), fds, CHANNEL_FDS_MAX), OK);
	assert_int_equal(channel_next(&p->b, &m), CHANNEL_MESSAGE);
	assert_int_equal(m.n_fds, CHANNEL_FDS_MAX);
}

/* Bytes ${p} as they are, with ${n_fds} copies of standard error. */
static void
send_raw(int fd, const void *p, size_t n, size_t n_fds)
{
	char room[CMSG_SPACE(sizeof(int[8]))] = {0};
	union {
		const void *from;
		void *to;
	} bytes = {p};
	struct iovec iov = {bytes.to, n};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	int fds[8] = {2, 2, 2, 2, 2, 2, 2, 2};

	if (n_fds > 0) {
		struct cmsghdr *h;

		m.msg_control = room;
		m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(h), fds, n_fds * sizeof(int));
	}
	assert_int_equal(sendmsg(fd, &m, 0), n);
}

struct raw_head {
	uint16_t type, n_fds;
	uint32_t n_bytes;
};

static void
test_any_cut(void **state)
{
	struct pair *p = *state;
	struct raw_head h = {5, 1, 6};
	struct message m;
	char bytes[14];

	memcpy(bytes, &h, sizeof h);
	memcpy(bytes + 8, "abcdef", 6);
	for (size_t cut = 1; cut < sizeof bytes; cut++) {
		send_raw(p->a.fd, bytes, cut, 1);
		assert_int_equal(channel_next(&p->b, &m), CHANNEL_NONE);
		send_raw(p->a.fd, bytes + cut, sizeof bytes - cut, 0);
		assert_int_equal(channel_next(&p->b, &m), CHANNEL_MESSAGE);
		assert_true(slice_is(m.payload, "abcdef"));
		assert_int_equal(m.n_fds, 1);
	}
}

static void
test_nonsense_loses_the_channel(void **state)
{
	static const struct {
		struct raw_head head;
		size_t n_fds;
	} cases[] = {
	    {{1, 0, CHANNEL_PAYLOAD_MAX + 1}, 0}, {{1, 0, UINT32_MAX}, 0},
	    {{1, 1, 0}, 0},	/* a descriptor is missing */
	    {{1, 65535, 0}, 3}, /* many are */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct message m;
		void *one;
		struct pair *p;

		assert_int_equal(set_up(&one), 0);
		p = one;
		send_raw(p->a.fd, &cases[i].head, sizeof cases[i].head,
		    cases[i].n_fds);
		assert_int_equal(channel_next(&p->b, &m), CHANNEL_LOST);
		assert_int_equal(channel_next(&p->b, &m), CHANNEL_LOST);
		assert_true(channel_wait(&p->b, 1000000));
		assert_int_equal(
		    channel_send(&p->b, 1, slice_str("x"), NULL, 0), ERR_IO);
		assert_int_equal(tear_down(&one), 0);
	}
}

/* More descriptors than any message may have pile up: closed, and lost. */
static void
test_flood_of_descriptors(void **state)
{
	struct pair *p = *state;
	struct raw_head h = {1, 0, 10000};
	enum channel_got got = CHANNEL_NONE;
	struct message m;

	send_raw(p->a.fd, &h, sizeof h, 0);
	for (int i = 0; i < 20 && got == CHANNEL_NONE; i++) {
		send_raw(p->a.fd, "x", 1, 8);
		got = channel_next(&p->b, &m);
	}
	assert_int_equal(got, CHANNEL_LOST);
}

static void
test_end_of_stream(void **state)
{
	struct pair *p = *state;
	struct message m;

	assert_int_equal(
	    channel_send(&p->a, 1, slice_str("last"), NULL, 0), OK);
	send_raw(p->a.fd, "ha", 2, 1);
	os_fd_close(&p->a.fd);
	assert_int_equal(channel_next(&p->b, &m), CHANNEL_MESSAGE);
	assert_int_equal(channel_next(&p->b, &m), CHANNEL_LOST);
}

static void *
read_slowly(void *arg)
{
	struct channel *c = arg;
	struct message m;
	intptr_t n = 0;

	while (n < 200 && channel_wait(c, 5000000)) {
		if (channel_next(c, &m) != CHANNEL_MESSAGE)
			continue;
		if (m.payload.n != CHANNEL_PAYLOAD_MAX ||
		    m.payload.p[m.payload.n - 1] != (char)n)
			return (void *)-1;
		n++;
	}
	return (void *)n;
}

/* More than the socket holds: sending waits for reading, all arrives. */
static void
test_large_messages(void **state)
{
	static char big[CHANNEL_PAYLOAD_MAX + 1];
	struct pair *p = *state;
	pthread_t t;
	void *n;

	assert_int_equal(
	    channel_send(&p->a, 1, slice_of(big, sizeof big), NULL, 0),
	    ERR_RANGE);
	assert_int_equal(pthread_create(&t, NULL, read_slowly, &p->b), 0);
	for (int i = 0; i < 200; i++) {
		big[CHANNEL_PAYLOAD_MAX - 1] = (char)i;
		assert_int_equal(
		    channel_send(
			&p->a, 1, slice_of(big, CHANNEL_PAYLOAD_MAX), NULL, 0),
		    OK);
	}
	assert_int_equal(pthread_join(t, &n), 0);
	assert_int_equal((intptr_t)n, 200);
}

/* Nobody reads: it gives up in bounded time, and then for good. */
static void
test_nobody_reads(void **state)
{
	static char big[CHANNEL_PAYLOAD_MAX];
	struct pair *p = *state;
	enum err e = OK;

	for (int i = 0; i < 1000 && e == OK; i++)
		e = channel_send(&p->a, 1, slice_of(big, sizeof big), NULL, 0);
	assert_int_equal(e, ERR_IO);
	assert_int_equal(
	    channel_send(&p->a, 1, slice_str("x"), NULL, 0), ERR_IO);
}

static void
test_wire(void **state)
{
	char room[64], text[6];
	struct wire_out o = {.p = room, .cap = sizeof room};
	struct wire_in i;

	(void)state;
	wire_put_u32(&o, 0xdeadbeef);
	wire_put_u64(&o, UINT64_MAX);
	wire_put_text(&o, slice_str("abc"));
	wire_put_text(&o, slice_str(""));
	wire_put_text(&o, slice_str("hello"));
	assert_false(o.is_bad);
	i = (struct wire_in){.rest = slice_of(o.p, o.n)};
	assert_int_equal(wire_get_u32(&i), 0xdeadbeef);
	assert_true(wire_get_u64(&i) == UINT64_MAX);
	assert_true(slice_is(wire_get_text(&i), "abc"));
	assert_int_equal(wire_get_text(&i).n, 0);
	assert_false(wire_is_done(&i));
	wire_get_string(&i, text, sizeof text);
	assert_string_equal(text, "hello");
	assert_true(wire_is_done(&i));
	/* Past the end. */
	assert_int_equal(wire_get_u32(&i), 0);
	assert_false(wire_is_done(&i));

	/* Every cut of it is noticed. */
	for (size_t n = 0; n < o.n; n++) {
		i = (struct wire_in){.rest = slice_of(o.p, n)};
		(void)wire_get_u32(&i);
		(void)wire_get_u64(&i);
		(void)wire_get_text(&i);
		(void)wire_get_text(&i);
		wire_get_string(&i, text, sizeof text);
		assert_false(wire_is_done(&i));
	}
}

static void
test_wire_refuses(void **state)
{
	static const char nul[] = "\3\0\0\0a\0b";
	static const char longer[] = "\6\0\0\0abcdef";
	static const char huge[] = "\377\377\377\377abcdef";
	char room[10], text[6];
	struct wire_out o = {.p = room, .cap = sizeof room};
	struct wire_in i = {.rest = {nul, sizeof nul - 1}};

	(void)state;
	wire_get_string(&i, text, sizeof text);
	assert_true(i.is_bad && text[0] == 0);
	i = (struct wire_in){.rest = {longer, sizeof longer - 1}};
	wire_get_string(&i, text, sizeof text);
	assert_true(i.is_bad && text[0] == 0);
	i = (struct wire_in){.rest = {huge, sizeof huge - 1}};
	assert_int_equal(wire_get_text(&i).n, 0);
	assert_true(i.is_bad);
	wire_put_u64(&o, 1);
	assert_false(o.is_bad);
	wire_put_u32(&o, 1);
	assert_true(o.is_bad && o.n == 8);
}

#define ON_PAIR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ON_PAIR(test_messages_in_order),
	    ON_PAIR(test_descriptors),
	    ON_PAIR(test_most_descriptors),
	    ON_PAIR(test_any_cut),
	    cmocka_unit_test(test_nonsense_loses_the_channel),
	    ON_PAIR(test_flood_of_descriptors),
	    ON_PAIR(test_end_of_stream),
	    ON_PAIR(test_large_messages),
	    ON_PAIR(test_nobody_reads),
	    cmocka_unit_test(test_wire),
	    cmocka_unit_test(test_wire_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
