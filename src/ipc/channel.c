#include "ipc/channel.h"
#include "os/fd.h"
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SEND_PATIENCE_MS = 1000 };

struct head {
	uint16_t type;
	uint16_t n_fds;
	uint32_t n_bytes;
};
_Static_assert(sizeof(struct head) == CHANNEL_HEAD, "no padding");

/* Room for the ancillary data of the most descriptors. */
union control {
	char bytes[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))];
	struct cmsghdr align;
};

void
channel_init(struct channel *c, int fd)
{
	c->fd = fd;
	c->is_lost = false;
	c->n = c->handed = c->n_fds = c->handed_fds = 0;
	os_fd_nonblock(fd, true);
}

/* Forget the first ${n} queued descriptors; close those nobody took. */
static void
drop_fds(struct channel *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		os_fd_close(&c->fds[i]);
	c->n_fds -= n;
	memmove(c->fds, c->fds + n, c->n_fds * sizeof *c->fds);
}

void
channel_fini(struct channel *c)
{
	drop_fds(c, c->n_fds);
	os_fd_close(&c->fd);
	c->is_lost = true;
}

/* Put ${fds} beside the message ${m}. */
static void
attach_fds(struct msghdr *m, union control *room, const int *fds, size_t n_fds)
{
	struct cmsghdr *h;

	memset(room, 0, sizeof *room);
	m->msg_control = room;
	m->msg_controllen = CMSG_SPACE(n_fds * sizeof *fds);
	h = CMSG_FIRSTHDR(m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(n_fds * sizeof *fds);
	memcpy(CMSG_DATA(h), fds, n_fds * sizeof *fds);
}

/* Step over ${n} bytes that were sent. */
static void
advance(struct msghdr *m, size_t n)
{
	m->msg_control = NULL;
	m->msg_controllen = 0;
	while (m->msg_iovlen > 0 && n >= m->msg_iov->iov_len) {
		n -= m->msg_iov->iov_len;
		m->msg_iov++;
		m->msg_iovlen--;
	}
	if (m->msg_iovlen > 0) {
		m->msg_iov->iov_base = (char *)m->msg_iov->iov_base + n;
		m->msg_iov->iov_len -= n;
	}
}

static enum err
send_all(int fd, struct msghdr *m)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	while (m->msg_iovlen > 0) {
		ssize_t r = sendmsg(fd, m, MSG_NOSIGNAL);

		if (r >= 0)
			advance(m, (size_t)r);
		else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (poll(&p, 1, SEND_PATIENCE_MS) != 1)
				return ERR_IO;
		} else if (errno != EINTR)
			return ERR_IO;
	}
	return OK;
}

enum err
channel_send(struct channel *c, uint16_t type, struct slice payload,
    const int *fds, size_t n_fds)
{
	struct head head = {type, (uint16_t)n_fds, (uint32_t)payload.n};
	/* An iovec is not const, but sendmsg does not write through it. */
	union {
		const char *from;
		char *to;
	} bytes = {payload.p};
	struct iovec iov[2] = {{&head, sizeof head}, {bytes.to, payload.n}};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = payload.n ? 2 : 1};
	union control room;

	if (payload.n > CHANNEL_PAYLOAD_MAX || n_fds > CHANNEL_FDS_MAX)
		return ERR_RANGE;
	if (c->is_lost)
		return ERR_IO;
	if (n_fds > 0)
		attach_fds(&m, &room, fds, n_fds);
	if (send_all(c->fd, &m) == OK)
		return OK;
	/* Half a message may be out there: nothing can follow it. */
	c->is_lost = true;
	return ERR_IO;
}

/* Queue the descriptors that came with ${m}; false if there are too many. */
static bool
queue_fds(struct channel *c, struct msghdr *m)
{
	bool ok = !(m->msg_flags & MSG_CTRUNC);

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(h) + i * sizeof fd, sizeof fd);
			os_fd_cloexec(fd, true);
			if (c->n_fds < CHANNEL_FDS_MAX)
				c->fds[c->n_fds++] = fd;
			else {
				os_fd_close(&fd);
				ok = false;
			}
		}
	}
	return ok;
}

/* Read until ${want} bytes are there. */
static enum channel_got
fill(struct channel *c, size_t want)
{
	while (c->n < want) {
		union control room;
		struct iovec iov = {c->in + c->n, want - c->n};
		struct msghdr m = {.msg_iov = &iov,
		    .msg_iovlen = 1,
		    .msg_control = &room,
		    .msg_controllen = sizeof room};
		ssize_t r = recvmsg(c->fd, &m, 0);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return CHANNEL_NONE;
		if (r <= 0 || !queue_fds(c, &m))
			return CHANNEL_LOST;
		c->n += (size_t)r;
	}
	return CHANNEL_MESSAGE;
}

static enum channel_got
read_message(struct channel *c, struct message *m)
{
	enum channel_got got = fill(c, CHANNEL_HEAD);
	struct head head;

	if (got != CHANNEL_MESSAGE)
		return got;
	memcpy(&head, c->in, sizeof head);
	if (head.n_bytes > CHANNEL_PAYLOAD_MAX)
		return CHANNEL_LOST;
	got = fill(c, CHANNEL_HEAD + head.n_bytes);
	if (got != CHANNEL_MESSAGE)
		return got;
	if (c->n_fds < head.n_fds)
		return CHANNEL_LOST;
	c->handed = c->n;
	c->handed_fds = head.n_fds;
	*m = (struct message){head.type,
	    slice_of(c->in + CHANNEL_HEAD, head.n_bytes), c->fds, head.n_fds};
	return CHANNEL_MESSAGE;
}

enum channel_got
channel_next(struct channel *c, struct message *m)
{
	enum channel_got got;

	if (c->is_lost)
		return CHANNEL_LOST;
	assert(c->handed == 0 || c->handed == c->n);
	c->n -= c->handed;
	c->handed = 0;
	drop_fds(c, c->handed_fds);
	c->handed_fds = 0;
	got = read_message(c, m);
	c->is_lost = got == CHANNEL_LOST;
	return got;
}

bool
channel_wait(struct channel *c, int64_t timeout_us)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};

	return c->is_lost || poll(&p, 1, (int)(timeout_us / 1000)) != 0;
}
