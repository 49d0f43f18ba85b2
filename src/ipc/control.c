#include "ipc/control.h"
#include "os/fd.h"
#include "os/file.h"
#include <errno.h>
#include <grp.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_US = 5 * 1000 * 1000 };

void
control_init(struct control *c)
{
	*c = (struct control){.socket.fd = -1};
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		c->clients[i].fd = -1;
		buf_init(&c->clients[i].out, CONTROL_ANSWER_MAX);
	}
}

/* Make the folder of ${path} if it is not there; bind says what is missing. */
static void
make_folder(const char *path)
{
	struct slice dir =
	    slice_to(slice_str(path), slice_rfind(slice_str(path), '/'));
	char room[UNIX_SOCKET_PATH_MAX];

	if (dir.n == 0 || dir.n >= sizeof room || dir.n == strlen(path))
		return;
	memcpy(room, dir.p, dir.n);
	room[dir.n] = '\0';
	(void)!file_make_dir(room, geteuid() == 0 ? 0755 : 0700);
}

enum err
control_open(struct control *c, const char *path, struct buf *why)
{
	bool is_root = geteuid() == 0;
	const struct group *g = is_root ? getgrnam("weir") : NULL;
	enum err e;

	make_folder(path);
	e = unix_socket_open(&c->socket, path, is_root ? 0660 : 0600, why);
	if (e == OK && g != NULL && chown(path, (uid_t)-1, g->gr_gid) != 0) {
		(void)!buf_printf(
		    why, "%s cannot be given to the group weir", path);
		unix_socket_close(&c->socket);
		return ERR_IO;
	}
	return e;
}

static void
hang_up(struct control_client *k)
{
	os_fd_close(&k->fd);
	k->n = 0;
	k->has_asked = k->is_answered = false;
	buf_fini(&k->out);
}

void
control_close(struct control *c)
{
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		hang_up(&c->clients[i]);
	unix_socket_close(&c->socket);
}

static struct control_client *
find_free(struct control *c)
{
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (c->clients[i].fd < 0)
			return &c->clients[i];
	return NULL;
}

size_t
control_polls(const struct control *c, struct pollfd *out)
{
	bool has_room = false;
	size_t n = 0;

	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		const struct control_client *k = &c->clients[i];

		has_room = has_room || k->fd < 0;
		if (k->fd >= 0 && !k->has_asked)
			out[n++] = (struct pollfd){k->fd, POLLIN, 0};
		else if (k->fd >= 0 && k->is_answered)
			out[n++] = (struct pollfd){k->fd, POLLOUT, 0};
	}
	if (c->socket.fd >= 0 && has_room)
		out[n++] = (struct pollfd){c->socket.fd, POLLIN, 0};
	return n;
}

int64_t
control_deadline(const struct control *c)
{
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		const struct control_client *k = &c->clients[i];

		if (k->fd >= 0 && (!k->has_asked || k->is_answered) &&
		    k->deadline_us < first)
			first = k->deadline_us;
	}
	return first;
}

static void
accept_all(struct control *c, int64_t now_us)
{
	struct control_client *k;

	while (c->socket.fd >= 0 && (k = find_free(c)) != NULL) {
		int fd = accept(c->socket.fd, NULL, NULL);

		if (fd < 0)
			return;
		os_fd_cloexec(fd, true);
		os_fd_nonblock(fd, true);
		k->fd = fd;
		k->number = ++c->last_number;
		k->deadline_us = now_us + PATIENCE_US;
	}
}

/* Read on; true if a whole command is there. */
static bool
read_command(struct control_client *k, int64_t now_us)
{
	ssize_t r;

	do
		r = read(k->fd, k->command + k->n, sizeof k->command - k->n);
	while (r < 0 && errno == EINTR);
	if (r > 0)
		k->n += (size_t)r;
	if (memchr(k->command, '\n', k->n) != NULL) {
		k->has_asked = true;
		return true;
	}
	if (r == 0 || (r < 0 && errno != EAGAIN && errno != EWOULDBLOCK) ||
	    k->n == sizeof k->command || now_us >= k->deadline_us)
		hang_up(k);
	return false;
}

