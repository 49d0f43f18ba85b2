/*
 * What a gate that was taken over might say to its keeper, and the other way
 * round: the first byte's lowest bit chooses the listener, the second byte how
 * many descriptors come along, the rest is the stream.
 */
#include "ipc/gate_link.h"
#include "ipc/keeper_link.h"
#include "os/fd.h"
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct order order;

/* Send ${n} bytes with ${n_fds} descriptors. */
static void
send_raw(int fd, const uint8_t *p, size_t n, size_t n_fds)
{
	char room[CMSG_SPACE(sizeof(int[8]))] = {0};
	const int fds[8] = {2, 2, 2, 2, 2, 2, 2, 2};
	union {
		const uint8_t *from;
		void *to;
	} bytes = {p};
	struct iovec iov = {bytes.to, n};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

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
	(void)!sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
close_taken(void)
{
	if (order.kind != ORDER_RELOAD)
		return;
	for (size_t i = 0; i < order.n_listeners; i++)
		os_fd_close(&order.listeners[i].fd);
	os_fd_close(&order.config_fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct keeper_link keeper;
	struct gate_link gate;
	struct report r;
	int ends[2];

	if (n < 3 || n > 60000)
		return 0;
	if (os_fd_pair(ends) != OK)
		abort();
	send_raw(ends[0], data + 2, n - 2, data[1] & 7);
	os_fd_close(&ends[0]);
	if (data[0] & 1) {
		channel_init(&gate.channel, gate.fd = ends[1]);
		do {
			(void)gate_link_next(&gate, &order);
			close_taken();
		} while (order.kind != ORDER_LOST);
		gate_link_close(&gate);
	} else {
		channel_init(&keeper.channel, ends[1]);
		while (keeper_link_next(&keeper, &r) != REPORT_LOST)
			continue;
		channel_fini(&keeper.channel);
	}
	return 0;
}