/* Send what the socket takes; hang up when all is sent or nobody reads. */
static void
write_on(struct control_client *k)
{
	while (k->out.n > 0) {
		ssize_t r = send(k->fd, k->out.p, k->out.n, MSG_NOSIGNAL);

		if (r > 0)
			buf_drop(&k->out, (size_t)r);
		else if (r < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		else if (r == 0 || errno != EINTR)
			break;
	}
	hang_up(k);
}

/* Time for the answer's rest begins when the loop first sees that it waits. */
static void
go_on(struct control_client *k, int64_t now_us)
{
	if (k->deadline_us == 0)
		k->deadline_us = now_us + PATIENCE_US;
	if (now_us >= k->deadline_us)
		hang_up(k);
	else
		write_on(k);
}

bool
control_next(struct control *c, int64_t now_us, struct control_request *out)
{
	accept_all(c, now_us);
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct control_client *k = &c->clients[i];
		struct slice line;

		if (k->fd >= 0 && k->is_answered)
			go_on(k, now_us);
		if (k->fd < 0 || k->has_asked || !read_command(k, now_us))
			continue;
		line = slice_of(k->command, k->n);
		out->client = k->number;
		out->command = slice_trim(slice_cut(&line, '\n'));
		return true;
	}
	return false;
}

void
control_answer(struct control *c, uint32_t client, bool ok, struct slice text)
{
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct control_client *k = &c->clients[i];

		if (k->fd < 0 || k->number != client || k->is_answered)
			continue;
		k->is_answered = true;
		k->deadline_us = 0;
		if (buf_add_str(&k->out, ok ? "ok\n" : "error\n") == OK &&
		    buf_add(&k->out, slice_to(text, k->out.max - k->out.n)) ==
			OK)
			write_on(k);
		else
			hang_up(k);
	}
}

/* All that ${fd} has to say. */
static enum err
read_answer(int fd, int64_t timeout_us, struct buf *out)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char part[4096];

	for (;;) {
		ssize_t r;
		enum err e;

		if (poll(&p, 1, (int)(timeout_us / 1000)) != 1)
			return ERR_TIMEOUT;
		r = read(fd, part, sizeof part);
		if (r < 0 && errno != EINTR)
			return ERR_IO;
		if (r == 0)
			return OK;
		if (r > 0 &&
		    (e = buf_add(out, slice_of(part, (size_t)r))) != OK)
			return e;
	}
}

/* Split ${all} into what was said and the text. */
static enum err
parse_answer(struct slice all, bool *ok, struct buf *text)
{
	struct slice word = slice_cut(&all, '\n');

	*ok = slice_is(word, "ok");
	if (!*ok && !slice_is(word, "error"))
		return ERR_SYNTAX;
	return buf_add(text, all);
}

enum err
control_call(const char *path, const char *command, int64_t timeout_us,
    bool *ok, struct buf *text)
{
	struct buf all, line;
	enum err e;
	int fd;

	*ok = false;
	if ((e = unix_socket_connect(path, &fd)) != OK)
		return e;
	buf_init(&all, CONTROL_ANSWER_MAX);
	buf_init(&line, CONTROL_COMMAND_MAX);
	e = buf_printf(&line, "%s\n", command);
	if (e == OK &&
	    send(fd, line.p, line.n, MSG_NOSIGNAL) != (ssize_t)line.n)
		e = ERR_IO;
	if (e == OK)
		e = read_answer(fd, timeout_us, &all);
	if (e == OK)
		e = parse_answer(buf_slice(&all), ok, text);
	buf_fini(&line);
	buf_fini(&all);
	(void)close(fd);
	return e;
}
